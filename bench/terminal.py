"""Echo, throughput and Ctrl-C: our terminals and terminado's, by the same load generator.

Ours is the whole product: browser-like client, Daphne, shim, sandbox. terminado's is a shell on the host.
"""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

from bench.peers import say, terminado_python
from bench.report import OURS, Series, Table
from bench.site import lab_terminal

ROOT = Path(__file__).resolve().parent.parent
QUESTIONS = {
    "echo": ("echo of a key", "ms"),
    "throughput": ("throughput of seq, more is better", "MB/s"),
    "interrupt": ("Ctrl-C in a flood, browser that parses 5 MB/s; 60000: never", "ms"),
}
Figures = dict[str, list[float]]


def load(python: Path, url: str, protocol: str, headers: dict[str, str]) -> Figures:
    """Run the load generator against a terminal."""
    command = [str(python), "-m", "bench.load", url, "--protocol", protocol]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "load generator failed")
    return json.loads(done.stdout)


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def terminado(python: Path) -> Figures:
    """The figures of terminado."""
    port = free_port()
    command = [str(python), "-m", "bench.terminado_server", str(port), "bash", "--norc"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        server.stdout.readline()
        return load(python, f"ws://127.0.0.1:{port}/websocket", "terminado", {})
    finally:
        server.terminate()
        server.wait()
        if server.stdout:
            server.stdout.close()


def vitrine(python: Path, base: str) -> Figures:
    """The figures of a lab's terminal on the running site."""
    with lab_terminal(base) as (url, headers):
        return load(python, url, "vitrine", headers)


def terminal(work: Path, base: str) -> list[Table]:
    """One table for each question; a side that fails says why."""
    python = terminado_python(work)
    figures: dict[str, Figures] = {}
    errors: dict[str, str] = {}
    for name, run in ((OURS, lambda: vitrine(python, base)), ("terminado", lambda: terminado(python))):
        say(f"terminal: {name}")
        try:
            figures[name] = run()
        except (OSError, RuntimeError, KeyError, IndexError, subprocess.TimeoutExpired) as error:
            errors[name] = f"{type(error).__name__}: {error}"
    return [
        Table(title, unit, [
            Series(name, "", figures.get(name, {}).get(key, []), errors.get(name, ""))
            for name in (OURS, "terminado")
        ])
        for key, (title, unit) in QUESTIONS.items()
    ]  # fmt: skip
