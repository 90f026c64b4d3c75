"""`diff`, `commit`, `snapshot`, `rollback`: what a sandbox has changed, and how to keep it or undo it.

A rollback is a new sandbox with the name, the limits and the network of the old one, on the
snapshot's layers. What ran in the old one has ended: a tree of files can be put back, processes cannot.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from runtime.container import ground
from runtime.errors import NotFoundError
from runtime.image.build import rfc3339
from runtime.image.changes import changes, of_the_runtime
from runtime.image.store import Image, Store
from runtime.oci.image_config import History
from runtime.oci.spec import Spec
from runtime.paths import Paths
from runtime.spawner.client import SpawnerClient


def diff(options: argparse.Namespace, paths: Paths) -> int:
    """A line a change."""
    stands = ground.of(options.id, paths)
    found = list(changes(stands.upper, stands.lower, stands.ids))
    if options.json:
        print(json.dumps([{"change": kind, "path": path} for kind, path in found]))
        return 0
    for kind, path in found:
        print(kind, path if path.isprintable() else ascii(path)[1:-1])
    return 0


def commit(options: argparse.Namespace, paths: Paths) -> int:
    """The image a sandbox was made of, and a layer for each tree it has beyond that."""
    store, stands = Store(paths.images), ground.of(options.id, paths)
    base = _base(store, stands)
    config, blobs = base.parsed, list(base.blobs)
    step = History(rfc3339(int(time.time())), f"commit {options.id}")
    with store.scratch():
        layers = [store.layer_from_directory(tree) for tree in stands.layers[len(base.layers) :]]
        without = of_the_runtime(stands.upper, stands.lower, stands.ids)
        layers.append(store.layer_from_directory(stands.upper, stands.ids, None, without))
        for layer in [layer for layer in layers if layer.entries]:
            config = config.with_layer(layer.diff_id, step)
            blobs.append(layer.descriptor)
        image = store.commit(options.name, config, blobs)
    print(f"{image.name} {image.descriptor.digest}")
    return 0


def _base(store: Store, stands: ground.Ground) -> Image:
    """The image whose trees are the lowest; its name may lead to another by now."""
    try:
        images = [store.lookup(stands.image), *store.list()]
    except NotFoundError:
        images = [*store.list()]
    fitting = [image for image in images if image.layers and stands.layers[: len(image.layers)] == image.layers]
    if not fitting:
        raise NotFoundError(f"the image {stands.image} it was made of is no longer in the store")
    return max(fitting, key=lambda image: len(image.layers))


def snapshot(options: argparse.Namespace, paths: Paths) -> int:
    """Its size, for people."""
    record = SpawnerClient(paths).snapshot(options.id, options.name)
    print(f"{record['name']}: {record['size'] / 1e6:.1f}MB, {record['entries']} entries")
    return 0


def rollback(options: argparse.Namespace, paths: Paths) -> int:
    """The same sandbox anew, on the snapshot."""
    client = SpawnerClient(paths)
    if options.name not in client.snapshots(options.id):
        raise NotFoundError(f"no snapshot {options.name!r} of {options.id}")
    stands = ground.of(options.id, paths)
    spec = Spec.from_dict(json.loads((paths.sandbox(options.id) / "config.json").read_text()))
    client.delete(options.id)
    client.create(**_request(spec, stands.image), snapshot=f"{options.id}/{options.name}")
    client.forget(options.id, after=options.name)
    return 0


def _request(spec: Spec, image: str) -> dict[str, Any]:
    """The create request that made a sandbox."""
    limits = spec.resources
    request = {
        "id": spec.id, "image": image, "profile": spec.profile, "memory": limits.memory_bytes, "cpus": limits.cpus,
        "pids": limits.pids, "disk": limits.disk_bytes, "net": spec.net, "lab_index": spec.lab_index,
        "hostname": spec.hostname, "hosts": spec.hosts, "annotations": dict(spec.annotations),
    }  # fmt: skip
    return request | ({"lab": spec.lab} if spec.lab else {})
