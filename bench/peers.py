"""What we compare with: installed here, and needed by nothing else.

Runtimes come from the distribution by apt. terminado goes into a virtual environment of its own, so
that none of its dependencies can reach the site's.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

PROGRAMS = {"crun": "crun", "bwrap": "bubblewrap", "podman": "podman"}


def say(message: str) -> None:
    """Progress goes to the standard error, results to the standard output."""
    print(message, file=sys.stderr, flush=True)


def missing() -> list[str]:
    """Packages whose program is not here."""
    return [package for program, package in PROGRAMS.items() if not shutil.which(program)]


def install_runtimes() -> None:
    """Install the peers' packages; a peer that cannot be had is left out of the tables."""
    packages = missing()
    if not packages:
        return
    say(f"installing {' '.join(packages)}")
    apt = ["apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=300"]
    subprocess.run([*apt, "update"], check=False, stdout=sys.stderr)
    subprocess.run([*apt, "install", "--no-install-recommends", *packages], check=False, stdout=sys.stderr)


def terminado_python(work: Path) -> Path:
    """The interpreter of the peers' own virtual environment, made on first use."""
    home = work / "venv"
    python = home / "bin" / "python"
    if not (home / ".ready").exists():
        say(f"installing terminado into {home}")
        venv.create(home, with_pip=True, clear=True)
        packages = ["terminado==0.18.1", "tornado", "websockets"]
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True, stdout=sys.stderr)
        (home / ".ready").touch()
    return python


def copy_rootfs(layers: list[Path], work: Path) -> Path:
    """A plain tree of the image, lowest layer first, which the peers use as their root."""
    rootfs = work / "rootfs"
    stamp = work / "rootfs.layers"
    wanted = "\n".join(map(str, layers))
    if stamp.exists() and stamp.read_text() == wanted:
        return rootfs
    say(f"copying the image to {rootfs}")
    shutil.rmtree(rootfs, ignore_errors=True)
    rootfs.mkdir(parents=True)
    for layer in layers:
        subprocess.run(["cp", "-a", f"{layer}/.", str(rootfs)], check=True)
    stamp.write_text(wanted)
    return rootfs
