"""Each fence stops its attacks; and each attack, with its fence off, gets through."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.container.lifecycle import cleanup
from runtime.linux.cgroups import remove_parents
from runtime.paths import Paths
from tests import needs
from tests.runtime.container.conftest import Guest
from tests.runtime.node import wait_until
from tests.runtime.security.attacks import ATTACKS, PRELUDE, THROUGH, Attack
from tests.runtime.security.fences import ELSEWHERE, FENCES, table

pytestmark = [needs.root, needs.image, needs.cgroups]
UID_BASE = 0x3800_0000


class Unfenced(Guest):
    """A guest without some of its fences."""

    def __init__(self, paths: Paths, fences: tuple[str, ...], base: int, **fields: Any) -> None:
        self.driver_module = ("tests.runtime.security.unfenced", ",".join(fences))
        super().__init__(paths, {"VITRINE_UID_BASE": str(base), "SECRET": "of-the-host"}, **fields)


Make = Callable[..., Unfenced]


@pytest.fixture(scope="module")
def fenced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """A maker of guests with all fences but some; guests of the same kind are made once."""
    made: dict[str, Unfenced] = {}

    def make(fences: tuple[str, ...] = (), again: str = "", **fields: Any) -> Unfenced:
        key = f"{fences}{again}{sorted(fields.items())}"
        if key not in made:
            name = f"fence-{os.getpid()}-{len(made)}"
            paths = Paths(Path("/nowhere"), Path("/run") / name)
            paths.run.mkdir()
            base = UID_BASE + len(made) * 65536
            made[key] = Unfenced(paths, fences, base, **{"id": name, **fields})
        return made[key]

    yield make
    for guest in made.values():
        guest.kill_driver()
        cleanup(guest.id, guest.paths)
        remove_parents(guest.paths.cgroup)
        shutil.rmtree(guest.paths.run)


@pytest.fixture(scope="module")
def services() -> Iterator[str]:
    """Listeners on every address of the host, and one in the abstract names; where they listen."""
    with (
        socket.socket(socket.AF_UNIX) as hidden,
        socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as open_,
    ):
        hidden.bind("\0vitrine-of-the-host")
        hidden.listen(16)
        open_.listen(64)
        lines = subprocess.run(["ip", "-o", "addr"], capture_output=True, text=True, check=True).stdout.splitlines()
        found = [(line.split()[3].split("/")[0], line.split()[1]) for line in lines]
        named = [f"{address}%{link}" if address.startswith("fe80") else address for address, link in found]
        yield " ".join(f"{address}/{open_.getsockname()[1]}" for address in named)


def attempt(guest: Guest, attack: Attack, services: str) -> str:
    """What an attack prints."""
    assert "failed" not in guest.facts, guest.facts
    answer = guest.run(*attack.args, env={"SERVICES": services}, **attack.arguments)
    return str(answer.get("out", answer))


NAMES = [attack.name for attack in ATTACKS]
STOPPED = [attack for attack in ATTACKS if attack.fences]


@pytest.mark.parametrize("attack", ATTACKS, ids=NAMES)
def test_attack_is_stopped(fenced: Make, services: str, attack: Attack) -> None:
    """With all fences up the attack does not get through."""
    guest = fenced(profile=attack.profile, **attack.fields, again=attack.name if attack.fields else "")

    assert THROUGH not in attempt(guest, attack, services)


@pytest.mark.parametrize(
    "attack", STOPPED, ids=[f"{attack.name.split()[-1]} without {' and '.join(attack.fences)}" for attack in STOPPED]
)
def test_attack_gets_through_without_its_fence(fenced: Make, services: str, attack: Attack) -> None:
    """The same attack succeeds once what stops it is left out: the test above sees what it says."""
    guest = fenced(attack.fences, profile=attack.profile, **attack.fields, again=attack.name if attack.fields else "")

    assert THROUGH in attempt(guest, attack, services)


def test_every_fence_is_attacked() -> None:
    """No fence is listed that nothing tries."""
    tried = {name for attack in ATTACKS for name in attack.fences} | set(ELSEWHERE)

    assert set(FENCES) == tried


def test_the_page_lists_every_fence() -> None:
    """docs/security.md has the table as `python -m tests.runtime.security.fences` prints it."""
    assert table() in (Path(__file__).parents[3] / "docs/security.md").read_text()


HOLD_WATCHERS = "h = 0\nwhile h < 300 and call(294, 0) >= 0: h += 1\nprint('held', h, flush=True)\ntime.sleep(30)"
SOME_WATCHERS = "through(all(call(294, 0) >= 0 for n in range(10)))"


def watchers(guest: Unfenced) -> int:
    """How many inotify instances the processes of a guest hold."""
    return int(guest.sh("ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c inotify"))


def watchers_left(fenced: Make, fences: tuple[str, ...]) -> str:
    """What a second guest says of ten inotify instances while a first holds all it can get."""
    greedy, other = (fenced(fences, again=which) for which in ("greedy", "other"))
    greedy.order("leave", args=["python3", "-c", PRELUDE + HOLD_WATCHERS + "\n"])
    wait_until(lambda: watchers(greedy) >= 100)
    return other.run("python3", "-c", PRELUDE + SOME_WATCHERS)["out"]


def test_inotify_is_counted_apart(fenced: Make) -> None:
    """R-15, T-13: whoever takes all inotify instances takes his own."""
    assert THROUGH in watchers_left(fenced, ())


def test_inotify_is_shared_by_a_shared_owner(fenced: Make) -> None:
    """Without an owner of its own for each user namespace, the second gets none."""
    assert THROUGH not in watchers_left(fenced, ("own-uid",))
