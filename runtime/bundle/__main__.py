"""`python -m runtime.bundle`: what script/runtime-bundle runs."""

from __future__ import annotations

import sys

from runtime.bundle.cli import main

sys.exit(main(sys.argv[1:]))
