"""A way out of a lab's network: a gateway on its switch, and behind it a TCP/IP stack in a program.

slirp4netns holds a tap device in the lab's namespace and speaks to the world by ordinary sockets, so the host
gets no link, no route, no rule and no address translation. It stands in an empty root of its own (names of
resolvers and nothing else), keeps no capability but binding low ports, and ends when we do: a pipe tells it.

See slirp4netns(1), nft(8), mount_namespaces(7).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runtime.container import egress
from runtime.container.egress import Policy
from runtime.linux import netlink, network

PATIENCE = 10.0
ENVIRONMENT = {"PATH": egress.PATH, "LC_ALL": "C"}
ROOM = """set -e
names=$(grep ^nameserver /etc/resolv.conf || :)
for each in /run /etc; do mount -t tmpfs -o mode=755,size=64k tmpfs $each; done
printf '%s\\n' "$names" >/etc/resolv.conf
exec "$@"
"""
BOUNDED = ("prlimit", "--as=268435456", "--nofile=8192:8192", "--core=0", "unshare", "--mount", "sh", "-c", ROOM, "sh")
STACK = (
    "slirp4netns", "--configure", "--mtu=1500", "--disable-host-loopback", "--enable-sandbox", "--enable-seccomp",
    "--cidr=10.0.2.0/24", "--netns-type=path",
)  # fmt: skip
SWITCHES = {
    "net/ipv4/conf/all/accept_redirects": "0", "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/all/accept_source_route": "0", "net/ipv4/conf/all/rp_filter": "1",
    "net/ipv4/conf/default/send_redirects": "0", "net/ipv4/conf/br0/send_redirects": "0",
    "net/bridge/bridge-nf-call-iptables": "0",  # frames between guests are no affair of the rules
    "net/ipv4/ip_forward": "1",
}  # fmt: skip


@dataclass
class WayOut:
    """One lab's."""

    lab: str
    namespace: int
    policy: Policy
    stack: subprocess.Popen[bytes] | None = None
    leash: int = -1
    own: tuple[str, ...] = ()
    counted: dict[str, int] = field(default_factory=dict)

    def keep(self) -> None:
        """Make it, or mend what has gone: the stack may have died, the host may have got another address."""
        own = tuple(netlink.addresses())
        with netlink.entered(self.namespace):
            if own != self.own:
                _nft("-f", "-", text=egress.rules(self.policy, self.lab, own))
                self.own, self.counted = own, {}
                network.set_address(netlink.BRIDGE, egress.GATEWAY, 24)
                for name, value in SWITCHES.items():
                    with contextlib.suppress(FileNotFoundError):
                        Path("/proc/sys", name).write_text(value)
        if self.stack is None or self.stack.poll() is not None:
            self.close()
            self.start()

    def start(self) -> None:
        """Start the stack, and wait until its device is there."""
        held, self.leash = os.pipe2(os.O_CLOEXEC)
        ready, told = os.pipe2(os.O_CLOEXEC)
        options = [f"--exit-fd={held}", f"--ready-fd={told}", *([] if self.policy.dns else ["--disable-dns"])]
        command = [*BOUNDED, *STACK, *options, f"/proc/self/fd/{self.namespace}", egress.DEVICE]
        try:
            self.stack = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=ENVIRONMENT, start_new_session=True,
                pass_fds=(held, told, self.namespace),
            )  # fmt: skip
        finally:
            os.close(held)
            os.close(told)
        with os.fdopen(ready, "rb", buffering=0) as answer:
            if not select.select([answer], [], [], PATIENCE)[0] or answer.read(1) != b"1":
                self.close()
                raise OSError("slirp4netns did not start; the spawner's log says why")

    def news(self) -> dict[str, int]:
        """What the counters have counted since the last time, in packets."""
        with netlink.entered(self.namespace):
            listed = json.loads(_nft("-j", "list", "counters", "table", "ip", "egress"))["nftables"]
        counters = {each["counter"]["name"]: each["counter"]["packets"] for each in listed if "counter" in each}
        new = {name: count - self.counted.get(name, 0) for name, count in counters.items()}
        self.counted = counters
        return {name: count for name, count in new.items() if count}

    def report(self) -> None:
        """The news, to the spawner's log."""
        if new := self.news():
            words = ", ".join(f"{name} {count}" for name, count in sorted(new.items()))
            print(f"egress: lab {self.lab}: {words}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """End the stack; the rules go with the namespace."""
        if self.leash >= 0:
            os.close(self.leash)
            self.leash = -1
        if self.stack is not None:
            self.stack.kill()
            self.stack.wait()
            self.stack = None


class WaysOut:
    """Those that exist, by lab."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.ways: dict[str, WayOut] = {}

    def open(self, lab: str, namespace: int) -> None:
        """See that this lab has one."""
        self.policy.require()
        self.ways.setdefault(lab, WayOut(lab, namespace, self.policy)).keep()

    def look(self) -> None:
        """Tell what was counted, and mend what has gone."""
        for way in self.ways.values():
            with told(way.lab):
                way.report()
                way.keep()

    def close(self, lab: str) -> None:
        """The lab is gone."""
        if way := self.ways.pop(lab, None):
            with told(lab):
                way.report()
            way.close()

    def close_all(self) -> None:
        """All of them."""
        for lab in list(self.ways):
            self.close(lab)


@contextlib.contextmanager
def told(lab: str) -> Iterator[None]:
    """A failure that nobody waits for goes to the spawner's log."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - pyroute2 has errors of its own
        print(f"egress: lab {lab}: {error}", file=sys.stderr, flush=True)


def _nft(*args: str, text: str = "") -> str:
    """Ask nft, in the namespace that we are in."""
    command = ["nft", *args]
    done = subprocess.run(command, input=text, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=PATIENCE)
    if done.returncode:
        raise OSError(f"nft: {done.stderr.strip()[:500]}")
    return done.stdout
