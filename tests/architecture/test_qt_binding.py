"""A defect of PySide6 6.12.0 that a bump of the lock could bring in, to be met here and not by a person."""

from __future__ import annotations

import sys

import pytest
from PySide6.QtCore import QObject


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal since Python 3.12")
def test_a_call_that_returns_none_keeps_none_alive() -> None:
    """6.12.0 loses a reference to None in each such call, until the process aborts."""
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(1_000):
        thing.parent()

    assert sys.getrefcount(None) > before - 500
