"""`image build` of a Containerfile: options to an order, and signals that end a build cleanly."""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path

from runtime.build.builder import Order, build
from runtime.build.running import Bounds
from runtime.errors import VitrineError
from runtime.image.build import Say
from runtime.image.store import Image, Store
from runtime.paths import Paths

MEBIBYTE = 1 << 20


def from_context(options: argparse.Namespace, store: Store, say: Say) -> Image:
    """Build the image that these options describe; a signal that would end us ends the build first."""
    if os.geteuid() != 0:
        raise VitrineError("only root can make the sandboxes of a build: try sudo")
    context = Path(options.name)
    if not context.is_dir():
        raise VitrineError(f"{options.name}: neither a directory with a Containerfile nor a recipe")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    bounds = Bounds(options.memory * MEBIBYTE, options.cpus, options.pids, options.disk * MEBIBYTE)
    order = Order(context, options.file, options.tag, _args(options.build_arg), options.target, not options.no_cache, bounds)
    return build(store, Paths.from_environment(), order, say)


def _args(given: list[str]) -> dict[str, str]:
    """K=V; K alone is the value it has in our environment, as docker has it."""
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not (equals or name in os.environ):
            raise VitrineError(f"--build-arg {text}: write NAME=value")
        found[name] = value if equals else os.environ[name]
    return found


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
