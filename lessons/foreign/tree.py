"""HTML as a tree of elements and texts, for those who have to look at it from the outside in."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"br", "hr", "img", "input", "wbr", "col"}


@dataclass
class Node:
    """An element, its attributes, its children: nodes and texts."""

    tag: str = ""
    given: dict[str, str] = field(default_factory=dict)
    children: list["Node | str"] = field(default_factory=list)

    def text(self) -> str:
        """All text in it."""
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)

    def find(self, tag: str) -> list["Node"]:
        """Every element of that name in it."""
        found = []
        for child in self.children:
            if isinstance(child, Node):
                found += [child] if child.tag == tag else []
                found += child.find(tag)
        return found


class Tree(HTMLParser):
    """Reads HTML into nodes; what is not closed is closed by what encloses it."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.stack = [Node()]
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.stack[-1].children.append(node)
        if tag not in VOID:
            self.stack.append(node)

    def handle_endtag(self, tag: str) -> None:
        if any(node.tag == tag for node in self.stack):
            while self.stack.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.stack[-1].children.append(data)
