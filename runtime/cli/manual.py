"""docs/cli.md, written from the parser: `python -m runtime.cli.manual > docs/cli.md`."""

from __future__ import annotations

import argparse
import functools

from runtime.cli import parser
from runtime.image import cli as images

HEAD = """# The command line

Written from the program's own grammar by `python -m runtime.cli.manual`; a test compares them.
All verbs want root, because namespaces, cgroups and mounts do. `run --rm` needs nothing
else; the other verbs talk to the spawner that `script/server` (or `python -m runtime.spawner`)
has started. The exit status of `run` and `exec` is the command's; 125 means that we failed,
126 that the command may not be executed, 127 that there is none, 128 + N that signal N ended it.
"""


def text() -> str:
    """The whole page."""
    parts = [HEAD]
    for name, verb in verbs(parser.build()).items():
        if name == "image":
            parts.append("## image\n\nThe images of this node. Sizes are bytes in JSON; names are as docker's.\n")
            parts += [section(f"### image {own}", one) for own, one in verbs(images.parser()).items()]
        else:
            parts.append(section(f"## {name}", verb))
    return "\n".join(parts)


def section(title: str, verb: argparse.ArgumentParser) -> str:
    """One verb with its own words."""
    verb.formatter_class = functools.partial(argparse.HelpFormatter, width=100)  # type: ignore[assignment]
    return f"{title}\n\n```text\n{verb.format_help().rstrip()}\n```\n"


def verbs(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Every verb's own parser."""
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


if __name__ == "__main__":
    print(text(), end="")
