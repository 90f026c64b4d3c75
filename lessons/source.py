"""One file of a lesson while it is read: where it lies, where to complain, what holds for it."""

from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt

from lessons.errors import Faults
from lessons.places import Places


@dataclass(frozen=True)
class Include:
    """The course's shared scripts: put before every check and setup of their language."""

    sh: str = ""
    python: str = ""

    def before(self, language: str) -> str:
        """What stands before a script of that language."""
        return self.python if language == "python" else self.sh


@dataclass(frozen=True)
class Source:
    """What every reader of a part of the file needs to know."""

    markdown: MarkdownIt
    faults: Faults
    places: Places
    offset: int = 0  # lines before the text that is parsed
    language: str = "en"
    run_default: bool = False
    include: Include = field(default_factory=Include)
    assets: str = ""  # the address below which the lesson's pictures are served
    machines: frozenset[str] = frozenset({"box"})
    terminals: int = 8
    conditions: dict[str, set[str]] = field(default_factory=dict)  # what `:::only` asks for

    @property
    def path(self) -> Path:
        """The file."""
        return self.faults.file

    @property
    def env(self) -> dict[str, str]:
        """What the render rules are told."""
        return {"language": self.language, "assets": self.assets}
