"""A manifest and its texts become a Lesson, and the notes become the report.

The introduction, each step and the end are steps of the lesson. The introduction's background
script is part of the lesson's setup, so that it also runs when a learner comes back at step 5.
"""

import html
import re
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from lessons.elements import Action, Check, Editor, FileCopy, Lesson, Machine, Port, Quiz, Run, Step, Task
from lessons.foreign import assets, document, images, manifest, markdown, pictures, scripts, widgets
from lessons.foreign.manifest import Manifest, Section
from lessons.foreign.notes import Kind, Notes
from lessons.foreign.repository import Repository

NAMES = ("ubuntu", "host02")
TITLES = {"intro": "Introduction", "finish": "Finish"}
DONE = "Press Check when this is done."
SECOND = re.compile(r"\{\{[^{}\n]*\bHOST2\b[^{}\n]*\}\}", re.IGNORECASE)
NETWORK = re.compile(
    r"\b(apt(?:-get)?[ \t]+(?:-\S+[ \t]+)*(?:update|install)|curl|wget|git[ \t]+clone|docker[ \t]+(?:pull|run|build)"
    r"|pip3?[ \t]+install|npm[ \t]+i(?:nstall)?|snap[ \t]+install|helm[ \t]+repo|go[ \t]+get)\b"
)
CHECK_SECONDS = 20
MOST_TEXT = 2 << 20  # characters of Markdown in one scenario: hostile ones take seconds each 256 KiB


@dataclass
class Builder:
    """One scenario while it is built."""

    repository: Repository
    manifest: Manifest
    notes: Notes
    course: str
    slug: str
    machines: tuple[str, ...] = ()
    budget: int = MOST_TEXT
    read: dict[Path, str] = field(default_factory=dict)  # the scripts read so far

    @property
    def directory(self) -> Path:
        """The scenario's directory."""
        return self.manifest.path.parent

    @property
    def file(self) -> str:
        """The manifest's name in the report."""
        return self.repository.name(self.manifest.path)

    def build(self) -> Lesson:
        """The lesson."""
        choice = images.choose(self.manifest.imageid, images.installed())
        self.notes.image = f"{self.manifest.imageid or 'unnamed'} → {choice.image or 'none'}"
        if choice.why:
            kind = Kind.CHANGED if choice.image else Kind.MISSING
            self.notes.add(
                kind, self.file, self.manifest.image_line, choice.why + (f"; {choice.image} is taken" if choice.image else "")
            )
        texts = [self._text(section, section.text, "text") for section in self.manifest.sections]
        copies = assets.uploads(self.repository, self.manifest, self.notes)
        second = any(copy[3] for copy in copies) or any(SECOND.search(text or "") for text in texts)
        self.machines = NAMES if second else NAMES[:1]
        steps = tuple(
            self._step(section, text, n) for n, (section, text) in enumerate(zip(self.manifest.sections, texts, strict=True))
        )
        lesson = self._lesson(steps, choice.image, copies)
        self._needs_network(lesson)
        return replace(lesson, unavailable="" if choice.image else choice.why)

    def _lesson(self, steps: tuple[Step, ...], image: str, copies: list[assets.Upload]) -> Lesson:
        told, first = self.manifest, self.manifest.sections[:1]
        intro = first[0] if first and first[0].kind == "intro" else None
        background = self._script(intro, intro.background, "background") if intro else ""
        setup = scripts.START + scripts.message(told.messages) + (scripts.background("intro", background) if background else "")
        return Lesson(
            slug=self.slug, course=self.course, title=told.title, summary=plain(told.description), path=told.path,
            level=level(told.difficulty), minutes=minutes(told.time), image=image or "linux", tags=(),
            machines=tuple(_machine(name, image or "linux", len(self.machines) > 1) for name in self.machines),
            terminals=told.terminals, setup=setup, solutions="always", steps=steps or (self._only_a_machine(),),
            foreground=self._script(intro, intro.foreground, "foreground") if intro else "",
            files=tuple(FileCopy(source, to, mode, machine=self.machines[n] if n else "") for source, to, mode, n in copies),
            ports=tuple(Port(each.name, each.port) for each in told.dashboards if each.port),
            editor=self._editor(),
        )  # fmt: skip

    def _editor(self) -> Editor | None:
        told = self.manifest
        wanted = told.editor_files or any(word in told.layout for word in ("editor", "vscode", "ide"))
        return Editor(told.editor_path, told.editor_files) if wanted and told.editor_path.startswith("/") else None

    def _step(self, section: Section, text: str | None, number: int) -> Step:
        id = step_id(self.manifest, section, number)
        title = section.title or TITLES.get(section.kind, "")
        body, actions, quizzes = self._body(section, text, id, title)
        tasks = self._task(section, id)
        body += "".join(task.html for task in tasks) + self._extras(section, id)
        later = section.kind != "intro"  # the introduction's own scripts run with the lesson's setup
        background = self._script(section, section.background, "background") if later else ""
        return Step(
            id=id, title=title, html=body, tasks=tasks, quizzes=quizzes, line=section.line,
            runs=tuple(action for action in actions if isinstance(action, Run)), actions=actions,
            setup=(scripts.background(id, background),) if background else (),
            solution_html=self._markdown(section, section.answer, id, "answer"),
            foreground=self._script(section, section.foreground, "foreground") if later else "",
            path=self._path(section.text) or self.manifest.path,
        )  # fmt: skip

    def _only_a_machine(self) -> Step:
        """A scenario may be a title and an image; the page needs a step all the same."""
        return Step(
            "intro",
            self.manifest.title,
            f"<p>{html.escape(plain(self.manifest.description))}</p>\n",
            line=1,
            path=self.manifest.path,
        )

    def _body(self, section: Section, text: str | None, id: str, title: str) -> tuple[str, tuple[Action, ...], tuple[Quiz, ...]]:
        if text is None:
            missing = f"<em>The text of this part is missing: {html.escape(section.text)}</em>" if section.text else ""
            return (widgets.notice("warning", missing) if missing else ""), (), ()
        shown = title if section.title or section.kind != "intro" else self.manifest.title
        found = markdown.render(text, self._place(section.text, id, shown), self.notes)
        return found.html, tuple(found.actions), tuple(found.quizzes)

    def _task(self, section: Section, id: str) -> tuple[Task, ...]:
        source = self._script(section, section.verify, "verify")
        if not source.strip():
            return ()
        self.notes.use("checks")
        words = widgets.task(f"{id}-check", DONE, self.manifest.challenge)
        check = Check("bash", scripts.check(source), CHECK_SECONDS, line=1)
        return (Task(f"{id}-check", words, (check,), auto=self.manifest.challenge, line=section.line),)

    def _extras(self, section: Section, id: str) -> str:
        """A hint below the text, and whom the lesson is by."""
        found = ""
        if section.hint.endswith(".md"):
            found += widgets.folded("hint", "Hint", self._markdown(section, section.hint, f"{id}-hint", "hint"))
        elif section.hint:
            self.notes.add(Kind.MISSING, self.file, section.line, f"hint {section.hint}: a script that makes hints")
        if section.credits:
            found += markdown.render(section.credits, self._place("", f"{id}-credits", ""), self.notes).html
        return found

    def _markdown(self, section: Section, words: str, id: str, what: str) -> str:
        text = self._text(section, words, what) if words else None
        return markdown.render(text, self._place(words, f"{id}-{what}", ""), self.notes).html if text else ""

    def _script(self, section: Section | None, words: str, what: str) -> str:
        text = self._text(section, words, what) if section and words else None
        self.notes.use(f"{what} scripts", text is not None)
        if text and (path := self._path(words)):
            self.read[path] = text
        return text or ""

    def _path(self, words: str) -> Path | None:
        """A file of the scenario; the author's words may not lead out of its directory."""
        return self.repository.locate(self.directory, words.removeprefix("./")) if words else None

    def _text(self, section: Section, words: str, what: str) -> str | None:
        """The text of a file an author named, or None with a note."""
        if not words:
            return None
        path = self._path(words)
        if path is None:
            self.notes.add(Kind.REFUSED, self.file, section.line, f"{what} {words} leads out of the scenario")
        elif not path.is_file():
            self.notes.add(Kind.BROKEN, self.file, section.line, f"{what} {words} does not exist")
        else:
            return self._within_budget(self.repository.text(path, self.notes), path)
        return None

    def _within_budget(self, text: str | None, path: Path) -> str | None:
        self.budget -= len(text or "")
        if text and self.budget < 0:
            self.notes.add(
                Kind.REFUSED, self.repository.name(path), 1, f"more than {MOST_TEXT >> 20} MiB of text in one scenario"
            )
            return None
        return text

    def _place(self, words: str, id: str, title: str) -> markdown.Place:
        path = self._path(words) or self.manifest.path
        base = f"/lessons/{self.course}/{self.slug}/files/"
        address = partial(pictures.address, self.repository, path, self.directory, base)
        return markdown.Place(self.repository.name(path), id, self.machines, self.manifest.editor_path, address, title)

    def _needs_network(self, lesson: Lesson) -> None:
        """One note for the first command that a sandbox without the internet cannot do."""
        sources = [(step.path, action.line, action.command) for step in lesson.steps for action in step.runs]
        for path, first, source in [*((path, 1, text) for path, text in self.read.items()), *sources]:
            if match := NETWORK.search(source):
                line = first + source.count("\n", 0, match.start()) * (path in self.read)
                self.notes.add(Kind.MISSING, self.repository.name(path), line, f"may need the internet: {match[0]}")
                return


def read(repository: Repository, path: Path, course: str, slug: str, notes: Notes) -> Lesson | None:
    """The lesson of one manifest; None, and a note, if it cannot be read at all."""
    loaded = document.load(repository, path, notes)
    return Builder(repository, manifest.read(loaded, notes), notes, course, slug).build() if loaded else None


def step_id(told: Manifest, section: Section, number: int) -> str:
    """The id of a section, under which progress is kept: intro, step-1, step-2, …, finish."""
    if section.kind != "step":
        return section.kind
    return f"step-{number if told.sections[0].kind == 'intro' else number + 1}"


def _machine(name: str, image: str, several: bool) -> Machine:
    return Machine(name=name, image=image, memory=512 << 20, pids=512, disk=1 << 30, network="lab" if several else "none")


def level(words: str) -> str:
    """Our three levels, from whatever an author calls it."""
    words = words.lower()
    if any(part in words for part in ("inter", "medium")):
        return "intermediate"
    return "advanced" if any(part in words for part in ("adv", "expert", "hard")) else "beginner"


def minutes(words: str) -> int:
    """The largest number of minutes named; 15 if there is none."""
    hours = [float(n) * 60 for n in re.findall(r"(\d{1,2}(?:\.\d)?)\s*h", words.lower())]
    plain = [float(n) for n in re.findall(r"(\d{1,3})(?![\d.]*\s*h)", words.lower())]
    return int(max([*hours, *plain], default=15)) or 15


def plain(words: str) -> str:
    """One line without markup, for the catalogue."""
    return " ".join(re.sub(r"<[^>]{0,200}>", " ", words).split())[:500]
