"""Small lessons for the tests to change one thing in."""

from lessons.elements import Lesson
from lessons.errors import LessonErrors
from lessons.reader import parse_lesson

HEAD = "---\ntitle: A test\n---\n"

TASK = """:::task{#made auto}
Make it.

```sh {check timeout=3}
[ -e /made ] || fail "There is no /made."
pass "Made."
```

```sh {solution}
touch /made
```

```sh {wrong says="no /made"}
true
```
:::
"""


def lesson(body: str, head: str = HEAD) -> Lesson:
    """The lesson of a body."""
    return parse_lesson(head + body)


def faults(body: str, head: str = HEAD) -> list[tuple[int, str]]:
    """What is wrong with a body: lines and messages."""
    try:
        parse_lesson(head + body)
    except LessonErrors as errors:
        return [(error.line, error.message) for error in errors.errors]
    return []
