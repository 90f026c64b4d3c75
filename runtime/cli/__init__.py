"""The command line: the verbs of the OCI runtime specification, and a few of our own.

`parser` names them, `verbs` performs the short ones, `running` those that have a command and
its output, `attach` a terminal. `session` finds the spawner, or is one for a while. `manual`
writes docs/cli.md from the parser, so the page cannot be wrong.
"""

from __future__ import annotations

import sys
from functools import partial

from runtime.cli import parser, verbs
from runtime.errors import VitrineError

FAILED = 125  # docker's number for "it was not the command that failed"


def main(argv: list[str]) -> int:
    """Perform one verb; the exit status, which for `run` and `exec` is the command's."""
    if argv[:1] == ["image"]:
        from runtime.cli.building import from_context
        from runtime.image.cli import main as image_main
        from runtime.paths import Paths
        from runtime.vm.collect import collect

        return image_main(argv[1:], from_context, partial(collect, Paths.from_environment()))
    options = parser.build().parse_args(argv)
    try:
        return verbs.perform(options)
    except VitrineError as error:
        step = getattr(error, "step", None)
        where = f" (in step {step})" if step and str(step) not in str(error) else ""
        print(f"{options.verb}: {error}{where}", file=sys.stderr)
        return FAILED if options.verb in ("run", "exec", "create") else 1
    except KeyboardInterrupt:
        return 130
