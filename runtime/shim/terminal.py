"""A terminal: one pty, the shell on it, and everyone who looks at it.

The shell's end is inside the sandbox; the master end is ours. Output goes into the ring and
from there to each viewer. A viewer with `flow` (the learner) also holds the program back: when
she is a window behind, we stop reading the pty, its buffer fills, and the kernel stops the
program. That is why Ctrl-C works at once in a flood. Viewers without `flow` (a teacher
watching) never hold anything back; if they fall a ring behind they are moved forward.

Small output is sent at once; a flood waits up to two milliseconds to fill a frame.

See pty(7), tty_ioctl(4).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import termios
import time
from collections.abc import Callable
from typing import Any

from runtime.loop import READ, WRITE, Loop, Timer
from runtime.shim import frames, keyboard
from runtime.shim.connection import Connection
from runtime.shim.keyboard import Keyboard
from runtime.shim.modes import Modes
from runtime.shim.ring import Ring
from runtime.shim.viewer import SHORTEST_SILENCE, WINDOW, Viewer

COALESCE = 0.002
AT_ONCE = 2048
READ_SIZE = 16 * 1024
MOST_COLS, MOST_ROWS = 1000, 500
MOST_VIEWERS = 64


class Terminal:
    """Owns the master end of a pty. `ended` is set by whoever reaps the process."""

    def __init__(self, loop: Loop, number: int, master: int, cols: int, rows: int, on_exit: Callable[[], None]) -> None:
        self.loop, self.number, self.master = loop, number, master
        self.cols, self.rows = cols, rows
        self.on_exit = on_exit
        self.title = ""
        self.stirred: Callable[[], None] = lambda: None
        self.ring, self.modes = Ring(), Modes()
        self.viewers: list[Viewer] = []
        self.keyboard = Keyboard(master)
        self.paused = False
        self.flush_timer: Timer | None = None
        self.demotion: Timer | None = None
        self.eof = False
        self.exit: dict[str, Any] | None = None
        os.set_blocking(master, False)
        self.watch()

    # The pty's side

    def watch(self) -> None:
        """Ask epoll for what we can use: output unless paused, room if there is input."""
        if not self.eof:
            events = (0 if self.paused else READ) | (WRITE if self.keyboard.waiting else 0)
            self.loop.watch(self.master, events, self.ready)

    def ready(self, events: int) -> None:
        """Write waiting input, read waiting output."""
        if events & WRITE:
            self.keyboard.write()
            self.watch()
        if events & ~WRITE and self.paused:
            # A hang-up is reported even when nothing was asked for; look again once unpaused.
            self.loop.unwatch(self.master)
        elif events & ~WRITE:
            self.read_output()

    def read_output(self) -> None:
        """Drain the pty into the ring, up to one frame or the slowest flow viewer's window."""
        allowed = self.allowance()
        if allowed <= 0:
            self.pause()
            return
        total = 0
        while total < allowed and not self.eof:
            try:
                data = self.ring.read_from(self.master, min(READ_SIZE, allowed - total))
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.EIO:  # EIO: no process holds the other end any more
                    raise
                data = memoryview(b"")
            if not data:
                self.end_of_output()
                break
            self.modes.scan(data, self.ring.head, self.ring.tail)
            total += len(data)
        self.schedule(total)

    def allowance(self) -> int:
        """How much may be read now."""
        behind = [self.ring.head - viewer.acked for viewer in self.viewers if viewer.flow]
        return min(frames.LARGEST_OUTPUT, WINDOW - max(behind, default=0))

    def schedule(self, fresh: int) -> None:
        """Send small output now and a flood when a frame is full or two milliseconds are over."""
        waiting = max((self.ring.head - viewer.cursor for viewer in self.viewers), default=0)
        if fresh < AT_ONCE or waiting >= frames.LARGEST_OUTPUT // 2:
            self.flush()
        elif self.flush_timer is None:
            self.flush_timer = self.loop.call_later(COALESCE, self.flush)

    def flush(self) -> None:
        """Bring every viewer up to date."""
        if self.flush_timer is not None:
            self.flush_timer.cancel()
            self.flush_timer = None
        for viewer in list(self.viewers):
            self.pump(viewer)
        self.stirred()

    def pump(self, viewer: Viewer) -> None:
        """Bring one viewer up to date; after the last byte, tell it how the program ended."""
        viewer.pump()
        if self.exit and self.eof and viewer.cursor == self.ring.head and not viewer.told_exit:
            viewer.told_exit = True
            viewer.control({"type": "exit", **self.exit})

    def pause(self) -> None:
        """Stop reading; a flow viewer that stays silent loses its hold after a while."""
        if not self.paused:
            self.paused = True
            self.watch()
            self.look_later()

    def look_later(self) -> None:
        """Have the silent ones looked at when the first of them may be due, with one timer."""
        dues = [viewer.heard + viewer.silence for viewer in self.viewers if viewer.flow]
        due = max(min(dues, default=0.0), time.monotonic() + SHORTEST_SILENCE)
        if self.demotion is not None and self.demotion.when > due:
            self.demotion.cancel()
            self.demotion = None
        if self.demotion is None:
            self.demotion = self.loop.call_later(due - time.monotonic(), self.demote)

    def demote(self) -> None:
        """Demote whoever has been silent too long, and go on if that was all that held us."""
        self.demotion = None
        if not self.paused or self.eof:
            return
        if [viewer for viewer in self.viewers if viewer.demote()]:
            self.check_flow()
        if self.paused:
            self.look_later()

    def check_flow(self) -> None:
        """Read again once every flow viewer is within half a window."""
        behind = [self.ring.head - viewer.acked for viewer in self.viewers if viewer.flow]
        if self.paused and max(behind, default=0) <= WINDOW // 2:
            self.paused = False
            self.watch()

    def end_of_output(self) -> None:
        """Nothing can write to this terminal again."""
        self.eof = True
        self.keyboard.waiting.clear()
        self.loop.unwatch(self.master)
        self.flush()
        if self.exit is not None:
            self.on_exit()

    def ended(self, exit: dict[str, Any]) -> None:
        """The shell was reaped. Programs it left in the background may still hold the pty."""
        self.exit = exit
        if self.eof:
            self.flush()
            self.on_exit()
        else:
            self.loop.call_later(0.5, self.give_up_output)

    def give_up_output(self) -> None:
        """After the shell, wait for its last words only while they keep coming."""
        if self.eof:
            return
        if self.paused:
            self.loop.call_later(0.5, self.give_up_output)
            return
        self.read_output()
        if not self.eof:
            self.end_of_output()

    def set_size(self, cols: int, rows: int) -> None:
        """Tell the kernel, which tells the program with SIGWINCH."""
        with contextlib.suppress(OSError):
            fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    # The viewers' side

    def attach(self, connection: Connection, hello: dict[str, Any]) -> None:
        """Add a viewer: greet it, set its modes, replay what it missed."""
        viewer = Viewer(connection, self.ring, write=hello["write"], flow=hello["flow"], silence=hello["silence"])
        connection.parser.largest = keyboard.MOST
        offset, partial = self.ring.replay(hello["since"])
        viewer.begin(offset)
        self.viewers.append(viewer)
        connection.on_frame = lambda kind, payload: self.message(viewer, kind, payload)
        connection.on_clear = lambda: self.pump(viewer)
        connection.on_closed = lambda: self.detach(viewer)
        viewer.control({
            "type": "hello", "offset": offset, "head": self.ring.head, "title": self.title,
            "cols": self.cols, "rows": self.rows, "viewers": len(self.viewers),
        })  # fmt: skip
        if partial:
            self.repair(viewer)
        self.pump(viewer)
        self.announce()

    def repair(self, viewer: Viewer) -> None:
        """Make a replay from the middle look right: set the modes, have full screens redrawn."""
        if prelude := self.modes.prelude(viewer.cursor):
            viewer.control({"type": "prelude", "data": prelude})
        if self.modes.alternate(self.ring.head) and not self.eof:
            self.set_size(self.cols, max(1, self.rows - 1))
            self.loop.call_later(0.06, self.restore_size)

    def restore_size(self) -> None:
        """The second half of a redraw."""
        if not self.eof:
            self.set_size(self.cols, self.rows)

    def message(self, viewer: Viewer, kind: int, payload: bytes) -> None:
        """A frame from a viewer; one that makes no sense is answered, and changes nothing."""
        if kind == frames.ACK and len(payload) == frames.OFFSET.size:
            viewer.ack(frames.OFFSET.unpack(payload)[0])
            self.check_flow()
            self.pump(viewer)
        elif kind not in (frames.INPUT, frames.RESIZE):
            viewer.error("frame", f"a frame of type {kind} and {len(payload)} bytes is not known here")
        elif not viewer.write:
            viewer.error("read-only", "this viewer may look, not type")
        elif kind == frames.INPUT:
            self.type(viewer, payload)
        elif len(payload) != frames.SIZE.size or not believable(*frames.SIZE.unpack(payload)):
            viewer.error("size", f"not a size between 1x1 and {MOST_COLS}x{MOST_ROWS}")
        else:
            self.resize(*frames.SIZE.unpack(payload))

    def type(self, viewer: Viewer, text: bytes) -> None:
        """Type it, unless the program has ended or never reads."""
        if self.eof:
            return
        if not self.keyboard.type(text):
            viewer.error("input", "the program does not read; what was typed last has been dropped")
        self.keyboard.write()
        self.watch()

    def resize(self, cols: int, rows: int) -> None:
        """Change the size and tell every viewer."""
        if (cols, rows) == (self.cols, self.rows):
            return
        self.flush()
        self.cols, self.rows = cols, rows
        if not self.eof:
            self.set_size(cols, rows)
        for viewer in list(self.viewers):
            viewer.control({"type": "size", "cols": cols, "rows": rows})

    def detach(self, viewer: Viewer) -> None:
        """A viewer went; what it held back may go on."""
        if viewer in self.viewers:
            self.viewers.remove(viewer)
            self.check_flow()
            self.announce()

    def announce(self) -> None:
        """Tell everyone how many are looking."""
        message = {"type": "viewers", "viewers": len(self.viewers)}
        for viewer in list(self.viewers):
            viewer.control(message)

    def close(self) -> None:
        """Let go of the pty (which hangs up whatever is on it), the viewers and the ring."""
        self.loop.unwatch(self.master)
        self.eof = True
        os.close(self.master)
        for viewer in list(self.viewers):
            viewer.connection.finish()
        self.viewers.clear()
        for timer in (self.flush_timer, self.demotion):
            if timer is not None:
                timer.cancel()
        self.ring.close()


def believable(cols: int, rows: int) -> bool:
    """A size that a program can be told."""
    return 0 < cols <= MOST_COLS and 0 < rows <= MOST_ROWS
