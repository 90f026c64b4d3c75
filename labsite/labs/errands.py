"""Errands: what a check asks to have done `on` another machine of its lab.

The request comes on the check's standard error, between control characters; we carry it to
the other machine through the gateway and type back `STATUS LENGTH` and the output. Whoever is
root where the check runs could write such a request herself: so errands are run only for a
check whose author wrote `on`, only on machines of the same lab, and only so many.
"""

import re
from collections.abc import Mapping

from labsite.labs import gateway
from labsite.labs.models import Sandbox
from lessons.contract import ARGUMENT, ASK, END

REQUEST = re.compile(f"{ASK}([^{ASK}{END}]*){END}".encode(), re.DOTALL)
MOST, LARGEST = 100, 65536
CANNOT_TELL = 77


class Errands:
    """Answers one check. Call it with what the check wrote; it gives what to type back."""

    def __init__(self, sandboxes: Mapping[str, Sandbox], timeout: float, env: dict[str, str]) -> None:
        self.sandboxes, self.timeout, self.env = sandboxes, timeout, env
        self.pending = b""
        self.count = 0

    def __call__(self, written: bytes) -> bytes:
        """The answers to every request that is now whole."""
        self.pending = (self.pending + written)[-4 * LARGEST :]
        answers = b""
        while match := REQUEST.search(self.pending):
            self.pending = self.pending[match.end() :]
            answers += self._answer(match[1].decode("utf-8", "replace").split(ARGUMENT)[:-1])
        return answers

    def _answer(self, words: list[str]) -> bytes:
        code, output = self._run(words[0], words[1:]) if len(words) > 1 else (2, b"")
        return f"{code} {len(output)}\n".encode() + output

    def _run(self, machine: str, words: list[str]) -> tuple[int, bytes]:
        """Several words are a command and its arguments; one alone is a line for the shell."""
        self.count += 1
        sandbox = self.sandboxes.get(machine)
        if sandbox is None or self.count > MOST:
            return CANNOT_TELL, b""
        command = words if len(words) > 1 else ["/bin/sh", "-c", words[0]]
        try:
            result = gateway.exec(sandbox, command, env=self.env, timeout=self.timeout, limit=LARGEST)
        except gateway.GatewayError:
            return CANNOT_TELL, b""
        return (CANNOT_TELL if result.timed_out else result.code), result.stdout


def without_requests(stderr: bytes) -> bytes:
    """Standard error as the author's log has it."""
    return REQUEST.sub(b"", stderr)
