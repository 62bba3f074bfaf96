"""The bundle's window: what the script `autotask-console` is in an installed environment."""

from __future__ import annotations

import sys

from autotask_console.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
