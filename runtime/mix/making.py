"""The parent: makes one mix inside the sandbox, and says how.

It is started by the sandbox's root like any command, reads a recipe on standard input and writes
one JSON object: the timed steps, the errors of the acts, or the step that failed. What an earlier
mix of the same letter left behind is cleared first, so that each begins from the same place.

See fork(2), user_namespaces(7), cgroups(7).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from runtime.errors import VitrineError
from runtime.linux import constants as c
from runtime.linux import syscalls
from runtime.linux.cgroups import Cgroup, hierarchies
from runtime.mix import acts
from runtime.mix.fences import Child
from runtime.mix.recipe import CPUS, IDS, MEMORY, PIDS, Mix
from runtime.plan import Step, timed

LIMITED = {"memory", "cpu", "pids"}
PATIENCE = 2.0  # seconds that an ended mix may take to go


class Making:
    """One mix from its recipe to its program."""

    def __init__(self, mix: Mix) -> None:
        self.mix = mix
        self.epoch = time.monotonic()
        self.timings: list[dict[str, Any]] = []
        self.acts: dict[str, str | None] = {}
        trees = [tree for tree in hierarchies() if tree.unified or tree.controllers & LIMITED]
        self.group = Cgroup(mix.name, trees, parent="")

    def run(self) -> dict[str, Any]:
        """Do it all; what happened."""
        self.do("clear", "take away what the last mix of this name left", "kill(2)", self.clear)
        if self.mix.limits:
            self.do("make-group", "make a control group below the sandbox's own", "cgroups(7)", self.group.create)
        self.birth()
        if self.mix.limits:
            self.do("limit", "set its limits", "cgroups(7)", self.limit)
        return {"timings": self.timings, "acts": self.acts}

    def do(self, name: str, text: str, manual: str, action: Callable[[], None]) -> None:
        """One timed step."""
        self.timings.append(timed(Step(name, text, manual, action), self.epoch).to_dict())

    def clear(self) -> None:
        """Processes first, then what they held."""
        end(self.mix.name.encode())
        if os.uname().nodename == self.mix.name:
            socket.sethostname(Path("/etc/hostname").read_text().strip())
        point = acts.mount_point(self.mix)
        while os.path.ismount(point):
            syscalls.umount(point, c.MNT_DETACH)
        os.makedirs(point, exist_ok=True)
        for path in (acts.file(self.mix), acts.program(self.mix)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        os.symlink(acts.SLEEP, acts.program(self.mix))
        self.group.remove()

    def birth(self) -> None:
        """Fork the child, and answer it until it has become its program."""
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            ours.close()
            Child(self.mix, theirs, self.group if self.mix.limits else None, self.epoch).run()
        theirs.close()
        with ours, ours.makefile("rb") as lines:
            for line in lines:
                self.heard(json.loads(line), child, ours)
        os.waitpid(child, 0)

    def heard(self, message: dict[str, Any], child: int, channel: socket.socket) -> None:
        """What the child says."""
        if "error" in message:
            raise VitrineError(message["error"])
        if "timing" in message:
            self.timings.append(message["timing"])
        if "unshared" in message:
            if "user" in self.mix.namespaces:
                self.do("map-ids", "say which users of the sandbox it may be", "user_namespaces(7)", partial(self.map_ids, child))
            channel.sendall(b"\0")
        self.acts.update(message.get("acts", {}))

    def map_ids(self, child: int) -> None:
        """Its root is one of our unprivileged users."""
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{child}/{name}").write_text(f"0 {self.mix.first_id} {IDS}\n")

    def limit(self) -> None:
        """Now, when it sleeps: a tenth of a processor would have slowed its making."""
        self.group.limit(MEMORY, CPUS, PIDS)


def end(name: bytes) -> None:
    """Kill every process that was started under this name, and wait until none is left."""
    deadline = time.monotonic() + PATIENCE
    while (found := named(name)) and time.monotonic() < deadline:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def named(name: bytes) -> list[int]:
    """The processes whose first argument is this."""
    found = []
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")[0] == name:
                found.append(int(entry))
    return found


def main() -> None:
    """Read a recipe, make the mix, print the outcome."""
    try:
        outcome = Making(Mix.from_dict(json.load(sys.stdin))).run()
    except (VitrineError, OSError, ValueError) as error:
        outcome = {"error": str(error)}
    print(json.dumps(outcome))
