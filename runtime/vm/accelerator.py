"""How this host runs guests, found out once after each start of the host and kept in a file.

/dev/kvm proves nothing (see runtime.container.kvm), so it is tried. Where it works, machines are given it;
where it does not, QEMU emulates a processor, and the word that says why goes wherever the machine's facts
go. A host that passed the trial and then starts no machine is struck off: `disprove`.

See kvm(4), /proc/sys/kernel/random/boot_id in random(4).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from runtime.container import kvm
from runtime.oci.state import boot_id
from runtime.paths import Paths
from runtime.vm import clock

Record = dict[str, Any]


def known(paths: Paths) -> Record:
    """`accelerator` (kvm or tcg), `why` (one of kvm.WORDS) and the processor's `counter_khz`."""
    try:
        record = dict(json.loads(_place(paths).read_text()))
    except (OSError, ValueError):
        record = {}
    if record.pop("boot_id", "") != boot_id():
        verdict = kvm.probe()
        record = {"accelerator": verdict.accelerator, "why": verdict.word, "counter_khz": clock.counter_khz()}
        _remember(paths, record)
    return record


def disprove(paths: Paths) -> None:
    """The probe ran and a machine did not: nobody waits for that a second time before the host restarts."""
    _remember(paths, known(paths) | {"accelerator": "tcg", "why": kvm.USELESS})


def _place(paths: Paths) -> Path:
    """For all nodes of this host that share their images: a state made by one is then of use to another."""
    return paths.state / "machine-host.json"


def _remember(paths: Paths, record: Record) -> None:
    draft = _place(paths).with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(record | {"boot_id": boot_id()}))
    draft.rename(_place(paths))
