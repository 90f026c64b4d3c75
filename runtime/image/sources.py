"""Where packages come from: the host's own apt sources, cut down to the distribution's own.

A sandbox image follows the host's release, or names another one of the same distribution, so it
needs no mirror of ours: whatever mirror, proxy and network rules the operator gave apt hold here
too. Other people's repositories on the host are left out, and every index is verified with the
distribution's own keyring.

See sources.list(5), apt-get(8) `indextargets`, apt-secure(8).
"""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.errors import VitrineError

KEYRINGS = {
    "debian": Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    "ubuntu": Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg"),
}
COMPONENTS = ("main", "universe")


@dataclass(frozen=True)
class Distribution:
    """A distribution: its id, a release's code name, the keys it signs with, and the release that
    the host's own list of mirrors is for, if that is another."""

    id: str
    codename: str
    keyring: Path
    listed: str = ""


def distribution() -> Distribution:
    """Read os-release(5); anything but Debian and Ubuntu is refused with the reason."""
    release = platform.freedesktop_os_release()
    keyring = KEYRINGS.get(release["ID"])
    if keyring is None:
        raise VitrineError(f"images are built on Debian or Ubuntu, not on {release['ID']!r}")
    if not keyring.exists():
        raise VitrineError(f"{keyring} is missing; apt-get install {keyring.stem.rsplit('-', 1)[0]}-keyring")
    return Distribution(release["ID"], release["VERSION_CODENAME"], keyring)


def released(host: Distribution, releases: dict[str, str]) -> Distribution:
    """The release an image is built from: the host's, unless the recipe names one for this distribution."""
    return replace(host, codename=releases.get(host.id, host.codename), listed=host.codename)


def sources(release: Distribution) -> list[str]:
    """Lines for a sources.list that names, of this release, the mirrors the host has for its own."""
    listed = release.listed or release.codename
    suites = {listed + suffix for suffix in ("", "-updates", "-security")}
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = []
    for uri, suite, component in (line.split() for line in output.splitlines()):
        if suite in suites and component in COMPONENTS:
            wanted = suite.replace(listed, release.codename)
            lines.append(f"deb [signed-by={release.keyring}] {uri} {wanted} {component}")
    if not lines:
        raise VitrineError(f"apt on this host has no source for {listed} main")
    return sorted(set(lines))
