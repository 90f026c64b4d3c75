"""A laboratory's network leads nowhere: not to the host, not to another laboratory, not out (N-01 to N-16).

There is no rule that could be forgotten or flushed: the switch has no address, no route and no cable but its
sandboxes'. That these tests would see a way out is shown by giving a sandbox one (test_a_way_out_would_be_seen).
"""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.machine import Machine, eventually
from tests.runtime.security.attacks import PRELUDE
from tests.runtime.security.victim import Victim, sandbox

OUTSIDE = {
    "N-01 metadata": "169.254.169.254 169.254.170.2 100.100.100.200 fd00:ec2::254",
    "N-03 private ranges": "10.0.0.1 172.16.0.1 172.17.0.1 192.168.0.1 192.168.1.1 100.64.0.1",
    "N-04 the internet": "1.1.1.1 8.8.8.8 2606:4700:4700::1111",
    "N-11 v6 by other ways": "::ffff:1.1.1.1 2002:0101:0101::1 64:ff9b::101:101 fe80::1%eth0",
    "N-16 slirp's host": "10.0.2.2 10.0.2.3 10.0.2.15 192.168.127.1",
}
REACH = """
asked = []
for place in sys.argv[1:]:
    for port in (22, 25, 53, 80, 443, 2375, 5432, 6379, 8000, 9000):
        family, kind, protocol, _, address = socket.getaddrinfo(place, port, type=socket.SOCK_STREAM)[0]
        s = socket.socket(family, kind); s.setblocking(False)
        asked.append((place, port, s, s.connect_ex(address)))
time.sleep(1 if any(error == errno.EINPROGRESS for *_, error in asked) else 0)
for place, port, s, error in asked:
    if error == errno.EINPROGRESS: error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    try: s.getpeername(); answered = True
    except OSError: answered = error == errno.ECONNREFUSED
    if answered: print(place, port, errno.errorcode.get(error))
"""


@pytest.fixture(scope="module")
def other(attacked: Machine) -> Victim:
    """A sandbox of another laboratory, with the same address."""
    return sandbox(attacked, "elsewhere", profile="nested")


@pytest.fixture(scope="module")
def mate(attacked: Machine, victim: Victim) -> Victim:
    """The victim's neighbour in its own laboratory."""
    return sandbox(attacked, "mate", profile="nested", lab=victim.name, lab_index=1)


def python(victim: Victim, script: str, *args: str) -> str:
    """What a Python program prints inside."""
    result = victim.shim.exec(["python3", "-c", PRELUDE + script, *args], timeout=30)
    assert not result.timed_out
    return (result.stdout + result.stderr).decode().strip()


@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_outside_answers(victim: Victim, name: str) -> None:
    """Refused at once, since there is no route: no address outside answers, be it to refuse."""
    assert "" == python(victim, REACH, *OUTSIDE[name].split())


def test_refused_at_once(victim: Victim) -> None:
    """N-04, N-05: what has no route is refused by the sandbox's own kernel, so nobody waits and nothing is sent."""
    script = "s = socket.socket(); s.settimeout(20); print(errno.errorcode[s.connect_ex(('1.1.1.1', 25))])"

    assert "ENETUNREACH" == python(victim, script)


def test_a_way_out_would_be_seen(attacked: Machine) -> None:
    """The fence removed: with an address of the metadata service on a neighbour's card and a route to it, the same test sees it."""
    one = sandbox(attacked, "routed", profile="nested")
    two = sandbox(attacked, "pretender", profile="nested", lab=one.name, lab_index=1)
    two.run("ip addr add 169.254.169.254/32 dev eth0")
    one.run("ip route add default via 10.88.0.11")

    seen = python(one, REACH, "169.254.169.254")

    for each in (one, two):
        attacked.client.delete(each.name)
    assert "169.254.169.254 80" in seen


def test_no_address_of_the_host_answers(victim: Victim) -> None:
    """N-02: nor does any address that the host itself has, of either kind."""
    lines = subprocess.run(["ip", "-o", "addr"], capture_output=True, text=True, check=True).stdout.splitlines()
    addresses = [line.split()[3].split("/")[0] for line in lines if "scope host" not in line]

    assert "" == python(victim, REACH, *(f"{a}%eth0" if a.startswith("fe80") else a for a in addresses))


def test_no_resolver(victim: Victim) -> None:
    """N-06, T-11: no resolver of the host's is in reach, and the hosts file names this laboratory's machines alone."""
    assert victim.run("getent ahosts example.org").code != 0
    assert "" == victim.output("ss -Hlnu 2>/dev/null; grep -h ^nameserver /etc/resolv.conf | grep -v 127.0.0.1")
    assert "elsewhere" not in victim.output("cat /etc/hosts")


def test_the_switch_has_no_address(victim: Victim, mate: Victim) -> None:
    """N-02, N-09, N-14: all that answers on a laboratory's network are its sandboxes; the switch only passes frames on."""
    answering = victim.output("ping -6 -c2 -w3 ff02::1%eth0 | grep -o 'from fe80[^:%]*[^%]*' | sort -u | wc -l")

    assert int(answering) <= 2


def test_the_switch_would_answer() -> None:
    """The fence removed: a switch made as usual has an address of the kernel's own making."""
    assert "" == addresses_of_a_switch("")
    assert "inet6 fe80" in addresses_of_a_switch("def nothing(): pass\nnetlink.have_no_address = nothing\n")


def addresses_of_a_switch(before: str) -> str:
    """What `ip addr` says of a new switch that has a cable."""
    code = before + (
        "import os, subprocess\nwith netlink.entered(netlink.new_namespace_with_bridge()):\n"
        " subprocess.run('ip link add a type veth peer name b; ip link set a master br0 up; ip link set b up; sleep 0.1', shell=True, check=True)\n"
        " print(subprocess.run(['ip', 'addr', 'show', 'br0'], capture_output=True, text=True).stdout)\n"
    )
    command = [sys.executable, "-c", "from runtime.linux import netlink\n" + code]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return "\n".join(line.strip() for line in said.splitlines() if "inet" in line)


LISTEN = """
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(("eth0", 3)); s.settimeout(0.2)
end = time.monotonic() + 4
while time.monotonic() < end:
    try: got = s.recv(2048)
    except TimeoutError: continue
    if b"spoofs" in got: print("heard"); break
"""
SPOOF = """
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
def packet(source, target):
    udp = struct.pack("!HHHH", 4242, 4242, 8 + 6, 0) + b"spoofs"
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(target))
    total = sum(struct.unpack("!10H", head)); total = (total >> 16) + (total & 0xFFFF); total = ~(total + (total >> 16)) & 0xFFFF
    return head[:10] + struct.pack("!H", total) + head[12:] + udp
for number in range(120):
    for source, target in (("10.88.0.10", "10.88.0.11"), ("127.0.0.1", "255.255.255.255"), ("192.0.2.1", "224.0.0.1")):
        s.send(bytes([255] * 6) + bytes([2, 0, 0, 0, 0, 9]) + b"\\x08\\x00" + packet(source, target))
    time.sleep(0.02)
"""


def heard(listener: Victim, speaker: Victim) -> str:
    """Whether a listener gets another sandbox's forged packets, of whatever address."""
    with ThreadPoolExecutor() as pool:
        listening = pool.submit(python, listener, LISTEN)
        python(speaker, SPOOF)
        return listening.result()


def test_forged_packets_stay_in_their_laboratory(victim: Victim, mate: Victim, other: Victim) -> None:
    """N-07, N-08, N-10, N-14, T-01, T-02: forged sources, MACs, broadcasts and multicasts reach no other laboratory and not the host."""
    before = Path("/proc/net/arp").read_text(), Path("/proc/net/dev").read_text().count(":")

    assert "" == heard(other, victim)
    assert before == (Path("/proc/net/arp").read_text(), Path("/proc/net/dev").read_text().count(":"))


def test_the_listener_listens(victim: Victim, mate: Victim) -> None:
    """The fence removed: on the same switch the same listener hears the forged packets. A laboratory is one learner's."""
    assert "heard" == heard(mate, victim)


def test_advertisements_change_nothing_outside(victim: Victim, mate: Victim) -> None:
    """N-09: router advertisements and redirects from inside leave the host's routes and neighbours as they were."""
    routes = routes_of_the_host()
    script = """
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
link = socket.if_nametoindex("eth0")
for number in range(20): s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0), ("ff02::1", 0, 0, link)); time.sleep(0.01)
print("sent")
"""

    assert "sent" == python(victim, script)
    assert routes == routes_of_the_host()


def routes_of_the_host() -> list[str]:
    """Where its packets of IPv6 go: without the time that each route has left."""
    said = subprocess.run(["ip", "-6", "route"], capture_output=True, text=True, check=True).stdout
    return [line.split(" expires ")[0] for line in said.splitlines()]


def test_the_same_address_elsewhere_is_another_machine(victim: Victim, other: Victim) -> None:
    """T-01: the other laboratory has the same addresses, and its sandbox is not the one that answers."""
    other.run("nohup python3 -m http.server 4243 --bind 0.0.0.0 >/dev/null 2>&1 &")

    assert "" == python(
        victim, "s = socket.socket(); s.settimeout(2); e = s.connect_ex(('10.88.0.10', 4243)); e or print('open')"
    )


def test_the_card_may_be_moved_and_renamed(attacked: Machine) -> None:
    """N-12: renamed, moved to a nested namespace, with cards upon cards on it: it leads where it led, and goes with the sandbox."""
    mover = sandbox(attacked, "mover", profile="nested")
    links = Path("/proc/net/dev").read_text().count(":")
    mover.run(
        "ip link add link eth0 name m0 type macvlan; ip link add link eth0 name v0 type vlan id 7; ip link set eth0 down;"
        " ip link set eth0 name eth9; ip netns add inner; ip link set eth9 netns inner; ip -n inner link set eth9 up"
    )

    assert "" == python(mover, REACH, "169.254.169.254", "1.1.1.1")
    assert links == Path("/proc/net/dev").read_text().count(":")
    attacked.client.delete(mover.name)
    assert eventually(lambda: links == Path("/proc/net/dev").read_text().count(":"))


def test_no_rule_of_the_host_is_needed(attacked: Machine, victim: Victim) -> None:
    """N-13: a laboratory lives without a link, route or rule in the host's namespace, so nobody can flush it away."""
    commands = [["ip", "link"], ["ip", "route", "show", "table", "all"], ["ip", "rule"]]
    said = "".join(subprocess.run(command, capture_output=True, text=True, check=True).stdout for command in commands)

    assert " br0" not in said
    assert not re.search(r"\bv\d+\.\d+\b", said)
    assert victim.name not in said
