"""Ways out through files, mounts, cgroups and namespaces (E-01 to E-12, E-21 to E-25, E-38 to E-44)."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.runtime.security.victim import Victim

PROC = Path("/proc")
DEVICES = {
    "null",
    "zero",
    "full",
    "random",
    "urandom",
    "tty",
    "pts",
    "ptmx",
    "shm",
    "console",
    "fd",
    "stdin",
    "stdout",
    "stderr",
    "mqueue",
    "log",  # a socket that drops what it is sent
    "core",
    "fuse",
    "net",
}
NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"]


def test_root_of_pid_one_is_our_root(victim: Victim) -> None:
    """E-01: /proc/1/root leads to the sandbox's own root."""
    assert "same" == victim.output("[ /proc/1/root/etc -ef /etc ] && echo same")


def test_there_is_nothing_above_root(victim: Victim) -> None:
    """E-02: .. of / is /."""
    assert "same" == victim.output("cd /; [ ../../.. -ef / ] && echo same")


def test_no_writable_global_knob(victim: Victim) -> None:
    """E-03: what root can open for writing under /proc/sys and /sys belongs to the sandbox's namespaces."""
    found = victim.output(
        "find /proc/sys /sys -xdev -type f ! -path '/sys/fs/cgroup/*' ! -path '/sys/devices/virtual/net/*' 2>/dev/null |"
        ' while read -r f; do { : >>"$f"; } 2>/dev/null && echo "$f"; done'
    ).split()
    own = ("/proc/sys/net/", "/proc/sys/user/", "/proc/sys/fs/mqueue/")
    kernel = ["msg", "sem", "shm", "pid_max", "ns_last_pid", "hostname", "domainname", "auto_msgmni"]
    allowed = (*own, *(f"/proc/sys/kernel/{name}" for name in kernel))

    assert [] == [path for path in found if not path.startswith(allowed)]


@pytest.mark.parametrize("knob", ["core_pattern", "modprobe", "poweroff_cmd", "hotplug", "panic", "sysrq", "kptr_restrict"])
def test_kernel_knob(victim: Victim, knob: str) -> None:
    """E-04, E-05: helpers that the kernel runs as root cannot be renamed."""
    path = PROC / "sys/kernel" / knob
    before = path.read_text() if path.exists() else None

    assert victim.run(f"echo '|/x' > /proc/sys/kernel/{knob}").code != 0
    assert before == (path.read_text() if path.exists() else None)


def test_sysrq(victim: Victim) -> None:
    """E-06: sysrq is refused."""
    assert victim.run("echo h > /proc/sysrq-trigger").code != 0


@pytest.mark.parametrize("controller", ["memory", "cpu", "pids", "cpuset", "devices", "freezer", "blkio"])
def test_release_agent(victim: Victim, controller: str) -> None:
    """E-07: no helper can be put into a v1 cgroup hierarchy."""
    script = f"d=$(mktemp -d); mount -t cgroup -o {controller} x $d && echo /x > $d/release_agent"

    assert victim.run(f"unshare -m sh -c '{script}'").code != 0


def test_new_hierarchy(victim: Victim) -> None:
    """E-07: no new hierarchy can be made."""
    assert victim.run("unshare -m sh -c 'd=$(mktemp -d); mount -t cgroup -o none,name=foo x $d'").code != 0


def test_cgroup_paths_are_roots(victim: Victim) -> None:
    """E-09: /proc/self/cgroup shows / everywhere, and no name of the host's."""
    paths = {line.split(":", 2)[2] for line in victim.output("cat /proc/1/cgroup").splitlines()}

    assert all("vitrine" not in path and ".." not in path for path in paths), paths


def test_neighbours_cgroups_are_not_seen(victim: Victim, neighbour: Victim) -> None:
    """E-09: no hierarchy shows another sandbox."""
    kinds = "-t,cgroup2 " + " ".join(f"-t,cgroup,-o,{name}" for name in ["cpu", "memory", "pids", "devices", "cpuset", "freezer"])
    script = f"d=$(mktemp -d); for k in {kinds}; do mount ${{k//,/ }} x $d 2>/dev/null && find $d -type d && umount $d; done"

    assert neighbour.name not in victim.output(f"unshare -m bash -c '{script}'")


def test_own_limits_are_out_of_reach(victim: Victim) -> None:
    """E-08: the limits above the delegated cgroup cannot be raised."""
    script = "for f in /sys/fs/cgroup/{memory.max,pids.max,cpu.max} /sys/fs/cgroup/*/{memory.limit_in_bytes,pids.max,cpu.cfs_quota_us}; do [ -e $f ] && ( echo -1 >$f || echo max >$f ) 2>/dev/null && echo $f; done"

    assert "" == victim.output(script)


def test_devices(victim: Victim) -> None:
    """E-11: /dev holds only what a container needs."""
    assert set() == set(victim.output("ls /dev").split()) - DEVICES


@pytest.mark.parametrize(
    "kind", ["devtmpfs", "ext4", "xfs", "btrfs", "squashfs", "debugfs", "tracefs", "securityfs", "pstore", "9p", "nfs"]
)
def test_file_systems_of_the_host(victim: Victim, kind: str) -> None:
    """E-12, E-42: no block, network or debug file system can be mounted."""
    assert victim.run(f"mount -t {kind} none /mnt").code != 0


def test_only_own_processes(victim: Victim) -> None:
    """E-21: /proc shows the sandbox's processes and no others."""
    own = victim.output("echo /proc/[0-9]*").split()

    assert "/proc/1" in own
    assert len(own) < 20


@pytest.mark.parametrize("path", ["/proc/kcore", "/dev/kmsg", "/proc/kmsg", "/dev/mem"])
def test_kernel_memory(victim: Victim, path: str) -> None:
    """E-22: the kernel's memory and log cannot be read."""
    assert victim.run(f"head -c1 {path}").code != 0


def test_addresses_are_hidden(victim: Victim) -> None:
    """E-22: kallsyms has no addresses."""
    assert "" == victim.output("cut -d' ' -f1 /proc/kallsyms 2>/dev/null | grep -m1 '[1-9a-f]'")


@pytest.mark.parametrize("name", NAMESPACES)
def test_own_namespaces(victim: Victim, neighbour: Victim, name: str) -> None:
    """E-23: no namespace is the host's or the neighbour's."""
    inside = victim.output(f"readlink /proc/self/ns/{name}")

    assert inside != os.readlink(f"/proc/self/ns/{name}")
    assert inside != neighbour.output(f"readlink /proc/self/ns/{name}")


def test_clock(victim: Victim) -> None:
    """E-24: the host's clock cannot be set."""
    before = time.time()

    victim.run("date -s @0")

    assert time.time() >= before


def test_mounts_do_not_propagate(victim: Victim) -> None:
    """E-41: a mount made inside is not seen outside."""
    assert "" == victim.output("mount -t tmpfs leakprobe /mnt")

    assert "leakprobe" not in Path("/proc/self/mountinfo").read_text()
    assert "" == victim.output("umount /mnt")


def test_host_mounts_do_not_change(victim: Victim) -> None:
    """The host's mount table does not show the sandbox's root."""
    assert victim.name not in Path("/proc/self/mountinfo").read_text()


def test_nothing_below_the_mounts(victim: Victim) -> None:
    """E-40: taking mounts away reveals nothing of the host."""
    script = "umount -l /proc /sys /dev 2>/dev/null; ls /proc /sys /dev | wc -w; ls -d /.old /oldroot /put_old 2>/dev/null"

    lines = victim.output(f"unshare -m bash -c '{script}'").splitlines()

    assert len(lines) == 1


def test_layers_stay_read_only(victim: Victim, neighbour: Victim) -> None:
    """E-39: what one sandbox writes over an image's file, no other sees."""
    assert victim.run("echo changed > /etc/issue").code == 0

    assert "changed" != neighbour.output("cat /etc/issue")


@pytest.mark.parametrize(
    "command",
    ["nice -n -20 true 2>&1 | grep -q 'cannot set' && false", "chrt -f 1 true", "prlimit --nofile=2000000 true"],
)
def test_no_capability_over_the_host(victim: Victim, command: str) -> None:
    """E-43: what takes a capability in the first user namespace is denied."""
    assert victim.run(command).code != 0


def test_oom_score(victim: Victim) -> None:
    """E-43: a sandbox cannot make itself the last to be killed."""
    assert victim.run("echo -1000 > /proc/self/oom_score_adj").code != 0


def test_neighbours_cannot_be_signalled(victim: Victim, neighbour: Victim) -> None:
    """E-21: a pid of the neighbour's, as the host counts, means nothing inside."""
    assert victim.run(f"kill -0 {neighbour.state['pid']}").code != 0


def test_ranges_do_not_overlap(victim: Victim, neighbour: Victim) -> None:
    """E-52: each sandbox has 65,536 host ids of its own, none of them the host's."""
    maps = [(PROC / str(one.state["pid"]) / "uid_map").read_text().split() for one in (victim, neighbour)]
    ranges = [range(int(base), int(base) + int(size)) for _, base, size in maps]

    assert all(len(one) == 65536 and one.start > 65536 for one in ranges)
    assert ranges[0].stop <= ranges[1].start or ranges[1].stop <= ranges[0].start


def test_no_route_out(victim: Victim) -> None:
    """A sandbox has no default route."""
    assert "" == victim.output("ip route show default")
