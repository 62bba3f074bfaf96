"""What people type, and what is refused."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.cli.conftest import Cli

from autotask_queue.cli import main
from autotask_queue.cli.arguments import assignment, span, statuses
from autotask_queue.cli.errors import Exit, SecretOnCommandLine
from autotask_queue.cli.program import build_parser
from autotask_queue.cli.refusals import refuse_secrets
from autotask_queue.cli.times import parse_duration, parse_moment, say_duration, say_moment
from autotask_queue.model.filters import Range
from autotask_queue.model.status import OPEN, Status


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5", 1.5), ("90s", 90), ("15m", 900), ("2h", 7_200), ("1d", 86_400), ("1h30m", 5_400),
     (" 2W ", 1_209_600)],
)  # fmt: skip
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5", "soon", "1x", "h", "1h 30m", "1e9", "99999d", "nan", "inf"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_duration(text)


def test_moments() -> None:
    assert parse_moment("+1h", 1_000.0) == 4_600.0
    assert parse_moment("2026-03-01T09:30:00Z", 0) == 1_772_357_400.0
    assert parse_moment("2026-03-01T10:30+01:00", 0) == 1_772_357_400.0
    local = datetime(2026, 3, 1, 9, 30).astimezone().timestamp()
    assert parse_moment("2026-03-01 09:30", 0) == local
    assert parse_moment("2026-03-01", 0) < local
    for wrong in ("", "tomorrow", "+", "2026-13-01", "1772357400"):
        with pytest.raises(ValueError, match=r"."):
            parse_moment(wrong, 0)


def test_times_in_words() -> None:
    assert [say_duration(s) for s in (-1, 0.25, 5, 600, 7_200, 200_000)] == [
        "0 ms", "250 ms", "5 s", "10 min", "2 h", "2 days",
    ]  # fmt: skip
    assert say_moment(None) == ""
    assert say_moment(1e300)
    assert len(say_moment(1_772_357_400.0)) == 19


@pytest.mark.parametrize(
    ("text", "value"),
    [("n=12", 12), ("n=true", True), ("n=null", None), ('n="12"', "12"), ("n=0123", "0123"), ("n=a=b", "a=b"),
     ("n=", ""), ('n={"a":[1]}', {"a": [1]}), ("n=plain words", "plain words")],
)  # fmt: skip
def test_fields_are_json_if_they_can_be(text: str, value: object) -> None:
    assert assignment(text) == ("n", value)


@pytest.mark.parametrize("text", ["novalue", "=5", ""])
def test_what_is_no_field(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="name=value"):
        assignment(text)


def test_statuses_and_spans() -> None:
    assert statuses("failed,held") == (Status.FAILED, Status.HELD)
    assert set(statuses("open")) == OPEN
    assert span("7") == Range(min=7, max=7)
    assert span("3-7") == Range(min=3, max=7)
    with pytest.raises(argparse.ArgumentTypeError, match="none of pending"):
        statuses("lost")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("submit",),
        ("submit", "/T", "--priority", "11"),
        ("submit", "/T", "--priority", "high"),
        ("submit", "/T", "--timeout", "soon"),
        ("submit", "/T", "--scheduled-at", "later"),
        ("submit", "/T", "--data", "{nope"),
        ("submit", "/T", "--data", "@/does/not/exist"),
        ("submit", "/T", "--header", "nocolon"),
        ("submit", "/T", "--prio", "5"),  # no guessing of abbreviated options
        ("list", "--status", "lost"),
        ("list", "--sort", "colour"),
        ("list", "--limit", "0"),
        ("breaker", "force-open", "--reason", "x"),
        ("breaker", "force-open", "z"),
        ("breaker", "wiggle"),
        ("resolve", "1", "--reason", "x"),
        ("audit", "verify"),
        ("--log-level", "loud", "list"),
    ],
)
def test_wrong_arguments_are_exit_code_2(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: " in captured.err
    assert "Traceback" not in captured.err


def test_a_document_too_large_is_refused_before_it_is_parsed(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    file.write_bytes(b'"' + b"x" * (8 * 2**20 + 10) + b'"')
    done = cli("submit", "/T", "POST", "--zone", "z", "--data", f"@{file}")
    assert done.code == 2
    assert "larger than 8 MB" in done.err


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    names = next(a.choices for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    assert {
        "submit", "list", "show", "cancel", "retry", "edit", "reprioritise", "clear", "pause", "resume",
        "breaker", "metrics", "health", "audit", "worker", "simulator", "doctor",
    } <= names.keys()  # fmt: skip
    for name in ((), *((n,) for n in names)):
        assert main([*name, "--help"]) == 0
        assert "examples:\n  autotask-queue " in capsys.readouterr().out
    assert main(["--version"]) == 0


def test_examples_of_the_help_are_right() -> None:
    """Every example can be taken apart; what they would do is tested elsewhere."""
    import shlex

    parser = build_parser()
    names = next(a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    count = 0
    for command in names.values():
        for line in str(command.epilog).replace("\\\n", " ").splitlines():
            for part in line.split("|"):
                words = shlex.split(part)
                if words[:1] == ["autotask-queue"] and "@" not in part and "--data -" not in part:
                    parser.parse_args(words[1:])
                    count += 1
    assert count > 30


# ---------------------------------------------------------------------------------------------
# Secrets


@pytest.mark.parametrize(
    "argument",
    [
        "--secret=hunter2", "--secret", "-secret", "--password=hunter2", "--passphrase", "--token=hunter2",
        "--api-key=hunter2", "--integration-code=hunter2", "--ApiIntegrationCode=hunter2",
        "--access_token=hunter2", "https://user:hunter2@example.com/x", "http://:hunter2@127.0.0.1/",
        "/Tickets?token=hunter2", "/Tickets?a=1&secret=hunter2", "--endpoint=/x?password=hunter2",
    ],
)  # fmt: skip
def test_a_secret_among_the_arguments_is_refused_and_not_repeated(
    cli: Cli, argument: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in ((argument, "list"), ("submit", "/T", argument), ("list", argument)):
        done = cli("--json", *arguments)
        assert (done.code, done.error["code"]) == (Exit.USAGE, "secret_on_command_line")
        assert "--secrets-file" in done.error["remedy"]
        assert "hunter2" not in done.out + done.err
    assert not cli.db.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--header", "Authorization: Basic hunter2"),
        ("--header", "ApiIntegrationCode: hunter2"),
        ("--header", "secret:hunter2"),
        ("--set", "password=hunter2"),
        ("--metadata", "token=hunter2"),
        ("--data", '{"a": [{"Secret": "hunter2"}]}'),
    ],
)
def test_a_secret_inside_an_argument_is_refused_too(cli: Cli, arguments: tuple[str, ...]) -> None:
    done = cli("--json", "submit", "/T", "POST", "--zone", "z", *arguments)
    assert (done.code, done.error["code"]) == (2, "secret_on_command_line")
    assert "hunter2" not in done.out + done.err
    assert not cli.db.exists()


@pytest.mark.parametrize(
    "argument",
    ["--secrets-file", "/Tickets/query?search=token", "--set", "title=The secret: none", "user@example.com",
     "http://127.0.0.1:8080/x@y", "--summary=password reset for Anna", "secret"],
)  # fmt: skip
def test_what_only_looks_like_one_is_let_through(argument: str) -> None:
    refuse_secrets([argument])


@given(st.lists(st.text(max_size=30), max_size=4))
def test_any_arguments_can_be_looked_at(arguments: list[str]) -> None:
    try:
        refuse_secrets(arguments)
    except SecretOnCommandLine as error:
        assert error.remedy  # noqa: PT017 - refusing is as good as not refusing
