"""`python -m autotask_queue`: the command line."""

import sys

from autotask_queue.cli import main

if __name__ == "__main__":
    sys.exit(main())
