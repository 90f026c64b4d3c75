"""What the trial found, as JUnit XML for every CI and as Markdown for people."""

from xml.etree import ElementTree

from labsite.labs.trial import Outcome
from lessons.catalog import Lesson

Played = tuple[Lesson, str, Outcome]  # the lesson, the seed, what was found
CONTROL = {code: "�" for code in range(32) if code not in (9, 10, 13)}  # XML has no such characters


def junit(played: list[Played]) -> bytes:
    """One test case for each proof."""
    failures = sum(not outcome.ok for _, _, outcome in played)
    suite = ElementTree.Element("testsuite", name="lessons", tests=str(len(played)), failures=str(failures))
    for lesson, seed, outcome in played:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"{lesson.course}.{lesson.slug}.{lesson.language}",
            name=f"{outcome.step} {outcome.part} {outcome.act} (seed {seed})",
            file=str(lesson.path),
            time=f"{outcome.seconds:.3f}",
        )
        if not outcome.ok:
            ElementTree.SubElement(case, "failure", message=outcome.detail.translate(CONTROL))
    return ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)


def markdown(played: list[Played]) -> str:
    """A table for each lesson, failures marked."""
    lines = [f"# Lessons: {sum(outcome.ok for *_, outcome in played)} of {len(played)} proofs hold", ""]
    before = None
    for lesson, seed, outcome in played:
        title = f"{lesson.course}/{lesson.slug}, {lesson.language}, seed {seed}"
        if title != before:
            lines += ["", f"## {title}", "", "| | step | part | act | s | result |", "|---|---|---|---|--:|---|"]
            before = title
        cells = (outcome.step, outcome.part, outcome.act, f"{outcome.seconds:.1f}", _cell(outcome.detail))
        lines.append(f"| {'ok' if outcome.ok else '**FAIL**'} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.translate(CONTROL).split()).replace("|", "\\|")[:300]
