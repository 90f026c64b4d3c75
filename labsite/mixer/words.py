"""The mixer's sentences.

"The host" is here the sandbox around the mixes, as the page says at its beginning; the machine
below everything is "the server".
"""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from labsite.mixer.models import Mix

MEBIBYTE = 1 << 20


def kind(name: str) -> str:
    """What a namespace keeps apart."""
    return {
        "user": _("who is root"),
        "mount": _("what is mounted where"),
        "pid": _("the numbers of processes"),
        "network": _("interfaces, addresses, ports"),
        "uts": _("the host name"),
        "ipc": _("shared memory, message queues"),
        "cgroup": _("the top of the control groups"),
        "time": _("how long the machine has run"),
    }[name]


def capabilities(name: str) -> str:
    """A set of capabilities."""
    return {
        "all": _("all that the host’s root has"),
        "docker": _("the fourteen that Docker leaves"),
        "none": _("none"),
    }[name]


def question(name: str) -> str:
    """What is asked before the start."""
    return {
        "processes": _("Do the host’s processes have numbers for it, so that it could signal them?"),
        "hostname": _("It gives itself a host name. Does the host’s name change?"),
        "mount": _("It mounts a filesystem below /mnt. Does the host see it there?"),
        "file": _("It writes a file in /srv. Is the file there for the host?"),
        "port": _("It listens on a port. Is that port taken on the host?"),
        "root": _("It runs as user 0. Is that the host’s root?"),
        "power": _("Has it every capability that the host’s root has?"),
    }[name]


def act(name: str) -> str:
    """What it tried."""
    return {"hostname": "sethostname(2)", "mount": "mount(2)", "file": "open(2)", "port": "bind(2)"}[name]


def step(description: str) -> str:
    """A step's description in the reader's language; what follows a colon is names."""
    what, colon, names = description.partition(": ")
    return _(what) + colon + names


def why(question: str, answer: bool, mix: Mix) -> str:
    """The reason for an answer: shared, its own, or refused."""
    error = mix.acts.get(question)
    return {
        "processes": _why_processes,
        "hostname": _why_hostname,
        "mount": _why_mount,
        "file": _why_file,
        "port": _why_port,
        "root": _why_root,
        "power": _why_power,
    }[question](answer, error, mix)


def _refused(error: str) -> str:
    return _("Nothing happened: the kernel refused it ({error}), by another fence.").format(error=error)


def _why_processes(answer: bool, error: str | None, mix: Mix) -> str:
    if answer:
        return _("It is process {pid} in the host’s own pid namespace.").format(pid=mix.measured["mix"]["pid"])
    inside, outside = mix.measured["mix"]["own_pid"], mix.measured["mix"]["pid"]
    return _("For itself it is process {inside}, and there is nobody else; for the host it is process {outside}.").format(
        inside=inside, outside=outside
    )


def _why_hostname(answer: bool, error: str | None, mix: Mix) -> str:
    if answer:
        return _("They share the UTS namespace, and so the name.")
    if error:
        return _refused(error)
    return _("The name changed in its own UTS namespace only.")


def _why_mount(answer: bool, error: str | None, mix: Mix) -> str:
    if answer:
        return _("They share the mount namespace: one table of mounts.")
    if error:
        return _refused(error)
    return _("The mount stands in its own table only.")


def _why_file(answer: bool, error: str | None, mix: Mix) -> str:
    if answer:
        return _("A mount namespace is another table of mounts, not another disk: the files are the same.")
    return _refused(error or "EIO")


def _why_port(answer: bool, error: str | None, mix: Mix) -> str:
    if answer:
        return _("They share the network namespace: a port exists once.")
    if error:
        return _refused(error)
    return _("Its own network namespace has ports of its own, and no way to anybody.")


def _why_root(answer: bool, error: str | None, mix: Mix) -> str:
    if answer:
        return _("Without a user namespace of its own, user 0 is user 0.")
    return _("Its user 0 is user {user} of the host, who owns nothing there.").format(user=mix.measured["mix"]["user"])


def _why_power(answer: bool, error: str | None, mix: Mix) -> str:
    mine, theirs = (mix.measured[who]["capabilities"] for who in ("mix", "around"))
    if answer and "user" in mix.recipe["namespaces"]:
        return _("It has all {n} there are, but they hold only over what its own user namespace owns.").format(n=len(mine))
    if answer:
        return _("All {n} of them.").format(n=len(mine))
    return _("It has {n}; the host’s root has {m}.").format(n=len(mine), m=len(theirs))


def fences() -> list[tuple[str, Callable[[dict[str, Any]], str]]]:
    """The rows of the second table: a name, and how a value is said."""
    return [
        (_("its user 0 is"), lambda of: _("user {user} of the host").format(user=of["user"])),
        (_("capabilities"), lambda of: str(len(of["capabilities"]))),
        (_("seccomp filters"), lambda of: str(of["filters"])),
        (_("new privileges"), lambda of: _("never again") if of["no_new_privs"] else _("possible")),
        (_("root filesystem"), lambda of: _("read-only") if of["read_only"] else _("writable")),
        (_("memory"), _memory),
        (_("processor"), _processor),
        (_("processes"), lambda of: str(of["limits"]["pids"] or _("no limit of its own"))),
    ]


def _memory(of: dict[str, Any]) -> str:
    limit = of["limits"]["memory_bytes"]
    return f"{limit // MEBIBYTE} MiB" if limit else _("no limit of its own")


def _processor(of: dict[str, Any]) -> str:
    limit = of["limits"]["cpu_quota_us"]
    return f"{limit / 1000:g} %" if limit and limit > 0 else _("no limit of its own")
