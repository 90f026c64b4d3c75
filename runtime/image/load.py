"""Importing: archives and layouts that other tools wrote become images of the store.

Three forms are read, packed with gzip or zstd or not at all: an OCI layout (a directory, or a tar of
one), `docker save` with its manifest.json, and docker's first form with `repositories`. An archive
is opened in a jail like every layer in it; what it holds is then read without following links. Blobs
are digested on the way in, layers again when they are unpacked. All of
it waits in a scratch directory until the last byte is known to be right: an import that fails leaves nothing.

See image-layout.md of the image specification; docker's image/spec/v1.2.md.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import VitrineError
from runtime.image import apply, beneath, docker
from runtime.image.blobs import Blobs
from runtime.image.files import shown
from runtime.image.store import MACHINE, Image, Store
from runtime.image.streams import packing_of
from runtime.image.unpack import Limits
from runtime.oci import reference
from runtime.oci.digest import Descriptor, digest_of
from runtime.oci.manifest import INDEXES, LARGEST_DOCUMENT, MANIFESTS, REF_NAME, Index, Manifest

CONTAINERD_NAME = "io.containerd.image.name"


@dataclass(frozen=True)
class Found:
    """An image whose blobs are in the store, and the names it came with."""

    descriptor: Descriptor
    names: tuple[str, ...]


def load(store: Store, source: str, name: str | None = None, limits: Limits | None = None) -> list[Image]:
    """Import every image of a file, a directory or (`-`) the standard input; `name` replaces the only image's own."""
    bounds = limits or Limits()
    path = Path(source)
    with store.scratch() as scratch:
        staging = Blobs(scratch / "layout")
        if source != "-" and path.is_dir():
            found = _read(staging, path, scratch)
        else:
            root = scratch / "archive"
            root.mkdir(mode=0o755)
            _open(source, root, bounds)
            found = _read(staging, root, scratch)
        return list(store.adopt(staging, _named(found, name, source), bounds))


def _open(source: str, root: Path, limits: Limits) -> None:
    """Unpack the outer archive."""
    if source == "-":
        apply.unpack_stream("the standard input", sys.stdin.fileno(), "any", root, limits)
        return
    archive = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(archive).st_mode):
            raise VitrineError(f"{source}: neither a file nor a directory")
        packing_of(os.pread(archive, 8, 0))
        apply.unpack(source, archive, root, limits)
    finally:
        os.close(archive)


def _named(found: Sequence[Found], name: str | None, source: str) -> list[tuple[str, Descriptor]]:
    """Each image with each of its names; checked before anything is named."""
    if name is not None:
        if len({one.descriptor.digest for one in found}) != 1:
            raise VitrineError(f"{source} holds {len(found)} images: they keep their own names, leave out --name")
        return [(reference.normalise(name), found[0].descriptor)]
    pairs = [(reference.normalise(each), one.descriptor) for one in found for each in one.names]
    if len({descriptor.digest for _, descriptor in pairs}) < len({one.descriptor.digest for one in found}):
        raise VitrineError(f"an image in {source} has no name: give one with --name")
    return pairs


def _read(staging: Blobs, root: Path, scratch: Path) -> list[Found]:
    """Find out what the directory is, and take its blobs."""
    present = {name for name in ("oci-layout", "index.json", "manifest.json", "repositories") if beneath.status(root, name)}
    if {"oci-layout", "index.json"} <= present:
        found = _layout(staging, root, scratch)
    elif "manifest.json" in present:
        found = [Found(one, names) for one, names in docker.images(staging, root, scratch)]
    elif "repositories" in present:
        found = [Found(one, names) for one, names in docker.old_images(staging, root, scratch)]
    else:
        raise VitrineError("it holds no image: neither oci-layout and index.json, nor manifest.json, nor repositories")
    if not found:
        raise VitrineError("its list of images is empty")
    return found


def _layout(staging: Blobs, root: Path, scratch: Path) -> list[Found]:
    index = Index.from_bytes(beneath.read(root, "index.json", LARGEST_DOCUMENT))
    found = []
    for row in index.manifests:
        descriptor = _choose(root, row)
        manifest = _document(root, descriptor)
        for blob in (Manifest.from_bytes(manifest).config, *Manifest.from_bytes(manifest).layers):
            _take(staging, root, blob, scratch)
        staging.add(manifest, descriptor.media_type)
        found.append(Found(descriptor, _names(row)))
    return found


def _names(row: Descriptor) -> tuple[str, ...]:
    """docker writes the whole name for containerd, and only the tag where others write the name."""
    for key in (CONTAINERD_NAME, REF_NAME):
        if key in row.annotations:
            return (row.annotations[key],)
    return ()


def _choose(root: Path, row: Descriptor, depth: int = 0) -> Descriptor:
    """The manifest itself, or of an index the one for this machine."""
    if row.media_type in MANIFESTS:
        return Descriptor(row.media_type, row.digest, row.size)
    if row.media_type not in INDEXES or depth > 2:
        raise VitrineError(f"{row.digest}: {shown(row.media_type)} is neither a manifest nor an index")
    for below in Index.from_bytes(_document(root, row)).manifests:
        if below.platform.get("architecture") == MACHINE and below.platform.get("os") == "linux":
            return _choose(root, below, depth + 1)
    raise VitrineError(f"{row.digest}: it has no image for linux on {MACHINE}")


def _document(root: Path, descriptor: Descriptor) -> bytes:
    """A small blob of the other layout, verified."""
    with os.fdopen(_blob(root, descriptor), "rb") as file:
        data = file.read(min(descriptor.size, LARGEST_DOCUMENT) + 1)
    if digest_of(data) != descriptor.digest:
        raise VitrineError(f"blob {descriptor.digest} holds other bytes: they have {digest_of(data)}")
    return data


def _take(staging: Blobs, root: Path, descriptor: Descriptor, scratch: Path) -> None:
    if staging.has(descriptor):
        return
    fd = _blob(root, descriptor)
    try:
        staging.copy_in(fd, descriptor, scratch)
    finally:
        os.close(fd)


def _blob(root: Path, descriptor: Descriptor) -> int:
    try:
        return beneath.regular(root, f"blobs/sha256/{descriptor.hex}")
    except OSError as error:
        raise VitrineError(f"blob {descriptor.digest} cannot be read from the archive: {error.strerror}") from error
