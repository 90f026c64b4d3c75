"""`python -m runtime image …`: build, list, move and remove the images of this node."""

from __future__ import annotations

import argparse
import sys

from runtime.errors import VitrineError
from runtime.image import verbs
from runtime.image.save import FORMATS
from runtime.image.store import Store
from runtime.image.unpack import Limits
from runtime.paths import Paths


def parser() -> argparse.ArgumentParser:
    """The verbs; docs/cli.md is written from this."""
    top = argparse.ArgumentParser(prog="python -m runtime image", description="images of this node")
    verbs = top.add_subparsers(dest="verb", required=True)
    make = verbs.add_parser("build", help="build an image from its recipe, if it is not there yet")
    make.add_argument("name", help="a directory of images/, such as linux")
    make.add_argument("--force", action="store_true", help="build even when nothing changed")
    _moving(verbs)
    _looking(verbs)
    tag = verbs.add_parser("tag", help="give an image a second name")
    tag.add_argument("name")
    tag.add_argument("new", help="such as linux:v2 or registry.lab:5000/linux:v2")
    remove = verbs.add_parser("rm", help="remove a name; gc frees its layers")
    remove.add_argument("name")
    gc = verbs.add_parser("gc", help="delete blobs and layers that no name leads to and no sandbox stands on")
    for verb in (make, tag, remove, gc):
        verb.add_argument("--json", action="store_true", help="as JSON")
    return top


def _moving(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    take = verbs.add_parser("import", help="import a docker archive, an OCI archive or an OCI layout")
    take.add_argument("source", help="a file, a directory, or - for the standard input")
    take.add_argument("--name", help="instead of the name that the image brings along")
    take.add_argument("--most-bytes", type=int, default=Limits.bytes, help="an archive may unpack to (default %(default)s)")
    take.add_argument("--most-entries", type=int, default=Limits.entries, help="an archive may have (default %(default)s)")
    take.add_argument("--json", action="store_true", help="as JSON")
    give = verbs.add_parser("export", help="write an image for other tools, with the same digests")
    give.add_argument("name")
    give.add_argument("target", help="a file, or - for the standard output; for oci-layout a new directory")
    give.add_argument("--format", choices=FORMATS, default=FORMATS[0], help="default %(default)s")
    give.add_argument("--json", action="store_true", help="say what was written as JSON; not with -")


def _looking(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    words = {
        "list": "list images with their sizes",
        "history": "how an image came about, newest step first",
        "verify": "digest blobs and layers anew; the exit status is 1 if something is wrong",
    }
    for verb, text in words.items():
        one = verbs.add_parser(verb, help=text)
        if verb != "list":
            one.add_argument(
                "name", nargs="?" if verb == "verify" else None, help="an image" + ("; all by default" * (verb == "verify"))
            )
        one.add_argument("--json", action="store_true", help="as JSON")


def main(argv: list[str]) -> int:
    """Run one verb; the exit status is 0, or 1 with one line that says why not."""
    options = parser().parse_args(argv)
    try:
        return verbs.perform(options, Store(Paths.from_environment().images))
    except (OSError, VitrineError) as error:
        print(f"image {options.verb}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
