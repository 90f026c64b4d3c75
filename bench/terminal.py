"""Echo, throughput, Ctrl-C and memory: our terminals and terminado's, by the same load generator.

Ours is the whole product: browser-like client, Daphne, shim, sandbox. terminado's is a shell on the host.
Question by question, round by round, the two take turns.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.footprint import Footprint
from bench.peers import say, terminado_python
from bench.report import OURS, Series, Table
from bench.server import Server, free_port, own_site
from bench.site import lab_terminal

ROOT = Path(__file__).resolve().parent.parent
TITLES = {
    "echo": ("echo of a key", "ms"),
    "throughput": ("50 MB of output; more is better", "MB/s"),
    "interrupt": ("Ctrl-C in a flood, browser that parses 5 MB/s; 30000: not within half a minute", "ms"),
    "slow": ("Ctrl-C in a flood, the same over 1 MB/s and 40 ms; 30000: not within half a minute", "ms"),
}
FLOODS = ("throughput", "interrupt", "slow")
NOTES = {OURS: "page to sandbox and back", "terminado": "a shell on the host, no isolation"}


@dataclass
class Contender:
    """A terminal server that is up, how to reach it, and what it made of the questions."""

    name: str
    url: str
    headers: dict[str, str]
    pids: list[int]
    values: dict[str, list[float]] = field(default_factory=dict)
    growth: dict[str, list[float]] = field(default_factory=dict)
    error: str = ""

    def ask(self, python: Path, question: str) -> None:
        """Run the load generator; a contender that fails is reported, and not asked again."""
        if self.error:
            return
        try:
            values, growth = load(python, question, self)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            self.error = f"{question}: {error}"
            return
        self.values.setdefault(question, []).extend(values)
        self.growth.setdefault(question, []).append(growth)

    def series(self, figures: dict[str, list[float]], question: str) -> Series:
        """One line of a table."""
        return Series(self.name, NOTES[self.name], figures.get(question, []), self.error)


def load(python: Path, question: str, contender: Contender) -> tuple[list[float], float]:
    """The answers to one question, and by how many MB the server grew meanwhile."""
    command = [str(python), "-m", "bench.load", question, contender.url, "--protocol", contender.name]
    for name, value in contender.headers.items():
        command += ["--header", f"{name}: {value}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        running.stdout.readline()
        footprint = Footprint(contender.pids)
        try:
            output, errors = running.communicate(timeout=300)
        finally:
            growth = footprint.growth()
            running.kill()
    if running.returncode:
        raise RuntimeError((errors.strip() or "the load generator failed").splitlines()[-1])
    return json.loads(output), growth


@contextlib.contextmanager
def terminado(python: Path) -> Iterator[Contender]:
    """terminado on a loopback port."""
    port = free_port()
    command = [str(python), "-m", "bench.terminado_server", str(port), "bash", "--norc"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        server.stdout.readline()
        try:
            yield Contender("terminado", f"ws://127.0.0.1:{port}/websocket", {}, [server.pid])
        finally:
            server.terminate()


@contextlib.contextmanager
def vitrine(server: Server) -> Iterator[Contender]:
    """A lab's first terminal on our site."""
    with lab_terminal(server.url) as (url, headers, sandbox):
        yield Contender(OURS, url, headers, server.terminal_processes(sandbox))


def tables(contenders: list[Contender]) -> Iterator[Table]:
    """One table for each question, and one for memory after each flood."""
    for question, (title, unit) in TITLES.items():
        yield Table(title, unit, [one.series(one.values, question) for one in contenders])
    for question in FLOODS:
        title = f"server memory growth during: {TITLES[question][0].partition(';')[0]}"
        yield Table(title, "MB", [one.series(one.growth, question) for one in contenders])


def terminal(work: Path, rounds: int = 2) -> Iterator[Table]:
    """Ask everything of both, on a site of the bench's own."""
    python = terminado_python(work)
    with own_site() as server, vitrine(server) as ours, terminado(python) as theirs:
        for number in range(rounds):
            for question in TITLES:
                for contender in (ours, theirs):
                    say(f"terminal: {question} of {contender.name}, {number + 1} of {rounds}")
                    contender.ask(python, question)
        yield from tables([ours, theirs])
