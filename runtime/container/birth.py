"""The host's half of a birth: the steps the shim takes, and the child that takes the others.

Three rules shape it. The user namespace is created *as the container's own host id*, because
the kernel charges namespaces to their creator. The limit on processes is set before that,
because a user namespace remembers its creator's limits. And the child is in its control groups
before it makes its cgroup namespace, because what it is in becomes the top of what it sees.

See clone(2), user_namespaces(7), credentials(7).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from runtime.container import confine, devices, init, ranges, rootfs, volumes
from runtime.container.bearing import NetworkPort, identity, receive, wishes
from runtime.container.inside import Inside
from runtime.errors import ExistsError, StepError
from runtime.events import Event, Monitor
from runtime.linux import constants as c
from runtime.linux import network, syscalls
from runtime.linux.cgroups import Cgroup
from runtime.oci.spec import Spec
from runtime.paths import Paths
from runtime.plan import Plan, Step, StepTiming, fail_point

NAMESPACES = c.CLONE_NEWUSER | c.CLONE_NEWNS | c.CLONE_NEWPID | c.CLONE_NEWNET | c.CLONE_NEWUTS | c.CLONE_NEWIPC | c.CLONE_NEWTIME
PATIENCE = 30.0
BORN = "born"  # the file that holds the name of a renamed sandbox's control groups


@dataclass
class Birth:
    """Everything made so far. Each method that begins a step is one."""

    spec: Spec
    layers: list[Path]
    paths: Paths
    monitor: Monitor
    network: NetworkPort | None
    group: Cgroup
    uid: int = 0
    pid: int = 0
    pidfd: int = -1
    ptmx: int = -1
    lab_fd: int = -1
    tap: int = -1
    log: int = -1
    terminals: int = -1
    epoch: float = field(default_factory=time.monotonic)
    channel: socket.socket | None = None
    cable: socket.socket | None = None
    mounted: list[Path] = field(default_factory=list)
    inside: list[StepTiming] = field(default_factory=list)
    ours: bool = False

    @property
    def directory(self) -> Path:
        return self.paths.sandbox(self.spec.id)

    def plan(self, *, parked: bool = False) -> Plan:
        """The whole list, host stage; the child's steps are timed inside `enter`. What is `parked` has
        no laboratory yet, so it lacks the cable; see `taking`."""
        ident = self.spec.id
        steps = [
            Step(
                "directory",
                "make the directory that holds its socket and state",
                "mkdir(2)",
                self.make_directory,
                self.remove_directory,
            ),
            Step(
                "uid-range",
                "lease 65536 host user ids that nobody else has",
                "user_namespaces(7)",
                self.lease,
                lambda: ranges.release(self.paths, ident),
            ),
            Step(
                "terminals",
                "make a file system of terminals, within the host's reserve",
                "pts(4)",
                self.make_terminals,
                self.close_terminals,
            ),
            Step(
                "private-mounts",
                "make our tree of mounts private, so that none leak out",
                "mount_namespaces(7)",
                self.unshare_mounts,
                self.unmount,
            ),
            Step("cgroup", "make a control group in every hierarchy", "cgroups(7)", self.group.create, self.group.remove),
            Step("limits", "limit memory, processor time and processes", "cgroups(7)", self.set_limits),
            Step("namespaces", "clone a child into seven new namespaces", "clone(2)", self.clone, self.kill),
            Step("map-ids", "map user ids 0 to 65535 inside to the leased range", "user_namespaces(7)", self.map_ids),
            Step("disk", "mount a bounded filesystem in memory for what changes", "tmpfs(5)", self.mount_disk),
            Step("layers", "attach the image's layers, read-only, with their ids mapped", "mount_setattr(2)", self.mount_layers),
            Step("overlay", "stack the layers and the disk into one tree", "mount(2)", self.send_root),
        ]
        if self.spec.net != "none" and not parked:
            steps.insert(8, self._asking())
            steps.append(self._plugging())
        steps.append(Step("enter", "let the child build its own view and become init", "execveat(2)", self.finish))
        return Plan(ident, steps, epoch=self.epoch)

    def taking(self, spec: Spec, network: NetworkPort | None, epoch: float) -> Plan:
        """What a parked sandbox lacks: the name it was asked for by, and the cable."""
        self.network = network
        steps = [
            Step("take", "give a sandbox that was made ahead the name it is wanted by", "rename(2)", lambda: self.rename(spec))
        ]
        if spec.net != "none":
            steps += [self._asking(), self._plugging()]
        return Plan(spec.id, steps, epoch=epoch)

    def rename(self, spec: Spec) -> None:
        """Directory, lease and config.json. The control groups keep the name they were made with (those of
        version 2 cannot be renamed), so the directory says it: `cleanup` has nothing but the id."""
        old, new = self.directory, self.paths.sandbox(spec.id)
        (old / BORN).write_text(self.group.id)
        with open(old / "config.json", "w") as file:
            json.dump(spec.to_dict(), file, indent=1)
        if new.exists():
            raise ExistsError(f"{spec.id} exists already")
        os.rename(old, new)
        self.spec = spec
        self.mounted = [new / path.relative_to(old) for path in self.mounted]
        ranges.transfer(self.paths, self.uid, spec.id)

    def make_directory(self) -> None:
        """0711: guests' processes of other host ids may pass through, not look."""
        for path in (self.paths.run, self.paths.sandboxes):
            path.mkdir(parents=True, exist_ok=True, mode=0o711)
        self.directory.mkdir(mode=0o711, exist_ok=True)
        try:
            with open(self.directory / "config.json", "x") as file:
                json.dump(self.spec.to_dict(), file, indent=1)
        except FileExistsError as error:
            raise ExistsError(f"{self.spec.id} exists already") from error
        self.ours = True

    def remove_directory(self) -> None:
        if self.ours:
            shutil.rmtree(self.directory, ignore_errors=True)

    def lease(self) -> None:
        self.uid = ranges.lease(self.paths, self.spec.id)

    def make_terminals(self) -> None:
        self.terminals = devices.make_terminals(self.uid)

    def close_terminals(self) -> None:
        if self.terminals >= 0:
            os.close(self.terminals)
            self.terminals = -1

    def unshare_mounts(self) -> None:
        syscalls.unshare(c.CLONE_NEWNS)
        syscalls.mount(None, "/", None, c.MS_REC | c.MS_PRIVATE)

    def unmount(self) -> None:
        for path in reversed(self.mounted):
            with contextlib.suppress(OSError):
                syscalls.umount(str(path), c.MNT_DETACH)

    def set_limits(self) -> None:
        bounds = self.spec.resources
        self.group.limit(bounds.memory_bytes, bounds.cpus, bounds.pids)
        if self.spec.nested:
            self.group.delegate(self.uid)

    def clone(self) -> None:
        self.channel, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        program = init.sealed_memfd()
        doors, birthplace = self.group.doors(), self.group.birthplace(leaf=False)
        with child, identity(self.uid, self.spec.resources.pids):
            self.pid, self.pidfd = syscalls.clone3(NAMESPACES | c.CLONE_PARENT, exit_signal=0, group=birthplace)
            if self.pid == 0:
                self.channel.close()
                Inside(self.spec, self.group.trees, child, program, self.epoch, doors).run()
        for fd in (program, *doors, *([] if birthplace is None else [birthplace])):
            os.close(fd)

    def kill(self) -> None:
        """Killing process 1 ends its pid namespace and all that live there."""
        if self.pid:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            select.select([self.pidfd], [], [])
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
        for fd in (self.pidfd, self.ptmx, self.lab_fd, self.tap, self.log):
            if fd >= 0:
                os.close(fd)
        self.pid, self.pidfd, self.ptmx, self.lab_fd, self.tap, self.log = 0, -1, -1, -1, -1, -1
        if self.channel:
            self.channel.close()

    def map_ids(self) -> None:
        for name in ("uid_map", "gid_map"):
            fd = os.open(f"/proc/{self.pid}/{name}", os.O_WRONLY | os.O_CLOEXEC)
            with contextlib.closing(os.fdopen(fd, "w")) as file:
                file.write(f"0 {self.uid} {ranges.SIZE}\n")
        confine.make_expendable(self.pid)
        self._send(b"j")

    def settle(self) -> None:
        """After the birth: process 1 to the leaf of its group, which may then get groups below it. The
        sandbox may have ended meanwhile."""
        with contextlib.suppress(OSError):
            self.group.settle(self.pid)
            if self.spec.nested:
                self.group.open_up()

    def mount_disk(self) -> None:
        disk = self.directory / "disk"
        self.mounted.append(disk)
        rootfs.mount_disk(disk, self.spec.resources.writable_bytes, self.uid)

    def mount_layers(self) -> None:
        userns = os.open(f"/proc/{self.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.mounted += rootfs.mount_layers(self.layers, self.directory / "layers", userns)
        finally:
            os.close(userns)

    def send_root(self) -> None:
        disk, *layers = self.mounted
        fds = [rootfs.make_overlay(layers, disk), *devices.clone_nodes(self.spec, self.directory, self.uid), self.terminals]
        fds += volumes.clone(len(self.spec.volumes), disk, self.uid)
        self.terminals = -1
        try:
            socket.send_fds(self._channel(), [b"r"], fds)
        finally:
            for fd in fds:
                os.close(fd)

    def _asking(self) -> Step:
        return Step("ask-network", "ask the network helper for a cable", "unix(7)", self.ask_network)

    def _plugging(self) -> Step:
        return Step("network", "have its network plugged into the laboratory's bridge", "veth(4)", self.plug)

    def ask_network(self) -> None:
        if self.network is None or self.spec.lab is None:
            raise StepError("network", "no network helper is running")
        namespace = network.namespace_fd(self.pid, self.pidfd)
        try:
            self.cable = self.network.ask(self.spec.lab, namespace, self.spec.lab_index, **wishes(self.spec))
        finally:
            os.close(namespace)

    def plug(self) -> None:
        """The helper has worked meanwhile; its answer is all that is left."""
        assert self.network is not None and self.cable is not None
        self.lab_fd, *tap = self.network.answer(self.cable)
        self.tap = tap[0] if tap else -1

    def finish(self) -> None:
        self._listen("ptmx")
        self._listen("end")
        self._channel().close()
        self.channel = None

    def _channel(self) -> socket.socket:
        if self.channel is None:
            raise StepError("enter", "the child is gone")
        return self.channel

    def _send(self, data: bytes) -> None:
        self._channel().send(data)

    def _listen(self, awaited: str) -> None:
        """Take the child's reports until the awaited one; its end is the exec of init."""
        while True:
            message, fds = receive(self._channel(), PATIENCE)
            if "error" in message:
                raise StepError(str(message["step"]), message["error"])
            if "timing" in message:
                timing = StepTiming.from_dict(message["timing"])
                self.inside.append(timing)
                self.monitor.tell(Event("step.done", self.spec.id, timing.to_dict()))
                fail_point(timing.name)
            if fds:
                self.ptmx, self.log = fds
            if awaited in message:
                return
            if "end" in message:
                raise StepError("enter", "the child died without a word")
