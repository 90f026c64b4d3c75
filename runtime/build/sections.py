"""Sections: a Containerfile cut at its FROMs, and which of them the wanted one needs.

A section becomes a stage. It may stand on an earlier one or copy from it; those that nothing wanted
leads to are not built.

See "Multi-stage builds" in the reference of the Dockerfile format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runtime.build import words
from runtime.build.containerfile import BuildError, Instruction
from runtime.build.stage import Stage
from runtime.image.store import MACHINE
from runtime.oci.image_config import ImageConfig


@dataclass
class Section:
    """One FROM and what follows it, as written."""

    number: int
    name: str
    base: str
    first: Instruction
    steps: list[Instruction] = field(default_factory=list)


@dataclass
class Sections:
    """All of them, the ARGs before the first, and the names of all ARGs."""

    sections: list[Section] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)

    @classmethod
    def divide(cls, instructions: Sequence[Instruction], given: Mapping[str, str], escape: str) -> Sections:
        """Cut; `given` are the values of --build-arg."""
        before = Stage(ImageConfig(MACHINE), (), "", escape, given, {})
        plan = cls()
        for step in instructions:
            if step.name == "FROM":
                plan.sections.append(_section(len(plan.sections), step, before.args, escape))
            elif plan.sections:
                plan.sections[-1].steps.append(step)
            elif step.name == "ARG":
                before.declare(step)
            else:
                raise step.wrong("before it a FROM must say which image it is for")
        if not plan.sections:
            raise BuildError("there is no FROM: the first instruction says which image to begin with, such as FROM linux")
        plan.values = before.args
        plan.declared = {word.partition("=")[0] for step in instructions if step.name == "ARG" for word in step.text.split()}
        return plan

    def find(self, name: str, before: int) -> int | None:
        """The number of an earlier section, by name or number."""
        for section in self.sections[:before][::-1]:
            if name and name.lower() in (section.name, str(section.number)):
                return section.number
        return None

    def wanted(self, target: str) -> int:
        """The section to end with."""
        if not target:
            return len(self.sections) - 1
        found = self.find(target, len(self.sections))
        if found is None:
            raise BuildError(f"--target {target}: there is no such stage")
        return found

    def needed(self, last: int) -> list[int]:
        """The sections that one stands on or copies from, in their order."""
        needed, left = set(), [last]
        while left:
            number = left.pop()
            needed.add(number)
            section = self.sections[number]
            names = [section.base, *(step.flag("from") for step in section.steps)]
            left += [found for name in names if (found := self.find(name, number)) is not None]
        return sorted(needed)


def _section(number: int, step: Instruction, values: Mapping[str, str], escape: str) -> Section:
    try:
        parts = [words.expand(word, values, escape) for word in words.split(step.text, escape)]
    except words.WordError as error:
        raise step.wrong(str(error)) from error
    if len(parts) not in (1, 3) or (len(parts) == 3 and parts[1].upper() != "AS") or not parts[0]:
        raise step.wrong("write FROM image, or FROM image AS name")
    if step.flag("platform") not in ("", f"linux/{MACHINE}"):
        raise step.wrong(f"only linux/{MACHINE} can be built here")
    return Section(number, parts[2].lower() if len(parts) == 3 else "", parts[0], step)
