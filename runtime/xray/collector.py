"""The collector: one for a sandbox however many watch, and when it looks.

A *glance*, ten times a second, reads one number: the processor time that the sandbox's group
has used. If it has not grown, no process of it ran, and nothing that only its own processes can
do has happened. If it has, the glance compares the processes and their namespaces with those
known, and the free space of the disk; what is new is looked at now. Otherwise a *look*, which
reads everything, follows twice a second.

A look that was dear delays the next: never more than a twentieth of a processor goes to a
sandbox that tries to be looked at for ever.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Mapping, Set
from typing import Any

from runtime.xray import boot, capability_sets, links, mounts, namespaces, processes, steps
from runtime.xray.cgroups import Cgroups, members
from runtime.xray.changes import Changes
from runtime.xray.compare import Collection, Observation
from runtime.xray.guest import Guest
from runtime.xray.layers import Layers
from runtime.xray.memory import Proportional
from runtime.xray.reading import Budget, keyed, read
from runtime.xray.sockets import Sockets
from runtime.xray.subject import Subject

GLANCE = 0.1  # seconds
LOOK = 0.5
IDLE = 2.0  # between looks at a sandbox that sleeps; counters of its network may move all the same
DEAREST = 0.05  # of one processor
GROUPS = 0.015  # seconds a look may spend on control groups, of the 0.05 it has
SLICE = 0.003  # seconds a look may walk the upper layer, and a glance count a lower one
FIRST = 0.05  # the same for the first look, which should show everything
GLANCED = 64  # processes whose namespaces a glance compares


class Collector:
    """Looks at one sandbox and keeps the latest observation."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.epoch = secrets.token_hex(4)
        self.latest: Observation | None = None
        self.cgroups = Cgroups(subject)
        self.namespaces = namespaces.Namespaces(_first_namespaces(subject.init_pid))
        self.processes = processes.Processes(subject, self.cgroups.of_process, self.namespaces)
        self.mounts = mounts.Mounts(mounts.devices(f"{subject.directory}/disk"), subject.relative_group)
        self.sockets = Sockets(subject)
        self.layers = Layers(subject)
        disk = subject.directory / "disk/upper"
        below = [str(subject.directory / f"layers/{n}") for n in reversed(range(len(subject.layers)))]
        self.changes = Changes(str(disk), below, subject.inside_id)
        self.steps = steps.describe(subject.steps)
        self.memory = Proportional()
        self.guest = Guest(subject.supervisor, self._heard) if subject.supervisor else None
        self.taps: Set[bytes] = frozenset()
        self.used = self.seen = -1
        self.disk_seen: tuple[int, int] = (0, 0)
        self.members_seen: Set[int] = frozenset()
        self.due = 0.0
        self.not_before = 0.0

    # When

    def tick(self) -> Observation | None:
        """A glance, and a look if it is time; the new observation if anything changed."""
        now = time.monotonic()
        ran = self._ran()
        if self.guest is not None:
            self.guest.stir(self.used)
        urgent = ran and now >= self.not_before and self._something_new()
        self.layers.count(SLICE)
        active = ran or self.changes.under_way
        if not urgent and now < (self.due if active else self.due + IDLE - LOOK):
            return None
        return self.look()

    def _heard(self) -> None:
        """The guest told something: the next tick looks."""
        self.due = 0.0

    @property
    def unheard(self) -> bool:
        """Is there a guest that is up and has not told of itself yet?"""
        return self.guest is not None and not self.guest.machine and (self.guest.booted or not self.guest.facts)

    def _ran(self) -> bool:
        """Has any process of the sandbox run since the last look?"""
        self.used = _processor_time(self.cgroups)
        return self.used != self.seen or self.used < 0

    def _something_new(self) -> bool:
        """A process, a namespace or a block of the disk that the last look did not see."""
        pids = self._members()
        if pids.keys() != self.members_seen or self._disk() != self.disk_seen:
            return True
        return any(self._moved(pid) for pid in list(self.processes.known)[:GLANCED])

    def _moved(self, pid: int) -> bool:
        """Is a process in another namespace than it was? One that did not run is where it was."""
        known = self.processes.known[pid].facts
        try:
            if read(f"/proc/{pid}/schedstat") == self.processes.known[pid].turns:
                return False
            directory = os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return True
        try:
            inodes = namespaces.inodes_of(directory)
        finally:
            os.close(directory)
        before = {**known["namespaces"], "pid_for_children": known["pid_for_children"]}
        return before != {kind: str(number) if number else None for kind, number in inodes.items()}

    def _members(self) -> dict[int, str]:
        return {pid: group for group, directory in self.cgroups.places for pid in members(directory)}

    def _disk(self) -> tuple[int, int]:
        try:
            facts = os.statvfs(self.subject.directory / "disk")
        except OSError:
            return (0, 0)
        return (facts.f_blocks - facts.f_bfree) * facts.f_frsize, facts.f_files - facts.f_ffree

    # What

    def look(self) -> Observation | None:
        """Read everything; None if nothing but the cost of looking is different."""
        budget = Budget()
        self.seen, self.disk_seen = _processor_time(self.cgroups), self._disk()
        collections = self._collect(budget)
        cost = time.process_time() - budget.began  # not what we waited for a processor that others had
        # The first look is dear once, and what the viewer does next she does now.
        rest = max(GLANCE, cost / DEAREST) if self.latest else GLANCE
        self.not_before = time.monotonic() + rest
        self.due = time.monotonic() + max(LOOK, rest)
        collections["machine"]["self"]["look_us"] = round(cost * 1e6, -2)
        return self._publish(collections, budget.truncated)

    def _publish(self, collections: dict[str, dict[str, Any]], truncated: dict[str, int]) -> Observation | None:
        old = self.latest
        if old is not None and truncated == old.truncated and _same(old.collections, collections):
            return None
        version = old.version + 1 if old else 1
        self.latest = Observation(self.epoch, version, round(time.time(), 3), truncated, collections)
        return self.latest

    def _collect(self, budget: Budget) -> dict[str, dict[str, Any]]:
        groups = self.cgroups.look(budget.share(GROUPS))
        if self.cgroups.incomplete:
            budget.cut("processes", -1)  # some may be in groups that were not looked at
        pids = self._members()
        self.members_seen = pids.keys()
        found = self.processes.look(pids, budget)
        first = {kind: _representatives(found, kind) for kind in ("mount", "network", "uts")}
        table = self.mounts.look(first["mount"], budget)
        spaces = self.namespaces.look(found.values(), self.mounts.held, budget)
        for number, name in namespaces.hostnames(first["uts"]).items():
            if number in spaces:
                spaces[number]["hostname"] = name
        if self.guest and not self.taps:
            self.taps = links.taps(process["pid"] for process in found.values())
        network = links.look(first["network"], self.subject.lab_fd, budget, self.taps)
        changes = self._changes(budget)
        return {
            "machine": {"self": self._machine(groups)}, "processes": found, "namespaces": spaces, "mounts": table,
            "cgroups": groups, "layers": self.layers.look(self.disk_seen[1], self.disk_seen[0]), "changes": changes,
            "links": network.links, "addresses": network.addresses, "routes": network.routes,
            "sockets": self.sockets.look(first["network"], found, budget),
            "capabilities": capability_sets.describe(processes.used(found.values())),
            "limits": dict(self.processes.limit_values), **self._machine_inside(budget),
        }  # fmt: skip

    def _machine_inside(self, budget: Budget) -> dict[str, dict[str, Any]]:
        """The steps of its making; for a virtual machine also the phases of its start and what its guest tells."""
        if self.guest is None:
            return {"steps": self.steps, "guest": {}, "guest_processes": {}}
        budget.cut("guest_processes", self.guest.left_out)
        last = max((step["start_us"] + step["duration_us"] for step in self.steps.values()), default=0)
        phases = boot.timings(self.guest.facts, last)
        more = {f"{len(self.steps) + at:02d}": step for at, step in enumerate(phases)}
        told = {"self": self.guest.machine} if self.guest.machine else {}
        return {"steps": self.steps | more, "guest": told, "guest_processes": self.guest.processes}

    def _changes(self, budget: Budget) -> dict[str, dict[str, Any]]:
        done = self.changes.look(SLICE if self.latest else FIRST)
        partly = done is self.changes.current and self.changes.under_way
        budget.cut("changes", -1 if partly else done.left_out(self.disk_seen[1]))
        return dict(done.found)

    def _machine(self, groups: dict[str, dict[str, Any]]) -> dict[str, Any]:
        subject = self.subject
        frozen = any(group["frozen"] for group in groups.values() if group["path"] == "/")
        init = self.processes.known.get(subject.init_pid)
        used, files = self.disk_seen
        facts = self.guest.facts if self.guest else {}
        return {
            "backend": subject.backend, "status": "paused" if frozen else "running",
            "profile": subject.profile, "hostname": subject.hostname,
            "init": init.key if init else None, "uid_base": subject.uid_base, "uid_count": subject.uid_count,
            "kernel": os.uname().release, "disk_bytes": subject.disk_bytes, "disk_used_bytes": used, "disk_files": files,
            "disk_most_files": _files(subject.directory / "disk"), "started": round(subject.started, 3), "look_us": 0,
            "pss_bytes": self.memory.look(known.facts["pid"] for known in self.processes.known.values()),
            "accelerator": facts.get("accelerator"), "why": facts.get("why"), "restored": facts.get("restored"),
            "guest_memory_bytes": facts["memory_mib"] << 20 if "memory_mib" in facts else None,
        }  # fmt: skip

    def close(self) -> None:
        """Let go of what a paused walk holds open."""
        self.changes.close()
        self.layers.close()
        if self.guest is not None:
            self.guest.close()


def _first_namespaces(pid: int) -> dict[str, int]:
    """Those the sandbox began with: init's, which has nothing to leave them with."""
    directory = os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return namespaces.inodes_of(directory)
    finally:
        os.close(directory)


def _processor_time(groups: Cgroups) -> int:
    """What the sandbox has used so far, in microseconds; -1: nobody counts."""
    for tree in groups.trees:
        with contextlib.suppress(OSError, KeyError, ValueError):
            if tree.hierarchy.unified:
                return keyed(read(f"{tree.top}/cpu.stat"))[b"usage_usec"]
            if "cpuacct" in tree.hierarchy.controllers:
                return int(read(f"{tree.top}/cpuacct.usage")) // 1000
    return -1


def _representatives(found: Mapping[str, dict[str, Any]], kind: str) -> dict[str, int]:
    """One process in each namespace of a kind, the sandbox's own first."""
    pids: dict[str, int] = {}
    for process in found.values():
        if number := process["namespaces"][kind]:
            pids.setdefault(number, process["pid"])
    return pids


def _files(path: os.PathLike[str]) -> int | None:
    try:
        return os.statvfs(path).f_files
    except OSError:
        return None


def _same(old: Mapping[str, Collection], new: dict[str, dict[str, Any]]) -> bool:
    """Is all as it was, but for what the look cost?"""
    before, after = dict(old["machine"]["self"]), dict(new["machine"]["self"])
    before.pop("look_us")
    after.pop("look_us")
    return before == after and all(old[name] == rows for name, rows in new.items() if name != "machine")
