"""Grounds: the machines of one attempt of a trial, and a typist at each of their terminals.

Made as a learner's lab is made, of the same recipe, by the same spawner, but without a row
in the database and without the annotation by which the site's reconciler knows its own.
"""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from labsite.labs import checks, gateway
from labsite.labs.lessonbook import path_of
from labsite.labs.models import LabSession, Sandbox
from labsite.labs.recipe import request_for
from labsite.labs.typist import Typist
from lessons.catalog import Lesson


class Grounds:
    """Running machines by name; terminals are opened as they are needed and stay open."""

    def __init__(self, lesson: Lesson, sandboxes: dict[str, Sandbox], ending: ExitStack) -> None:
        self.lesson, self.sandboxes, self.ending = lesson, sandboxes, ending
        self.typists: dict[tuple[str, int], Typist] = {}

    def typist(self, machine: str = "", terminal: int = 1) -> Typist:
        """Whoever sits at that terminal."""
        key = (machine or self.lesson.machine.name, terminal)
        if key not in self.typists:
            typist = Typist(self.sandboxes[key[0]].runtime_id, terminal, self.lesson.user)
            self.typists[key] = self.ending.enter_context(typist)
        return self.typists[key]


@contextmanager
def grounds(lesson: Lesson, seed: str) -> Iterator[Grounds]:
    """Fresh machines with the lesson's files and setup; deleted at the end."""
    with ExitStack() as ending:
        lab = LabSession(code=secrets.token_hex(16), lesson=path_of(lesson))
        rows = [
            Sandbox(lab=lab, name=machine.name, index=n, request=request_for(lesson, machine))
            for n, machine in enumerate(lesson.machines)
        ]
        hosts = {row.name: f"10.88.0.{row.index + gateway.FIRST_HOST}" for row in rows}
        for row in rows:
            ending.callback(gateway.delete, row.runtime_id)
            gateway.create(row, hosts, annotations={})
        for row in rows:
            checks.prepare(row, lesson, seed=seed)
        yield Grounds(lesson, {row.name: row for row in rows}, ending)
