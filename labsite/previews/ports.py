"""Which ports of a lesson may be seen: those it declares, and those it links to. No other, whatever is asked."""

import re

from lessons.catalog import Lesson

LINKED = re.compile(r'data-lab="port/(\d{1,5})[/"]')


def allowed(lesson: Lesson, machine: str) -> set[int]:
    """The ports of one machine."""
    first = lesson.machine.name
    found = {each.port for each in lesson.ports if (each.machine or first) == machine}
    if machine == first:
        texts = [lesson.intro_html, *(f"{step.html}{step.solution_html}" for step in lesson.steps)]
        found |= {int(port) for text in texts for port in LINKED.findall(text or "")}
    return {port for port in found if 1 <= port <= 65535}
