"""Digests: a blob is named by what it holds, so nobody can change it behind its name.

A descriptor points at a blob by media type, digest and size. The size is checked first, because
it is cheap: a blob that is longer than announced is refused before all of it was read.

See the OCI image specification, descriptor.md. Without digests a registry, a disk or a cable
could hand out another image under the same name, and nobody would notice.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from runtime.errors import SpecError

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LARGEST = 1 << 45


def digest_of(data: bytes) -> str:
    """The digest of some bytes, as `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def check_digest(value: object, path: str) -> str:
    """The digest itself if it is one we can check, and which therefore is safe in a file's name."""
    if not isinstance(value, str) or not DIGEST.fullmatch(value):
        raise SpecError(path, f"{str(value)[:80]!r} is not sha256: and 64 hexadecimal digits")
    return value


def chain_ids(diff_ids: tuple[str, ...]) -> list[str]:
    """ChainID(L0) = DiffID(L0), then the digest of "chain diff": one name for each stack, lowest first."""
    chains: list[str] = []
    for diff in diff_ids:
        chains.append(digest_of(f"{chains[-1]} {diff}".encode()) if chains else diff)
    return chains


@dataclass(frozen=True)
class Descriptor:
    """Where a blob is: `digest`, `size` in bytes, and what it means."""

    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] = field(default_factory=dict)
    platform: dict[str, Any] = field(default_factory=dict)

    @property
    def hex(self) -> str:
        return self.digest.partition(":")[2]

    def to_dict(self) -> dict[str, Any]:
        document: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.annotations:
            document["annotations"] = dict(sorted(self.annotations.items()))
        if self.platform:
            document["platform"] = self.platform
        return document

    @classmethod
    def from_dict(cls, data: object, path: str) -> Descriptor:
        """Parse strictly; `path` names the field in an error."""
        document = object_of(data, path)
        size = document.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= LARGEST:
            raise SpecError(f"{path}.size", "is not a number of bytes")
        media_type = text_of(document.get("mediaType", ""), f"{path}.mediaType")
        digest = check_digest(document.get("digest"), f"{path}.digest")
        platform = object_of(document.get("platform") or {}, f"{path}.platform")
        return cls(media_type, digest, size, texts_of(document.get("annotations"), f"{path}.annotations"), platform)


def object_of(data: object, path: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise SpecError(path, "is not an object")
    return data


def list_of(data: object, path: str, most: int) -> list[Any]:
    """A list of no more than `most` members."""
    if not isinstance(data, list):
        raise SpecError(path, "is not a list")
    if len(data) > most:
        raise SpecError(path, f"has {len(data)} members, more than {most}")
    return data


def text_of(data: object, path: str) -> str:
    if not isinstance(data, str) or "\0" in data:
        raise SpecError(path, "is not a text")
    return data


def texts_of(data: object, path: str) -> dict[str, str]:
    """A mapping from text to text; none at all is an empty one."""
    document = object_of({} if data is None else data, path)
    return {text_of(name, path): text_of(value, f"{path}.{name[:80]}") for name, value in document.items()}
