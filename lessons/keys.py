"""Keys by name: `Esc :q! Enter` as the characters a terminal receives.

See console_codes(4) and terminfo(5); the sequences are those of xterm.
"""

import re

NAMES = {
    "enter": "\r", "tab": "\t", "esc": "\x1b", "escape": "\x1b", "space": " ", "backspace": "\x7f",
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "home": "\x1b[H", "end": "\x1b[F",
    "insert": "\x1b[2~", "delete": "\x1b[3~", "pageup": "\x1b[5~", "pagedown": "\x1b[6~",
    "f1": "\x1bOP", "f2": "\x1bOQ", "f3": "\x1bOR", "f4": "\x1bOS", "f5": "\x1b[15~", "f6": "\x1b[17~",
    "f7": "\x1b[18~", "f8": "\x1b[19~", "f9": "\x1b[20~", "f10": "\x1b[21~", "f11": "\x1b[23~", "f12": "\x1b[24~",
}  # fmt: skip
CHORD = re.compile(r"(ctrl|alt)[-+](.)", re.IGNORECASE)


def read(text: str) -> tuple[str, tuple[str, ...]]:
    """The characters, and the words to show; a word that is no key's name is typed as it stands."""
    words = tuple(text.split())
    return "".join(_one(word) for word in words), words


def _one(word: str) -> str:
    if word.lower() in NAMES and (len(word) > 1):
        return NAMES[word.lower()]
    match = CHORD.fullmatch(word)
    if not match:
        return word
    if match[1].lower() == "alt":
        return "\x1b" + match[2]
    return chr(ord(match[2].upper()) & 0x1F)
