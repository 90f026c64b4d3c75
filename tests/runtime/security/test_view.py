"""What a stranger's scanner would find: every file of the host's kernel that root inside may read or write.

Tools such as amicontained and linPEAS print long lists and leave the judgement to the reader. This one is
short and judges: a file that can be opened and is on neither list is a newly opened door. Files of a namespace
are the sandbox's own; the others tell of the host (docs/security.md says what, and why they stay).
"""

from __future__ import annotations

import re

import pytest

from tests.runtime.security.victim import Victim

SCAN = r"""
import os, stat
skip = ("/proc/self", "/proc/thread-self", "/sys/fs/cgroup")
for top in ("/proc", "/sys"):
    for directory, names, files in os.walk(top):
        names[:] = [n for n in names if not (top == "/proc" and directory == top and n.isdigit()) and not os.path.join(directory, n).startswith(skip)]
        for file in files:
            path = os.path.join(directory, file)
            if os.path.islink(path) or stat.S_ISCHR(os.stat(path).st_mode): continue  # what is masked is /dev/null
            for letter, flag in (("r", os.O_RDONLY), ("w", os.O_WRONLY)):
                try: fd = os.open(path, flag | os.O_NONBLOCK)
                except OSError: continue
                try: got = flag == os.O_WRONLY or os.read(fd, 1) is not None
                except OSError: got = False
                os.close(fd)
                if got: print(letter, path)
"""
# What belongs to a namespace of the sandbox, or to the file system inside.
OWN = r"""
/proc/sys/(net|user)/ /proc/sys/fs/mqueue/ /proc/sys/kernel/(msg|sem|shm|sg_|auto_msgmni|pid_max|ns_last_pid|hostname|domainname|cap_last_cap|overflow)
/proc/(mounts|net|sysvipc|key-users)\b /sys/class/net/ /sys/devices/virtual/net/ /sys/module/[^/]*/parameters/
"""
# What tells of the host and can be changed by nobody inside.
FACTS = r"""
/proc/(asound|bus|buddyinfo|cgroups|cmdline|config.gz|consoles|cpuinfo|crypto|devices|diskstats|dma|driver|dynamic_debug|execdomains|fb|filesystems|fs|
interrupts|iomem|ioports|irq|kallsyms|keys|latency_stats|loadavg|locks|mdstat|meminfo|misc|modules|mtrr|pagetypeinfo|partitions|pressure|
schedstat|scsi|softirqs|stat|swaps|sys|sysrq-trigger|timer_list|tty|uptime|version|version_signature|vmallocinfo|vmstat|zoneinfo|acpi|kpage.*|slabinfo)\b
/sys/(block|bus|class|dev|devices|firmware|fs|hypervisor|kernel|module|power)/
"""


def pattern(text: str) -> re.Pattern[str]:
    """One pattern of a list of them."""
    return re.compile("|".join(f"^{word}" for word in text.replace("|\n", "|").split()))


def scan(victim: Victim) -> dict[str, list[str]]:
    """What can be read ("r") and opened for writing ("w")."""
    result = victim.shim.exec(["python3", "-c", SCAN], timeout=60, limit=8 << 20)
    assert (0, False) == (result.code, result.truncated), result.stderr
    lines = [line.split(" ", 1) for line in result.stdout.decode().splitlines()]
    return {letter: [path for kind, path in lines if kind == letter] for letter in "rw"}


@pytest.mark.parametrize("profile", ["victim", "strict"])
def test_nothing_new_can_be_written(request: pytest.FixtureRequest, profile: str) -> None:
    """E-03: what can be opened for writing belongs to a namespace of the sandbox, except a few that refuse what is written."""
    found = scan(request.getfixturevalue(profile))["w"]
    refused = pattern("/proc/pressure/")  # a trigger of one's own, which needs CAP_SYS_RESOURCE

    assert [] == [path for path in found if not pattern(OWN).match(path) and not refused.match(path)]


@pytest.mark.parametrize("profile", ["victim", "strict"])
def test_nothing_new_can_be_read(request: pytest.FixtureRequest, profile: str) -> None:
    """E-22: what can be read is on the list of facts, none of which is memory, a log, a key or another sandbox."""
    found = scan(request.getfixturevalue(profile))["r"]
    secret = pattern(
        "/proc/(kcore|kmsg|kpage.*|slabinfo|vmallocinfo|sysrq-trigger)$ /sys/kernel/(debug|tracing|security)/. /sys/fs/pstore/."
    )

    assert [] == [path for path in found if not pattern(OWN).match(path) and not pattern(FACTS).match(path)]
    assert [] == [path for path in found if secret.match(path)]


def test_strict_writes_nothing(strict: Victim) -> None:
    """E-03: in the strict profile not even the settings of its own namespaces can be changed."""
    assert [] == [path for path in scan(strict)["w"] if path.startswith("/proc/sys/")]
