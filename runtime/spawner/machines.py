"""A request for a virtual machine becomes one for a container that has the machine in it.

The image of the lesson becomes a disk in a room (runtime.vm.room), and the container's own image is the
one with QEMU. So the machine has the limits, the ids and the removal of any container.

What may take a while is done in the fork that makes the container, since the spawner waits for nobody: to make the
room, and to measure the processor's clock.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from runtime.errors import RefusedError
from runtime.oci.spec import BACKEND, MEBIBYTE
from runtime.paths import Paths
from runtime.spawner.images import Images
from runtime.vm import accelerator, room

SUPERVISOR = ("/usr/bin/python3", "-S", "-m", "runtime.vm.supervisor")
BESIDE = 160 * MEBIBYTE  # QEMU, its translated code, and the supervisor
LEAST = 96 * MEBIBYTE  # with 64 the distribution's kernel panics
DISK = 16 * MEBIBYTE  # the container's own; the guest writes to its memory
Request = dict[str, Any]


def furnish(fields: Request, images: Images) -> Request:
    """The same request as the container's: layers and program of the room, and memory for QEMU beside the guest's."""
    guest = fields["memory_bytes"]
    if guest < LEAST:
        raise RefusedError("request", None, f"memory: a machine's kernel needs {LEAST // MEBIBYTE} MiB")
    layers = images.resolve(fields["image"])["layers"]
    return fields | {
        "image": images.resolve(room.IMAGE),
        "machine": {"memory": guest // MEBIBYTE, "layers": layers},
        "memory_bytes": guest + BESIDE,
        "disk_bytes": DISK,
        "profile": "strict",
        "annotations": fields["annotations"] | {BACKEND: "vm"},
    }


def settle(machine: Request, paths: Paths) -> tuple[str, tuple[str, ...], bool]:
    """In the fork: the room, which the first machine of an image makes, the supervisor's command line, and
    whether there is /dev/kvm."""
    layers = [Path(layer) for layer in machine["layers"]]
    layer = room.make(paths, layers, lambda text: print(text, file=sys.stderr, flush=True)).layer
    files = {"kernel": "/guest/vmlinux", "initrd": "/guest/initrd", "disk": "/guest/disk"}
    host = accelerator.known(paths)
    command = (*SUPERVISOR, json.dumps(files | {"memory": machine["memory"]} | host))
    return str(layer), command, host["accelerator"] == "kvm"
