"""QEMU's command line: the smallest machine that boots, and nothing reached by a path or a port.

Every channel is a descriptor that is handed over: the consoles, the agent's port, the monitor, the
network. The machine has no display, no BIOS, no PCI; the kernel is started directly. QEMU refuses
itself new programs and new rights (`-sandbox`), as the second wall inside the container that it runs in.

See qemu-system-x86_64(1), docs/system/i386/microvm.rst. With the usual machine instead, a guest boots
half a second later, and a hundred devices more are there to be attacked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

CONSOLES = 4
CONTROL_PORT = 4
PARKED = 0  # the console where a shell waits in what is saved, see runtime/vm/machine.py
USER = 1000  # inside the container's range: nobody's, and without any right
SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
# Measured one by one in emulation; each only matters to a machine that is thrown away. It restarts by a triple
# fault: through the keyboard that is not there, one that was restored never would.
QUIET = "quiet loglevel=0 tsc=reliable cryptomgr.notests mitigations=off no_timer_check panic=-1 reboot=t"
TRANSLATED_MIB = 64  # QEMU's cache of translated code; by default it would take a gigabyte


class Machine(NamedTuple):
    """What one guest is made of. Sizes in MiB; `disk` is an erofs image, `counter_khz` the host's
    TSC, `why` the word of runtime.container.kvm for the accelerator."""

    kernel: str
    initrd: str
    disk: str
    memory: int = 128
    processors: int = 1
    accelerator: str = "tcg"
    why: str = "absent"
    counter_khz: int = 0


class Ends(NamedTuple):
    """QEMU's ends of the wires, as descriptors. The state of one that is `restored` comes over the monitor."""

    consoles: Sequence[int] = ()
    control: int = -1
    monitor: int = -1
    tap: int | None = None
    restored: bool = False


def argv(machine: Machine, ends: Ends) -> list[str]:
    """The command that starts this machine with these descriptors."""
    tcg = machine.accelerator == "tcg"
    # fmt: off
    command = [
        "qemu-system-x86_64", "-M", "microvm", "-name", "guest,debug-threads=on", "-nodefaults", "-no-user-config",
        "-display", "none", "-no-reboot", "-sandbox", SANDBOX, "-global", "virtio-mmio.force-legacy=false",
        "-accel", f"tcg,thread=multi,tb-size={TRANSLATED_MIB}" if tcg else "kvm", "-cpu", "max" if tcg else "host",
        "-m", str(machine.memory), "-smp", str(machine.processors),
        *_start(machine, ends),
        "-drive", f"if=none,id=disk,file={machine.disk},format=raw,readonly=on,file.locking=off",
        "-device", "virtio-blk-device,drive=disk",
        "-object", "rng-builtin,id=rng", "-device", "virtio-rng-device,rng=rng",
        "-device", "virtio-serial-device,max_ports=8",
        "-chardev", f"socket,id=control,fd={ends.control}",
        "-device", f"virtserialport,chardev=control,name=control,nr={CONTROL_PORT}",
        "-chardev", f"socket,id=monitor,fd={ends.monitor}", "-mon", "chardev=monitor,mode=control",
    ]
    for number, fd in enumerate(ends.consoles):
        command += ["-chardev", f"socket,id=console{number},fd={fd}"]
        command += ["-device", f"virtconsole,chardev=console{number},nr={number}"]
    # fmt: on
    return command + _network(ends)


def _start(machine: Machine, ends: Ends) -> list[str]:
    """A restored machine has its kernel in its memory."""
    if ends.restored:
        return ["-incoming", "defer"]
    speed = f" tsc_early_khz={machine.counter_khz}" if machine.counter_khz else ""
    return ["-kernel", machine.kernel, "-initrd", machine.initrd, "-append", QUIET + speed]


def _network(ends: Ends) -> list[str]:
    """The device is always there, so that every machine is like the one that was stopped; without a
    cable it is a card that nothing is plugged into."""
    if ends.tap is None:
        return ["-device", "virtio-net-device"]
    return ["-netdev", f"tap,id=lab,fd={ends.tap}", "-device", "virtio-net-device,netdev=lab"]
