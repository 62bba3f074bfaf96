"""The bundle's command line: what the script `autotask-queue` is in an installed environment."""

from __future__ import annotations

import sys

from autotask_queue.cli import main

if __name__ == "__main__":
    sys.exit(main())
