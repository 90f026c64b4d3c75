"""What every process of a container gives up before it becomes the guest's program.

The same fences stand around process 1, around a terminal's shell and around a check: a guest
is as strong as its weakest process. `prepare` runs with the host's power and `surrender` inside
the namespaces, as its root; after it nothing of the host is left but the open descriptors.

See setrlimit(2), capabilities(7), seccomp(2), session-keyring(7).
"""

from __future__ import annotations

import os
import resource
import signal

from runtime.linux import capabilities, seccomp, syscalls
from runtime.linux import constants as c
from runtime.oci.spec import Spec

OPEN_FILES = range(1024, 16385)  # the least and the most that one process may have
SHARE_OF_FILES = 5  # all processes of a guest together may have a fifth of what the host has
PENDING_SIGNALS = 4096  # POSIX timers are counted with them
EXPENDABLE = "500"  # oom_score_adj: where memory runs out, the kernel takes a guest's process first

# /proc/sys/user: how many of each a guest may make, counted through all levels below it.
# Namespaces are not fully charged to the memory cgroup; without this 2000 of them fit in a second.
NAMESPACE_LIMITS = {
    "max_user_namespaces": 32,
    "max_pid_namespaces": 64,
    "max_mnt_namespaces": 64,
    "max_net_namespaces": 32,
    "max_ipc_namespaces": 32,
    "max_uts_namespaces": 32,
    "max_cgroup_namespaces": 32,
    "max_time_namespaces": 8,
    "max_inotify_instances": 128,
    "max_inotify_watches": 65536,
    "max_fanotify_groups": 16,
}


def open_files(processes: int) -> int:
    """Open files are scarce on the whole host: a guest's processes share out what the guest may have."""
    with open("/proc/sys/fs/file-max") as file:
        share = int(file.read()) // SHARE_OF_FILES // processes
    return max(OPEN_FILES.start, min(share, OPEN_FILES.stop - 1))


def limits(spec: Spec) -> dict[int, int]:
    """The resource limits, soft and hard alike."""
    return {
        resource.RLIMIT_NPROC: spec.resources.pids,
        resource.RLIMIT_NOFILE: open_files(spec.resources.pids),
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 65536,
        resource.RLIMIT_MSGQUEUE: 819200,
        resource.RLIMIT_SIGPENDING: PENDING_SIGNALS,
    }


def make_expendable(pid: int | str = "self") -> None:
    """With the host's power, since then the guest cannot lower it again; see proc_pid_oom_score_adj(5)."""
    fd = os.open(f"/proc/{pid}/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, EXPENDABLE.encode())
    finally:
        os.close(fd)


def prepare(spec: Spec) -> None:
    """Lower the limits, and become unreadable to the guest until execve(2)."""
    for kind, value in limits(spec).items():
        hard = resource.getrlimit(kind)[1]
        wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (wanted, wanted))
    syscalls.prctl(c.PR_SET_DUMPABLE, 0)


def bound_namespaces() -> None:
    """Inside, with CAP_SYS_RESOURCE: the last moment at which these can be written."""
    for name, value in NAMESPACE_LIMITS.items():
        try:
            fd = os.open(f"/proc/sys/user/{name}", os.O_WRONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # this kernel does not count it
        os.write(fd, str(value).encode())
        os.close(fd)


def surrender(spec: Spec, uid: int = 0, gid: int = 0, groups: tuple[int, ...] = ()) -> None:
    """Give up capabilities, keys, calls and ids, in the one order that works.

    The filter needs CAP_SYS_ADMIN, so it is loaded before the ids change; the death signal is
    cleared by a change of ids, so it is set after.
    """
    syscalls.join_new_keyring()
    capabilities.bound(spec.nested)
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    if not spec.nested:
        syscalls.prctl(c.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.seccomp(seccomp.program(spec.nested))
    if uid:
        os.setresuid(uid, uid, uid)
    syscalls.prctl(c.PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def default_signals() -> None:
    """Ignored signals survive execve(2): Python ignores SIGPIPE, the shim SIGINT, and Ctrl-C would be dead."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
