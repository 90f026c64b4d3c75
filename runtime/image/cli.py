"""`python -m runtime image …`: build, list, move and remove the images of this node."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

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
    make = _building(verbs)
    _moving(verbs)
    _looking(verbs)
    tag = verbs.add_parser("tag", help="give an image a second name")
    tag.add_argument("name")
    tag.add_argument("new", help="such as linux:v2 or registry.lab:5000/linux:v2")
    remove = verbs.add_parser("rm", help="remove a name; gc frees its layers")
    remove.add_argument("name")
    gc = verbs.add_parser("gc", help="delete blobs, layers and parts of machines that no name leads to and no sandbox stands on")
    gc.add_argument("--cache", action="store_true", help="forget the results of build steps first")
    for verb in (make, tag, remove, gc):
        verb.add_argument("--json", action="store_true", help="as JSON")
    return top


def _building(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """One verb, two forms: a recipe's name, or the directory of a Containerfile."""
    make = verbs.add_parser(
        "build",
        help="build an image from a Containerfile, or a base image from its recipe",
        description="A word without a slash that names a recipe of images/ (linux, docker) builds that base image from Debian's "
        "packages, unless -t or -f is given. Anything else is a directory, the context, with a Containerfile or Dockerfile.",
    )
    make.add_argument("name", metavar="CONTEXT", help="a directory such as . or ./app; or a recipe such as linux")
    make.add_argument("--force", action="store_true", help="a recipe: build even when nothing changed")
    make.add_argument("-t", "--tag", metavar="NAME", help="the image's name, such as app or app:v2")
    make.add_argument("-f", "--file", type=Path, metavar="FILE", help="the Containerfile, if not CONTEXT/Containerfile")
    make.add_argument("--build-arg", action="append", default=[], metavar="K=V", help="the value of an ARG; may be repeated")
    make.add_argument("--target", default="", metavar="STAGE", help="stop at this stage instead of the last")
    make.add_argument("--no-cache", action="store_true", help="do every step anew")
    make.add_argument("--memory", type=int, default=1024, metavar="MIB", help="memory of a RUN (default %(default)s)")
    make.add_argument("--disk", type=int, default=2048, metavar="MIB", help="what a RUN may write (default %(default)s)")
    make.add_argument("--cpus", type=float, default=2.0, metavar="N", help="processors of a RUN (default %(default)s)")
    make.add_argument("--pids", type=int, default=512, metavar="N", help="processes of a RUN (default %(default)s)")
    return make


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
        if verb == "list":
            one.add_argument("--all", action="store_true", help="the results of build steps and the snapshots of labs too")
        else:
            one.add_argument(
                "name", nargs="?" if verb == "verify" else None, help="an image" + ("; all by default" * (verb == "verify"))
            )
        one.add_argument("--json", action="store_true", help="as JSON")


def main(argv: list[str], from_context: verbs.Builder | None = None, besides: verbs.Collector | None = None) -> int:
    """Run one verb; the exit status is 0, or 1 with one line that says why not.

    `from_context` builds from a Containerfile: it makes sandboxes, so it lives on a higher floor, and so does
    `besides`, which collects what was made from images.
    """
    options = parser().parse_args(argv, argparse.Namespace(from_context=from_context, besides=besides))
    try:
        return verbs.perform(options, Store(Paths.from_environment().images))
    except (OSError, VitrineError) as error:
        print(f"image {options.verb}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"image {options.verb}: interrupted; nothing is left of it", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
