"""What an author does with lessons: one module a verb of `manage.py lessons`.

Each has `add_arguments(parser)` and `run(command, options)`, and raises CommandError with
what is wrong and what to do.
"""
