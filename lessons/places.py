"""Files beside a lesson: scripts, pictures, trees to copy.

A lesson may be written by anybody who may write lessons, and is read by a process that can
read more than she can. So a name leads nowhere but into the lesson's own course: no absolute
path, no way out by `..`, no symbolic link on the way.
"""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Finds what a lesson names: `directory` is the lesson's, `root` its course's."""

    directory: Path
    root: Path

    def find(self, name: str, *, tree: bool = False) -> tuple[Path | None, str]:
        """The file of that name, or None and the reason; `tree` allows a directory."""
        path = Path(os.path.abspath(self.directory / name))
        root = Path(os.path.abspath(self.root))
        if Path(name).is_absolute() or not path.is_relative_to(root):
            return None, f"{name} is outside of the course's directory"
        if any(part.is_symlink() for part in (path, *path.parents) if part.is_relative_to(root) and part != root):
            return None, f"{name} is, or is reached by, a symbolic link"
        if not (path.is_file() or (tree and path.is_dir())):
            return None, f"there is no file {name} beside the lesson"
        return path, ""

    def find_tree(self, name: str) -> tuple[Path | None, str]:
        """A file, or a directory in which nothing leads elsewhere."""
        path, why = self.find(name, tree=True)
        if path is not None and any(each.is_symlink() for each in path.rglob("*")):
            return None, f"{name} holds a symbolic link"
        return path, why

    def text(self, name: str) -> tuple[str, str]:
        """The text of a file, or an empty one and the reason."""
        path, why = self.find(name)
        if path is None:
            return "", why
        try:
            return path.read_text(encoding="utf-8"), ""
        except UnicodeDecodeError:
            return "", f"{name} is not UTF-8 text"
