"""The sandbox as the shim holds it: its container, its processes, its terminals, and the verbs.

Processes are watched by pidfd: readable means ended, and the number cannot have been given to
another in between. An exit is described as a shell would (128 and the signal), with the
reason where we know one: that the memory limit was reached, or that init went.

See pidfd_open(2), wait(2).
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

from runtime.container.lifecycle import Container
from runtime.container.processes import Spawned
from runtime.errors import RefusedError, StepError
from runtime.loop import READ, Loop
from runtime.oci import state as records
from runtime.oci.spec import Process
from runtime.paths import Paths
from runtime.shim import exits, files, frames, machines, observe, programs, requests
from runtime.shim.connection import Connection
from runtime.shim.execution import Execution
from runtime.shim.launch import Launch
from runtime.shim.room import Room
from runtime.shim.terminal import Terminal

Exit = dict[str, Any]


class Sandbox:
    """What the verbs of `shim.sock` act on."""

    def __init__(self, loop: Loop, container: Container, paths: Paths) -> None:
        self.loop = loop
        self.container = container
        self.paths = paths
        self.terminals: dict[int, Terminal] = {}
        self.room = Room(loop, lambda: paths.sandbox(self.id) / "disk", self.terminals)
        self.init_exit: Exit | None = None
        self.default_pid = self.oom_kills = 0
        self.paused = False
        self.warm: Terminal | None = None
        self.machine: machines.Machine | None = None
        loop.watch(container.init_pidfd, READ, self.init_ended)
        if (pidfd := container.maker_pidfd) is not None:
            loop.watch(pidfd, READ, lambda events: self.settled(pidfd))

    def settled(self, pidfd: int) -> None:
        """Init is where it stays; the child that moved it has ended."""
        self.loop.unwatch(pidfd)
        self.container.settled()

    @property
    def id(self) -> str:
        """A sandbox from the pool gets its id late."""
        return self.container.spec.id

    def warm_up(self) -> None:
        """Start terminal 1's shell before anyone looks, so that it waits at its prompt."""
        self.warm = self.open_terminal(requests.hello({"n": 1}))

    def fits(self, hello: dict[str, Any]) -> bool:
        """Whether the shell that waits is the one asked for; then it takes the asker's size."""
        usual = requests.hello({"n": 1, **{name: hello[name] for name in ("since", "cols", "rows", "write", "flow")}})
        if hello != usual:
            return False
        assert self.warm is not None
        self.warm.resize(hello["cols"], hello["rows"])
        return True

    def cool(self) -> None:
        """Forget a shell that nobody has seen: it started before what happens now, and may have to know of it."""
        if self.warm is not None:
            self.close_terminal(self.warm)
            self.warm = None

    def reap(self, pid: int, pidfd: int, ended: Callable[[Exit], None]) -> None:
        """Call back with how a child ended."""

        def ready(events: int) -> None:
            self.loop.unwatch(pidfd)
            os.close(pidfd)
            ended(self.describe_exit(exits.wait(pid)))

        self.loop.watch(pidfd, READ, ready)

    def launch(
        self, spawned: Spawned, ended: Callable[[Exit], None], failed: Callable[[StepError], None],
        executed: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """Say how the start of a process went, and later how it ended, without waiting for either."""
        launch = Launch(self.loop, spawned, executed, failed)

        def reaped(exit: Exit) -> None:
            launch.settle()
            if launch.failure is None:
                ended(exit)

        self.reap(spawned.pid, spawned.pidfd, reaped)

    def describe_exit(self, code: int) -> Exit:
        """An exit status as a shell would give it, and why, if a signal came from elsewhere."""
        exit = exits.describe(code)
        if -code == signal.SIGKILL:
            kills = self.container.oom_kills()
            if kills > self.oom_kills:
                exit["reason"] = "memory"
            elif self.init_exit is not None or exits.ending(self.container.init_pid):
                exit["reason"] = "init"
            self.oom_kills = kills
        return exit

    def process(self, fields: dict[str, Any], extra: dict[str, str]) -> Process:
        """What to run, with the environment every process of this sandbox gets."""
        self.need_init()
        if self.paused:
            raise RefusedError("paused", None, f"sandbox {self.id} is paused")
        if self.machine is not None:
            return machines.process(self.container.spec, fields, extra)
        return programs.describe(self.container.spec, self.container.init_pid, fields, extra)

    def need_init(self) -> None:
        """Nothing can be run in a sandbox whose init has ended."""
        if self.init_exit is not None:
            raise RefusedError("stopped", None, f"sandbox {self.id} has stopped")

    def init_ended(self, events: int) -> None:
        """Pid 1 went and the kernel killed all the rest; the terminals stay to be read."""
        self.loop.unwatch(self.container.init_pidfd)
        self.init_exit = self.describe_exit(exits.wait(self.container.init_pid))
        if self.machine is not None and self.machine.why:
            self.init_exit["reason"] = "machine"
        self.record("stopped")

    def attach(self, connection: Connection, fields: dict[str, Any]) -> None:
        """Look at a terminal; the first look starts it."""
        hello = requests.hello(fields)
        number = hello["n"]
        if self.warm is not None and number == 1:
            if self.fits(hello):
                self.warm = None
            else:
                self.cool()
        terminal = self.terminals.get(number) if number is not None else None
        if terminal is None:
            terminal = self.open_terminal(hello)
        elif hello["since"] is None and terminal.exit and terminal.eof:
            self.close_terminal(terminal)
            terminal = self.open_terminal(hello)
        terminal.attach(connection, hello)
        self.room.greet()
        if not connection.open:
            return
        detach = connection.on_closed

        def closed() -> None:
            detach()
            if number is None:
                self.close_terminal(terminal)

        connection.on_closed = closed

    def open_terminal(self, hello: dict[str, Any]) -> Terminal:
        """Start a shell (or the asked command) on a new pty."""
        if len(self.terminals) >= requests.MOST_TERMINALS:
            raise RefusedError("terminals", None, f"a sandbox has at most {requests.MOST_TERMINALS} terminals")
        number = hello["n"]
        if number is None:
            number = next(n for n in range(1000, 2000) if n not in self.terminals)
        process = self.process(hello, {"TERM": "xterm-256color"})
        spawned = self.container.begin(process, terminal=True, cols=hello["cols"], rows=hello["rows"])
        assert spawned.master is not None
        terminal = Terminal(self.loop, number, spawned.master, hello["cols"], hello["rows"], on_exit=lambda: None)
        terminal.title, terminal.stirred = self.container.spec.hostname, self.room.look
        self.terminals[number] = terminal
        self.launch(spawned, terminal.ended, partial(self.stillborn, terminal))
        return terminal

    def stillborn(self, terminal: Terminal, error: StepError) -> None:
        """The program of a terminal was not executed: whoever looks is told, and the number is free."""
        for viewer in list(terminal.viewers):
            viewer.connection.on_failed(error)
        self.close_terminal(terminal)

    def close_terminal(self, terminal: Terminal) -> None:
        """Forget a terminal; its hang-up ends what runs on it."""
        if self.terminals.get(terminal.number) is terminal:
            del self.terminals[terminal.number]
            terminal.close()

    def execute(self, connection: Connection, fields: dict[str, Any]) -> None:
        """Run a command with pipes."""
        asked = requests.command(fields)
        self.run_command(connection, self.process(asked, {}), asked)

    def run_command(self, connection: Connection, process: Process, asked: dict[str, Any]) -> Execution:
        """The same for a process already described."""
        if not asked.get("aside"):
            self.cool()
        spawned = self.container.begin(process, terminal=False)
        execution = Execution(
            self.loop, connection, spawned, stdin=asked["stdin"], more_stdin=asked["more_stdin"],
            timeout=asked["timeout"], limit=asked["limit"],
        )  # fmt: skip
        self.launch(spawned, execution.ended, execution.stillborn)
        return execution

    def put(self, connection: Connection, fields: dict[str, Any]) -> None:
        """Write a file, by a process inside that runs as its owner."""
        self.run_file(connection, files.put(fields), files.answer_put)

    def get(self, connection: Connection, fields: dict[str, Any]) -> None:
        """Read a file, by a process inside."""
        self.run_file(connection, files.get(fields), files.answer_get)

    def run_file(self, connection: Connection, asked: dict[str, Any], answer: files.Answer) -> None:
        """A command whose output becomes one JSON answer."""
        process = self.process(asked, {})
        files.Collector(connection, answer).capture(lambda collector: self.run_command(collector, process, asked))

    def start(self, connection: Connection, fields: dict[str, Any]) -> None:
        """Run the sandbox's default process, its output unread."""
        self.need_init()
        if self.default_pid:
            self.answer_start(connection)
            return
        spawned = self.container.begin(self.container.spec.process, terminal=False)
        for fd in (spawned.stdin, spawned.stdout, spawned.stderr):
            if fd is not None:
                os.close(fd)
        self.default_pid = spawned.pid
        answer = partial(self.answer_start, connection)
        self.launch(spawned, lambda exit: None, partial(self.not_started, connection), answer)

    def answer_start(self, connection: Connection) -> None:
        """It runs."""
        connection.send_json(frames.REQUEST, {"ok": True, "state": self.record("running")})
        connection.finish()

    def not_started(self, connection: Connection, error: StepError) -> None:
        """It does not, and may be asked for again."""
        self.default_pid = 0
        connection.on_failed(error)

    def kill(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Signal init."""
        self.container.kill(requests.whole(fields, "signal", signal.SIGTERM, 1, 64))
        return self.recorded()

    def pause(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Freeze every process."""
        self.need_init()
        self.container.pause()
        self.paused = True
        return self.recorded()

    def resume(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Thaw them."""
        self.need_init()
        self.container.resume()
        self.paused = False
        return self.recorded()

    def record(self, status: str) -> dict[str, Any]:
        """Write state.json with a new status; the record as a mapping."""
        with contextlib.suppress(OSError):  # a full disk is no reason to stop serving
            self.container.record(status)
        return records.read(self.paths.state_file(self.id)).to_dict()

    def recorded(self) -> dict[str, Any]:
        """state.json as an answer."""
        return {"state": records.read(self.paths.state_file(self.id)).to_dict()}

    def state(self, fields: dict[str, Any]) -> dict[str, Any]:
        """State, usage, terminals and the timings of the creation."""
        terminals = [
            {"n": terminal.number, "viewers": len(terminal.viewers), "offset": terminal.ring.head,
             "exit": terminal.exit}
            for terminal in self.terminals.values()
            if terminal is not self.warm
        ]  # fmt: skip
        return {
            "state": records.read(self.paths.state_file(self.id)).to_dict(),
            "usage": self.container.usage(),
            "exit": self.init_exit,
            "terminals": terminals,
            "timings": [timing.to_dict() for timing in self.container.timings],
            **({"machine": self.machine.to_dict()} if self.machine is not None else {}),
        }

    def observe(self, fields: dict[str, Any]) -> dict[str, Any]:
        """What the host sees of this sandbox."""
        self.need_init()
        return observe.observe(os.getpid(), self.container.init_pid, self.container.uid_base)
