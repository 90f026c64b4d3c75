"""Makes one container without some of its fences: `unfenced FENCE,… RUN LAYERS FIELDS`, then as the usual driver.

It also makes a mistake on purpose, so that there is something to catch: descriptor 100 is a directory of
the host's that would survive execve(2).
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.runtime.container import driver
from tests.runtime.security import fences


def main() -> None:
    names = sys.argv.pop(1)
    fences.take_down([name for name in names.split(",") if name])
    fences.planted(Path(sys.argv[1]))
    driver.main()


if __name__ == "__main__":
    main()
