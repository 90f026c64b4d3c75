"""`python -m runtime image …`: build, list and remove the images of this node."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.errors import VitrineError
from runtime.image.build import build
from runtime.image.store import Image, Store
from runtime.paths import Paths


def parser() -> argparse.ArgumentParser:
    """The verbs; docs/cli.md is written from this."""
    top = argparse.ArgumentParser(prog="runtime image", description="images of this node")
    verbs = top.add_subparsers(dest="verb", required=True)
    make = verbs.add_parser("build", help="build an image from its recipe, if it is not there yet")
    make.add_argument("name", help="a directory of images/, such as linux")
    make.add_argument("--force", action="store_true", help="build even when nothing changed")
    listing = verbs.add_parser("list", help="list images")
    listing.add_argument("--json", action="store_true", help="as JSON")
    remove = verbs.add_parser("rm", help="remove a name; gc frees its layers")
    remove.add_argument("name")
    verbs.add_parser("gc", help="delete layers that no image uses; only while no sandbox runs")
    return top


def main(argv: list[str]) -> int:
    """Run one verb; the exit status is 0, or 1 with one line that says why not."""
    options = parser().parse_args(argv)
    paths = Paths.from_environment()
    store = Store(paths.images)
    try:
        _run(options, store, paths)
    except (OSError, VitrineError) as error:
        print(f"image {options.verb}: {error}", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace, store: Store, paths: Paths) -> None:
    if options.verb == "build":
        build(store, options.name, lambda text: print(text, file=sys.stderr, flush=True), options.force)
    elif options.verb == "list":
        _list(store.list(), options.json)
    elif options.verb == "rm":
        store.remove(options.name)
    else:
        _collect(store, paths.sandboxes)


def _collect(store: Store, sandboxes: Path) -> None:
    """A layer under a running sandbox must stay, so nothing is collected while one runs."""
    if sandboxes.is_dir() and any(sandboxes.iterdir()):
        raise VitrineError(f"{sandboxes} is not empty: end the sandboxes first")
    for digest in store.collect():
        print(digest)


def _list(images: Sequence[Image], as_json: bool) -> None:
    if as_json:
        print(json.dumps([{"name": i.name, "layers": [p.name for p in i.layers], **i.config} for i in images]))
        return
    for image in images:
        layers = " ".join(layer.name[:12] for layer in image.layers)
        print(f"{image.name:<16} {layers:<26} {image.config.get('org.vitrine.description', '')}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
