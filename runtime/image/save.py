"""Exporting: an image leaves the store as other tools expect it, blob for blob the same bytes.

An OCI layout is a directory, an OCI archive a tar of one, a docker archive a tar with a
manifest.json. Nothing is packed or unpacked on the way, so all digests stay: whoever imports it has
the same image and not a similar one. The archives themselves are the same each time: no clock, no owner.

See image-layout.md of the image specification; docker's image/spec/v1.2.md.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from runtime.errors import ExistsError, VitrineError
from runtime.image.blobs import VERSION, Blobs
from runtime.image.layer import header
from runtime.image.load import CONTAINERD_NAME
from runtime.image.store import Image, Store
from runtime.oci.digest import Descriptor
from runtime.oci.manifest import REF_NAME, Index
from runtime.oci.reference import is_reference, normalise, qualified

FORMATS = ("oci-archive", "oci-layout", "docker-archive")
_CHUNK = 1 << 20


def save(store: Store, image: Image, target: str, form: str = "oci-archive") -> None:
    """Write the image to a file, a new directory (oci-layout) or `-`."""
    if form == "oci-layout":
        _layout(store, image, Path(target))
        return
    write = _oci_archive if form == "oci-archive" else _docker_archive
    if target == "-":
        write(store, image, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    half = Path(f"{target}.part")
    try:
        with half.open("wb") as out:
            write(store, image, out)
        half.rename(target)
    finally:
        half.unlink(missing_ok=True)


def _everything(image: Image) -> Iterator[Descriptor]:
    """Every blob once: layers may repeat."""
    if image.manifest is None:
        raise VitrineError(f"{image.name} has no manifest")
    blobs = {one.digest: one for one in (image.descriptor, image.manifest.config, *image.manifest.layers)}
    yield from (blobs[digest] for digest in sorted(blobs))


def _index(image: Image) -> Index:
    """The index of a layout that holds this image only; docker and containerd read the second name."""
    plain = Descriptor(image.descriptor.media_type, image.descriptor.digest, image.descriptor.size)
    if not is_reference(image.name):
        return Index((plain,))
    annotations = {REF_NAME: normalise(image.name), CONTAINERD_NAME: qualified(image.name)}
    return Index((Descriptor(plain.media_type, plain.digest, plain.size, annotations),))


def _layout(store: Store, image: Image, directory: Path) -> None:
    if directory.exists() and any(directory.iterdir()):
        raise ExistsError(f"{directory} is there already and not empty")
    layout = Blobs(directory)
    layout.place.mkdir(parents=True, exist_ok=True)
    for blob in _everything(image):
        shutil.copyfile(store.blobs.path(blob), layout.path(blob))
    (directory / "oci-layout").write_text(json.dumps(VERSION))
    (directory / "index.json").write_bytes(_index(image).to_bytes())


def _oci_archive(store: Store, image: Image, out: IO[bytes]) -> None:
    _entry(out, "oci-layout", json.dumps(VERSION).encode())
    _entry(out, "index.json", _index(image).to_bytes())
    for name in ("blobs", "blobs/sha256"):
        out.write(header(name, tarfile.DIRTYPE, 0o755, 0, 0, 0))
    for blob in _everything(image):
        _file(out, f"blobs/sha256/{blob.hex}", store, blob)
    out.write(bytes(1024))


def _docker_archive(store: Store, image: Image, out: IO[bytes]) -> None:
    """Layers are named by diffID, as docker and skopeo do; the configuration's digest is the image's id."""
    if image.manifest is None:
        raise VitrineError(f"{image.name} has no manifest")
    config = image.manifest.config
    names = [f"{diff.partition(':')[2]}.tar" for _, _, diff in store.each_layer(image)]
    tags = [normalise(image.name)] if is_reference(image.name) else []
    row = {"Config": f"{config.hex}.json", "RepoTags": tags, "Layers": names}
    _entry(out, "manifest.json", json.dumps([row]).encode())
    _file(out, f"{config.hex}.json", store, config)
    for name, blob in dict(zip(names, image.blobs, strict=True)).items():
        _file(out, name, store, blob)
    out.write(bytes(1024))


def _entry(out: IO[bytes], name: str, data: bytes) -> None:
    out.write(header(name, tarfile.REGTYPE, 0o644, 0, 0, 0, len(data)) + data + bytes(-len(data) % 512))


def _file(out: IO[bytes], name: str, store: Store, blob: Descriptor) -> None:
    """A blob as an entry; refused if it is not as long as it says."""
    with os.fdopen(store.blobs.open(blob), "rb") as source:
        out.write(header(name, tarfile.REGTYPE, 0o644, 0, 0, 0, blob.size))
        shutil.copyfileobj(source, out, _CHUNK)
        if source.tell() != blob.size:
            raise VitrineError(f"blob {blob.digest} has {source.tell()} bytes, not {blob.size}: see `image verify`")
    out.write(bytes(-blob.size % 512))
