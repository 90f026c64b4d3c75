"""The blocking client of the spawner: ask for sandboxes, without being able to make one.

One connection a request, one SOCK_SEQPACKET message each way. The web site and the workers
run as an ordinary user and have nothing but this.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any

from runtime.errors import RuntimeRefused, SpawnerUnavailable
from runtime.paths import Paths

LARGEST_MESSAGE = 192 * 1024


class SpawnerClient:
    """Talks to the spawner that listens at `paths.spawner_socket`."""

    def __init__(self, paths: Paths | None = None, timeout: float = 60.0) -> None:
        self.paths = paths or Paths.from_environment()
        self.timeout = timeout

    def ask(self, verb: str, **fields: Any) -> dict[str, Any]:
        """Send one request; return the answer or raise what it refuses with."""
        return self.ask_many(verb, **fields)[-1]

    def ask_many(self, verb: str, **fields: Any) -> list[dict[str, Any]]:
        """The same, for an answer in several messages: each but the last has `more` set."""
        message = json.dumps({"v": 1, "verb": verb, **fields}).encode()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.settimeout(self.timeout)
            try:
                connection.connect(str(self.paths.spawner_socket))
                connection.send(message)
                answers = [receive(connection, verb)]
                while answers[-1].get("more"):
                    answers.append(receive(connection, verb))
            except OSError as error:
                raise SpawnerUnavailable(f"no spawner answers at {self.paths.spawner_socket}: {error}") from error
        return answers

    def create(self, **request: Any) -> dict[str, Any]:
        """Make a sandbox: id, image, profile, memory, cpus, pids, disk, net, lab, ... → state and timings."""
        return self.ask("create", **request)

    def start(self, id: str) -> dict[str, Any]:
        """Run the sandbox's default process."""
        return self.ask("start", id=id)

    def delete(self, id: str) -> dict[str, Any]:
        """Remove a sandbox and everything of it; succeeds too if there is none."""
        return self.ask("delete", id=id)

    def state(self, id: str) -> dict[str, Any]:
        """The state of one sandbox."""
        return self.ask("state", id=id)["state"]

    def list(self) -> list[dict[str, Any]]:
        """The states of all sandboxes."""
        return [state for answer in self.ask_many("list") for state in answer["sandboxes"]]

    def kill(self, id: str, signal: int) -> dict[str, Any]:
        """Signal the sandbox's init; SIGKILL ends the whole sandbox."""
        return self.ask("kill", id=id, signal=signal)

    def pause(self, id: str) -> dict[str, Any]:
        """Freeze every process of the sandbox."""
        return self.ask("pause", id=id)

    def resume(self, id: str) -> dict[str, Any]:
        """Thaw it again."""
        return self.ask("resume", id=id)

    def snapshot(self, id: str, name: str) -> dict[str, Any]:
        """Keep what the sandbox has changed; create(snapshot="ID/NAME") begins from there. name, size, entries."""
        return self.ask("snapshot", id=id, name=name)["snapshot"]

    def snapshots(self, id: str) -> Sequence[str]:
        """The names of a sandbox's snapshots, oldest first."""
        return tuple(self.ask("snapshots", id=id)["snapshots"])

    def forget(self, id: str, after: str | None = None) -> None:
        """Remove its snapshots, or those younger than one."""
        self.ask("forget", id=id, after=after)

    def ping(self) -> dict[str, Any]:
        """Is a spawner there, and how many sandboxes has it?"""
        return self.ask("ping")

    def shutdown(self) -> dict[str, Any]:
        """Delete every sandbox and end the spawner (root only)."""
        return self.ask("shutdown")


def receive(connection: socket.socket, verb: str) -> dict[str, Any]:
    """One message of an answer."""
    reply = connection.recv(LARGEST_MESSAGE)
    if not reply:
        raise SpawnerUnavailable(f"the spawner ended during {verb}")
    return accepted(json.loads(reply))


def accepted(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, or its refusal as an exception."""
    if answer.get("ok"):
        return answer
    error = answer.get("error", {})
    raise RuntimeRefused(error.get("code", "error"), error.get("step"), error.get("message", ""))
