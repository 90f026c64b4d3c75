"""Two small things that a birth needs: to be somebody else for one moment, and to hear the child.

The kernel charges a new user namespace to whoever makes it. Were that root, one guest could use up what
all may make together; so the clone happens as the container's own first id, which nobody else has.

See clone(2), user_namespaces(7), credentials(7), securebits in capabilities(7).
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
from collections.abc import Iterator
from typing import Any, Protocol

from runtime.errors import StepError
from runtime.linux import constants as c
from runtime.linux import syscalls
from runtime.oci.spec import Spec


class NetworkPort(Protocol):
    """Whoever can join a network namespace to a laboratory's network."""

    def ask(self, lab: str, namespace: int, index: int, *, machine: bool = False, internet: bool = False) -> socket.socket:
        """Ask for a network namespace to be plugged in, or for a machine's tap device; the socket is for `answer`."""

    def answer(self, channel: socket.socket) -> list[int]:
        """Wait until it is; an fd that keeps the laboratory's network alive, and a machine's tap device."""


def wishes(spec: Spec) -> dict[str, bool]:
    """What a sandbox wants of the network beside a cable."""
    return {"machine": spec.machine, "internet": spec.net == "internet"}


def receive(channel: socket.socket, patience: float) -> tuple[dict[str, Any], list[int]]:
    """The child's next message and descriptors; `{"end": 1}` when it has become init or died."""
    if not select.select([channel], [], [], patience)[0]:
        raise StepError("enter", f"no word from the child for {patience:.0f} s")
    data, fds, _, _ = socket.recv_fds(channel, 65536, 2)
    return (json.loads(data) if data else {"end": 1}), list(fds)


@contextlib.contextmanager
def identity(uid: int, processes: int) -> Iterator[None]:
    """Be the container's own host id for the moment of clone3, without losing capabilities."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    syscalls.prctl(c.PR_SET_SECUREBITS, c.SECBIT_NO_SETUID_FIXUP)
    resource.setrlimit(resource.RLIMIT_NPROC, (processes if hard < 0 else min(processes, hard), hard))
    os.setresuid(uid, uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
        syscalls.prctl(c.PR_SET_SECUREBITS, 0)
        syscalls.prctl(c.PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of ids has cleared it
