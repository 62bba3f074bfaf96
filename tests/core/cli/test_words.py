"""What people read: notes on requests, answers without --json, the question before a clear."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from tests.core.cli.conftest import Cli, Owning

from autotask_queue import Effect, Gate, GateKind, Reason, RequestId, RequestRow, Status
from autotask_queue.cli.words import plural, say_gate, say_note

NOW = 1_000.0


def row(status: Status, **fields: Any) -> RequestRow:
    values: dict[str, Any] = {
        "seq": 7, "id": RequestId("x"), "zone": "z", "endpoint": "/T", "method": "POST",
        "effect": Effect.WRITE, "entity": "T", "priority": 5, "summary": "s",
        "created_at": 0.0, "updated_at": 0.0,
    }  # fmt: skip
    return RequestRow(status=status, **(values | fields))


@pytest.mark.parametrize(
    ("request_row", "note"),
    [
        (row(Status.COMPLETED, record_id=12), "record 12"),
        (row(Status.COMPLETED), ""),
        (row(Status.FAILED, failure_title="Refused"), "Refused"),
        (row(Status.FAILED, reason_text="given up"), "given up"),
        (row(Status.RETRYING, failure_title="No answer", not_before=1_030.0), "No answer; again in 30 s"),
        (row(Status.RETRYING), "failed; again in 0 ms"),
        (row(Status.PENDING), ""),
        (row(Status.PENDING, reason=Reason.AFTER), "waits for another request"),
        (row(Status.HELD, reason=Reason.CONFIRM), "it may have arrived: see `resolve`"),
        (row(Status.UNCERTAIN, reason=Reason.REPLY_LOST, reason_text="own words"), "own words"),
        (row(Status.CANCELLED), ""),
    ],
)
def test_notes(request_row: RequestRow, note: str) -> None:
    assert say_note(request_row, (), NOW) == note


def test_a_gate_explains_what_waits_and_nothing_else() -> None:
    gates = (Gate(kind=GateKind.MAINTENANCE, zone="z", reason="swap", actor="anna", until=NOW + 600),)
    assert say_note(row(Status.PENDING), gates, NOW) == "held by anna: swap (for 10 min more)"
    assert say_note(row(Status.PENDING, zone="other"), gates, NOW) == ""
    assert say_note(row(Status.HELD, reason=Reason.GONE), gates, NOW).startswith("the record")


def test_every_gate_and_reason_has_words() -> None:
    assert all(say_gate(Gate(kind=kind), NOW) for kind in GateKind)
    assert all(say_note(row(Status.HELD, reason=reason), (), NOW) for reason in Reason)
    assert [plural(n, "call") for n in (0, 1, 1_200)] == ["0 calls", "1 call", "1,200 calls"]


@pytest.mark.integration
def test_answers_of_a_running_owner_for_people(cli: Cli, owner: Owning) -> None:
    with owner():
        done = cli("submit", "/T", "POST", "--zone", "z", "--set", "a=1", "--wait", "10")
        assert '"data": {\n    "a": 1' in done.out
        assert done.err.splitlines()[-1] == "Request 1 is completed."
        metrics = cli("metrics").out
        assert "1 completed" in metrics
        assert "a minute" in metrics
        assert "(95 %)" in metrics
        kinds = [line[2:4] for line in cli("audit").rows()]
        assert any("enqueued" in kind for kind in kinds)
        shown = cli("show", "1").out
        assert "Tries" in shown
        assert "Reply" in shown
        assert cli("pause").out == "Sending is paused until `autotask-queue resume`.\n"
        assert cli("resume").out == "The pause is ended.\n"
        later = cli("submit", "/T", "POST", "--zone", "z", "--scheduled-at", "+1h")
        assert later.out.startswith("Request 2 is stored")
        assert cli("edit", "2", "--send-now").out == "Request 2 is changed; it is pending.\n"
        cli("breaker", "force-open", "z", "--entity", "T", "--reason", "swap", "--starts-at", "+1h")
        assert "T held by" in cli("breaker").out


@pytest.mark.integration
@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("\n", 2), ("no\n", 2)])
def test_clear_asks_first(cli: Cli, monkeypatch: pytest.MonkeyPatch, answer: str, left: int) -> None:
    for _ in range(2):
        cli.submit("/T", "--zone", "z")
    typed = io.StringIO(answer)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True, readline=typed.readline))
    done = cli("clear")
    assert "Cancel 2 waiting requests? [y/N]" in done.err
    assert done.code == (1 if left else 0)
    assert cli.ok("list", "--status", "open")["total"] == left


@pytest.mark.integration
def test_a_folder_that_takes_no_log_does_not_stop_a_worker(
    zoned: Cli, monkeypatch: pytest.MonkeyPatch, expected_logs: Any
) -> None:
    expected_logs("there is no log file")
    monkeypatch.setattr("autotask_queue.cli.commands.worker.log_folder", lambda: zoned.folder / "config.toml")
    assert zoned("worker", "--drain").code == 0
