"""Manifest and index: which blobs an image is made of, and which images a layout holds.

A manifest names one configuration and the layers, lowest first. An index is a list of
manifests, each with its name as an annotation. Docker's own formats (schema 2) differ only in
their media types, and are read as well.

See the OCI image specification, manifest.md, image-index.md and image-layout.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from runtime.errors import SpecError
from runtime.oci.digest import Descriptor, list_of, object_of, texts_of

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
MANIFESTS = (MANIFEST, DOCKER_MANIFEST)
INDEXES = (INDEX, DOCKER_LIST)
# How the bytes of a layer are packed, by media type.
PACKINGS = {
    LAYER: "none",
    f"{LAYER}+gzip": "gzip",
    f"{LAYER}+zstd": "zstd",
    DOCKER_LAYER: "none",
    f"{DOCKER_LAYER}.gzip": "gzip",
    f"{DOCKER_LAYER}.zstd": "zstd",
}
REF_NAME = "org.opencontainers.image.ref.name"
MOST_LAYERS = 127
MOST_IMAGES = 10_000
LARGEST_DOCUMENT = 4 << 20
DEEPEST = 32


@dataclass(frozen=True)
class Manifest:
    """One image: its configuration and its layers, lowest first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: dict[str, str] = field(default_factory=dict)
    media_type: str = MANIFEST

    def to_bytes(self) -> bytes:
        """The document, always the same bytes for the same manifest."""
        document: dict[str, Any] = {"schemaVersion": 2, "mediaType": self.media_type, "config": self.config.to_dict()}
        document["layers"] = [layer.to_dict() for layer in self.layers]
        if self.annotations:
            document["annotations"] = dict(sorted(self.annotations.items()))
        return encode(document)

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        document = object_of(decode(data, "manifest"), "manifest")
        if document.get("schemaVersion") != 2:
            raise SpecError("manifest.schemaVersion", "is not 2")
        media_type = document.get("mediaType", MANIFEST)
        if media_type not in MANIFESTS:
            raise SpecError("manifest.mediaType", f"{str(media_type)[:80]!r} is not an image's manifest")
        config = Descriptor.from_dict(document.get("config"), "manifest.config")
        if config.media_type not in (CONFIG, DOCKER_CONFIG):
            raise SpecError("manifest.config.mediaType", f"{config.media_type[:80]!r} is not an image's configuration")
        rows = list_of(document.get("layers"), "manifest.layers", MOST_LAYERS)
        layers = tuple(Descriptor.from_dict(row, f"manifest.layers[{number}]") for number, row in enumerate(rows))
        for number, layer in enumerate(layers):
            if layer.media_type not in PACKINGS:
                raise SpecError(f"manifest.layers[{number}].mediaType", f"{layer.media_type[:80]!r} is not a layer we can read")
        return cls(config, layers, texts_of(document.get("annotations"), "manifest.annotations"), media_type)


@dataclass(frozen=True)
class Index:
    """The table of contents of a layout."""

    manifests: tuple[Descriptor, ...] = ()

    def to_bytes(self) -> bytes:
        rows = [manifest.to_dict() for manifest in self.manifests]
        return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": rows}, indent=2).encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> Index:
        document = object_of(decode(data, "index"), "index")
        rows = list_of(document.get("manifests"), "index.manifests", MOST_IMAGES)
        return cls(tuple(Descriptor.from_dict(row, f"index.manifests[{number}]") for number, row in enumerate(rows)))

    def named(self, name: str) -> Descriptor | None:
        """The manifest of this name."""
        return next((one for one in self.manifests if one.annotations.get(REF_NAME) == name), None)

    def with_name(self, name: str, manifest: Descriptor) -> Index:
        """The same index with this name led to this manifest."""
        kept = [one for one in self.manifests if one.annotations.get(REF_NAME) != name]
        named = replace(manifest, annotations={**manifest.annotations, REF_NAME: name})
        return Index(tuple(sorted([*kept, named], key=lambda one: one.annotations.get(REF_NAME, ""))))

    def without(self, name: str) -> Index:
        return Index(tuple(one for one in self.manifests if one.annotations.get(REF_NAME) != name))


def encode(document: dict[str, Any]) -> bytes:
    """JSON without a byte to spare, as digests are of bytes and not of meaning."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def decode(data: bytes, path: str) -> Any:
    """JSON of a bounded size and depth: the parser recurses, and a stranger wrote the text."""
    if len(data) > LARGEST_DOCUMENT:
        raise SpecError(path, f"is larger than {LARGEST_DOCUMENT >> 20} MiB")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SpecError(path, f"is not JSON: {str(error)[:200]}") from error
    _check_depth(document, path)
    return document


def _check_depth(document: Any, path: str) -> None:
    level = [document]
    for _ in range(DEEPEST):
        level = [child for one in level for child in _children(one)]
        if not level:
            return
    raise SpecError(path, f"is nested deeper than {DEEPEST}")


def _children(one: Any) -> list[Any]:
    return list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else []
