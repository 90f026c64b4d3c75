"""Terminals over shim.sock: echo, sizes, flow, resuming, several viewers, ends."""

from __future__ import annotations

import pytest

from runtime.errors import RuntimeRefused
from runtime.shim.viewer import WINDOW
from tests.runtime.node import Terminal, needs_node

pytestmark = needs_node


@pytest.fixture
def terminal(box):
    terminal = Terminal(box)
    terminal.until(b"# ")
    yield terminal
    terminal.close()


def test_hello_comes_first(terminal):
    """The first message says where the output begins and what size the terminal has."""
    hello = terminal.controls[0]

    assert ("hello", 0, 80, 24) == (hello["type"], hello["offset"], hello["cols"], hello["rows"])


def test_typing_is_echoed_and_run(terminal):
    """A command typed in runs with a terminal, as root, in root's home."""
    terminal.type("tty; id -u; pwd; echo $TERM-do''ne\n")

    assert b"/dev/pts/0\r\n0\r\n/root\r\nxterm-256color-done" in terminal.until(b"color-done")


def test_a_resize_reaches_the_program(terminal):
    """The program sees the new size, every viewer hears of it."""
    terminal.resize(100, 30)
    terminal.type("stty size; echo do''ne\n")

    assert b"30 100\r\n" in terminal.until(b"\r\ndone")
    assert 100 == terminal.until_control("size")["cols"]


def test_the_exit_status_is_told(terminal):
    """When the shell ends, the terminal says with which status, after the last output."""
    terminal.type("exit 5\n")

    assert 5 == terminal.until_control("exit")["code"]


def test_a_terminal_survives_its_viewer(box, terminal):
    """Reconnecting with an offset gives exactly what was missed."""
    terminal.type("echo fir''st\n")
    terminal.until(b"first\r\n")
    since = terminal.offset
    terminal.close()
    second = Terminal(box, since=since)
    second.type("echo sec''ond\n")
    second.until(b"second\r\n")
    second.close()

    assert since == second.controls[0]["offset"]
    assert b"first\r\n" not in second.seen


def test_a_flood_is_held_at_the_window(box, terminal):
    """F-26: A viewer that draws nothing is sent one window, and the program is stopped."""
    terminal.ack = False
    start = len(terminal.seen)
    terminal.type("yes\n")
    terminal.socket.settimeout(1.0)
    with pytest.raises(TimeoutError):
        while True:
            terminal.read()

    assert WINDOW - 64 * 1024 < len(terminal.seen) - start <= WINDOW + 64
    assert terminal.offset == box.state()["terminals"][0]["offset"]


def test_ctrl_c_ends_a_flood_at_once(terminal):
    """In a flood, Ctrl-C is answered by a prompt within a window of output."""
    terminal.type("yes\n")
    while len(terminal.seen) < 2_000_000:
        terminal.read()
    before = len(terminal.seen)
    terminal.type("\x03")
    terminal.until(b"^C")
    terminal.until(b"^C" + terminal.seen.split(b"^C", 1)[1])

    assert len(terminal.seen) - before < 3 * WINDOW


def test_only_writers_write(box, terminal):
    """A viewer without the right to write is not heard."""
    viewer = Terminal(box, write=False, flow=False)
    viewer.type("echo intru''der\n")
    viewer.resize(10, 10)
    terminal.type("echo own''er; stty size\n")
    viewer.until(b"owner\r\n24 80")
    viewer.close()

    assert b"intruder" not in viewer.seen


def test_viewers_are_counted(box, terminal):
    """Everyone hears how many are looking."""
    viewer = Terminal(box, write=False, flow=False)
    while not any(m.get("viewers") == 2 for m in terminal.controls):
        terminal.read()
    viewer.close()


def test_a_slow_watcher_holds_nobody_up(box, terminal):
    """F-26: A viewer without flow that draws nothing does not stop the program; it is skipped forward."""
    watcher = Terminal(box, write=False, flow=False, ack=False)
    watcher.until_control("hello")
    terminal.type("head -c 4000000 /dev/zero | tr '\\0' x; echo do''ne\n")
    while b"done\r\n" not in terminal.seen[-64:]:
        terminal.read()
    watcher.ack = True
    watcher.send_ack()
    watcher.until_control("skip")
    while b"done\r\n" not in watcher.seen[-64:]:
        watcher.read()
    watcher.close()

    assert len(watcher.seen) < 2 * (1 << 20)


def test_a_replay_from_the_middle_has_its_modes(box, terminal):
    """W-17: After the ring has rolled over, a new viewer is first told the modes in force."""
    terminal.type("printf '\\033[?1049h\\033[?25l'; head -c 2000000 /dev/zero | tr '\\0' x; echo do''ne\n")
    while b"done\r\n" not in terminal.seen[-64:]:
        terminal.read()
    late = Terminal(box, write=False, flow=False)
    prelude = late.until_control("prelude")["data"]
    late.close()

    assert {"\x1b[?1049h", "\x1b[?25l"} <= {"\x1b" + part for part in prelude.split("\x1b")[1:]}


def test_terminals_are_limited(box):
    """R-25: A ninth terminal is refused; the eight go on."""
    terminals = [Terminal(box, n=n) for n in range(9)]

    assert "terminals" == terminals[8].until_control("error")["code"]
    for terminal in terminals:
        terminal.close()


def test_an_ended_terminal_starts_anew(box, terminal):
    """Whoever attaches afresh to a terminal that has ended gets a new shell."""
    terminal.type("exit\n")
    terminal.until_control("exit")
    again = Terminal(box)
    again.type("echo aga''in\n")
    again.until(b"again")
    again.close()

    assert 0 == again.controls[0]["offset"]


def test_a_paused_sandbox_starts_nothing(node):
    """A command in a frozen sandbox would wait for ever; it is refused."""
    with node.sandbox() as identifier:
        node.spawner.pause(identifier)
        with pytest.raises(RuntimeRefused) as refusal:
            node.shim(identifier).exec(["true"])
        node.spawner.resume(identifier)

        assert "paused" == refusal.value.code
        assert 0 == node.shim(identifier).exec(["true"]).code


def test_the_end_of_init_is_told(node, box, terminal):
    """When init is killed everything inside ends, and the terminal says so."""
    box.ask("kill", signal=9)

    exit = terminal.until_control("exit")
    assert (137, "init") == (exit["code"], exit.get("reason"))


def test_running_out_of_memory_is_told(node):
    """A shell killed for memory has that as its reason."""
    with node.sandbox(memory=64 << 20) as identifier:
        terminal = Terminal(node.shim(identifier))
        terminal.until(b"# ")
        terminal.type("exec tail /dev/zero\n")
        exit = terminal.until_control("exit")
        terminal.close()

    assert (137, "memory") == (exit["code"], exit.get("reason"))
