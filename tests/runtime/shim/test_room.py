"""Whoever looks at a terminal is told before the disk is full."""

import pytest

from tests.runtime.node import Terminal, needs_node

pytestmark = needs_node


@pytest.fixture
def small(node):
    """A sandbox that may write 16 MiB and 4096 files."""
    with node.sandbox(disk=16 << 20) as identifier:
        yield node.shim(identifier)


def told(terminal):
    """The next word about the disk."""
    while not (found := [message for message in terminal.controls if message["type"] == "disk"]):
        assert terminal.read(), "the terminal ended"
    terminal.controls.clear()
    return found[-1]


def test_bytes_run_out(small):
    """At nine tenths, with what is left; again when there is room once more; and whoever comes later hears it too."""
    terminal = Terminal(small)
    terminal.type("dd if=/dev/zero of=/big bs=1M count=15; echo\r")
    full = told(terminal)
    late = Terminal(small)

    assert "bytes" == full["of"] and 90 <= full["percent"] <= 100 and full["left"] < 2 << 20
    assert full["percent"] == told(late)["percent"]
    late.close()

    terminal.type("rm /big; echo\r")
    while told(terminal)["percent"] >= 90:
        pass  # the one that was for the newcomer
    terminal.close()


def test_files_run_out(small):
    """Empty files take no bytes, and there may be only so many."""
    terminal = Terminal(small)
    terminal.type("mkdir /many; cd /many; seq 4000 | xargs touch; echo\r")

    full = told(terminal)

    assert "files" == full["of"] and full["percent"] >= 90 and full["left"] < 410
    terminal.close()


def test_a_disk_with_room_is_not_spoken_of(small):
    """No word, however much is shown."""
    terminal = Terminal(small)
    terminal.type("seq 100000; sleep 1; echo done$((1))\r")
    terminal.until(b"done1")

    assert [] == [message for message in terminal.controls if message["type"] == "disk"]
    terminal.close()
