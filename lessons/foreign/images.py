"""Images: which of ours stands in for the one a scenario names.

Seventy-six names were seen in public repositories. Those of a plain Linux machine become our
`linux`, those of a Docker host our `docker` if the operator has it; the rest, clusters above
all, are not available here: such a lesson can be read, and has no sandbox. Nothing is guessed
in silence: the report names the image that was taken.
"""

import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

PLAIN = re.compile(r"(?:ubuntu|bash|git|none|centos|vscode|python|linux|debian)[\w:.\-]*", re.IGNORECASE)
DOCKER = re.compile(r"(?:docker|podman)[\w:.\-]*", re.IGNORECASE)
CLUSTER = re.compile(r"kubernetes|openshift|minikube|k3s|microk8s|rhel|crc", re.I)


@dataclass(frozen=True)
class Choice:
    """The image taken, and why not the one wanted; without an image the lesson is only read."""

    image: str
    why: str = ""


def choose(wanted: str, available: frozenset[str]) -> Choice:
    """Our image for a scenario's `imageid`."""
    if DOCKER.fullmatch(wanted):
        return Choice("docker") if "docker" in available else Choice("", f"image {wanted} needs our docker image")
    if not CLUSTER.search(wanted) and (not wanted or PLAIN.fullmatch(wanted)):
        return Choice("linux", "" if wanted else "no image is named")
    return Choice("", f"image {wanted}")


def installed() -> frozenset[str]:
    """The names of this machine's images, as its list of images has them."""
    path = Path(os.environ.get("VITRINE_STATE", "/var/lib/vitrine"), "images", "index.json")
    try:
        return _names(path, path.stat().st_mtime_ns)
    except (OSError, ValueError):
        return frozenset({"linux"})


@lru_cache(maxsize=4)
def _names(path: Path, changed: int) -> frozenset[str]:
    rows = json.loads(path.read_text())["manifests"]
    names = (row.get("annotations", {}).get("org.opencontainers.image.ref.name", "") for row in rows)
    return frozenset(name.removesuffix(":latest") for name in names if name) | {"linux"}
