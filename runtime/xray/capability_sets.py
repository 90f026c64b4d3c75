"""Sets of capabilities, by name: what the sixteen digits in /proc/PID/status stand for.

See capabilities(7).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runtime.linux.capabilities import NAMES
from runtime.xray.reading import read


def describe(sets: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Each set by its digits."""
    last = int(read("/proc/sys/kernel/cap_last_cap"))
    everything = (1 << last + 1) - 1
    return {digits: {"names": names(int(digits, 16)), "whole": int(digits, 16) == everything} for digits in sets}


def names(bits: int) -> list[str]:
    """The names of the bits; one that is younger than our table goes by its number."""
    numbers = (number for number in range(bits.bit_length()) if bits >> number & 1)
    return [NAMES[number] if number < len(NAMES) else str(number) for number in numbers]
