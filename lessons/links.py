"""Links and pictures of a lesson: where they may lead.

`lab:terminal/2`, `lab:machine/db`, `lab:xray/namespaces`, `lab:file/etc/hosts#L3` and
`lab:port/8080/path` point into the lab; a picture lies beside the lesson; anything else is an ordinary link.
"""

import re

from markdown_it.tree import SyntaxTreeNode

from lessons.source import Source
from lessons.suggest import near

VIEWS = ("processes", "namespaces", "cgroups", "layers", "network", "timeline", "compare")
PLACES = {
    "terminal": (r"[1-8]", "lab:terminal/2"),
    "machine": (r"[a-z][a-z0-9-]*", "lab:machine/db"),
    "file": (r"[^#]+(#L\d+)?", "lab:file/etc/hosts#L3"),
    "xray": (rf"({'|'.join(VIEWS)})(\?.*)?", "lab:xray/namespaces?kind=uts"),
    "port": (r"\d{1,5}(/.*)?", "lab:port/8080/path"),
}
PICTURES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
    ".svg": "image/svg+xml",
}  # fmt: skip
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def check(node: SyntaxTreeNode, line: int, source: Source) -> None:
    """Note every link and picture of some text that leads nowhere."""
    for inner in node.children if node.type == "inline" else ():
        _one(inner, line, source)


def _one(node: SyntaxTreeNode, line: int, source: Source) -> None:
    if node.type == "link":
        _link(str(node.attrs.get("href", "")), line, source)
    elif node.type == "image":
        _picture(str(node.attrs.get("src", "")), line, source)
    for child in node.children:
        _one(child, line, source)


def _link(href: str, line: int, source: Source) -> None:
    if href.startswith("lab:"):
        _place(href, line, source)
    elif not SCHEME.match(href) and not href.startswith(("#", "/")) and href:
        source.faults.add(line, f"link {href}: a lesson links to an address with https://, or into the lab with lab:")


def _place(href: str, line: int, source: Source) -> None:
    kind, _, rest = href[4:].partition("/")
    if kind not in PLACES:
        tail = near(kind, PLACES) or f" (known: {', '.join(example for _, example in PLACES.values())})"
        source.faults.add(line, f"link {href}: there is no lab:{kind}{tail}")
        return
    pattern, example = PLACES[kind]
    if not re.fullmatch(pattern, rest):
        source.faults.add(line, f"link {href}: write {example}")
    if kind == "machine" and rest not in source.machines:
        source.faults.add(line, f"link {href}: unknown machine {rest!r}{near(rest, source.machines)}")
    if kind == "port" and not 1 <= int(re.match(r"\d*", rest)[0] or 0) <= 65535:  # type: ignore[index]
        source.faults.add(line, f"link {href}: a port is a number from 1 to 65535")


def _picture(src: str, line: int, source: Source) -> None:
    if SCHEME.match(src) or src.startswith(("/", "#")):
        source.faults.add(line, f"picture {src}: pictures lie beside the lesson, so that they outlive other servers")
    elif not src.lower().endswith(tuple(PICTURES)):
        source.faults.add(line, f"picture {src}: only {', '.join(PICTURES)} are served")
    elif why := source.places.find(src)[1]:
        source.faults.add(line, f"picture {src}: {why}")
