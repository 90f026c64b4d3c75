"""From an observation to answers: what a mix shares, and what its acts changed.

Everything is read from the x-ray, which looks from the server: inode numbers of namespaces, the
sets of capabilities, mounts, control groups. Nothing here is what the mixed process says.
"""

from collections.abc import Iterator
from typing import Any

KINDS = ("user", "mount", "pid", "network", "uts", "ipc", "cgroup", "time")
QUESTIONS = ("processes", "hostname", "mount", "file", "port", "root", "power")
Facts = dict[str, Any]


class GoneError(Exception):
    """The mixed process is not there."""


class PartlyError(Exception):
    """The look left out what is asked for: look again."""


def measure(seen: Facts, server: dict[str, str], letter: str) -> Facts:
    """The mix, the sandbox around it, the server's namespaces, and the answer to every question."""
    name = f"mix-{letter}"
    if seen["truncated"].keys() & {"processes", "cgroups", "namespaces"}:
        raise PartlyError(name)
    mixed = [each for each in seen["processes"].values() if each["args"][:2] == [name, "infinity"]]
    first = seen["processes"].get(seen["machine"]["self"]["init"])
    if not mixed or first is None:
        raise GoneError(name)
    process = max(mixed, key=lambda each: each["started"])
    answers = _answers(seen, first, process, name)
    kernel = seen["machine"]["self"]["kernel"]
    return {"mix": facts(seen, process), "around": facts(seen, first), "server": server, "answers": answers, "kernel": kernel}


def machine(seen: Facts, kernel: str) -> Facts:
    """A virtual machine: the namespaces that QEMU is in, and the kernel behind it by its own word."""
    first = seen["processes"].get(seen["machine"]["self"]["init"])
    told = "".join(filter(str.isprintable, kernel))[:64]
    return {"namespaces": first["namespaces"] if first else {}, "kernel": told}


def facts(seen: Facts, process: Facts) -> Facts:
    """What stands around one process."""
    held = seen["capabilities"].get(process["capabilities"]["effective"], {"names": [], "whole": False})
    root = next((mount for mount in _mounts(seen, process) if mount["target"] == "/"), None)
    return {
        "pid": process["pids"][0],
        "own_pid": process["pids"][-1],
        "namespaces": process["namespaces"],
        "fellows": seen["namespaces"].get(process["namespaces"]["pid"], {}).get("members"),
        "user": process["uids"]["sandbox"],
        "capabilities": held["names"],
        "filters": process["seccomp_filters"],
        "no_new_privs": process["no_new_privs"],
        "read_only": None if root is None else "ro" in root["options"],
        "limits": _limits(seen, process),
    }


def _mounts(seen: Facts, process: Facts) -> list[Facts]:
    return [mount for mount in seen["mounts"].values() if mount["namespace"] == process["namespaces"]["mount"]]


def _limits(seen: Facts, process: Facts) -> Facts:
    """The narrowest that hold for its control groups: a limit of a group holds for all below it."""
    found: Facts = dict.fromkeys(("memory_bytes", "cpu_quota_us", "pids"))
    for each in process["cgroups"]:
        for group in _upwards(seen["cgroups"], each):
            for name in found:
                limit = group["limits"].get(name)
                if limit is not None and limit > 0:
                    found[name] = min(limit, found[name] or limit)
    return found


def _upwards(groups: Facts, identifier: str | None) -> Iterator[Facts]:
    """A group and all above it, as far as the sandbox's own."""
    while identifier and (group := groups.get(identifier)):
        yield group
        identifier = group["parent"]


def _answers(seen: Facts, first: Facts, process: Facts, name: str) -> dict[str, bool]:
    """What the questions ask, as the sandbox around shows it."""
    around = first["namespaces"]
    port = f":{8001 + ord(name[-1]) - ord('a')}"
    sockets = [each for each in seen["sockets"].values() if each["namespace"] == around["network"]]
    mine, theirs = facts(seen, process)["capabilities"], facts(seen, first)["capabilities"]
    return {
        "processes": process["namespaces"]["pid"] == around["pid"],
        "hostname": seen["namespaces"][around["uts"]]["hostname"] == name,
        "mount": any(mount["target"] == f"/mnt/{name}" for mount in _mounts(seen, first)),
        "file": seen["changes"].get(f"/srv/{name}", {}).get("change") == "added",
        "port": any(each["state"] == "listen" and each["local"].endswith(port) for each in sockets),
        "root": process["uids"]["sandbox"] == 0,
        "power": set(theirs) <= set(mine),
    }
