"""QEMU's command line: the smallest machine that boots, and nothing reached by a path or a port.

Every channel is a descriptor that is handed over: the consoles, the agent's port, the monitor. The
machine has no display, no BIOS, no PCI, no network unless it is given one; the kernel is started
directly. QEMU refuses itself new programs and new rights (`-sandbox`), as the second wall inside the
container that it runs in.

See qemu-system-x86_64(1), docs/system/i386/microvm.rst.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONSOLES = 4
CONTROL_PORT = 4
USER = 1000  # inside the container's range: nobody's, and without any right
SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
# Measured one by one in emulation; each only matters to a machine that is thrown away.
QUIET = "quiet loglevel=0 tsc=reliable cryptomgr.notests mitigations=off no_timer_check panic=-1"
TRANSLATED_MIB = 64  # QEMU's cache of translated code; by default it would take a gigabyte


@dataclass(frozen=True)
class Machine:
    """What one guest is made of. Sizes in MiB; `disk` is an erofs image, `counter_khz` the host's TSC."""

    kernel: Path
    initrd: Path
    disk: Path
    memory: int = 128
    processors: int = 1
    accelerator: str = "tcg"
    counter_khz: int = 0


def argv(
    machine: Machine, consoles: Sequence[int], control: int, monitor: int, tap: int | None = None, mac: str = ""
) -> list[str]:
    """The command that starts this machine with these descriptors; `tap` is an open tap device."""
    tcg = machine.accelerator == "tcg"
    speed = f" tsc_early_khz={machine.counter_khz}" if machine.counter_khz else ""
    # fmt: off
    command = [
        "qemu-system-x86_64", "-name", "guest,debug-threads=on", "-nodefaults", "-no-user-config",
        "-display", "none", "-no-reboot", "-sandbox", SANDBOX, "-M", "microvm", "-global", "virtio-mmio.force-legacy=false",
        "-accel", f"tcg,thread=multi,tb-size={TRANSLATED_MIB}" if tcg else "kvm", "-cpu", "max" if tcg else "host",
        "-m", str(machine.memory), "-smp", str(machine.processors),
        "-kernel", str(machine.kernel), "-initrd", str(machine.initrd), "-append", QUIET + speed,
        "-drive", f"if=none,id=disk,file={machine.disk},format=raw,readonly=on,file.locking=off",
        "-device", "virtio-blk-device,drive=disk",
        "-object", "rng-builtin,id=rng", "-device", "virtio-rng-device,rng=rng",
        "-device", "virtio-serial-device,max_ports=8",
        "-chardev", f"socket,id=control,fd={control}",
        "-device", f"virtserialport,chardev=control,name=control,nr={CONTROL_PORT}",
        "-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control",
    ]
    for number, fd in enumerate(consoles):
        command += ["-chardev", f"socket,id=console{number},fd={fd}"]
        command += ["-device", f"virtconsole,chardev=console{number},nr={number}"]
    if tap is not None:
        command += ["-netdev", f"tap,id=lab,fd={tap}", "-device", f"virtio-net-device,netdev=lab,mac={mac}"]
    # fmt: on
    return command
