"""The event loop of spawner and shim: epoll and a list of timers, nothing else.

asyncio would do, at the price of its imports in every shim (a shim's memory is counted in
hundreds of kilobytes) and of threads it may start. A process that forks, joins namespaces and
reads exit statuses wants to see each system call it makes; here they are.

See epoll(7).
"""

from __future__ import annotations

import heapq
import itertools
import select
import time
from collections.abc import Callable

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
FAILED = select.EPOLLHUP | select.EPOLLERR


class Timer:
    """A call that will be made later, unless cancelled."""

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Forget the call; harmless after it was made."""
        self.callback = None


class Loop:
    """Calls a function when a descriptor is ready or a moment has come."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.callbacks: dict[int, Callable[[int], None]] = {}
        self.timers: list[tuple[float, int, Timer]] = []
        self.order = itertools.count()
        self.running = False

    def watch(self, fd: int, events: int, callback: Callable[[int], None]) -> None:
        """Call back with the ready events; watching again replaces events and callback."""
        if fd in self.callbacks:
            self.epoll.modify(fd, events)
        else:
            self.epoll.register(fd, events)
        self.callbacks[fd] = callback

    def unwatch(self, fd: int) -> None:
        """Stop watching; call it before the descriptor is closed. Harmless if not watched."""
        if self.callbacks.pop(fd, None) is not None:
            self.epoll.unregister(fd)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call once, after so many seconds."""
        timer = Timer(time.monotonic() + seconds, callback)
        heapq.heappush(self.timers, (timer.when, next(self.order), timer))
        return timer

    def run(self) -> None:
        """Serve until stop() is called."""
        self.running = True
        while self.running:
            self.turn(self.patience())

    def turn(self, timeout: float) -> None:
        """One wait, then every callback it made ready, then every timer that is due."""
        for fd, events in self.epoll.poll(timeout):
            # An earlier callback of this turn may have unwatched it.
            if callback := self.callbacks.get(fd):
                callback(events)
        while self.timers and self.timers[0][0] <= time.monotonic():
            timer = heapq.heappop(self.timers)[2]
            if timer.callback is not None:
                timer.callback()

    def patience(self) -> float:
        """How long epoll may sleep: until the next timer, or for ever (-1)."""
        while self.timers and self.timers[0][2].callback is None:
            heapq.heappop(self.timers)
        if not self.timers:
            return -1
        return max(0.0, self.timers[0][0] - time.monotonic())

    def stop(self) -> None:
        """End run() after the present turn."""
        self.running = False

    def close(self) -> None:
        """Let go of the epoll descriptor: what a fork does with its copy."""
        self.callbacks.clear()
        self.timers.clear()
        self.epoll.close()
