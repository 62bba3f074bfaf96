"""Whatever is typed: an exit code and words, never a stack trace."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotask_queue.cli import main

pytestmark = pytest.mark.integration

WORDS = [
    "submit", "list", "show", "cancel", "retry", "edit", "reprioritise", "clear", "pause", "resume",
    "breaker", "force-open", "force-close", "release", "reset", "metrics", "health", "audit", "resolve",
    "doctor",
    "/Tickets", "POST", "GET", "1", "2", "10", "z", "--zone", "--data", "--set", "title=x", "{}", "[1]", "-",
    "--json", "--status", "open", "failed", "--text", "--limit", "--all", "--ids", "--priority", "--reason",
    "why", "--scheduled-at", "+1h", "--for", "5m", "--undo", "--yes", "--id", "--after", "--lane", "--header",
    "A: b", "--sent", "--record", "--sort", "seq", "--timeout", "--summary", "--expires-at", "@/nowhere",
]  # fmt: skip
ANY = st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=12), st.integers().map(str)), max_size=6)
ARGUMENTS = st.tuples(st.sampled_from(WORDS[:20]), ANY).map(lambda pair: [pair[0], *pair[1]])


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("any") / "queue.db"
    assert quietly(path, ["submit", "/Tickets", "POST", "--zone", "z"]) == 0
    return path


def quietly(db: Path, arguments: list[str]) -> int:
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()) as err,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"a": 1}')))
        code = main(["--db", str(db), *arguments])
    assert "Traceback" not in err.getvalue()
    return code


@settings(max_examples=150)
@given(arguments=ARGUMENTS)
def test_any_arguments_end_in_an_exit_code(db: Path, arguments: list[str]) -> None:
    if not {"--wait", "worker", "simulator"} & set(arguments):  # these stay
        assert quietly(db, arguments) in {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    "arguments",
    [
        ["submit", "/T", "--zone", "z", "--set", "title=\udcff"],
        ["list", "--text", "\ud800"],
        ["show", "a\0b"],
        ["submit", "/T", "--zone", "z", "--data", "@~nobody-at-all/x"],
        ["submit", "/T", "--zone", "z", "--data", "[" * 200_000],
        ["submit", "/T", "--zone", "z", "--set", "a=" + "[" * 200_000],
        ["submit", "/T", "--zone", "z" * 100],
        ["show", "9" * 15],
        ["show", "9" * 40],
        ["list", "--zone", "'; DROP TABLE request; --"],
        ["--config", "~nobody-at-all/x", "list"],
        ["--config", "", "list"],
    ],
)
def test_arguments_that_were_thought_of(db: Path, arguments: list[str]) -> None:
    assert quietly(db, arguments) in {0, 1, 2, 3}


def test_a_path_that_no_file_can_have(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[persistence.connection]\ndb_path = "a\\u0000b"\n', encoding="utf-8")
    with contextlib.redirect_stderr(io.StringIO()) as err:
        assert main(["--config", str(config), "list"]) == 2
    assert "must be the name of a file" in err.getvalue()
