"""The errors of the runtime: each says what was attempted, in lower case, with the path in it.

Callers who want the errno still have it: a `StepError` keeps the `OSError` as its cause.
"""

from __future__ import annotations


class VitrineError(Exception):
    """Anything the runtime refuses or fails to do; the root of the other errors."""

    code = "error"


class SpecError(VitrineError):
    """A spec that cannot be honoured. `path` names the field, as in `linux.resources.pids`."""

    code = "spec"

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class StepError(VitrineError):
    """A step of a plan failed; what came before it has been undone."""

    code = "step"

    def __init__(self, step: str, cause: object) -> None:
        super().__init__(f"{step}: {cause}")
        self.step = step
        self.cause = cause


class NotFoundError(VitrineError):
    """No container has this id."""

    code = "not-found"


class ExistsError(VitrineError):
    """The id, or the range of user ids, is already taken."""

    code = "exists"


class RefusedError(VitrineError):
    """The spawner or a shim said no. `code` is for programs, the message for people."""

    def __init__(self, code: str, step: str | None, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.step = step
        self.message = message


RuntimeRefused = RefusedError


class SpawnerUnavailable(VitrineError):  # noqa: N818 - a condition, named as callers read it
    """Nothing answers on the spawner's socket."""

    code = "unavailable"
