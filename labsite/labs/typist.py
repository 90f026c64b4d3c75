"""A typist: types into a real terminal of a sandbox and waits for the prompt to come back.

The same stream a browser uses. The prompt is given a mark that holds the exit status of the
last command, so the end of a command is seen and not guessed.
"""

import asyncio
import re
from typing import Any

from labsite.labs import gateway

PROMPT = re.compile(r"\x1e(\d+)\x1f")
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
PREPARE = "bind 'set enable-bracketed-paste off'; PS2=; PS1=$'\\x1e$?\\x1f'\n"
QUIET = 0.05  # a prompt is the last one when nothing follows it for so long
QUIET_BETWEEN_LINES = 0.4
QUIET_PROGRAM = 0.3


class TypingError(Exception):
    """The terminal ended, or the prompt did not come back in time."""


class Typist:
    """One terminal, driven from ordinary code; use as a context manager."""

    def __init__(self, runtime_id: str, terminal: int = 1, user: str = "root") -> None:
        self.runtime_id, self.terminal, self.user = runtime_id, terminal, user
        self.loop = asyncio.new_event_loop()
        self.output = ""
        self.received = 0
        self.closed = False
        self.stream: Any = None

    def __enter__(self) -> "Typist":
        try:
            self.loop.run_until_complete(self._open())
            self._wait(rf"(?:[#$] |{PROMPT.pattern})$", 10)  # a fresh shell, or one of ours
            self._send(PREPARE)
            self._wait(PROMPT.pattern + "$", 10)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.stream is not None:
            self.stream.close()
            self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    async def _open(self) -> None:
        hello = {"n": self.terminal, "since": None, "cols": 250, "rows": 50, "user": self.user}
        self.stream = await gateway.open_terminal(
            self.runtime_id,
            {**hello, "write": True, "flow": True},
            self._receive,
            lambda message: None,
            self._end,
        )

    def _receive(self, data: bytes) -> None:
        self.output += data.decode("utf-8", "replace")
        self.received += len(data)
        self.stream.ack(self.received)

    def _end(self) -> None:
        self.closed = True

    def type(self, text: str, timeout: float = 30.0, *, interrupt: bool = False) -> tuple[int, str]:
        """Type some lines; the exit status of the last one and what all of them printed."""
        self.output = ""
        if interrupt:
            self._send("\x03")
            self._wait(PROMPT.pattern + "$", timeout)
            self.output = ""
        self._send(text.rstrip("\n") + "\n")
        quiet = QUIET_BETWEEN_LINES if "\n" in text.strip("\n") else QUIET
        match = self._wait(PROMPT.pattern + "$", timeout, quiet)
        return int(match[1]), self._printed()

    def begin(self, text: str, *, enter: bool = True) -> None:
        """Type something that does not come back to the prompt: a program that waits for keys."""
        self.output = ""
        self._send(text + ("\n" if enter else ""))
        self.settle()

    def press(self, data: str) -> None:
        """Press some keys and let the program answer."""
        self._send(data)
        self.settle()

    def settle(self) -> None:
        """Wait until nothing new is printed for a moment."""
        self.loop.run_until_complete(self._until(re.compile(""), 5.0, QUIET_PROGRAM))

    @property
    def at_prompt(self) -> bool:
        """Has the shell the terminal now?"""
        return re.search(PROMPT.pattern + "$", ESCAPES.sub("", self.output)) is not None

    def _printed(self) -> str:
        """The output without echo, prompts and escapes; right for a command of one line."""
        text = ESCAPES.sub("", self.output).replace("\r\n", "\n")
        return PROMPT.sub("", text.partition("\n")[2])

    def _send(self, text: str) -> None:
        self.stream.input(text.encode())

    def _wait(self, pattern: str, timeout: float, quiet: float = QUIET) -> re.Match[str]:
        return self.loop.run_until_complete(self._until(re.compile(pattern), timeout, quiet))

    async def _until(self, pattern: re.Pattern[str], timeout: float, quiet: float) -> re.Match[str]:
        """Wait until the output ends in the pattern and stays so for a moment."""
        clock = self.loop.time
        end, length, changed = clock() + timeout, -1, clock()
        while clock() < end and not self.closed:
            if len(self.output) != length:
                length, changed = len(self.output), clock()
            match = pattern.search(ESCAPES.sub("", self.output))
            if match and clock() - changed >= quiet:
                return match
            await asyncio.sleep(0.02)
        why = "the terminal closed" if self.closed else f"no prompt within {timeout:g} s"
        raise TypingError(f"{why}; last output: {self.output[-200:]!r}")
