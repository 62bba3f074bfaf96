"""A store in a file, and ways to look into it from outside."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.core.store.making import NOW

from autotask_queue.store import SqliteStore

Look = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(path)
    await made.open(now=NOW)
    yield made
    await made.close()


@pytest.fixture
def look(path: Path) -> Look:
    """Runs a statement on the file with a connection of its own."""

    def ask(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as connection, connection:
            return connection.execute(sql, parameters).fetchall()

    return ask


@pytest.fixture
def not_root() -> Iterator[None]:
    """Nobody, where the tests run as root: for root every folder is writable."""
    if os.name != "posix" or os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)
