"""docker's archives: manifest.json names a configuration and files; the first form is a chain of parents.

Neither has digests of its files, so the layers are digested as they are found, and compared with
the diffIDs of the configuration when they are unpacked. Layers that are alike may be symbolic links
to each other: such a link is followed by us, part by part, and never out of the archive.

See docker's image/spec/v1.md and v1.2.md.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runtime.errors import SpecError, VitrineError
from runtime.image import beneath
from runtime.image.blobs import Blobs
from runtime.image.files import shown
from runtime.image.streams import packing_of
from runtime.oci.digest import Descriptor, list_of, object_of, text_of
from runtime.oci.image_config import ImageConfig
from runtime.oci.manifest import CONFIG, LARGEST_DOCUMENT, LAYER, MANIFEST, MOST_IMAGES, MOST_LAYERS, Manifest, decode

_CHUNK = 1 << 20
_SUFFIX = {"none": "", "gzip": "+gzip", "zstd": "+zstd"}


def images(staging: Blobs, root: Path, scratch: Path) -> Iterator[tuple[Descriptor, tuple[str, ...]]]:
    """Every image of a manifest.json: its manifest in the store, and its names."""
    rows = list_of(_json(root, "manifest.json"), "manifest.json", MOST_IMAGES)
    for number, data in enumerate(rows):
        where = f"manifest.json[{number}]"
        row = object_of(data, where)
        config = _small(root, text_of(row.get("Config"), f"{where}.Config"))
        paths = [text_of(path, f"{where}.Layers") for path in list_of(row.get("Layers"), f"{where}.Layers", MOST_LAYERS)]
        if len(paths) != len(ImageConfig.from_bytes(config).diff_ids):
            raise SpecError(f"{where}.Layers", "are not as many as the configuration's diff_ids")
        tags = list_of(row.get("RepoTags") or [], f"{where}.RepoTags", MOST_IMAGES)
        names = tuple(text_of(tag, f"{where}.RepoTags") for tag in tags)
        yield _image(staging, config, [_layer(staging, root, path, scratch) for path in paths]), names


def old_images(staging: Blobs, root: Path, scratch: Path) -> Iterator[tuple[Descriptor, tuple[str, ...]]]:
    """Every image of a `repositories` file: {name: {tag: id of the topmost layer}}."""
    for name, tags in object_of(_json(root, "repositories"), "repositories").items():
        for tag, top in object_of(tags, f"repositories.{name}").items():
            yield _old_image(staging, root, text_of(top, f"repositories.{name}.{tag}"), scratch), (f"{name}:{tag}",)


def _old_image(staging: Blobs, root: Path, top: str, scratch: Path) -> Descriptor:
    chain = _ancestors(root, top)
    layers = [_layer(staging, root, f"{identifier}/layer.tar", scratch) for identifier, _ in chain]
    newest = chain[-1][1]
    document = {name: newest.get(name) or "" for name in ("architecture", "os", "created")}
    steps = [{"created": one.get("created") or "", "created_by": _command(one)} for _, one in chain]
    diffs = [layer.digest for layer in layers]
    full = {**document, "config": newest.get("config") or {}, "history": steps, "rootfs": {"diff_ids": diffs}}
    return _image(staging, ImageConfig.from_dict(full).to_bytes(), layers)


def _ancestors(root: Path, top: str) -> list[tuple[str, dict[str, Any]]]:
    """From the lowest layer to `top`; each names its parent."""
    chain: list[tuple[str, dict[str, Any]]] = []
    identifier = top
    while identifier:
        if len(chain) >= MOST_LAYERS:
            raise VitrineError(f"layer {shown(top)} has a chain of parents without an end")
        document = object_of(_json(root, f"{identifier}/json"), f"{identifier[:80]}/json")
        chain.append((identifier, document))
        identifier = text_of(document.get("parent") or "", f"{identifier[:80]}/json.parent")
    return chain[::-1]


def _command(document: dict[str, Any]) -> str:
    own = object_of(document.get("container_config") or {}, "container_config")
    return " ".join(str(word) for word in list_of(own.get("Cmd") or [], "container_config.Cmd", 4096))


def _image(staging: Blobs, config: bytes, layers: list[Descriptor]) -> Descriptor:
    ImageConfig.from_bytes(config)
    return staging.add(Manifest(staging.add(config, CONFIG), tuple(layers)).to_bytes(), MANIFEST)


def _layer(staging: Blobs, root: Path, path: str, scratch: Path) -> Descriptor:
    """Take a layer's file as a blob; what it is packed with shows in its first bytes."""
    try:
        fd = beneath.regular(root, _resolve(root, path))
    except OSError as error:
        raise VitrineError(f"layer {shown(path)} cannot be read from the archive: {error.strerror}") from error
    try:
        total = hashlib.sha256()
        packing = packing_of(os.pread(fd, 8, 0))
        size = os.fstat(fd).st_size
        while data := os.read(fd, _CHUNK):
            total.update(data)
        os.lseek(fd, 0, os.SEEK_SET)
        descriptor = Descriptor(LAYER + _SUFFIX[packing], f"sha256:{total.hexdigest()}", size)
        staging.copy_in(fd, descriptor, scratch)
        return descriptor
    finally:
        os.close(fd)


def _resolve(root: Path, path: str, hops: int = 4) -> str:
    """Where a name leads within the archive, its symbolic links followed by us."""
    info = beneath.status(root, path)
    if info is None or not stat.S_ISLNK(info.st_mode):
        return path
    parent, _, name = path.rpartition("/")
    fd = beneath.directory(root, parent)
    try:
        target = os.readlink(name, dir_fd=fd)
    finally:
        os.close(fd)
    landing = posixpath.normpath(posixpath.join(parent, target))
    if target.startswith("/") or landing.startswith("..") or not hops:
        raise VitrineError(f"layer {shown(path)} is a link to {shown(target)}, which is not in the archive")
    return _resolve(root, landing, hops - 1)


def _small(root: Path, path: str) -> bytes:
    try:
        return beneath.read(root, _resolve(root, path), LARGEST_DOCUMENT)
    except OSError as error:
        raise VitrineError(f"{shown(path)} cannot be read from the archive: {error.strerror}") from error


def _json(root: Path, path: str) -> Any:
    return decode(_small(root, path), path[:80])
