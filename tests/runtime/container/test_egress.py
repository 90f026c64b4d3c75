"""The way out of a lab's network: a host and a world of our own, each a network namespace.

The world's server is reached by the host over a cable, and by a sandbox only as the rules let it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.container.egress import Policy, rules
from runtime.errors import RuntimeRefused, SpecError
from tests.runtime.container.test_network import attach, two  # noqa: F401 - a fixture
from tests.runtime.node import Node, needs_node, wait_until

ALLOWED, BARRED, FOREIGN = "203.0.113.7", "203.0.113.66", "198.51.100.7"
HOST, PRIVATE = "203.0.113.1", "192.168.7.7"
ASK = """
import socket
with socket.socket(type=socket.SOCK_DGRAM) as s:
    s.settimeout(5)
    s.connect(("10.0.2.3", 53))
    try:
        s.send(b"question")
        print(s.recv(64).decode())
    except OSError as error:
        print(type(error).__name__)
"""
CONNECT = """
import json, socket, sys, time
begun = time.monotonic()
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 6) as s:
        said = s.recv(64).decode()
except OSError as error:
    said = type(error).__name__
print(json.dumps([said, time.monotonic() - begun]))
"""


class Egress(Node):
    """A node whose spawner runs on a host of its own, with a world beside it."""

    def __init__(self, run: Path, setting: str) -> None:
        super().__init__(run)
        self.environment["VITRINE_EGRESS"] = setting
        self.namespaces = [holder(), holder()]

    @property
    def host(self) -> list[str]:
        return ["nsenter", f"--net=/proc/{self.namespaces[0].pid}/ns/net"]

    @property
    def world(self) -> list[str]:
        return ["nsenter", f"--net=/proc/{self.namespaces[1].pid}/ns/net"]

    def start(self) -> None:
        """Lay the cable, start the servers, then the spawner."""
        ip(self.host, "link", "add", "h0", "type", "veth", "peer", "name", "w0", "netns", str(self.namespaces[1].pid))
        for side, device, addresses in (
            (self.host, "h0", (f"{HOST}/24", "192.168.7.1/24", "198.51.100.1/24")),
            (self.world, "w0", (f"{ALLOWED}/24", f"{BARRED}/24", f"{PRIVATE}/24", f"{FOREIGN}/24")),
        ):
            for address in addresses:
                ip(side, "address", "add", address, "dev", device)
            for each in (device, "lo"):
                ip(side, "link", "set", each, "up")
        self.servers = [serving(self.world), serving(self.host)]
        names = self.run.with_suffix(".names")
        names.write_text(f"nameserver {FOREIGN}\n")
        with_names = ["unshare", "-m", "sh", "-c", 'mount --bind "$1" /etc/resolv.conf; shift; exec "$@"', "sh", str(names)]
        command = [*self.host, *with_names, sys.executable, "-m", "runtime.spawner"]
        self.process = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL)
        wait_until(self.answers)

    def stop(self) -> None:
        super().stop()
        for process in (*self.servers, *self.namespaces):
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()

    def run_in(self, box: str, program: str, *args: object) -> str:
        """What a Python program says inside."""
        done = self.shim(box).exec(["python3", "-c", program, *map(str, args)], timeout=20.0)
        assert 0 == done.code, done.stderr
        return done.stdout.decode()

    def connect(self, box: str, address: str, port: int = 80) -> tuple[str, float]:
        said, seconds = json.loads(self.run_in(box, CONNECT, address, port))
        return said, seconds


def holder() -> subprocess.Popen[bytes]:
    process = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def serving(side: list[str]) -> subprocess.Popen[bytes]:
    command = [*side, sys.executable, "-m", "tests.runtime.container.world", "0.0.0.0"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None and b"ready\n" == process.stdout.readline()
    return process


def ip(side: list[str], *args: str) -> None:
    subprocess.run([*side, "ip", *args], check=True)


def stacks() -> set[int]:
    """The slirp4netns that run on this machine, not those that have ended and wait for init to notice."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/exe"):
        with contextlib.suppress(OSError):
            if path.readlink().name == "slirp4netns":
                found.add(int(path.parent.name))
    return found


@contextmanager
def a_node(run: Path, setting: str) -> Iterator[Egress]:
    node = Egress(run, setting)
    node.start()
    try:
        yield node
    finally:
        node.stop()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Egress]:
    with a_node(tmp_path_factory.mktemp("egress"), f"203.0.113.0/24,192.168.0.0/16,!{BARRED}/32") as node:
        yield node


@pytest.fixture(scope="module")
def box(node: Egress) -> Iterator[str]:
    with node.sandbox(net="internet") as box:
        yield box


@needs_node
def test_an_allowed_address_answers(node, box):
    """What the operator allows is reached."""
    assert "hello" == node.connect(box, ALLOWED)[0]


@needs_node
@pytest.mark.parametrize(
    "address",
    [FOREIGN, BARRED, PRIVATE, HOST, "192.168.7.1", "10.0.2.2", "10.0.2.3", "169.254.169.254", "100.100.100.200", "10.88.0.1"],
)
def test_everything_else_is_refused_at_once(node, box, address):
    """N-04: what is not allowed, private and metadata addresses, the host's own and the gateway: refused, not waited for."""
    said, seconds = node.connect(box, address)

    assert said in ("ConnectionRefusedError", "OSError")
    assert seconds < 2


@needs_node
def test_mail_is_refused(node, box):
    """N-05: no mail leaves, though the address is allowed and a server listens."""
    said, seconds = node.connect(box, ALLOWED, 25)

    assert "ConnectionRefusedError" == said
    assert seconds < 2


@needs_node
def test_names_are_answered_only_if_allowed(node, box):
    """N-06: the host's resolver is asked only where the setting says `dns`; else the question is refused at once."""
    assert "OSError\n" == node.run_in(box, ASK)


@needs_node
def test_a_flood_is_bounded(node, box):
    """N-05: datagrams and downloads leave some bytes a second, however fast they are sent."""
    flood = (
        "import socket, sys, time\ns, end = socket.socket(type=socket.SOCK_DGRAM), time.monotonic() + 1\n"
        "s.connect((sys.argv[1], 9)); s.send(b'hello'); s.recv(9)\n"
        "while time.monotonic() < end: s.send(bytes(1400))"
    )
    drink = (
        "import socket, sys, time\ns, end, n = socket.create_connection((sys.argv[1], 19)), time.monotonic() + 1, 0\n"
        "while time.monotonic() < end: n += len(s.recv(65536))\nprint(n)"
    )

    node.run_in(box, flood, ALLOWED)
    drunk = int(node.run_in(box, drink, ALLOWED))

    assert 200_000 < int(node.connect(box, ALLOWED, 9)[0]) < 1_500_000
    assert 50_000 < drunk < 4_000_000


@needs_node
def test_a_scan_is_bounded(node, box):
    """N-05: new connections come at a rate, and so many at a time."""
    scan = (
        "import socket, sys, time\nheld, begun = [], time.monotonic()\n"
        "for _ in range(400):\n"
        "    s = socket.socket(); s.settimeout(3); s.connect_ex((sys.argv[1], 19)) or held.append(s)\n"
        "print(len(held), time.monotonic() - begun)"
    )

    opened, seconds = map(float, node.run_in(box, scan, ALLOWED).split())

    assert 1 <= opened <= 62 + 31 * seconds


@needs_node
def test_neither_v6_nor_the_way_of_another_lab(node, box):
    """N-11: there is no IPv6 beyond the switch, and a lab without internet has no gateway."""
    with node.sandbox(net="lab", lab="lab-without") as other:
        assert "OSError" == node.connect(other, ALLOWED)[0]
    routes = node.shim(box).exec(["cat", "/proc/net/ipv6_route"]).stdout.decode().splitlines()
    assert [] == [line for line in routes if line.split()[0] == "0" * 32 and line.split()[-1] != "lo"]


@needs_node
def test_the_stack_has_no_power(node, box):
    """N-16: the program behind the gateway holds one capability, a filter, and a root with no socket and no file of the host's."""
    (stack,) = stacks_of(node)
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{stack}/status").read_text().splitlines() if ":\t" in line)

    assert ["0000000000000400"] * 2 == [status["CapEff"], status["CapBnd"]]
    assert "2" == status["Seccomp"]
    assert ["resolv.conf"] == os.listdir(f"/proc/{stack}/root/etc")
    assert [] == [name for name in os.listdir(f"/proc/{stack}/root/run") if name != "mount"]


def stacks_of(node: Egress) -> list[int]:
    """Those that stand in the node's host; one that has just gone does not."""
    home = os.stat(f"/proc/{node.namespaces[0].pid}/ns/net").st_ino
    found = []
    for pid in stacks():
        with contextlib.suppress(OSError):
            found += [pid] if os.stat(f"/proc/{pid}/ns/net").st_ino == home else []
    return found


@needs_node
def test_a_helper_that_dies_is_followed_and_nothing_stays(tmp_path):
    """The next helper makes the way out again; with the spawner everything goes."""
    with a_node(tmp_path / "run", "203.0.113.0/24,dns") as node:
        with node.sandbox(net="internet") as box:
            (first,) = stacks_of(node)
            assert "nameserver 10.0.2.3\n" == node.shim(box).exec(["cat", "/etc/resolv.conf"]).stdout.decode()
            assert node.process is not None
            os.kill(helper_of(node.process.pid), signal.SIGKILL)
            wait_until(lambda: not stacks_of(node))
            with node.sandbox(net="lab", lab="another"):
                wait_until(lambda: stacks_of(node))
            (second,) = stacks_of(node)
            assert "hello" == node.connect(box, ALLOWED)[0]
            assert "question\n" == node.run_in(box, ASK)
        assert [] == node.traces(box)
    wait_until(lambda: not {first, second} & stacks())
    assert first != second


def helper_of(spawner: int) -> int:
    for path in Path(f"/proc/{spawner}/task/{spawner}/children").read_text().split():
        if b"runtime.container.network" in Path(f"/proc/{path}/cmdline").read_bytes():
            return int(path)
    raise AssertionError("there is no helper")


@needs_node
def test_off_is_refused_with_words(tmp_path):
    """Without the setting a request is refused, and the setting is named."""
    with a_node(tmp_path / "run", "off") as node, pytest.raises(RuntimeRefused, match="VITRINE_EGRESS"):
        node.spawner.create(id="t-off", image="linux", net="internet")


@needs_node
def test_a_machine_is_refused(node):
    """A virtual machine gets no way out, and is told so."""
    with pytest.raises(RuntimeRefused, match="virtual machine"):
        node.spawner.create(id="t-vm", image="linux", net="internet", backend="vm")


@pytest.mark.parametrize("setting", ["everything", "dns", "2001:db8::/32", "203.0.113.9/24", "off,0.0.0.0/0", "!10.0.0.0/8"])
def test_a_wrong_setting_is_named(setting):
    """What is no list of IPv4 networks stops the start."""
    with pytest.raises(SpecError, match="VITRINE_EGRESS"):
        Policy.of({"VITRINE_EGRESS": setting})


def test_missing_programs_are_named(monkeypatch):
    """A host without them refuses, with the names of the packages."""
    monkeypatch.setattr("runtime.container.egress.PATH", "/nonexistent")

    with pytest.raises(Exception, match="nftables, slirp4netns"):
        Policy.of({"VITRINE_EGRESS": "0.0.0.0/0"}).require()


def test_the_rules_shut_what_is_private_whatever_is_allowed():
    """N-03: private networks are in the rules also where all is allowed."""
    text = rules(Policy(("0.0.0.0/0",)), "lab", ["203.0.113.1"])

    for network in ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "224.0.0.0/3", "203.0.113.1/32"):
        assert network in text.split("set excepted")[1].splitlines()[0]


@needs_node
def test_refusals_are_told_by_lab(two):  # noqa: F811 - the fixture
    """N-05: what was refused is counted, and the log says for which lab; also where everything is allowed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {**os.environ, "VITRINE_EGRESS": "0.0.0.0/0,dns"}
    command = [sys.executable, "-m", "runtime.container.network"]
    with theirs:
        helper = subprocess.Popen(command, stdin=theirs, stderr=subprocess.PIPE, env=environment, text=True)
    with ours:
        held = attach(ours, "lab-spam", two[0].fd, 0, internet=True)[1]
        said = [two[0].run(sys.executable, "-c", CONNECT, *where).stdout for where in ((ALLOWED, "25"), ("10.0.0.1", "80"))]

    log = helper.communicate(timeout=20)[1]
    for fd in held:
        os.close(fd)
    assert ["ConnectionRefusedError"] * 2 == [json.loads(each)[0] for each in said]
    assert "egress: lab lab-spam: closed 1, mail 1\n" in log
