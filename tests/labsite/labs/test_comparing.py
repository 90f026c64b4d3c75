"""The comparison: what a machine says of itself is bounded text, and the host is asked the same."""

from __future__ import annotations

import os

from labsite.labs import comparing


def test_what_a_machine_says_is_read_within_bounds():
    """V-08: Numbers that no kernel has, control characters and nonsense are cut off or left out."""
    said = comparing.read(
        ["kernel 6.1\x1b[31m" + "x" * 500, "uptime nan?", "processes -4", "devices 9" + "9" * 99, "uid_map 0 5 6 7 8",
         "clocksource tsc", "time 1000.5", "who knows", ""], 1000.0, 1002.0,
    )  # fmt: skip

    assert said["kernel"].startswith("6.1[31m") and len(said["kernel"]) == comparing.LONGEST
    assert "uptime" not in said and said["processes_seen"] == 0 and said["devices"] <= 1 << 62
    assert said["uid_map"] == [[0, 5, 6]]
    assert said["clock"] == {"source": "tsc", "off_ms": -500.0, "doubt_ms": 1000.0}


def test_the_host_is_asked_the_same():
    """Every question of the script has an answer for the host, from its own kernel."""
    said = comparing.of_host()

    assert said["kernel"] == os.uname().release
    assert said["processes_seen"] > 1 and said["memory_seen"] > 1 << 28 and said["disk_seen"] > 1 << 20
    assert said["uid_map"] and abs(said["clock"]["off_ms"]) < 1000
    assert comparing.TOLD_INSIDE - said.keys() == set()
