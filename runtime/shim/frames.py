"""Frames: how the shim and those who talk to it cut a byte stream into messages.

A SOCK_STREAM socket keeps order but no boundaries. Every message is therefore one byte of
type, four bytes of length (little-endian) and the payload. The first frame a client sends is
JSON and says what it wants; what follows depends on that verb.

    client to shim   J  JSON request       I  input bytes (empty: end of file)
                     R  u16 cols, u16 rows  A  u64 absolute offset rendered so far
    shim to client   J  JSON answer        O  output bytes    E  standard error bytes
                     C  JSON control message of a terminal or a command

See unix(7).
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from typing import Any

HEADER = struct.Struct("<BI")
SIZE = struct.Struct("<HH")
OFFSET = struct.Struct("<Q")

REQUEST = ord("J")
INPUT = ord("I")
RESIZE = ord("R")
ACK = ord("A")
OUTPUT = ord("O")
ERROR = ord("E")
CONTROL = ord("C")

LARGEST_OUTPUT = 64 * 1024
LARGEST_FRAME = 16 * 1024 * 1024


class FrameError(Exception):
    """The other end sent something that is not a frame."""


def pack(kind: int, payload: bytes = b"") -> bytes:
    """One frame, ready to send."""
    return HEADER.pack(kind, len(payload)) + payload


def pack_json(kind: int, message: dict[str, Any]) -> bytes:
    """One frame with a JSON payload."""
    return pack(kind, json.dumps(message, separators=(",", ":")).encode())


def unpack_json(payload: bytes) -> dict[str, Any]:
    """The JSON object in a payload; anything else is a FrameError."""
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"payload is not JSON: {error}") from error
    if not isinstance(message, dict):
        raise FrameError("payload is not a JSON object")
    return message


class Parser:
    """Collects received bytes and gives back the frames that are complete."""

    def __init__(self, largest: int = LARGEST_FRAME) -> None:
        self.largest = largest
        self.pending = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Add bytes; yield every (kind, payload) now whole."""
        self.pending += data
        while len(self.pending) >= HEADER.size:
            kind, length = HEADER.unpack_from(self.pending)
            if length > self.largest:
                raise FrameError(f"frame of {length} bytes is larger than {self.largest}")
            end = HEADER.size + length
            if len(self.pending) < end:
                return
            payload = bytes(self.pending[HEADER.size : end])
            del self.pending[:end]
            yield kind, payload


def receive(connection: socket.socket, parser: Parser) -> Iterator[tuple[int, bytes]]:
    """Frames from a blocking socket until the other end closes it."""
    while data := connection.recv(256 * 1024):
        yield from parser.feed(data)
