"""Guests for these tests: real containers, in a run directory of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.container.lifecycle import cleanup
from runtime.linux.cgroups import Cgroup, remove_parents
from runtime.paths import Paths
from tests import needs

UID_BASE = 0x1000_0000  # below 2**31: older kernels read the ids of mount options as signed
ROOT = Path(__file__).parents[3]


class Guest:
    """A container and the process that holds it."""

    driver_module: tuple[str, ...] = ("tests.runtime.container.driver",)

    def __init__(self, paths: Paths, environment: dict[str, str], **fields: Any) -> None:
        image = needs.linux_image()
        assert image is not None
        self.id, self.paths = fields["id"], paths
        layers = fields.pop("layers", None) or [str(layer) for layer in image.layers]
        env = {**os.environ, "VITRINE_UID_BASE": str(UID_BASE), **environment}
        self.driver = subprocess.Popen(
            [sys.executable, "-m", *self.driver_module, str(paths.run), json.dumps(layers), json.dumps(fields)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env,
        )  # fmt: skip
        self.facts = self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.driver.stdout is not None
        line = self.driver.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"ended": self.driver.wait()}
        return answer

    def order(self, verb: str, **fields: Any) -> dict[str, Any]:
        assert self.driver.stdin is not None
        self.driver.stdin.write(json.dumps({"verb": verb, **fields}) + "\n")
        self.driver.stdin.flush()
        return self._answer()

    def run(self, *args: str, **fields: Any) -> dict[str, Any]:
        return self.order("run", args=args, **fields)

    def sh(self, script: str, **fields: Any) -> str:
        """What a shell script prints, its last newline left out."""
        out: str = self.run("/bin/sh", "-c", script, **fields)["out"]
        return out.removesuffix("\n")

    def delete(self) -> dict[str, Any]:
        assert self.driver.stdin is not None and self.driver.stdout is not None
        self.driver.stdin.close()
        answer = self._answer()
        self.driver.wait(10)
        self.driver.stdout.close()
        return answer

    def kill_driver(self) -> None:
        self.driver.kill()
        self.driver.wait()
        for pipe in (self.driver.stdin, self.driver.stdout):
            assert pipe is not None
            pipe.close()

    def traces(self) -> list[Path]:
        """What is left of this container on the host."""
        group = Cgroup(self.id, parent=self.paths.cgroup)
        places = [*(group.path(tree) for tree in group.trees), self.paths.sandbox(self.id)]
        return [place for place in places if place.exists()] + list(self.paths.ranges.glob("*"))


@pytest.fixture(scope="session")
def run_directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="vitrine-test-", dir="/run" if os.geteuid() == 0 else None))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def make(run_directory: Path) -> Iterator[Callable[..., Guest]]:
    """A maker of guests; whatever a test leaves is cleaned up by id."""
    guests: list[Guest] = []

    def maker(environment: dict[str, str] | None = None, **fields: Any) -> Guest:
        name = f"test-{os.getpid()}-{len(guests)}"
        own = Paths(Path("/nowhere"), run_directory / name)
        own.run.mkdir(exist_ok=True)
        guests.append(Guest(own, environment or {}, **{"id": name, **fields}))
        return guests[-1]

    yield maker
    for guest in guests:
        if guest.driver.poll() is None:
            guest.delete()
        cleanup(guest.id, guest.paths)
        remove_parents(guest.paths.cgroup)
        shutil.rmtree(guest.paths.run)


def _shared(run_directory: Path, profile: str) -> Iterator[Guest]:
    name = f"test-{os.getpid()}-{profile}"
    paths = Paths(Path("/nowhere"), run_directory / profile)
    paths.run.mkdir()
    base = {"VITRINE_UID_BASE": str(UID_BASE + (256 if profile == "nested" else 512) * 65536)}
    guest = Guest(paths, base, id=name, profile=profile, hosts={"other": "10.88.0.11"}, hostname="otter")
    yield guest
    guest.delete()
    remove_parents(paths.cgroup)


@pytest.fixture(scope="session")
def nested(run_directory: Path) -> Iterator[Guest]:
    """A guest of the nested profile that tests share and do not damage."""
    yield from _shared(run_directory, "nested")


@pytest.fixture(scope="session")
def strict(run_directory: Path) -> Iterator[Guest]:
    """The same, of the strict profile."""
    yield from _shared(run_directory, "strict")
