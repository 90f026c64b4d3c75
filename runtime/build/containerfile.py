"""From the text of a Containerfile to its instructions.

A line is an instruction; one that ends with the escape character goes on in the next, and comments
in between do not count. `# escape=` before anything else chooses another escape character. What
stands after `<<WORD` comes from the lines below, up to one that is WORD.

See the reference of the Dockerfile format. Every mistake is told with its file and line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import VitrineError

NAMES = ("Containerfile", "Dockerfile")
KNOWN = (
    "FROM", "RUN", "COPY", "ADD", "ENV", "WORKDIR", "USER", "CMD", "ENTRYPOINT", "LABEL", "EXPOSE", "ARG", "VOLUME",
    "SHELL", "STOPSIGNAL",
)  # fmt: skip
REFUSED = {
    "HEALTHCHECK": "OCI images have no health checks; leave the line out",
    "MAINTAINER": "write LABEL org.opencontainers.image.authors=… instead",
    "ONBUILD": "OCI images have no triggers; write the instruction into the Containerfile that needs it",
}
FLAGS = {"FROM": ("platform",), "COPY": ("from", "chown", "chmod", "link"), "ADD": ("chown", "chmod", "link")}
DIRECTIVE = re.compile(r"#\s*([a-zA-Z]+)\s*=\s*(\S+)\s*$")
HEREDOC = re.compile(r"(?:^|(?<=\s))<<(-?)([\"']?)([A-Za-z_][A-Za-z0-9_]*)\2(?=\s|$)")
LARGEST = 1 << 20


class BuildError(VitrineError):
    """A mistake in a Containerfile, or a step that failed: file, line, what it is, what to do."""

    code = "build"


@dataclass(frozen=True)
class Heredoc:
    """A text of the file's own; `raw` (the word was quoted): no variables in it are replaced."""

    name: str
    text: str
    raw: bool


@dataclass(frozen=True)
class Instruction:
    """One instruction as it was written, its flags taken off. `place` is file:line, for messages."""

    name: str
    text: str
    flags: tuple[tuple[str, str], ...]
    place: str
    heredocs: tuple[Heredoc, ...] = ()

    def flag(self, name: str) -> str:
        """A flag's value; '' if it is not there."""
        return dict(self.flags).get(name, "")

    @property
    def words(self) -> list[str] | None:
        """The words of the exec form, a JSON list of strings; None: it is the shell form."""
        if not self.text.startswith("["):
            return None
        try:
            words = json.loads(self.text)
        except ValueError:
            return None
        return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None

    def wrong(self, message: str) -> BuildError:
        """The error that names this line."""
        return BuildError(f"{self.place}: {self.name}: {message}")

    def __str__(self) -> str:
        flags = "".join(f" --{name}={value}" if value else f" --{name}" for name, value in self.flags)
        return f"{self.name}{flags} {self.text}"


@dataclass(frozen=True)
class Containerfile:
    """The instructions in their order, and the character that escapes."""

    instructions: Sequence[Instruction]
    escape: str = "\\"


def find(context: Path, given: Path | None) -> Path:
    """The file of a context: the one given, or the one with a usual name."""
    if given is not None:
        return given
    for name in NAMES:
        if (context / name).is_file():
            return context / name
    raise BuildError(f"{context} holds neither {' nor '.join(NAMES)}; name the file with -f")


def read(path: Path) -> Containerfile:
    """Parse a file."""
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise BuildError(f"{path}: longer than {LARGEST} bytes")
    try:
        return parse(data.decode(), path.name)
    except UnicodeDecodeError as error:
        raise BuildError(f"{path}: not UTF-8: {error}") from error


def parse(text: str, name: str = "Containerfile") -> Containerfile:
    """Parse a text; `name` is for messages."""
    lines = text.removeprefix("\ufeff").splitlines()
    escape = _escape(lines, name)
    return Containerfile(list(_Parser(lines, name, escape).instructions()), escape)


def _escape(lines: list[str], name: str) -> str:
    """The parser directives, which are over at the first line that is none."""
    for number, line in enumerate(lines, 1):
        match = DIRECTIVE.match(line.strip())
        if match is None:
            break
        if match[1].lower() == "escape":
            if match[2] not in ("\\", "`"):
                raise BuildError(f"{name}:{number}: escape={match[2]}: it can be \\ or `")
            return match[2]
    return "\\"


@dataclass
class _Parser:
    lines: list[str]
    name: str
    escape: str
    at: int = 0

    def instructions(self) -> Iterator[Instruction]:
        """One after the other."""
        while self.at < len(self.lines):
            line = self.lines[self.at].strip()
            if not line or line.startswith("#"):
                self.at += 1
                continue
            place = f"{self.name}:{self.at + 1}"
            yield self._instruction(self._joined(), place)

    def _joined(self) -> str:
        """A line and those it goes on in."""
        parts: list[str] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if parts and (not line.strip() or line.lstrip().startswith("#")):
                continue
            bare = line.rstrip()
            if not bare.endswith(self.escape):
                parts.append(line)
                break
            parts.append(bare[:-1])
        return "".join(parts).strip()

    def _instruction(self, line: str, place: str) -> Instruction:
        word, _, rest = line.partition(" ")
        word, tab, more = word.partition("\t")
        name, rest = word.upper(), f"{more} {rest}".strip() if tab else rest.strip()
        if name in REFUSED:
            raise BuildError(f"{place}: {name} is not supported: {REFUSED[name]}")
        if name not in KNOWN:
            raise BuildError(f"{place}: {word[:40]!r} is no instruction; there are {', '.join(KNOWN)}")
        flags, rest = self._flags(name, rest, place)
        if not rest:
            raise BuildError(f"{place}: {name} wants an argument")
        return Instruction(name, rest, tuple(flags), place, tuple(self._heredocs(name, rest, place)))

    def _flags(self, name: str, rest: str, place: str) -> tuple[list[tuple[str, str]], str]:
        flags = []
        while name in (*FLAGS, "RUN") and rest.startswith("--"):
            word, _, rest = rest.partition(" ")
            key, _, value = word[2:].partition("=")
            if key not in FLAGS.get(name, ()):
                known = ", ".join(f"--{each}" for each in FLAGS.get(name, ())) or "none"
                raise BuildError(f"{place}: {name} --{key[:40]} is not supported; flags of {name}: {known}")
            flags.append((key, value))
            rest = rest.strip()
        return flags, rest

    def _heredocs(self, name: str, rest: str, place: str) -> Iterator[Heredoc]:
        for dash, quote, word in HEREDOC.findall(rest) if name in ("RUN", "COPY", "ADD") else ():
            yield Heredoc(word, self._until(word, bool(dash), place), bool(quote))

    def _until(self, word: str, dash: bool, place: str) -> str:
        """The lines up to the one that is the word; `<<-` takes leading tabs off."""
        text: list[str] = []
        while self.at < len(self.lines):
            line = self.lines[self.at].lstrip("\t") if dash else self.lines[self.at]
            self.at += 1
            if line == word:
                return "".join(text)
            text.append(line + "\n")
        raise BuildError(f"{place}: the text after <<{word} has no end; a line must be {word} and nothing else")
