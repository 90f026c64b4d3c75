"""Lessons: Markdown files read into steps, tasks and quizzes.

This package knows the lesson format and nothing of sandboxes: it imports neither the
labs application nor the runtime. See docs/lesson-format.md.
"""
