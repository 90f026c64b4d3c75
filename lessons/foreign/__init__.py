"""Lessons written for other platforms: Katacoda, O'Reilly, Killercoda and Sbercode scenarios.

The four dialects share one file name, `index.json`, and authors mix them, so one reader takes
all keys of all of them. A scenario is read in place into the same `Lesson` that our own format
gives; the author's repository stays the source. Reading order:

    repository   files of a directory that we do not trust
    manifest     index.json, in every dialect, as sections and assets
    markdown     a step's text: fences, actions, placeholders, quizzes, editor blocks
    sanitise     what of their HTML may stay
    build        manifest and texts become a Lesson, with the notes of the report
    shelf        several repositories as courses of the catalogue
    report       what is used, what is not available here, file and line
    convert      a scenario in our own format, for those who move for good

Nothing here raises for what an author wrote: each problem is a note with file and line.
"""
