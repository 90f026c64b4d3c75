"""The recipe of a mix: which fences one process gets of its own.

It is read twice: at the site's door, where a bad one is refused with a sentence, and again
inside the sandbox, which trusts nobody either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runtime.errors import SpecError
from runtime.linux.capabilities import NAMES, STRICT_KEEP
from runtime.linux.constants import NAMESPACE_FLAGS

LETTERS = ("a", "b")
NAMESPACES = ("user", "mount", "pid", "network", "uts", "ipc", "cgroup", "time")
CAPABILITIES = {"all": frozenset(NAMES), "docker": STRICT_KEEP, "none": frozenset[str]()}
SWITCHES = ("seccomp", "read_only", "limits")
MEMORY, CPUS, PIDS = 32 << 20, 0.1, 16  # what `limits` gives
FIRST_ID, IDS = 20_000, 1_000  # of the user ids of the sandbox, each mix has a thousand


@dataclass(frozen=True)
class Mix:
    """What one process gets of its own; whatever is not named it shares with the sandbox around it."""

    letter: str
    namespaces: frozenset[str] = frozenset()
    capabilities: str = "all"
    seccomp: bool = False
    read_only: bool = False
    limits: bool = False

    def __post_init__(self) -> None:
        _require(self.letter in LETTERS, "letter", f"is not one of {', '.join(LETTERS)}")
        unknown = sorted(self.namespaces - set(NAMESPACES))
        _require(not unknown, "namespaces", f"has {', '.join(map(repr, unknown))}, which is none of {', '.join(NAMESPACES)}")
        _require(self.capabilities in CAPABILITIES, "capabilities", f"is not one of {', '.join(CAPABILITIES)}")
        for name in SWITCHES:
            _require(isinstance(getattr(self, name), bool), name, "is neither true nor false")
        _require(
            not self.read_only or "mount" in self.namespaces,
            "read_only",
            "needs a mount namespace of its own: without one the root of everybody would become read-only",
        )

    @property
    def name(self) -> str:
        """What the process, its control group and its host name are called."""
        return f"mix-{self.letter}"

    @property
    def port(self) -> int:
        """Where it listens."""
        return 8001 + LETTERS.index(self.letter)

    @property
    def first_id(self) -> int:
        """The user of the sandbox that is root in its user namespace."""
        return FIRST_ID + IDS * LETTERS.index(self.letter)

    @property
    def flags(self) -> int:
        """Its namespaces as unshare(2) wants them."""
        return sum(NAMESPACE_FLAGS[kind] for kind in self.namespaces)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        own = [kind for kind in NAMESPACES if kind in self.namespaces]
        switches = {name: getattr(self, name) for name in SWITCHES}
        return {"letter": self.letter, "namespaces": own, "capabilities": self.capabilities, **switches}

    @classmethod
    def from_dict(cls, data: Any) -> Mix:
        """Read a recipe; what is wrong is named."""
        _require(isinstance(data, dict), "recipe", "is not an object")
        unknown = sorted(set(data) - {"letter", "namespaces", "capabilities", *SWITCHES})
        _require(not unknown, "recipe", f"has unknown fields: {', '.join(map(str, unknown))}")
        kinds = data.get("namespaces", [])
        _require(isinstance(kinds, list) and all(isinstance(kind, str) for kind in kinds), "namespaces", "is not a list of names")
        capabilities = data.get("capabilities", "all")
        _require(isinstance(capabilities, str), "capabilities", "is not a name")
        switches = {name: data.get(name, False) for name in SWITCHES}
        return cls(str(data.get("letter")), frozenset(kinds), capabilities, **switches)


def _require(condition: bool, path: str, message: str) -> None:
    if not condition:
        raise SpecError(path, message)
