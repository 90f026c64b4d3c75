"""Translations: the same lesson in other words.

What a machine needs is taken from the original, so a translation cannot give a learner
another sandbox. A step is taken from the translation if it is the same step: the same tasks,
questions and commands. Otherwise the page shows the original step, marked with its language,
and the linter says what differs.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from lessons import frontmatter
from lessons.elements import Keys, Lesson, Run, Save, Step
from lessons.errors import Faults, LessonError, LessonNote
from lessons.outline import Outline

L = TypeVar("L", Lesson, Outline)


def renamed(lesson: L, title: str) -> L:
    """The lesson under the title its course gives it."""
    return replace(lesson, title=title) if title else lesson


def inherited(original: Path) -> dict[str, Any]:
    """The front matter a translation has without writing it: all but the words."""
    head, _, _ = frontmatter.split(original.read_text(encoding="utf-8", errors="replace"), Faults(original))
    return {key: value for key, value in head.data.items() if key not in ("title", "summary", "steps")}


def merged(original: Lesson, translated: Lesson) -> Lesson:
    """The original in the words of its translation, step by step."""
    steps = tuple(_step(step, translated.step(step.id)) for step in original.steps)
    return replace(
        original,
        title=translated.title,
        summary=translated.summary or original.summary,
        language=translated.language,
        intro_html=translated.intro_html or original.intro_html,
        setup=translated.setup or original.setup,
        path=translated.path,
        steps=steps,
    )


def merged_outline(original: Outline, translated: Outline) -> Outline:
    """The same for the map."""
    titles = {step.id: step.title for step in translated.steps}
    steps = tuple(replace(step, title=titles.get(step.id, step.title)) for step in original.steps)
    summary = translated.summary or original.summary
    return replace(original, title=translated.title, summary=summary, language=translated.language, steps=steps)


def _step(original: Step, translated: Step | None) -> Step:
    if translated is None or shape(original) != shape(translated):
        return replace(original, language="en")
    return replace(translated, gate=original.gate)


def shape(step: Step) -> dict[str, list]:
    """What must be the same in every language."""
    return {
        "tasks": [(task.id, task.auto, task.needs, task.points) for task in step.tasks],
        "checks": [(task.id, [(check.language, check.machine, check.user) for check in task.checks]) for task in step.tasks],
        "solutions": [(task.id, task.solution and task.solution.source) for task in step.tasks],
        "wrong attempts": [(task.id, [wrong.source for wrong in task.wrongs]) for task in step.tasks],
        "quizzes": [(quiz.id, [option.right for option in quiz.options]) for quiz in step.quizzes],
        "commands": [_deed(action) for action in step.actions],
        "setup": [len(step.setup)],
    }


def _deed(action: Run | Keys | Save) -> tuple[str, ...]:
    if isinstance(action, Run):
        return ("run", action.command, str(action.terminal), action.machine)
    return ("keys", action.data) if isinstance(action, Keys) else ("file", action.how, action.path)


def differences(original: Lesson, translated: Lesson) -> Iterator[LessonError]:
    """Where a translation is another lesson: at the step, or at the task, that differs."""
    order = [step.id for step in translated.steps if original.step(step.id)]
    missing = [step.id for step in original.steps if translated.step(step.id) is None]
    if missing:
        yield LessonNote(translated.path, 1, f"steps not translated (shown in English): {', '.join(missing)}")
    if order != [id for id in (step.id for step in original.steps) if id in order]:
        yield LessonError(translated.path, 1, f"steps stand in another order than in the original: {', '.join(order)}")
    for step in translated.steps:
        theirs = original.step(step.id)
        if theirs is None:
            yield LessonError(step.path, step.line, f"step {step.id} is not in the original")
        else:
            yield from _step_differences(theirs, step)


def _step_differences(original: Step, translated: Step) -> Iterator[LessonError]:
    mine, theirs = shape(original), shape(translated)
    ids = [task.id for task in original.tasks], [task.id for task in translated.tasks]
    if ids[0] != ids[1]:
        yield LessonError(translated.path, translated.line, f"step {translated.id}: tasks {ids[1]} for {ids[0]}")
        return
    for what in ("tasks", "checks", "solutions", "wrong attempts"):
        for (id, *was), (_, *now) in zip(mine[what], theirs[what], strict=True):
            if was != now:
                task = translated.task(id)
                line = task.line if task else translated.line
                yield LessonError(translated.path, line, f"task {id}: {what} differ from the original")
    for what in ("quizzes", "commands", "setup"):
        if mine[what] != theirs[what]:
            changed = [each for each in theirs[what] if each not in mine[what]] or ["fewer than there"]
            words = f"step {translated.id}: {what} differ from the original: {changed[0]}"
            yield LessonError(translated.path, translated.line, words)
