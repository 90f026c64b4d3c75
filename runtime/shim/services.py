"""What an image wants running before anyone comes: OCI's `startContainer` hook.

Started once, as soon as the shim serves, with the same fences as any other process inside. It
must put itself in the background; nobody waits for it, and its output goes nowhere.

See "POSIX-platform Hooks" of the OCI runtime specification. Without it the lab's registry would
be there only after somebody had opened a terminal.
"""

from __future__ import annotations

import os
from functools import partial

from runtime.errors import StepError
from runtime.events import Event
from runtime.oci.spec import Process
from runtime.shim import machines
from runtime.shim.sandbox import Sandbox


def begin(sandbox: Sandbox) -> None:
    """Start them, if the image has any. A failure is an event: the sandbox is of use without."""
    args = sandbox.container.spec.services
    if sandbox.container.spec.machine:
        sandbox.machine = machines.Machine(sandbox)
        return
    if not args:
        return
    process = Process(args, dict(sandbox.container.spec.process.env), "/")
    spawned = sandbox.container.begin(process, terminal=False)
    for fd in (spawned.stdin, spawned.stdout, spawned.stderr):
        if fd is not None:
            os.close(fd)
    sandbox.launch(spawned, lambda exit: None, partial(failed, sandbox), lambda: None)


def failed(sandbox: Sandbox, error: StepError) -> None:
    """Tell whoever watches the creation."""
    sandbox.container.monitor.tell(Event("services.failed", sandbox.id, {"error": str(error)}))
