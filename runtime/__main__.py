"""`python -m runtime`: the runtime's command line. See `runtime.cli`."""

import sys

from runtime.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
