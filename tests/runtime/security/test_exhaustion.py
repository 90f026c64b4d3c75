"""What a sandbox uses up is its own: while an attack lasts, another sandbox answers; after it, nothing is left.

Each attack is bounded, so that it would do no harm were its fence gone; that the fence is what stops it is shown
in test_fences.py.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import VitrineError
from runtime.linux.cgroups import Cgroup
from tests.faults.machine import Machine, census, eventually, processes
from tests.runtime.security.attacks import PRELUDE
from tests.runtime.security.victim import Victim, sandbox

SMALL = {"memory": 64 << 20, "disk": 32 << 20, "pids": 128, "cpus": 0.5}
PYTHON = "python"

# name → how it is run (bash, or python with the prelude of attacks.py) and what it does; it may take SECONDS.
SECONDS = 2.0
FLOODS: dict[str, tuple[str, str]] = {
    "R-01 fork bomb": ("bash", "b() { b | b & }; b; wait"),
    "R-02 memory hog": (PYTHON, "held = []\nwhile True: held.append(bytearray(1 << 20))"),
    "R-03 tmpfs": ("bash", "mount -t tmpfs -o size=10g t /mnt; cat /dev/zero > /mnt/f"),
    "R-04 shared memory": ("bash", "mount -t tmpfs -o size=10g t /dev/shm; cat /dev/zero > /dev/shm/f"),
    "R-05 disk bytes": ("bash", "cat /dev/zero > /big"),
    "R-06 inodes": (PYTHON, "os.mkdir('/i')\nn = 0\nwhile True: os.close(os.open('/i/%d' % n, os.O_CREAT)); n += 1"),
    "R-07 sparse files": ("bash", "truncate -s 8E /f; fallocate -l 100G /g; fallocate -p -o 0 -l 1G /f; rm /f"),
    "R-08 deep directories": (PYTHON, "for n in range(2000): os.mkdir('d' * 200); os.chdir('d' * 200)"),
    "R-08 many files": (PYTHON, "os.mkdir('/m')\nfor n in range(8000): os.mkdir('/m/%d' % n)"),
    "R-09 open files": (
        PYTHON,
        "for n in range(60):\n if os.fork() == 0: break\nheld = []\nwhile True:\n try: held.append(os.open('/dev/null', 0))\n except OSError: time.sleep(9)",
    ),
    "R-10 processors": ("bash", "for i in 1 2 3 4; do (while :; do :; done) & done; wait"),
    "R-11 nested user namespaces": ("bash", 'n() { unshare -Ur bash -c "$(declare -f n); n"; }; n'),
    "R-12 network namespaces": (
        PYTHON,
        "held = []\nwhile call(272, 0x40000000) == 0: held.append(os.open('/proc/self/ns/net', 0))\ntime.sleep(9)",
    ),
    "R-13 links": ("bash", "for i in $(seq 300); do ip link add v$i type veth peer name w$i; done"),
    "R-13 routes and rules": (
        "bash",
        "ip link set lo up; for i in $(seq 2000); do echo route add 10.$((i/250)).$((i%250)).0/24 dev lo; done | ip -batch -;"
        " nft add table inet t; nft add chain inet t c;"
        " for j in $(seq 20); do for i in $(seq 100); do echo add rule inet t c tcp dport $i drop; done | nft -f -; done",
    ),
    "R-14 mounts": ("bash", "for i in $(seq 3000); do echo /mnt; done | xargs -n1 mount --bind /tmp"),
    "R-15 inotify": (PYTHON, "held = []\nwhile True: held.append(call(294, 0)); held[-1] < 0 and time.sleep(9)"),
    "R-17 terminals": (
        PYTHON,
        "try:\n while True: os.openpty()\nexcept OSError: pass\nos.mkdir('/p')\ncall(165, b'devpts', b'/p', b'devpts', 0, b'newinstance')\n"
        "held = []\ntry:\n while len(held) < 1500: held.append(os.open('/p/ptmx', os.O_RDWR))\nexcept OSError: pass\ntime.sleep(9)",
    ),
    "R-18 process numbers": (
        "bash",
        "echo 400 > /proc/sys/kernel/pid_max; for i in $(seq 1500); do /bin/true; done",
    ),
    "R-19 zombies": (PYTHON, "for n in range(2000):\n if os.fork() == 0:\n  os.fork() and os._exit(0); os._exit(0)\n"),
    "R-26 packets": ("bash", "ip link set lo up; ping -f -q -w 3 127.0.0.1 & ping -f -q -w 3 -b 10.88.0.255 & wait"),
    "R-27 reads of the image": ("bash", "while :; do tar cf - /usr 2>/dev/null | cat > /dev/null; done"),
    "R-28 sync": ("bash", "while :; do dd if=/dev/zero of=/f bs=1M count=8 conv=fsync 2>/dev/null; sync; done"),
    "R-29 core dumps": ("bash", "for i in $(seq 300); do sh -c 'kill -SEGV $$' 2>/dev/null; done"),
    "R-30 timers": (PYTHON, "while call(222, 1, None, ctypes.byref(ctypes.c_int())) == 0: pass\ntime.sleep(9)"),
    "R-30 locks": (
        PYTHON,
        "f = open('/locks', 'w'); f.truncate(1 << 20)\nfor n in range(0, 200000, 2): fcntl.lockf(f, fcntl.LOCK_EX, 1, n)\ntime.sleep(9)",
    ),
    "R-24 log": ("bash", "for i in $(seq 300); do logger -p auth.err failed; su -c true nobody; done 2>/dev/null"),
}


@contextlib.contextmanager
def under_attack(machine: Machine, name: str, script: str, language: str) -> Iterator[Victim]:
    """A small sandbox in which the attack runs for the length of a block; gone after it."""
    victim = sandbox(machine, f"flood-{abs(hash(name)) % 10**8}", **SMALL)
    args = ["bash", "-c", script] if language == "bash" else ["python3", "-c", PRELUDE + script]

    def attack() -> None:
        with contextlib.suppress(VitrineError, OSError):  # the whole sandbox may end by it
            victim.shim.exec(args, timeout=SECONDS, limit=4096)

    thread = threading.Thread(target=attack)
    thread.start()
    try:
        yield victim
    finally:
        thread.join()
        machine.client.delete(victim.name)


def left_of(machine: Machine, victim: Victim) -> dict[str, list[str]]:
    """What a deleted sandbox left: by name, and by its range of host ids."""
    group = Cgroup(victim.name, parent=machine.paths.cgroup)
    base = int(victim.state["uid_base"])
    found = {kind: [line for line in lines if victim.name in line] for kind, lines in census(machine, victim.name).items()}
    found["groups"] = [str(group.path(tree)) for tree in group.trees if group.path(tree).exists()]
    found["processes"] = [str(pid) for pid in processes(machine.base) if uid_of(pid) in range(base, base + 65536)]
    return {kind: lines for kind, lines in found.items() if lines}


def uid_of(pid: int) -> int:
    """The host id of a process, -1 if it has gone."""
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/{pid}").st_uid
    return -1


@pytest.mark.parametrize("name", FLOODS)
def test_the_rest_goes_on(attacked: Machine, neighbour: Victim, name: str) -> None:
    """While it lasts a neighbour runs commands and gets a terminal; then it is removed, and has left nothing."""
    language, script = FLOODS[name]
    with under_attack(attacked, name, script, language) as victim:
        answers = {neighbour.output("echo still here") for _ in range(5)}
        terminal = neighbour.output("script -qec 'echo on a terminal' /dev/null")

    assert {"still here"} == answers
    assert "on a terminal" == terminal
    assert eventually(lambda: left_of(attacked, victim) == {}), left_of(attacked, victim)


def test_files_of_the_host_are_left_over(attacked: Machine) -> None:
    """R-09: all processes of a sandbox together get a fifth of the host's open files at most."""
    most = int(Path("/proc/sys/fs/file-max").read_text())
    victim = sandbox(attacked, "files", **SMALL)

    own = int(victim.output("ulimit -Hn"))
    attacked.client.delete(victim.name)

    assert own * SMALL["pids"] <= most / 5 or own == 1024


def test_no_shared_memory_is_left(attacked: Machine) -> None:
    """R-04: memory that belongs to no process is gone with the sandbox."""
    before = shared_memory()
    victim = sandbox(attacked, "shm", **SMALL | {"memory": 256 << 20})
    victim.run("ipcmk -M 33554432; ipcmk -Q; head -c 32M /dev/zero > /dev/shm/f; head -c 16M /dev/zero > /f")

    attacked.client.delete(victim.name)

    assert eventually(lambda: shared_memory() < before + (8 << 10)), shared_memory() - before


def shared_memory() -> int:
    """KiB of the host's memory that belong to tmpfs and shared memory."""
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("Shmem:"))
    return int(line.split()[1])


def test_init_reaps_ten_thousand_orphans(attacked: Machine) -> None:
    """R-19: the count of processes returns to what it was."""
    victim = sandbox(attacked, "orphans", **SMALL)
    victim.run("for i in $(seq 500); do (true & exec true) & done; wait")

    assert eventually(lambda: "0" == victim.output("grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l"))
    attacked.client.delete(victim.name)


RESISTING = """
mkdir -p /d && cd /d && for i in $(seq 32); do mkdir x; cd x; done
mount -t tmpfs t /mnt; mount --bind /mnt /srv; (cd /mnt; sleep 1000 </dev/null >/dev/null 2>&1 &)
unshare -Urmpf --mount-proc setsid sleep 1000 </dev/null >/dev/null 2>&1 &
for i in 1 2 3 4; do setsid sh -c 'trap "" TERM HUP INT; kill -STOP $$' </dev/null >/dev/null 2>&1 & done
n=0; while [ $n -lt 12 ]; do unshare -Ur setsid sleep 1000 </dev/null >/dev/null 2>&1 & n=$((n+1)); done
sleep 0.3
"""


@pytest.mark.parametrize("frozen", [False, True])
def test_what_resists_is_removed(attacked: Machine, frozen: bool) -> None:
    """R-33, F-30: stopped, deaf, nested and frozen processes, held mounts and deep directories go with the sandbox."""
    victim = sandbox(attacked, f"resists{int(frozen)}", **SMALL)
    assert victim.run(RESISTING).code == 0
    if frozen:
        attacked.client.pause(victim.name)

    attacked.client.delete(victim.name)

    assert {} == left_of(attacked, victim)


def test_no_filesystem_without_a_server(victim: Victim) -> None:
    """R-33: there is no FUSE device, so nobody inside can make a process wait for ever (state D)."""
    assert victim.run("mknod /tmp/fuse c 10 229").code != 0
    assert victim.run("test -e /dev/fuse").code != 0
