"""Building an image: resolve, download, unpack, configure, name.

The recipe is a directory of plain files (images/linux in this project): which packages, which
dependencies and files to leave out, what to write over the result. Its digest is kept with the
image, so building again with the same recipe does nothing.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.errors import NotFoundError, VitrineError
from runtime.image import configure, debian, times
from runtime.image.provision import SCRIPT, provision
from runtime.image.sources import Distribution, distribution, released, sources
from runtime.image.store import ARCHITECTURES, Image, Store
from runtime.oci.image_config import History, ImageConfig

Say = Callable[[str], None]
MAKERS = ("build", "configure", "debian", "layer", "provision", "sources", "times")  # the modules that decide what is in a tree
RECIPES = Path(__file__).resolve().parents[2] / "images"


def read_list(path: Path) -> list[str]:
    """The lines of a recipe file, without comments and blanks."""
    lines = (line.split("#", 1)[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def recipe_digest(directory: Path, host: Distribution) -> str:
    """One name for the recipe, this code and the release it is built from."""
    total = hashlib.sha256(f"{host.id} {host.codename} {platform.machine()}".encode())
    code = [Path(__file__).with_name(f"{name}.py") for name in MAKERS]
    for path in [*sorted(directory.rglob("*")), *code]:
        if path.is_file():
            total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def is_current(store: Store, name: str, recipe: str) -> bool:
    """True when the image exists and was built from exactly this recipe."""
    try:
        image = store.lookup(name)
    except NotFoundError:
        return False
    return image.recipe == recipe and all(layer.is_dir() for layer in image.layers)


def build(store: Store, name: str, say: Say, force: bool = False) -> Image:
    """Build the image of this recipe unless the store has it already."""
    directory = RECIPES / name
    if not (directory / "image.json").is_file():
        raise VitrineError(f"no recipe {name!r} in {RECIPES}")
    recipe = json.loads((directory / "image.json").read_text())
    host = released(distribution(), recipe.get("release", {}))
    digest = recipe_digest(directory, host)
    if is_current(store, name, digest) and not force:
        return store.lookup(name)
    with store.scratch() as scratch:
        root, newest = _make_tree(directory, recipe, scratch, host, _timed(say))
        step = History(rfc3339(newest), f"image build {name}", f"Debian packages of {host.id} {host.codename}, and its recipe")
        return store.add_directory(name, root, image_config(recipe, host), step, digest)


def _timed(say: Say) -> Say:
    """Put the seconds since the start before every line."""
    start = time.monotonic()
    return lambda text: say(f"{time.monotonic() - start:5.1f} s  {text}")


def _make_tree(directory: Path, recipe: dict[str, Any], scratch: Path, host: Distribution, say: Say) -> tuple[Path, int]:
    """The acts in the order they happen. Also the time of the newest packaged file: no entry is later."""
    scratch.chmod(0o755)
    root = scratch / "rootfs"
    root.mkdir(mode=0o755)
    say(f"reading the package index of {host.id} {host.codename}")
    apt = debian.Apt(scratch / "apt", sources(host))
    apt.run("update")
    names = apt.resolve(read_list(directory / "packages"), read_list(directory / "without"))
    say(f"downloading {len(names)} packages")
    packages = apt.download(names)
    size = sum(package.stat().st_size for package in packages) >> 20
    say(f"unpacking {size} MiB, {len(packages)} packages")
    debian.unpack(packages, root, read_list(directory / "exclude"))
    newest = times.newest_file(root)
    say("configuring")
    configure.configure(root, recipe, directory / "rootfs")
    if (directory / SCRIPT).is_file():
        say("provisioning")
        provision(root, directory / SCRIPT)
    times.clamp(root, newest)
    say("writing the layer, naming it by its content")
    return root, newest


def rfc3339(seconds: int) -> str:
    """A time as the image specification writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def image_config(recipe: dict[str, Any], host: Distribution) -> ImageConfig:
    """The image's configuration, in the words of the OCI image specification."""
    labels = {
        **recipe["config"].get("Labels", {}),
        "org.opencontainers.image.description": recipe["description"],
        "org.opencontainers.image.base.name": f"{host.id}:{host.codename}",
    }
    machine = platform.machine()
    return ImageConfig(ARCHITECTURES.get(machine, machine), config={**recipe["config"], "Labels": labels})
