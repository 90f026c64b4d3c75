"""Where packages come from: the host's own apt sources, cut down to the distribution's own.

The sandbox image follows the host's release, so it needs no mirror of ours: whatever mirror,
proxy and network rules the operator gave apt hold here too. Other people's repositories on the
host are left out, and every index is verified with the distribution's own keyring.

See sources.list(5), apt-get(8) `indextargets`, apt-secure(8).
"""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import VitrineError

KEYRINGS = {
    "debian": Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    "ubuntu": Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg"),
}
COMPONENTS = ("main", "universe")


@dataclass(frozen=True)
class Distribution:
    """The host's distribution: its id, its release's code name and the keys it signs with."""

    id: str
    codename: str
    keyring: Path


def distribution() -> Distribution:
    """Read os-release(5); anything but Debian and Ubuntu is refused with the reason."""
    release = platform.freedesktop_os_release()
    keyring = KEYRINGS.get(release["ID"])
    if keyring is None:
        raise VitrineError(f"images are built on Debian or Ubuntu, not on {release['ID']!r}")
    if not keyring.exists():
        raise VitrineError(f"{keyring} is missing; apt-get install {keyring.stem.rsplit('-', 1)[0]}-keyring")
    return Distribution(release["ID"], release["VERSION_CODENAME"], keyring)


def sources(host: Distribution) -> list[str]:
    """Lines for a sources.list that names the host's mirrors of its own release."""
    suites = {host.codename + suffix for suffix in ("", "-updates", "-security")}
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = []
    for uri, suite, component in (line.split() for line in output.splitlines()):
        if suite in suites and component in COMPONENTS:
            lines.append(f"deb [signed-by={host.keyring}] {uri} {suite} {component}")
    if not lines:
        raise VitrineError(f"apt on this host has no source for {host.codename} main")
    return sorted(set(lines))
