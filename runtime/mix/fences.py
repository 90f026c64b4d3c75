"""The child: one fence after another, and then a program that sleeps.

The order is that of a container's birth. The control group is entered while we still may; all
namespaces are made at once, so that a user namespace among them owns the others; a new pid (or
time) namespace holds for children only, hence a second fork. The mounts come before the powers
they need are given up, and the filter comes last, because it forbids what came before.

See unshare(2), user_namespaces(7), pid_namespaces(7), capabilities(7), seccomp(2).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable
from typing import Any

from runtime.linux import capabilities, seccomp, syscalls
from runtime.linux import constants as c
from runtime.linux.cgroups import Cgroup, enter_by
from runtime.mix import acts
from runtime.mix.recipe import CAPABILITIES, Mix
from runtime.plan import Step, timed

_QUIET = c.MS_NOSUID | c.MS_NODEV | c.MS_NOEXEC


class Child:
    """What the child knows: the recipe, its parent's ear, its control group."""

    def __init__(self, mix: Mix, channel: socket.socket, group: Cgroup | None, epoch: float) -> None:
        self.mix, self.channel, self.group, self.epoch = mix, channel, group, epoch

    def run(self) -> None:
        """Never returns: becomes the program, or says what failed and exits."""
        try:
            self.leave_parent()
            self.perform(self.first_steps())
            self.say({"unshared": True})
            self.channel.recv(1)  # the parent has mapped our ids
            if os.fork():
                os._exit(0)  # whoever is in the new namespaces is our child, and init's from now on
            self.perform(self.steps())
            self.say({"acts": acts.perform(self.mix)})
            os.execve(acts.program(self.mix), [self.mix.name, "infinity"], {"PATH": "/usr/bin:/bin"})
        except BaseException as error:  # noqa: BLE001 - nothing may escape into the parent's code
            with contextlib.suppress(OSError):
                self.say({"error": str(error)})
        os._exit(1)

    def perform(self, steps: list[Step]) -> None:
        """Do each and report its time."""
        for step in steps:
            self.say({"timing": timed(step, self.epoch).to_dict()})

    def say(self, message: dict[str, Any]) -> None:
        """One line to the parent."""
        self.channel.sendall(json.dumps(message).encode() + b"\n")

    def leave_parent(self) -> None:
        """A session of our own, and nothing of the pipes of whoever started us."""
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for number in range(3):
            os.dup2(null, number)

    def first_steps(self) -> list[Step]:
        """Before the second fork."""
        kinds = ", ".join(self.mix.to_dict()["namespaces"])
        return [
            *self._if(self.group is not None, "enter-group", "enter a control group of its own", "cgroups(7)", self.enter_group),
            *self._if(bool(self.mix.flags), "unshare", f"make namespaces: {kinds}", "unshare(2)", self.unshare),
        ]

    def steps(self) -> list[Step]:
        """After it, in the order in which each still can be done."""
        own, kept = self.mix.namespaces, self.mix.capabilities
        return [
            *self._if("user" in own, "become-root", "be user 0 of the new user namespace", "user_namespaces(7)", become_root),
            *self._if("mount" in own, "private-mounts", "let no mount out", "mount_namespaces(7)", make_private),
            *self._if({"mount", "pid"} <= own, "mount-proc", "mount a /proc of the new pid namespace", "proc(5)", mount_proc),
            *self._if(self.mix.read_only, "read-only", "make the root filesystem read-only", "mount(2)", make_read_only),
            *self._if(kept != "all", "drop-capabilities", f"keep capabilities: {kept}", "capabilities(7)", self.drop),
            *self._if(self.mix.seccomp, "load-filter", "load the filter of profile strict", "seccomp(2)", load_filter),
        ]

    def _if(self, wanted: bool, name: str, text: str, manual: str, action: Callable[[], None]) -> list[Step]:
        return [Step(name, text, manual, action, stage="inside")] if wanted else []

    def enter_group(self) -> None:
        """By our own hand in version 1; in version 2 into the leaf, since only leaves hold processes."""
        assert self.group is not None
        doors = self.group.doors()
        enter_by(doors)
        for door in doors:
            os.close(door)
        self.group.settle(os.getpid())

    def unshare(self) -> None:
        """All at once."""
        syscalls.unshare(self.mix.flags)

    def drop(self) -> None:
        """From the bounding set, which execve(2) looks at, and from what we have now."""
        capabilities.limit(CAPABILITIES[self.mix.capabilities])


def become_root() -> None:
    """Until now we were nobody in here; the map says who 0 is outside."""
    os.setgroups(())
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def make_private() -> None:
    """A copied mount may still be shared with its original."""
    syscalls.mount(None, "/", None, c.MS_REC | c.MS_PRIVATE)


def mount_proc() -> None:
    """Over the sandbox's, which would go on showing the sandbox's processes."""
    syscalls.mount("proc", "/proc", "proc", _QUIET)


def make_read_only() -> None:
    """This mount of it, in this namespace; others go on writing the filesystem.

    What the mount forbids already must be said again: in a user namespace of our own it is locked.
    """
    kept = os.statvfs("/").f_flag & _QUIET  # the numbers are those of mount(2)
    syscalls.mount(None, "/", None, c.MS_REMOUNT | c.MS_BIND | c.MS_RDONLY | kept)


def load_filter() -> None:
    """As profile strict does: no new privileges, and then the filter."""
    syscalls.prctl(c.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.seccomp(seccomp.program(nested=False))
