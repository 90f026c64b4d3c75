"""The image store: an OCI layout, and beside it every layer once as a tree to stand on.

    <images>/index.json, blobs/         the layout: names, manifests, configurations, tars
    <images>/layers/<chain>/            one layer unpacked, named by the chainID of its stack
    <images>/layers/<chain>.json        its diffID and the digest of the tree, for `verify`

A tree is shared by every sandbox through an overlay's lowerdir, so a change to it would be seen
in all of them: it is never written to after it got its name. Only root may enter `layers`: the
files in it are setuid for the host's ids until a sandbox's mount maps them to its own.

Without a store of its own the image would share inodes with the host's root, and a bug that
writes the page cache would reach the host's programs. See overlayfs in the kernel's manual.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.errors import NotFoundError, VitrineError
from runtime.image import apply
from runtime.image.blobs import Blobs
from runtime.image.layer import Ids, write_layer
from runtime.image.unpack import Limits
from runtime.oci import reference
from runtime.oci.digest import Descriptor
from runtime.oci.image_config import History, ImageConfig
from runtime.oci.manifest import CONFIG, LAYER, MANIFEST, REF_NAME, Manifest

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
MACHINE = ARCHITECTURES.get(platform.machine(), platform.machine())
RECIPE = "org.vitrine.recipe"
CACHE = "cache/"  # names of the results of single build steps begin so; `image list` leaves them out
SNAPSHOTS = "snapshot/"  # and those of the snapshots of labs' sandboxes


@dataclass(frozen=True)
class Layer:
    """A layer in the store: its blob, and the digest of its uncompressed tar."""

    descriptor: Descriptor
    diff_id: str
    entries: int = 0


@dataclass(frozen=True)
class Image:
    """A name, the trees it stands for (lowest first) and how to run it (the OCI document)."""

    name: str
    layers: list[Path]
    config: dict[str, Any] = field(default_factory=dict)
    recipe: str = ""
    descriptor: Descriptor = field(default_factory=lambda: Descriptor(MANIFEST, "", 0))
    manifest: Manifest | None = None

    @property
    def parsed(self) -> ImageConfig:
        """The configuration, to derive another from."""
        return ImageConfig.from_dict(self.config)

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The layers' descriptors, lowest first."""
        return self.manifest.layers if self.manifest else ()


@dataclass(frozen=True)
class _Tree:
    """A tree that waits for its name; `content` is what its canonical tar digests to."""

    root: Path
    name: str
    diff_id: str
    content: str
    notes: Sequence[str] = ()


class Store:
    """The images of one node. Reading needs no right but to read; writing needs root."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.layers = directory / "layers"
        self.blobs = Blobs(directory)

    def lookup(self, name: str) -> Image:
        """The image of this name or digest, or NotFoundError that says how to get it."""
        index = self.blobs.index()
        wanted = name if name.startswith("sha256:") else reference.normalise(name)
        found = index.named(wanted) or next((one for one in index.manifests if one.digest == wanted), None)
        if found is None:
            raise NotFoundError(f"no image {name!r} in {self.directory}; see `image list`")
        return self.image(found)

    def list(self) -> Sequence[Image]:
        return [self.image(one) for one in self.blobs.index().manifests]

    def image(self, descriptor: Descriptor) -> Image:
        """The image of a manifest; its documents are verified, its trees are not."""
        manifest = Manifest.from_bytes(self.blobs.read(descriptor))
        config = ImageConfig.from_bytes(self.blobs.read(manifest.config))
        trees = [self.tree(chain) for chain in config.chains]
        name = reference.familiar(descriptor.annotations.get(REF_NAME, descriptor.digest))
        recipe = manifest.annotations.get(RECIPE, "")
        return Image(name, trees, config.to_dict(), recipe, descriptor, manifest)

    def tree(self, chain: str) -> Path:
        """Where the layer of this chainID is unpacked, or will be."""
        return self.layers / chain.partition(":")[2]

    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """A directory on the store's file system, gone afterwards; what is added meanwhile is not collected."""
        return self.blobs.scratch()

    def layer_from_directory(
        self, source: Path, ids: Ids | None = None, newest: int | None = None, without: Collection[str] = ()
    ) -> Layer:
        """Keep a tree as a layer's blob; the tree itself stays where it is. Call it within `scratch`.

        `source` may be the upper directory of an overlay, even one in use; `ids` are the host ids in it.
        """
        with self.scratch() as scratch:
            file = scratch / "layer.tar"
            with file.open("wb") as out:
                summary = write_layer(source, out, ids, newest, without)
            descriptor = Descriptor(LAYER, summary.diff_id, summary.size)
            self.blobs.adopt(file, descriptor)
        return Layer(descriptor, summary.diff_id, summary.entries)

    def commit(
        self,
        name: str | None,
        config: ImageConfig,
        layers: Sequence[Descriptor],
        annotations: dict[str, str] | None = None,
        limits: Limits | None = None,
    ) -> Image:
        """Make an image of a configuration and layers (lowest first), unpack what is not yet, and name it.

        Without a name the image is found by its digest only, until `collect`.
        """
        self._unpack_missing(config, layers, limits or Limits(), self.blobs)
        document = self.blobs.add(config.to_bytes(), CONFIG)
        manifest = Manifest(document, tuple(layers), annotations or {})
        descriptor = self.blobs.add(manifest.to_bytes(), MANIFEST)
        return self.name(name, descriptor) if name else self.image(descriptor)

    def adopt(self, staging: Blobs, names: Sequence[tuple[str, Descriptor]], limits: Limits | None = None) -> Sequence[Image]:
        """Take over images from a layout on the same file system, bytes as they are: all of them or none."""
        for name, descriptor in names:
            manifest = Manifest.from_bytes(staging.read(descriptor))
            config = ImageConfig.from_bytes(staging.read(manifest.config))
            if config.architecture != MACHINE:
                raise VitrineError(f"{name}: it is for {config.architecture[:40]!r}, this machine is {MACHINE}")
            self._unpack_missing(config, manifest.layers, limits or Limits(), staging)
        self.blobs.take_over(staging)
        return [self.name(name, descriptor) for name, descriptor in names]

    def name(self, name: str, descriptor: Descriptor) -> Image:
        """Lead a name to a manifest."""
        whole = reference.normalise(name)
        plain = Descriptor(descriptor.media_type, descriptor.digest, descriptor.size, {}, descriptor.platform)
        with self.blobs.locked():
            self.blobs.write_index(self.blobs.index().with_name(whole, plain))
        return self.lookup(whole)

    def reading(self) -> contextlib.AbstractContextManager[None]:
        """Hold this from a lookup until the trees are mounted: nothing is collected meanwhile."""
        return self.blobs.locked(mode=fcntl.LOCK_SH)

    def tag(self, source: str, target: str) -> Image:
        """A second name for the same image."""
        return self.name(target, self.lookup(source).descriptor)

    def remove(self, name: str) -> None:
        """Forget a name. Its layers stay until `collect`: sandboxes may stand on them."""
        whole = reference.normalise(name)
        with self.blobs.locked():
            index = self.blobs.index()
            if index.named(whole) is None:
                raise NotFoundError(f"no image {name!r} in {self.directory}")
            self.blobs.write_index(index.without(whole))

    def add_directory(self, name: str, source: Path, config: ImageConfig, step: History, recipe: str = "") -> Image:
        """An image of one layer, whose tree is taken over: it is moved, so it must be in `scratch`."""
        layer = self.layer_from_directory(source)
        source.chmod(0o755)
        self._keep(_Tree(source, self.tree(layer.diff_id).name, layer.diff_id, layer.diff_id))
        annotations = {RECIPE: recipe} if recipe else {}
        return self.commit(name, config.with_layer(layer.diff_id, step), [layer.descriptor], annotations)

    def _unpack_missing(self, config: ImageConfig, layers: Sequence[Descriptor], limits: Limits, blobs: Blobs) -> None:
        """Unpack what is not yet; the trees get their names when the last of them is good."""
        if len(config.diff_ids) != len(layers):
            raise VitrineError(f"the configuration has {len(config.diff_ids)} diff_ids, the manifest {len(layers)} layers")
        lower: list[Path] = []
        made: list[_Tree] = []
        with self.scratch() as scratch:
            for chain, diff, layer in zip(config.chains, config.diff_ids, layers, strict=True):
                place = self.tree(chain)
                if not place.is_dir():
                    made.append(_unpack(blobs, layer, diff, scratch / place.name, lower, limits))
                lower.append(place if place.is_dir() else scratch / place.name)
            for tree in made:
                self._keep(tree)

    def _keep(self, tree: _Tree) -> None:
        """Give a finished tree its name; whoever was first wins, both are the same."""
        self.layers.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.layers.chmod(0o700)
        place = self.layers / tree.name
        with self.blobs.locked():
            if place.exists():
                shutil.rmtree(tree.root)
                return
            record = {"diff_id": tree.diff_id, "tree": tree.content, "notes": list(tree.notes)}
            place.with_name(f"{place.name}.json").write_text(json.dumps(record) + "\n")
            tree.root.rename(place)

    def record(self, tree: Path) -> dict[str, Any]:
        """What was noted when the tree was made: diff_id, tree (its digest), notes."""
        record: dict[str, Any] = json.loads(tree.with_name(f"{tree.name}.json").read_text())
        return record

    def each_layer(self, image: Image) -> Iterator[tuple[Path, Descriptor, str]]:
        """Tree, blob and diffID of each layer, lowest first."""
        yield from zip(image.layers, image.blobs, image.parsed.diff_ids, strict=True)


def _unpack(blobs: Blobs, layer: Descriptor, diff: str, root: Path, lower: Sequence[Path], limits: Limits) -> _Tree:
    """Make the tree of one layer at `root`, above the trees in `lower`."""
    root.mkdir(mode=0o755)
    archive = blobs.open(layer)
    try:
        report = apply.unpack(f"layer {layer.digest}", archive, root, limits)
    finally:
        os.close(archive)
    if report.diff_id != diff:
        raise VitrineError(f"layer {layer.digest} unpacks to {report.diff_id}, not to {diff} as the configuration says")
    apply.finish(root, lower, report)
    return _Tree(root, root.name, diff, write_layer(root, None).diff_id, report.notes)
