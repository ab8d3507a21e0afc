"""`python -m densor`: the same as the `densor` command."""

import sys

from densor.cli import main

if __name__ == "__main__":
    sys.exit(main())
