"""A sandbox that holds a virtual machine: what is different about it, seen from its shim.

The machine runs in a container like any other, so nothing about limits, terminals or removal is
different. Three things are: a command or a terminal becomes a small client that reaches into the
guest (runtime.vm.client), the supervisor beside QEMU gets what it needs of the host over its standard
input, and the sandbox stops when the supervisor does.

See unix(7), SCM_RIGHTS; runtime/vm/supervisor.py for the other side.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

from runtime.container.network import LENGTH, address
from runtime.errors import RefusedError, StepError
from runtime.events import Event
from runtime.loop import READ
from runtime.oci.spec import Process, Spec
from runtime.vm import host, qemu

if TYPE_CHECKING:
    from runtime.shim.sandbox import Sandbox

CLIENT = ("/usr/bin/python3", "-S", "-m", "runtime.vm.client")
LARGEST_WORD = 16 * 1024


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
        container = sandbox.container
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
        fds = {"tap": tap} if tap >= 0 else {}
        text = host.message(spec.hostname, epoch, where, spec.hosts, list(fds))
        socket.send_fds(self.channel, [text], list(fds.values()))
        for fd in fds.values():
            os.close(fd)

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

    def to_dict(self) -> dict[str, Any]:
        """What the supervisor measured, and why the machine ended if it has."""
        return self.facts | ({"ended": self.why} if self.why else {})

    def ended(self) -> None:
        """The guest has gone; its room is of no use without it."""
        self.hear()
        self.why = self.why or "its supervisor ended"
        self.sandbox.container.kill(signal.SIGKILL)

    def failed(self, error: StepError) -> None:
        """The supervisor could not be started: whoever opens a terminal is told."""
        self.why = str(error)
        self.sandbox.container.monitor.tell(Event("services.failed", self.sandbox.id, {"error": str(error)}))
        self.sandbox.container.kill(signal.SIGKILL)
