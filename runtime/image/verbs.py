"""What the verbs of `image` do and print: a table for people, or JSON for programs."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from runtime.errors import VitrineError
from runtime.image.build import RECIPES, Say, build
from runtime.image.collect import collect
from runtime.image.load import load
from runtime.image.save import save
from runtime.image.store import CACHE, SNAPSHOTS, Image, Store
from runtime.image.unpack import Limits
from runtime.image.verify import verify
from runtime.oci.reference import familiar

Builder = Callable[[argparse.Namespace, Store, Say], Image]
Collector = Callable[[Store], list[str]]
HIDDEN = (CACHE, SNAPSHOTS)
DESCRIPTION = "org.opencontainers.image.description"


def perform(options: argparse.Namespace, store: Store) -> int:
    """Do it; the exit status."""
    return VERBS[options.verb](options, store)


def _build(options: argparse.Namespace, store: Store) -> int:
    """A recipe of ours, or a context with a Containerfile; the help says how they are told apart."""
    if is_recipe(options):
        image = build(store, options.name, say, options.force)
    elif options.from_context is None:
        raise VitrineError(
            f"no recipe {options.name!r} in {RECIPES}; a Containerfile is built by `python -m runtime image build`"
        )
    else:
        image = options.from_context(options, store, say)
        say(f"{image.name} {image.descriptor.digest}" if options.tag else image.descriptor.digest)
    return _print([summary(image)], options.json, [])


def is_recipe(options: argparse.Namespace) -> bool:
    """A bare word that names a recipe, and nothing that only a Containerfile has."""
    word = "/" not in options.name and options.name not in (".", "..")
    return word and options.tag is None and options.file is None and (RECIPES / options.name / "image.json").is_file()


def say(text: str) -> None:
    """Progress goes to the standard error, at once."""
    print(text, file=sys.stderr, flush=True)


def _import(options: argparse.Namespace, store: Store) -> int:
    images = load(store, options.source, options.name, Limits(options.most_bytes, options.most_entries))
    for tree in {tree for image in images for tree in image.layers}:
        for note in store.record(tree)["notes"]:
            print(f"note: {note}", file=sys.stderr)
    return _print([summary(image) for image in images], options.json, ["name", "digest"])


def _export(options: argparse.Namespace, store: Store) -> int:
    image = store.lookup(options.name)
    save(store, image, options.target, options.format)
    row = {"name": image.name, "digest": image.descriptor.digest, "target": options.target, "format": options.format}
    return _print([row], options.json and options.target != "-", [])


def _list(options: argparse.Namespace, store: Store) -> int:
    images = [image for image in store.list() if options.all or not image.name.startswith(HIDDEN)]
    distinct = {image.descriptor.digest: image for image in images}.values()
    users = Counter(digest for image in distinct for digest in {blob.digest for blob in image.blobs})
    rows = [{**summary(image), "shared": _shared(image, users)} for image in images]
    return _print(rows, options.json, ["name", "id", "created", "size", "shared", "description"])


def _shared(image: Image, users: Counter[str]) -> int:
    """Bytes of layers that another image has too."""
    sizes = {blob.digest: blob.size for blob in image.blobs}
    return sum(size for digest, size in sizes.items() if users[digest] > 1)


def _history(options: argparse.Namespace, store: Store) -> int:
    image = store.lookup(options.name)
    blobs = iter(image.blobs)
    rows = []
    for step in image.parsed.history:
        blob = None if step.empty_layer else next(blobs, None)
        row: dict[str, Any] = {"created": step.created, "size": blob.size if blob else 0, "created_by": step.created_by}
        rows.append({**row, "comment": step.comment, "layer": blob.digest if blob else ""})
    return _print(rows[::-1], options.json, ["created", "size", "created_by", "comment"])


def _verify(options: argparse.Namespace, store: Store) -> int:
    images = [store.lookup(options.name)] if options.name else store.list()
    rows = [{"name": image.name, "problem": problem} for image in images for problem in verify(store, image)]
    _print(rows, options.json, ["name", "problem"])
    return 1 if rows else 0


def _tag(options: argparse.Namespace, store: Store) -> int:
    return _print([summary(store.tag(options.name, options.new))], options.json, [])


def _remove(options: argparse.Namespace, store: Store) -> int:
    store.remove(options.name)
    return _print([{"removed": options.name}], options.json, [])


def _collect(options: argparse.Namespace, store: Store) -> int:
    for image in store.list() if options.cache else ():
        if image.name.startswith(CACHE):
            store.remove(image.name)
    gone = collect(store) + (options.besides(store) if options.besides else [])
    return _print([{"deleted": name} for name in gone], options.json, ["deleted"])


def summary(image: Image) -> dict[str, Any]:
    """One image as a row; sizes in bytes."""
    config = image.config
    return {
        "name": familiar(image.name),
        "id": image.manifest.config.digest if image.manifest else "",
        "digest": image.descriptor.digest,
        "created": config.get("created", ""),
        "size": sum(blob.size for blob in image.blobs),
        "layers": [blob.digest for blob in image.blobs],
        "description": (config.get("config", {}).get("Labels") or {}).get(DESCRIPTION, ""),
    }


def _print(rows: Sequence[dict[str, Any]], as_json: bool, columns: Sequence[str]) -> int:
    """A list as JSON, or a table of some columns; no columns, no words."""
    if as_json:
        print(json.dumps(rows))
        return 0
    table = [[_cell(column, row[column]) for column in columns] for row in rows]
    widths = [max(len(cells[number]) for cells in table) for number in range(len(columns))] if table else []
    for cells in table if columns else []:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
    return 0


def _cell(column: str, value: Any) -> str:
    """Sizes in MB as docker shows them, digests short; control characters of strangers are not for a terminal."""
    if column in ("size", "shared"):
        return f"{value / 1e6:.1f}MB"
    if column == "id":
        return str(value).removeprefix("sha256:")[:12]
    text = str(value) if str(value).isprintable() else ascii(value)[1:-1]
    return text if column in ("name", "digest", "problem", "deleted") else text[:80]


VERBS: dict[str, Callable[[argparse.Namespace, Store], int]] = {
    "build": _build,
    "import": _import,
    "export": _export,
    "list": _list,
    "history": _history,
    "verify": _verify,
    "tag": _tag,
    "rm": _remove,
    "gc": _collect,
}
