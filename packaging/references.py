"""Writes core/API.md and core/CONFIGURATION.md anew: `python3 packaging/dev.py references`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import reference_api
import reference_settings

CORE: Final = Path(__file__).parents[1] / "core"
REFERENCES: Final[dict[str, Callable[[], str]]] = {
    "API.md": reference_api.text,
    "CONFIGURATION.md": reference_settings.text,
}


def main() -> int:
    """Writes both; says which changed."""
    for name, text in REFERENCES.items():
        path = CORE / name
        new = text()
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(new, encoding="utf-8", newline="\n")
        print(f"{path}: {'as it was' if new == old else 'written anew'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
