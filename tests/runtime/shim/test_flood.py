"""A program that never stops writing: who waits, who does not, and how much memory it takes."""

from __future__ import annotations

import re
import struct
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from runtime.linux.cgroups import hierarchies
from runtime.shim import frames
from runtime.shim.client import ShimClient
from runtime.shim.ring import SIZE
from runtime.shim.viewer import WINDOW
from tests.runtime.node import Terminal, needs_node, wait_until

pytestmark = needs_node

MIB = 1 << 20


def resident(pid: int) -> int:
    """The resident set size of a process in bytes. (Its proportional share grows when others of its kind end.)"""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Rss:\s+(\d+)", text, re.M)[1]) * 1024


@pytest.fixture
def terminal(box):
    terminal = Terminal(box)
    terminal.until(b"# ")
    yield terminal
    terminal.close()


def flood(terminal: Terminal, size: int = 4 * MIB) -> None:
    """Start `yes` and read some of it."""
    terminal.type("yes 0123456789\n")
    end = terminal.offset + size
    while terminal.offset < end:
        terminal.read()
        terminal.seen = terminal.seen[-64:]


def offset_of(box, n: int = 1) -> int:
    """How far a terminal's output has come."""
    return next(one["offset"] for one in box.state()["terminals"] if one["n"] == n)


@pytest.mark.parametrize("hello", [{"flow": True}, {"flow": False, "write": False}])
def test_a_viewer_that_never_reads_costs_no_memory(box, terminal, hello):
    """F-26, R-20, R-21: While it floods past a viewer that reads and acks nothing the shim grows by less than two rings."""
    pid = box.state()["state"]["shim_pid"]
    flood(terminal)
    before = resident(pid)
    deaf = Terminal(box, ack=False, silence=0.1, **hello)
    flood(terminal, 32 * MIB)

    assert resident(pid) - before < 2 * SIZE
    deaf.close()


def test_a_silent_viewer_loses_its_hold_and_gets_it_back(box, terminal):
    """A flow viewer that acks nothing stops the program for its patience, not for longer; heard again, it holds again."""
    sleeper = Terminal(box, n=2, ack=False, silence=0.3)
    sleeper.type("yes\n")
    wait_until(lambda: offset_of(box, 2) > 16 * MIB)

    sleeper.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        while True:
            sleeper.read()
    sleeper.ack = True  # awake: it is moved forward, and what it was sent after that is held for it
    sleeper.send_ack()
    sleeper.socket.settimeout(20)
    sleeper.until_control("skip")
    sleeper.type("\x03")
    sleeper.type("echo awa''ke\n")
    while b"awake\r\n" not in sleeper.seen[-200:]:
        sleeper.read()
    sleeper.close()


def test_a_silent_viewer_stalls_nobody_else(box, terminal):
    """After its demotion the owner reads on at full speed."""
    silent = Terminal(box, ack=False, silence=0.3)
    silent.until_control("hello")

    flood(terminal, 16 * MIB)

    silent.close()


def test_others_type_during_a_flood(node, box, terminal):
    """F-26, R-20, T-13: Another terminal, of this sandbox and of another, echoes every key in order while one floods unread."""
    terminal.ack = False
    flood(terminal, 64 * 1024)
    keys = "".join(chr(ord("a") + n % 26) for n in range(400))
    with node.sandbox() as other:
        for client, n in ((box, 2), (node.shim(other), 1)):
            typist = Terminal(client, n=n)
            typist.until(b"# ")
            for key in f"echo '{keys}'\n":
                typist.type(key)
            typist.until(f"{keys}\r\n".encode())
            typist.close()


def test_ctrl_c_takes_effect_with_an_unread_flood(box, terminal):
    """The program ends although nobody has drawn what it wrote; then at most a window is left to read."""
    terminal.ack = False
    flood(terminal, 64 * 1024)
    terminal.type("\x03")
    wait_until(lambda: b"yes" not in b"".join(one.encode() for one in commands(box)))
    before = terminal.offset
    terminal.ack = True
    terminal.send_ack()
    terminal.until(b"^C")

    assert terminal.offset - before <= 2 * WINDOW


def commands(box) -> list[str]:
    """The first words of what runs inside."""
    return [process["args"][0] for process in box.observe()["processes"] if process.get("args")]


def test_hello_is_later_than_since_after_roll_over(box, terminal):
    """F-25, R-22: Who asks for what has rolled out of the ring is told where the rest begins: at the start of a line."""
    since = terminal.offset
    terminal.type("seq 1 400000; echo do''ne\n")
    while not (b"done\r\n" in terminal.seen[-64:] and terminal.seen.endswith(b"# ")):
        terminal.read()
    late = Terminal(box, since=since)
    hello = late.until_control("hello")
    while not late.seen.endswith(b"# "):
        late.read()
    late.close()

    assert since < terminal.offset - SIZE < hello["offset"] < terminal.offset - SIZE + 4096
    assert terminal.seen.endswith(late.seen)
    assert late.seen.split(b"\r\n", 1)[0].isdigit()


def test_resuming_loses_nothing_in_the_ring(box, terminal):
    """F-25: Cut off in the middle of output over and over, a viewer that resumes has every byte once."""
    terminal.type("stty -echo; echo; seq 1 60000; echo do''ne\n")
    seen, since = terminal.seen, terminal.offset
    while b"done\r\n" not in seen[-64:]:
        terminal.close()
        terminal = Terminal(box, since=since)
        while len(terminal.seen) < 40_000 and b"done\r\n" not in terminal.seen[-64:]:
            terminal.read()
        seen, since = seen + terminal.seen, terminal.offset
    terminal.close()

    numbers = [line for line in seen.split(b"\r\n") if line.isdigit()]
    assert [b"%d" % number for number in range(1, 60001)] == numbers


@pytest.mark.parametrize(("frame", "code"), [
    (frames.pack(frames.RESIZE, struct.pack("<HH", 0, 0)), "size"),
    (frames.pack(frames.RESIZE, struct.pack("<HH", 65535, 65535)), "size"),
    (frames.pack(frames.RESIZE, b"xyz"), "size"),
    (frames.pack(frames.ACK, frames.OFFSET.pack(1 << 60)), "ack"),
    (frames.pack(frames.ACK, b""), "frame"),
    (frames.pack(ord("?"), b"what"), "frame"),
])  # fmt: skip
def test_a_frame_without_sense_is_answered(box, terminal, frame, code):
    """It is told what was wrong; the shell lives and the connection too."""
    terminal.socket.sendall(frame)

    assert code == terminal.until_control("error")["code"]
    terminal.type("stty size; echo ali''ve\n")
    assert b"24 80" in terminal.until(b"alive")


@pytest.mark.parametrize("bytes_", [frames.HEADER.pack(frames.INPUT, 1 << 30), frames.pack(frames.REQUEST, b"{not json")])
def test_what_is_no_frame_ends_the_connection(box, terminal, bytes_):
    """Too large a frame, or a request that is not JSON: told why, then closed; the shell lives."""
    broken = Terminal(box) if bytes_[0] == frames.INPUT else Bare(box)
    broken.socket.sendall(bytes_)

    assert "frame" == broken.until_control("error")["code"]
    with suppress(ConnectionResetError):
        while broken.read():
            pass
    broken.close()
    terminal.type("echo ali''ve\n")
    terminal.until(b"alive")


class Bare(Terminal):
    """A connection on which nothing has been asked for yet."""

    def __init__(self, client) -> None:
        self.socket, self.parser, self.ack = client.connect(), frames.Parser(), False
        self.seen, self.offset, self.controls = b"", 0, []


def test_a_watcher_that_types_is_told(box, terminal):
    """Binary from a viewer that may only look is refused in words."""
    viewer = Terminal(box, write=False, flow=False)
    viewer.type("x")

    assert "read-only" == viewer.until_control("error")["code"]
    viewer.close()


def test_what_a_program_does_not_read_is_bounded(box, terminal):
    """R-23: A program that never reads: a mebibyte waits for it, then typing is refused in words."""
    terminal.type("stty raw -echo; sleep 100\n")
    wait_until(lambda: "sleep" in commands(box))
    for _ in range(80):
        terminal.type("x" * 16384)

    assert "input" == terminal.until_control("error")["code"]


@contextmanager
def frozen(pid: int):
    """The process's control group, frozen behind the shim's back: whoever joins it stands still."""
    of = dict(line.split(":", 2)[1:] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines())
    files = [
        (tree.path / of[name].lstrip("/") / file, words)
        for tree in hierarchies()
        for name, file, words in [("", "cgroup.freeze", "10")] * tree.unified
        + [("freezer", "freezer.state", ("FROZEN", "THAWED"))] * ("freezer" in tree.controllers)
        if name in of
    ]
    file, (freeze, thaw) = next((file, words) for file, words in files if file.exists())
    file.write_text(freeze)
    try:
        yield
    finally:
        file.write_text(thaw)


def test_a_command_on_its_way_stalls_nobody(node, box):
    """While a command cannot reach its execve(2) the shim answers everybody else; then it runs."""
    pid, before = box.state()["state"]["pid"], processes(box)
    with box.connect() as slow:
        with frozen(pid):
            slow.sendall(frames.pack_json(frames.REQUEST, {"v": 1, "verb": "exec", "args": ["echo", "at last"]}))
            wait_until(lambda: processes(box) - before)

            assert [] == ShimClient(box.path, timeout=5).state()["terminals"]
        kinds = dict(frames.receive(slow, frames.Parser()))

    assert b"at last\n" == kinds[frames.OUTPUT]


def processes(box) -> set[int]:
    """The pids of what runs inside, as the host counts."""
    return {process["pid"] for process in box.observe()["processes"]}
