"""What a lesson is set in: machines, terminals, ports, an editor, files it brings along."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """A sandbox the lesson asks for."""

    name: str = "box"
    image: str = "linux"
    memory: int = 256 << 20
    cpus: float = 0.5
    pids: int = 256
    disk: int = 512 << 20
    network: str = "none"  # none | lab | internet
    terminal: bool = True
    profile: str = "nested"  # nested | strict
    backend: str = "container"  # container | vm


@dataclass(frozen=True)
class Terminal:
    """A terminal the page opens by itself."""

    n: int
    name: str = ""
    machine: str = ""


@dataclass(frozen=True)
class Port:
    """A server of the lesson that a tab shows."""

    name: str
    port: int
    machine: str = ""


@dataclass(frozen=True)
class Editor:
    """The editor's directory and the files it begins with."""

    root: str
    open: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileCopy:
    """A file or a tree beside the lesson that is in the machine before anything runs."""

    source: Path
    to: str
    mode: int | None = None
    owner: str = "root"
    machine: str = ""
