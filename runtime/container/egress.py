"""The policy of ways out of a lab's network: what may be reached, and the rules that see to it.

The operator says it by VITRINE_EGRESS: `off`, or networks separated by commas; `!NETWORK` takes one out, and the
word `dns` gives names. Private, local and reserved networks and the host's own addresses are shut whatever it says.

The rules live in the lab's own network namespace, where no student has any power. See nft(8).
Without them a lab with a way out could scan, send mail and flood from the host's address.
"""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runtime.errors import RefusedError, SpecError

SETTING = "VITRINE_EGRESS"
GATEWAY = "10.88.0.1"
NAMESERVER = "10.0.2.3"  # slirp4netns answers there for the host's resolver
DEVICE = "out0"  # netlink.WAY_OUT; this module is read where nothing of netlink may be
PROGRAMS = {"nft": "nftables", "slirp4netns": "slirp4netns", "unshare": "util-linux", "prlimit": "util-linux"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NEVER = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
)  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """What the operator allows; nothing at all is `off`."""

    allowed: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()
    dns: bool = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Policy:
        """Read the setting; a wrong word is named."""
        words = [word.strip() for word in environment.get(SETTING, "").split(",") if word.strip()]
        if words in ([], ["off"]):
            return cls()
        networks = [word for word in words if word != "dns"]
        allowed = tuple(_network(word) for word in networks if not word.startswith("!"))
        if not allowed:
            raise SpecError(SETTING, "names no network that may be reached, such as 0.0.0.0/0; write off for none")
        return cls(allowed, tuple(_network(word[1:]) for word in networks if word.startswith("!")), "dns" in words)

    def require(self) -> None:
        """Refuse a way out that is not allowed here, or that this host lacks the programs for."""
        if not self.allowed:
            raise RefusedError("egress", "network", f"net: internet is off on this server (the operator's setting {SETTING})")
        if missing := sorted({package for name, package in PROGRAMS.items() if not shutil.which(name, path=PATH)}):
            raise RefusedError("egress", "network", f"net: internet needs the Debian package {', '.join(missing)} on this server")


def _network(word: str) -> str:
    try:
        return str(ipaddress.IPv4Network(word))
    except ValueError as error:
        raise SpecError(SETTING, f"{word!r} is not an IPv4 network such as 203.0.113.0/24: {error}") from error


def merged(networks: Iterable[str]) -> str:
    """Networks as the elements of a set, none within another."""
    return ", ".join(str(each) for each in ipaddress.collapse_addresses(map(ipaddress.IPv4Network, networks)))


def rules(policy: Policy, lab: str, own: Iterable[str]) -> str:
    """What `nft -f` is to be told in the lab's namespace; `own` are the host's addresses."""
    names = f"ip daddr {NAMESERVER} meta l4proto {{ tcp, udp }} th dport 53 jump names" if policy.dns else ""
    return RULES % {
        "allowed": merged(policy.allowed), "excepted": merged([*NEVER, *policy.excepted, *own]), "names": names, "lab": lab,
        "counters": "\n  ".join(f"counter {name} {{ }}" for name in COUNTERS), "out": DEVICE,
    }  # fmt: skip


COUNTERS = ("opened", "closed", "elsewhere", "mail", "rate", "many", "flood", "queries", "spoofed", "gateway")
RULES = """
table ip egress { }
delete table ip egress
table ip egress {
  %(counters)s
  set allowed { type ipv4_addr; flags interval; elements = { %(allowed)s } }
  set excepted { type ipv4_addr; flags interval; elements = { %(excepted)s } }

  chain refuse {
    meta l4proto tcp reject with tcp reset
    reject with icmp type admin-prohibited
  }
  chain bounded {
    limit rate over 30/second burst 60 packets counter name rate goto refuse
    ct count over 256 counter name many goto refuse
    log prefix "vitrine egress %(lab)s: "
    counter name opened accept
  }
  chain names {
    limit rate over 20/second burst 40 packets counter name queries goto refuse
    ct state established accept
    goto bounded
  }
  chain leaving {
    ip saddr != 10.88.0.0/24 counter name spoofed drop
    ct state invalid counter name spoofed drop
    limit rate over 2 mbytes/second burst 512 kbytes counter name flood drop
    meta l4proto udp limit rate over 500 kbytes/second burst 128 kbytes counter name flood drop
    %(names)s
    ct state { established, related } accept
    ip daddr @excepted counter name closed goto refuse
    ip daddr != @allowed counter name elsewhere goto refuse
    meta l4proto != { tcp, udp, icmp } counter name elsewhere goto refuse
    tcp dport { 25, 465, 587 } counter name mail goto refuse
    goto bounded
  }
  chain arriving {
    ct state != { established, related } counter name spoofed drop
    limit rate over 2 mbytes/second burst 512 kbytes counter name flood drop
    accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    iifname br0 oifname %(out)s goto leaving
    iifname %(out)s oifname br0 goto arriving
    counter name closed goto refuse
  }
  chain input {
    type filter hook input priority filter; policy drop;
    iifname br0 icmp type echo-request limit rate 10/second accept
    iifname br0 counter name gateway goto refuse
  }
  chain source {
    type nat hook postrouting priority srcnat; policy accept;
    oifname %(out)s masquerade
  }
}
"""
