"""A shim for tests: makes one container, does what its standard input says, deletes it.

A process of its own, because making a container changes the process that makes it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from runtime.container.lifecycle import Container
from runtime.errors import StepError
from runtime.events import Silence
from runtime.oci.spec import DEFAULT_ENV, Process, sandbox_spec
from runtime.paths import Paths


def run(container: Container, order: dict[str, Any]) -> dict[str, Any]:
    """A command: its output and status."""
    env = {**DEFAULT_ENV, **order.get("env", {})}
    uid = order.get("uid", 0)
    process = Process(tuple(order["args"]), env, order.get("cwd", "/"), uid, uid)
    try:
        spawned = container.spawn(process, terminal=bool(order.get("terminal")), cols=100, rows=30)
    except StepError as error:
        return {"step": error.step, "errno": getattr(error.cause, "errno", None)}
    if spawned.master is not None:
        out = _drain(spawned.master)
    else:
        assert spawned.stdin is not None and spawned.stdout is not None and spawned.stderr is not None
        os.close(spawned.stdin)
        out = _drain(spawned.stdout) + _drain(spawned.stderr)
    status = os.waitstatus_to_exitcode(os.waitpid(spawned.pid, 0)[1])
    os.close(spawned.pidfd)
    return {"status": status, "out": out.decode(errors="replace")}


def _drain(fd: int) -> bytes:
    """Everything until the end; a terminal's end is EIO."""
    data = b""
    try:
        while chunk := os.read(fd, 65536):
            data += chunk
    except OSError:
        pass
    os.close(fd)
    return data


def obey(container: Container, order: dict[str, Any]) -> dict[str, Any]:
    verb = order["verb"]
    if verb == "run":
        return run(container, order)
    if verb == "leave":  # a process that is still there at the deletion
        container.spawn(Process(tuple(order["args"]), cwd="/"), terminal=False)
        return {}
    if verb in ("pause", "resume"):
        getattr(container, verb)()
        return {}
    if verb == "usage":
        return dict(container.usage())
    raise ValueError(verb)


def main() -> None:
    paths, layers, fields = Paths(Path("/nowhere"), Path(sys.argv[1])), json.loads(sys.argv[2]), json.loads(sys.argv[3])
    try:
        container = Container.create(sandbox_spec(**fields), [Path(layer) for layer in layers], paths, Silence())
    except StepError as error:
        print(json.dumps({"failed": error.step, "message": str(error)}), flush=True)
        return
    facts = {"pid": container.init_pid, "uid": container.uid_base, "timings": [t.to_dict() for t in container.timings]}
    print(json.dumps(facts), flush=True)
    for line in sys.stdin:
        print(json.dumps(obey(container, json.loads(line))), flush=True)
    begun = time.monotonic()
    container.delete()
    container.delete()
    print(json.dumps({"deleted": time.monotonic() - begun}), flush=True)


if __name__ == "__main__":
    main()
