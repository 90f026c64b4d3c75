"""A lesson from a Git repository, fetched by git itself, with no say in what this server does.

Only https to a public address: the name is resolved here, every address of it must be public, and
git is held to the one that was looked at, so a name that changes its mind in between leads nowhere.
Redirects are not followed. No work tree is made, so no filter, hook, submodule or link of the
repository takes effect; `git archive` gives a tar, which is read like any other that is sent.
"""

import ipaddress
import os
import resource
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from labsite.desk import archives
from labsite.desk.folders import Files, Refused

LONGEST = 40.0  # seconds
LARGEST = 32 << 20  # bytes of any file that git writes


def read(url: str) -> Files:
    """The lesson in the newest commit of the default branch. Refused says why not."""
    pinned = _pinned(url)
    with tempfile.TemporaryDirectory(prefix="vitrine-git-") as place:
        clone = ["clone", "--quiet", "--bare", "--depth", "1", "--single-branch", "--no-tags", "--", url, "repository"]
        _git(place, [*pinned, *clone])
        return archives.read(_git(place, ["--git-dir", "repository", "archive", "--format=tar", "HEAD"]))


def _pinned(url: str) -> list[str]:
    """Options that hold git to an address we have looked at."""
    parts = urlsplit(url)
    loopback = settings.DESK_GIT_LOOPBACK
    if parts.scheme not in (("https", "http") if loopback else ("https",)) or not parts.hostname or "@" in parts.netloc:
        raise Refused(_("A repository is named as https://host/path, without a name or a password."))
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError, UnicodeError) as error:
        raise Refused(_("%(host)s cannot be found: %(why)s") % {"host": parts.hostname, "why": error}) from error
    addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    if not all(_public(each) or (loopback and each.is_loopback) for each in addresses):
        raise Refused(_("%(host)s is not on the public Internet.") % {"host": parts.hostname})
    first = addresses[0]
    address = f"[{first}]" if first.version == 6 else str(first)
    return ["-c", f"http.curloptResolve={parts.hostname}:{port}:{address}"]


def _public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return address.is_global and not address.is_multicast and (inner is None or inner.is_global)


def _git(place: str, arguments: Sequence[str]) -> bytes:
    allowed = "https:http" if settings.DESK_GIT_LOOPBACK else "https"
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": place, "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": allowed, "GIT_ASKPASS": "/bin/false",
    }  # fmt: skip
    fixed = [
        "-c",
        "http.followRedirects=false",
        "-c",
        "http.proxy=",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "credential.helper=",
    ]
    output = Path(place) / "output"
    try:
        with output.open("wb") as stdout:
            done = subprocess.run(
                ["git", *fixed, *arguments], cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=stdout,
                stderr=subprocess.PIPE, timeout=LONGEST, preexec_fn=_bound, check=False,
            )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Refused(_("git did not end within %(n)s s.") % {"n": int(LONGEST)}) from error
    except FileNotFoundError as error:
        raise Refused(_("This server has no git.")) from error
    if done.returncode:
        raise Refused(_("git: %(why)s") % {"why": done.stderr[-300:].decode("utf-8", "replace").strip()})
    return output.read_bytes()


def _bound() -> None:
    """Before git begins: no large file, no long computing."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))
    resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
