"""Ring, modes, frames and loop: what can be shown without a sandbox."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.loop import READ, Loop
from runtime.shim import frames
from runtime.shim.modes import Modes
from runtime.shim.ring import Ring


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=30))
def test_the_ring_keeps_the_newest_bytes(chunks):
    """Whatever was written, peek from the tail gives the last bytes in order."""
    ring, everything = Ring(64), b"".join(chunks)
    readable, writable = os.pipe()
    try:
        os.write(writable, everything)
        while ring.head < len(everything):
            ring.read_from(readable, 64)
        assert everything[-64:] == ring.peek(ring.tail, 64)
    finally:
        os.close(readable)
        os.close(writable)
        ring.close()


@given(st.lists(st.tuples(st.sampled_from([frames.INPUT, frames.ACK]), st.binary(max_size=50))), st.integers(1, 20))
def test_frames_survive_any_cut(messages, size):
    """Frames come out whole and in order, however the stream was cut."""
    stream = b"".join(frames.pack(kind, payload) for kind, payload in messages)
    parser, got = frames.Parser(), []
    for start in range(0, len(stream), size):
        got += parser.feed(stream[start : start + size])

    assert messages == got


def test_a_frame_too_large_is_refused():
    """A length nobody would send is an error before any memory is spent."""
    with pytest.raises(frames.FrameError):
        list(frames.Parser(1000).feed(frames.HEADER.pack(frames.INPUT, 1 << 31)))


@given(st.integers(1, 12))
def test_modes_are_found_across_reads(cut):
    """A sequence cut in two by a read is still one."""
    data = b"\x1b[?1049;25l\x1b[?2004h"
    modes = Modes()
    modes.scan(data[:cut], cut, 0)
    modes.scan(data[cut:], len(data), 0)

    assert {b"25": False, b"2004": True} == modes.at(len(data))


def test_the_prelude_has_the_modes_of_its_offset():
    """What changed after the replay's first byte is in the replay, not in the prelude."""
    modes = Modes()
    modes.scan(b"\x1b[?1049h", 8, 0)
    modes.scan(b"\x1b[?1049l", 16, 0)

    assert "\x1b[?1049h" == modes.prelude(10)
    assert "" == modes.prelude(16)
    assert not modes.alternate(16)


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_no_output_breaks_the_modes(chunks):
    """A terminal may write anything at all."""
    modes, end = Modes(), 0
    for chunk in chunks:
        end += len(chunk)
        modes.scan(chunk, end, max(0, end - 64))
    modes.prelude(end)


def test_a_callback_unwatched_in_the_same_turn_is_not_called():
    """One callback may close what another was about to read."""
    loop, called = Loop(), []
    pipes = [os.pipe(), os.pipe()]

    def ready(mine, other):
        called.append(mine)
        loop.unwatch(pipes[other][0])

    for mine, other in ((0, 1), (1, 0)):
        os.write(pipes[mine][1], b"x")
        loop.watch(pipes[mine][0], READ, lambda events, mine=mine, other=other: ready(mine, other))
    loop.turn(0)
    for fd in [fd for pair in pipes for fd in pair]:
        os.close(fd)
    loop.close()

    assert 1 == len(called)


def test_timers_come_in_order_and_can_be_cancelled():
    """The earlier first; a cancelled one never."""
    loop, called = Loop(), []
    loop.call_later(0.02, lambda: (called.append("late"), loop.stop()))
    loop.call_later(0.01, lambda: called.append("early"))
    loop.call_later(0.005, lambda: called.append("never")).cancel()
    loop.run()
    loop.close()

    assert ["early", "late"] == called
