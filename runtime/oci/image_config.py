"""The image configuration: how to run an image, what its layers hold, and how it came about.

`rootfs.diff_ids` are the digests of the layers' *uncompressed* tars, lowest first, so a layer
keeps its identity however it is packed. `history` tells each step that was taken; steps that
changed only the configuration have `empty_layer`.

See the OCI image specification, config.md. What this module does not know is kept as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from runtime.errors import SpecError
from runtime.oci.digest import chain_ids, check_digest, list_of, object_of, text_of, texts_of
from runtime.oci.manifest import MOST_LAYERS, decode, encode

MOST_STRINGS = 4096
LISTS = ("Env", "Entrypoint", "Cmd")
TEXTS = ("User", "WorkingDir", "StopSignal")


@dataclass(frozen=True)
class History:
    """One step. `created` is RFC 3339, such as 2026-01-31T12:00:00Z."""

    created: str = ""
    created_by: str = ""
    comment: str = ""
    empty_layer: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value}

    @classmethod
    def from_dict(cls, data: object, path: str) -> History:
        document = object_of(data, path)
        created, by, comment = (
            text_of(document.get(name) or "", f"{path}.{name}") for name in ("created", "created_by", "comment")
        )
        return cls(created, by, comment, document.get("empty_layer") is True)


@dataclass(frozen=True)
class ImageConfig:
    """The parsed document. `config` is what a container gets: Env, Cmd, User, and so on."""

    architecture: str
    os: str = "linux"
    config: dict[str, Any] = field(default_factory=dict)
    diff_ids: tuple[str, ...] = ()
    history: tuple[History, ...] = ()
    created: str = ""
    others: dict[str, Any] = field(default_factory=dict)

    @property
    def chains(self) -> list[str]:
        """The chainID of every layer, lowest first."""
        return chain_ids(self.diff_ids)

    def to_dict(self) -> dict[str, Any]:
        document: dict[str, Any] = {**self.others, "architecture": self.architecture, "os": self.os}
        if self.created:
            document["created"] = self.created
        document["config"] = self.config
        document["rootfs"] = {"type": "layers", "diff_ids": list(self.diff_ids)}
        document["history"] = [step.to_dict() for step in self.history]
        return document

    def to_bytes(self) -> bytes:
        return encode(self.to_dict())

    @classmethod
    def from_bytes(cls, data: bytes) -> ImageConfig:
        return cls.from_dict(decode(data, "config"))

    @classmethod
    def from_dict(cls, data: object) -> ImageConfig:
        """Parse strictly what we use; a wrong field is named."""
        document = dict(object_of(data, "config"))
        rootfs = object_of(document.pop("rootfs", None), "config.rootfs")
        rows = list_of(rootfs.get("diff_ids") or [], "config.rootfs.diff_ids", MOST_LAYERS)
        diffs = tuple(check_digest(row, f"config.rootfs.diff_ids[{number}]") for number, row in enumerate(rows))
        steps = list_of(document.pop("history", None) or [], "config.history", MOST_STRINGS)
        history = tuple(History.from_dict(step, f"config.history[{number}]") for number, step in enumerate(steps))
        config = _run_config(document.pop("config", None) or {})
        texts = [text_of(document.pop(name, "") or "", f"config.{name}") for name in ("architecture", "os", "created")]
        if not texts[0] or texts[1] != "linux":
            raise SpecError("config.os", f"{texts[1][:40]!r} on {texts[0][:40]!r} is not linux on a named architecture")
        return cls(texts[0], texts[1], config, diffs, history, texts[2], document)

    def with_layer(self, diff_id: str, step: History) -> ImageConfig:
        """The configuration of an image with one more layer on top."""
        return replace(
            self, diff_ids=(*self.diff_ids, diff_id), history=(*self.history, step), created=step.created or self.created
        )

    def with_config(self, config: dict[str, Any], step: History) -> ImageConfig:
        """The same layers with another configuration: an empty layer in the history."""
        step = replace(step, empty_layer=True)
        return replace(self, config=_run_config(config), history=(*self.history, step), created=step.created or self.created)


def _run_config(data: object) -> dict[str, Any]:
    """Check what will become a process: lists of texts, and no NUL in any."""
    config = dict(object_of(data, "config.config"))
    for name in LISTS:
        rows = list_of(config.get(name) or [], f"config.config.{name}", MOST_STRINGS)
        for number, row in enumerate(rows):
            text_of(row, f"config.config.{name}[{number}]")
    for name in TEXTS:
        text_of(config.get(name) or "", f"config.config.{name}")
    if any(not entry.partition("=")[0] for entry in config.get("Env") or []):
        raise SpecError("config.config.Env", "has an entry without a name")
    texts_of(config.get("Labels"), "config.config.Labels")
    return config
