"""The ring: the last mebibyte a terminal wrote, addressed by absolute offset.

Every byte a terminal ever wrote has a number, from 0. The ring keeps the newest ones; a
viewer is a cursor into it, and the same number lets a browser that lost its connection go on
where it was. This is the only buffer of output there is: nothing is copied per viewer.

The memory is an anonymous mapping, so a terminal that was never used costs no pages.
"""

from __future__ import annotations

import mmap
import os

SIZE = 1 << 20


class Ring:
    """The newest `size` bytes of a stream that began at offset 0."""

    def __init__(self, size: int = SIZE) -> None:
        self.size = size
        self.memory = mmap.mmap(-1, size)
        self.view = memoryview(self.memory)
        self.head = 0

    @property
    def tail(self) -> int:
        """The offset of the oldest byte still kept."""
        return max(0, self.head - self.size)

    def read_from(self, fd: int, limit: int) -> memoryview:
        """Read at most `limit` bytes straight into the ring; the part that was written."""
        position = self.head % self.size
        room = min(self.size - position, limit)
        count = os.readv(fd, [self.view[position : position + room]])
        self.head += count
        return self.view[position : position + count]

    def piece(self, offset: int, limit: int) -> memoryview:
        """A contiguous part that starts at `offset`; shorter than asked where the ring wraps."""
        position = offset % self.size
        count = min(self.head - offset, limit, self.size - position)
        return self.view[position : position + count]

    def peek(self, offset: int, limit: int) -> bytes:
        """A copy of the bytes from `offset` on, across the wrap."""
        first = bytes(self.piece(offset, limit))
        return first + bytes(self.piece(offset + len(first), limit - len(first)))

    def replay(self, since: int | None) -> tuple[int, bool]:
        """Where a viewer that has seen everything before `since` begins, and whether it misses anything.

        If that has rolled out of the ring, it begins after the first end of a line still kept.
        """
        if since is not None and self.tail <= since <= self.head:
            return since, False
        if self.tail == 0:
            return 0, False
        return self.tail + self.peek(self.tail, 4096).find(b"\n") + 1, True

    def close(self) -> None:
        """Give the memory back."""
        self.view.release()
        self.memory.close()
