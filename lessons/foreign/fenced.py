"""Fences of our own format, written."""

import re

from lessons.elements import Save

KEY_NAMES = {"\x1b": "Esc", "\r": "Enter", "\t": "Tab"}


def fenced(info: str, text: str) -> str:
    """A fence longer than any run of back-ticks in the text."""
    ticks = "`" * max(3, max((len(found) for found in re.findall(r"`+", text)), default=0) + 1)
    body = text.replace("\r", "").rstrip("\n")
    return f"{ticks}{info}\n{body}\n{ticks}"


def command(given: dict[str, str], language: str) -> str:
    """A command to run, from the data of its button."""
    words = ["run"]
    words += [f"terminal={given['data-terminal']}"] if given.get("data-terminal", "1") != "1" else []
    words += [f"machine={given['data-machine']}"] if given.get("data-machine") else []
    words += [name for name in ("interrupt", "no-enter") if f"data-{name}" in given]
    shell = language if language in ("sh", "bash") else "sh"
    return fenced(f"{shell} {{{' '.join(words)}}}", given["data-run"])


def pressed(given: dict[str, str]) -> str:
    """Keys to press, if that is what the button sends."""
    data = given["data-run"]
    if "data-no-enter" not in given or not data or not all(ord(char) < 32 for char in data) or "\n" in data:
        return ""
    names = " ".join(KEY_NAMES.get(char, f"ctrl-{chr(ord(char) + 96)}") for char in data)
    terminal = f" terminal={given['data-terminal']}" if given.get("data-terminal", "1") != "1" else ""
    return fenced(f'key {{keys="{names}"{terminal}}}', "")


def saved(save: Save) -> str:
    """A file to save."""
    words = f"{save.how}={quoted(save.path)}" + (f" at={quoted(save.at)}" if save.how == "insert" else "")
    return fenced(f"text {{{words}}}", save.content)


def quoted(text: str) -> str:
    """A value in quotes, which our attributes have no way to hold themselves."""
    return '"' + text.replace('"', "'").replace("\n", " ") + '"'
