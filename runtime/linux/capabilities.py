"""Capabilities: root's power in pieces.

The *bounding set* caps what any later execve(2) can give. A capability dropped from it is gone
for good in this tree of processes, even for setuid programs. Inside a user namespace root has
every capability over what the namespace owns; dropping some here is the second fence.

CAP_SYS_RESOURCE must go: whoever has it may raise the limits in /proc/sys/user that keep one
guest from filling the kernel's memory with nested namespaces.

See capabilities(7), capset(2), PR_CAPBSET_DROP(2const). Without it root inside may undo its own limits.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable

from runtime.linux import constants as c
from runtime.linux import syscalls

NAMES = (
    "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable "
    "net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio "
    "sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time "
    "sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog "
    "wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
).split()
NUMBERS = {name: number for number, name in enumerate(NAMES)}
VERSION_3 = 0x20080522  # of capset's structure: 64 bits in two halves

# Container tools work without these (tried one by one), so the nested profile drops them.
NESTED_DROP = frozenset(
    "linux_immutable ipc_lock ipc_owner sys_module sys_rawio sys_pacct sys_boot sys_nice "
    "sys_resource sys_time sys_tty_config lease audit_control mac_override mac_admin syslog "
    "wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore".split()
)
# What Docker leaves to a container without options.
STRICT_KEEP = frozenset(
    "chown dac_override fsetid fowner mknod net_raw setgid setuid setfcap setpcap "
    "net_bind_service sys_chroot kill audit_write".split()
)


def dropped(nested: bool) -> frozenset[str]:
    """The capabilities that no process of a container may ever have."""
    return NESTED_DROP if nested else frozenset(NAMES) - STRICT_KEEP


def bound(nested: bool) -> None:
    """Drop them from this process's bounding set; CAP_SETPCAP goes last because it is needed."""
    drop(dropped(nested))


def drop(names: Iterable[str]) -> None:
    """Drop these from the bounding set."""
    for name in sorted(names, key=lambda name: name == "setpcap"):
        # An old kernel does not know the newest ones, and cannot grant them either.
        with contextlib.suppress(OSError):
            syscalls.prctl(c.PR_CAPBSET_DROP, NUMBERS[name])


def keep(names: Iterable[str]) -> None:
    """Give up all capabilities that this process has now, but these; none is inherited. See capset(2)."""
    bits = sum(1 << NUMBERS[name] for name in names)
    low, high = bits & 0xFFFFFFFF, bits >> 32
    syscalls.capset(struct.pack("=Ii", VERSION_3, 0), struct.pack("=6I", low, low, 0, high, high, 0))


def limit(names: Iterable[str]) -> None:
    """Both: these are the most that this process has, or that any execve(2) can give it again."""
    kept = frozenset(names) & held()
    drop(frozenset(NAMES) - kept)
    keep(kept)


def held() -> frozenset[str]:
    """What this process may use."""
    with open("/proc/self/status") as file:
        bits = int(next(line for line in file if line.startswith("CapPrm:")).split()[1], 16)
    return frozenset(name for name, number in NUMBERS.items() if bits >> number & 1)
