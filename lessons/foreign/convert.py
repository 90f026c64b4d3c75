"""Conversion: a scenario written in our own format, for those who move for good.

What is written is read again by our own reader and linter, and whatever they say is told; a check
without a known solution is left out, and its script kept beside the lesson, because our format
proves every check.
"""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lessons import lint
from lessons.elements import Lesson, Run, Step, Task
from lessons.errors import LessonErrors
from lessons.foreign import pictures, shelf
from lessons.foreign.fenced import fenced
from lessons.foreign.notes import Notes
from lessons.foreign.repository import FILE_LIMIT
from lessons.foreign.tree import Tree
from lessons.foreign.writer import Writer, task_box
from lessons.reader import read_lesson

SOURCE = re.compile(r'src="(/lessons/[^"]+)"')
DONE = "Do what this step asks for."


@dataclass
class Conversion:
    """One lesson being written; `lost` are the things that could not be, for the report."""

    lesson: Lesson
    entry: shelf.Entry
    directory: Path
    lost: list[str] = field(default_factory=list)

    def write(self) -> None:
        """Write lesson.md and what belongs to it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        steps = [self._step(step) for step in self.lesson.steps]
        head = yaml.safe_dump(self._head(), sort_keys=False, allow_unicode=True, width=1000)
        path = self.directory / "lesson.md"
        path.write_text(f"---\n{head}---\n\n" + "\n".join(steps), encoding="utf-8", errors="replace")
        try:
            read = read_lesson(path, course=self.entry.course, slug=self.entry.slug, root=self.directory)
            self.lost += [f"lint: {fault.line}: {fault.message}" for fault in lint.faults(read)]
        except LessonErrors as errors:
            self.lost += [f"not read: {error.line}: {error.message}" for error in errors.errors]

    def _head(self) -> dict[str, Any]:
        lesson = self.lesson
        self._file("scripts/setup.sh", lesson.setup.encode())
        head: dict[str, Any] = {
            "title": lesson.title,
            "summary": lesson.summary,
            "level": lesson.level,
            "minutes": lesson.minutes,
        }
        if len(lesson.machines) > 1:
            head["machines"] = {each.name: {"image": each.image, "network": "lab"} for each in lesson.machines}
        else:
            head |= {
                "image": lesson.machine.image,
                "machines": {lesson.machine.name: {"memory": "512M", "disk": "1G", "pids": 512}},
            }
        head |= {"terminals": lesson.terminals, "setup": "scripts/setup.sh", "solutions": "always"}
        if lesson.files:
            head["files"] = [
                self._copied(n, copy.source, copy.to, copy.mode, copy.machine) for n, copy in enumerate(lesson.files)
            ]
        if lesson.ports:
            head["ports"] = [{"name": port.name, "port": port.port} for port in lesson.ports]
        if lesson.editor:
            head["editor"] = {"root": lesson.editor.root, "open": list(lesson.editor.open)}
        return head

    def _copied(self, number: int, source: Path, to: str, mode: int | None, machine: str) -> dict[str, str]:
        name = f"files/{number}-{re.sub(r'[^A-Za-z0-9._-]', '_', source.name)[-80:]}"
        self._file(name, self.entry.repository.read(source, FILE_LIMIT))
        where = {"machine": machine} if machine else {}
        return {"from": name, "to": to, "mode": f"{mode if mode is not None else 0o644:04o}", **where}

    def _file(self, name: str, data: bytes) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def _step(self, step: Step) -> str:
        title = re.sub(r"\s+", " ", step.title).replace("{", "(").replace("}", ")").strip() or step.id
        parts = [f"## {title} {{#{step.id}}}"]
        parts += [fenced("sh {setup}", script) for script in step.setup]
        first = self.lesson.foreground if step is self.lesson.steps[0] else ""
        for script in (first, step.foreground):
            if script.strip():
                self.lost.append(f"{step.id}: the foreground script is a command to run by hand")
                parts.append(fenced("bash {run}", script))
        tasks = {task.id: self._task(step, task) for task in step.tasks}
        writer = Writer(step, tasks, self._pictures(step))
        parts.append(writer.write(step.html))
        if step.solution_html and not any(tasks.values()):
            parts.append(f"::::::details[Solution]\n{writer.write(step.solution_html)}::::::")
        return "\n\n".join(parts) + "\n"

    def _task(self, step: Step, task: Task) -> str:
        """The box of a task; empty if our format would refuse its check."""
        solution = _solution(step)
        forbidden = [why for pattern, why in lint.FORBIDDEN.items() if re.search(pattern, task.check.source)]
        why = forbidden[0] if forbidden else "" if solution else "no solution is known"
        if why:
            self._file(f"unproved/{task.id}.sh", task.check.source.encode())
            self.lost.append(f"{step.id}: the check is left out ({why}); its script is unproved/{task.id}.sh")
            return ""
        check = fenced(f"bash {{check timeout={task.check.timeout}}}", task.check.source)
        return task_box(task, DONE, [check, fenced("sh {solution}", solution)])

    def _pictures(self, step: Step) -> dict[str, str]:
        """Copy the pictures of a step; address → name beside the lesson."""
        base, found = f"/lessons/{self.entry.course}/{self.entry.slug}/files/", {}
        for address in SOURCE.findall(step.html + step.solution_html):
            name = pictures.unquote(address.removeprefix(base))
            data = pictures.load(self.entry.repository, name)
            if data is None:
                self.lost.append(f"{step.id}: picture {name}: not a picture")
                continue
            found[address] = "pictures/" + re.sub(r"[^A-Za-z0-9._-]", "_", name)[-80:]
            self._file(found[address], data[0])
        return found


def convert(directory: Path, out: Path) -> list[tuple[str, list[str]]]:
    """Write every scenario that can have a sandbox; per scenario what was lost."""
    told, taken = [], set[str]()
    for repository in shelf.repositories(directory):
        for course in shelf.shelve(repository, Notes(), taken):
            written = []
            for entry in course.entries.values():
                lost = _one(entry, out / course.slug / entry.slug)
                written += [entry.slug] if (out / course.slug / entry.slug / "lesson.md").exists() else []
                told.append((f"{course.slug}/{entry.slug}", lost))
            if written:
                head = {"title": course.title, "summary": course.summary, "lessons": written}
                (out / course.slug / "course.yaml").write_text(yaml.safe_dump(head, sort_keys=False, allow_unicode=True))
    return told


def _one(entry: shelf.Entry, directory: Path) -> list[str]:
    """Write one scenario, or say why not."""
    if directory.exists():
        return [f"not written: {directory} is there already"]
    lesson = shelf.build.read(entry.repository, entry.manifest, entry.course, entry.slug, Notes())
    if lesson is None or not lesson.steps:
        return ["not written: there is nothing to read"]
    if lesson.unavailable:
        return [f"not written: {lesson.unavailable}"]
    conversion = Conversion(lesson, entry, directory)
    try:
        conversion.write()
    except OSError as error:
        shutil.rmtree(directory, ignore_errors=True)
        return [f"not written: {error}"]
    return conversion.lost


def _solution(step: Step) -> str:
    """What is known to do a step: its own commands, else the code of its answer."""
    runs = [action.command for action in step.actions if isinstance(action, Run) and action.enter and not action.machine]
    if runs:
        return "\n".join(runs)
    codes = [node.text().strip("\n") for node in Tree(step.solution_html).stack[0].find("pre")]
    return "\n".join(codes)
