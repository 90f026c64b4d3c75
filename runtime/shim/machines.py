"""A sandbox that holds a virtual machine: what is different about it, seen from its shim.

The machine runs in a container like any other, so nothing about limits, terminals or removal is
different. Three things are: a command or a terminal becomes a small client that reaches into the
guest (runtime.vm.client), the supervisor beside QEMU gets what it needs of the host over its standard
input, and the sandbox stops when the supervisor does. Among that is the state of a machine that has come up
before, or else an empty file for it (runtime.vm.snapshots).

See unix(7), SCM_RIGHTS; runtime/vm/supervisor.py for the other side.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

from runtime.container.network import LENGTH, address
from runtime.errors import RefusedError, StepError
from runtime.events import Event
from runtime.loop import READ
from runtime.oci.spec import Process, Spec
from runtime.vm import accelerator, host, qemu, snapshots

if TYPE_CHECKING:
    from runtime.shim.sandbox import Sandbox

CLIENT = ("/usr/bin/python3", "-S", "-m", "runtime.vm.client")
LARGEST_WORD = 16 * 1024
TRIES, PAUSE = 100, 0.02  # until QEMU lets go of what it wrote


def process(spec: Spec, fields: dict[str, Any], extra: dict[str, str]) -> Process:
    """The client that does in the guest what was asked for. Users and directories are the guest's to know."""
    wanted = {name: fields[name] for name in ("args", "cwd", "user")} | {"env": {**extra, **fields["env"]}}
    verb = "run"
    if "rows" in fields:
        verb, wanted["console"] = "console", _console(fields["n"])
        wanted["env"].pop("TERM", None)  # the guest has its own
    return Process((*CLIENT, verb, json.dumps(wanted)), {**spec.process.env, **extra}, "/")


def _console(number: int | None) -> int | None:
    if number is not None and not 1 <= number <= qemu.CONSOLES:
        raise RefusedError("terminals", None, f"a machine has the terminals 1 to {qemu.CONSOLES}")
    return None if number is None else number - 1


class Machine:
    """The supervisor of one sandbox: started once, listened to, and its end is the sandbox's."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.facts: dict[str, Any] = {}
        self.why = ""
        self.kept = -1
        container = sandbox.container
        self.snapshot = snapshots.find(
            sandbox.paths, container.layers, container.spec.services, container.spec.hostname, cable=container.spec.net == "lab"
        )
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.greet(container.spec, container.epoch, container.release_tap())
            process = Process(container.spec.services, dict(container.spec.process.env), "/")
            spawned = container.begin(process, terminal=False, stdin=theirs.fileno())
        for fd in (spawned.stdout, spawned.stderr):
            assert fd is not None
            os.close(fd)
        sandbox.loop.watch(self.channel.fileno(), READ, lambda events: self.hear())
        sandbox.launch(spawned, lambda exit: self.ended(), self.failed)

    def greet(self, spec: Spec, epoch: float, tap: int) -> None:
        """The first message: what is particular to this machine, and its descriptors."""
        where = f"{address(spec.lab_index)}/{LENGTH}" if spec.net == "lab" else ""
        fds = ({"tap": tap} if tap >= 0 else {}) | self.state()
        text = host.message(spec.hostname, epoch, where, spec.hosts, list(fds))
        socket.send_fds(self.channel, [text], list(fds.values()))
        for fd in fds.values():
            os.close(fd)

    def state(self) -> dict[str, int]:
        """What such a machine begins with, or is to leave for later ones."""
        if not snapshots.wanted():
            return {}
        if (ready := snapshots.use(self.snapshot)) is not None:
            return {"state": ready}
        writer, self.kept = snapshots.draft(self.snapshot)
        return {"save": writer}

    def keep(self, tries: int = TRIES) -> None:
        """Name the state that was saved, as soon as QEMU has let go of it."""
        if self.kept < 0:
            return
        try:
            if not snapshots.keep(self.kept, self.snapshot) and tries:
                self.sandbox.loop.call_later(PAUSE, lambda: self.keep(tries - 1))
                return
        except OSError as error:
            _complain(f"the state of {self.sandbox.id} was not kept: {error}")
        self.drop()

    def drop(self) -> None:
        """Let go of the draft, which vanishes unless it has a name by now."""
        if self.kept >= 0:
            os.close(self.kept)
            self.kept = -1

    def unfit(self, what: str, reason: str) -> None:
        """A way to begin was none, and the supervisor takes the next: nobody is to try that again."""
        _complain(f"{self.sandbox.id}: a machine could not begin with {what}: {reason}")
        if what == "state":
            self.snapshot.unlink(missing_ok=True)
        elif what == "kvm":
            accelerator.disprove(self.sandbox.paths)
        self.drop()

    def hear(self) -> None:
        """What the supervisor measured, or why the machine ended."""
        data = b""
        with contextlib.suppress(OSError):
            data = self.channel.recv(LARGEST_WORD)
        if not data:
            self.sandbox.loop.unwatch(self.channel.fileno())
            return
        message = json.loads(data)
        self.facts = message.get("facts", self.facts)
        self.why = message.get("ended", self.why)
        if "saved" in message:
            self.keep()
        if "unfit" in message:
            self.unfit(message["unfit"], message["reason"])

    def to_dict(self) -> dict[str, Any]:
        """What the supervisor measured, and why the machine ended if it has."""
        return self.facts | ({"ended": self.why} if self.why else {})

    def ended(self) -> None:
        """The guest has gone; its room is of no use without it."""
        self.hear()
        self.why = self.why or "its supervisor ended"
        self.drop()
        self.sandbox.container.kill(signal.SIGKILL)

    def failed(self, error: StepError) -> None:
        """The supervisor could not be started: whoever opens a terminal is told."""
        self.why = str(error)
        self.sandbox.container.monitor.tell(Event("services.failed", self.sandbox.id, {"error": str(error)}))
        self.sandbox.container.kill(signal.SIGKILL)


def _complain(text: str) -> None:
    """Into the spawner's log."""
    print(f"shim: {text}", file=sys.stderr, flush=True)
