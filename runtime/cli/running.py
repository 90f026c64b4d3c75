"""Commands with their input, output and exit status: `run` and `exec`."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import select
import socket
import sys
from typing import Any

from runtime.cli import attach
from runtime.cli.session import spawner
from runtime.errors import RefusedError
from runtime.paths import Paths
from runtime.shim import frames
from runtime.shim.client import ShimClient, checked

NOT_EXECUTABLE, NOT_FOUND = 126, 127
SHELL = ["/bin/bash", "-l"]


def sandbox_request(options: argparse.Namespace, identifier: str) -> dict[str, Any]:
    """The create request these options make."""
    names = ("image", "backend", "profile", "memory", "cpus", "pids", "disk", "net", "lab_index", "hostname", "snapshot")
    request = {name: value for name in names if (value := getattr(options, name)) is not None}
    if options.lab is not None:
        request["lab"] = options.lab
    return {"id": identifier, **request}


def run(options: argparse.Namespace, paths: Paths) -> int:
    """Create, run the command, and with --rm remove."""
    identifier = options.name or f"run-{secrets.token_hex(4)}"
    with spawner(paths, private=options.rm) as client:
        created = client.create(**sandbox_request(options, identifier))
        try:
            if options.json:
                print(json.dumps({"state": created["state"], "timings": created["timings"]}), flush=True)
            return execute(options, client.paths, identifier)
        finally:
            if options.rm:
                client.delete(identifier)


def execute(options: argparse.Namespace, paths: Paths, identifier: str) -> int:
    """One command in a sandbox; 126 and 127 as a shell would have them."""
    client = ShimClient(paths.shim_socket(identifier))
    request = {
        "args": list(options.command) or SHELL, "env": dict(options.env), "cwd": options.workdir,
        "user": options.user,
    }  # fmt: skip
    try:
        if options.tty:
            return attach.terminal(client, request)
        return piped(client, request, interactive=options.interactive)
    except RefusedError as error:
        codes = {"not-found": NOT_FOUND, "not-executable": NOT_EXECUTABLE}
        if error.code not in codes:
            raise
        print(f"{request['args'][0]}: {error.message}", file=sys.stderr)
        return codes[error.code]


def piped(client: ShimClient, request: dict[str, Any], *, interactive: bool) -> int:
    """Run with pipes: bytes through, status back."""
    with client.connect() as connection:
        connection.settimeout(None)
        asked = {"v": 1, "verb": "exec", **request, "stdin": True if interactive else ""}
        connection.sendall(frames.pack_json(frames.REQUEST, asked))
        return pump(connection, interactive)


def pump(connection: socket.socket, interactive: bool) -> int:
    """Move bytes until the command ends."""
    parser = frames.Parser()
    watched = [connection.fileno()] + ([0] if interactive else [])
    while True:
        ready = select.select(watched, [], [])[0]
        if 0 in ready and 0 in watched:
            data = os.read(0, 65536)
            connection.sendall(frames.pack(frames.INPUT, data))
            if not data:
                watched.remove(0)
        if connection.fileno() not in ready:
            continue
        data = connection.recv(256 * 1024)
        if not data:
            raise RefusedError("lost", None, "the sandbox ended during the command")
        for kind, payload in parser.feed(data):
            if kind in (frames.OUTPUT, frames.ERROR):
                attach.write_all(1 if kind == frames.OUTPUT else 2, payload)
            else:
                return int(checked(frames.unpack_json(payload))["code"])
