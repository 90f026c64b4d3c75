"""A prompt is recognised, and a command without one is not waited for in silence."""

from __future__ import annotations

import pytest

from bench.prompt import NoPromptError, at_prompt, measure
from bench.protocols import Terminado, Vitrine


def test_prompt_behind_mode_switches() -> None:
    """Bracketed paste, which readline switches on, does not hide a prompt."""
    assert at_prompt(b"\x1b[?2004hroot@box:~# ")
    assert not at_prompt(b"root@box:~# ls\r\n")


def test_shell_reaches_its_prompt() -> None:
    """A shell on a pty is measured in milliseconds, and is gone after."""
    assert 0 < measure(["bash", "--norc", "-i"]) < 20000


def test_command_without_a_prompt() -> None:
    """A command that ends first is an error that quotes what it said."""
    with pytest.raises(NoPromptError, match="sorry"):
        measure(["echo", "sorry"])


def test_protocols_find_output() -> None:
    """Each protocol knows output from control."""
    vitrine, terminado = Vitrine(None), Terminado(None)

    assert b"out" == vitrine.output(b"out") == terminado.output('["stdout", "out"]')
    assert b"" == vitrine.output('{"type": "hello", "offset": 7}') == terminado.output('["setup", {}]')
    assert vitrine.offset == 7
