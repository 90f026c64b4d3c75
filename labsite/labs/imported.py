"""The oracle for imported lessons: their own commands are the only solution there is.

Per task: the check must fail on the untouched machine, and pass after the step's commands were
typed. What it cannot know is told apart: a step whose work is left to the learner is not proved.
"""

import time
from pathlib import Path

from labsite.labs import saving
from labsite.labs.grounds import Grounds
from labsite.labs.trial import Outcome, Trial
from labsite.labs.typist import TypingError
from lessons.catalog import Lesson, Run, Step, Task
from lessons.elements import Save
from lessons.foreign import report
from lessons.foreign.notes import Notes

LONGEST = 15.0  # seconds for one command; what stays longer is interrupted


class ImportedTrial(Trial):
    """Walks one imported lesson."""

    def _step(self, place: Grounds, step: Step) -> None:
        self._enter(place, step)
        for task in step.tasks:
            self._untouched(place, step, task)
        start = time.monotonic()
        stuck = [action.line for action in step.actions if not self._act(place, action)]
        for task in step.tasks:
            self._proved(place, step, task, stuck, start)

    def _act(self, place: Grounds, action: object) -> bool:
        """Do what a block offers; False if it did not come back to the prompt."""
        if isinstance(action, Save):
            return self._saved(place, action)
        return not isinstance(action, Run) or self._typed(place, action)

    def _saved(self, place: Grounds, block: Save) -> bool:
        try:
            saving.save(place.sandboxes[block.machine or self.lesson.machine.name], block, self.lesson.user)
        except saving.SaveFailed:
            return False
        return True

    def _typed(self, place: Grounds, run: Run) -> bool:
        typist = place.typist(run.machine, run.terminal)
        try:
            if not run.enter:
                typist.press(run.command)
            else:
                typist.type(run.command, LONGEST, interrupt=run.interrupt)
        except TypingError:
            typist.press("\x03")
            return False
        return True

    def _proved(self, place: Grounds, step: Step, task: Task, stuck: list[int], start: float) -> None:
        if not step.actions:
            self.report(Outcome(False, step.id, task.id, "commands", "the text has none: not proved"))
            return
        result = self._until(place, step, task, lambda result: result.passed)
        self._say(result.passed, step, task.id, "commands", result, start)
        if stuck and not result.passed:
            lines = ", ".join(map(str, stuck))
            self.report(Outcome(False, step.id, task.id, "commands", f"those of these lines did not end: {lines}"))


def lessons_in(directory: Path) -> list[Lesson]:
    """Every imported lesson that has a sandbox here and something to prove."""
    found = (lesson for lesson, _, _ in report.every(directory, Notes()))
    return [lesson for lesson in found if lesson and not lesson.unavailable and lesson.tasks]
