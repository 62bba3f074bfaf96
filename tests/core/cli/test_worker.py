"""`worker` and `submit --wait` against the simulator, over real HTTP."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import platformdirs
import pytest
from tests.core.cli.background import Background
from tests.core.cli.conftest import TICKET, Cli

from autotask_queue import Cell, Counters, Gate, GateKind, Status
from autotask_queue.cli.commands import worker
from autotask_queue.simulator import Simulator

pytestmark = pytest.mark.integration


def titles(sim: Background[Simulator]) -> list[str]:
    tickets = sim.call(sim.value.state)["entities"]["Tickets"]
    return [t["title"] for t in tickets if str(t["title"]).startswith("CLI ")]


def test_what_was_stored_is_sent_once(zoned: Cli, sim: Background[Simulator]) -> None:
    for number in (1, 2):
        zoned.submit("/Tickets", "POST", "--set", f"title=CLI {number}", *TICKET)
    zoned.submit("/Tickets", "POST", "--set", "title=CLI later", *TICKET, "--scheduled-at", "+1h")

    done = zoned("worker", "--drain")
    assert done.code == 0
    assert [line.split("  ")[1].strip() for line in done.out.splitlines()] == ["completed", "completed"]
    assert "Create ticket: CLI 1  (record " in done.out
    assert "Nothing is left to send." in done.err
    assert sorted(titles(sim)) == ["CLI 1", "CLI 2"]
    assert zoned("worker", "--drain").out == ""

    request = zoned.show(1)["request"]
    assert request["status"] == "completed"
    assert request["record_id"] == request["reply"]["record_id"]


def test_lines_of_json_for_programs(zoned: Cli) -> None:
    zoned.submit("/Tickets", "POST", "--set", "title=CLI", *TICKET)
    zoned.submit("/Tickets/999999999", "GET")
    lines = [json.loads(line) for line in zoned("worker", "--drain", "--json").out.splitlines()]
    by_seq = {line["seq"]: line for line in lines}
    assert (by_seq[1]["status"], by_seq[1]["failure"]) == ("completed", None)
    assert (by_seq[2]["status"], by_seq[2]["failure"]["kind"]) == ("failed", "not_found")


def test_the_log_holds_json_and_no_secret(zoned: Cli, sim: Background[Simulator]) -> None:
    zoned.submit("/Tickets", "POST", "--set", "title=CLI", *TICKET)
    zoned("worker", "--drain", "--log-level", "debug")
    log = Path(platformdirs.user_state_dir("autotask-queue", appauthor=False), "logs", "worker.jsonl")
    text = log.read_text(encoding="utf-8")
    entries = [json.loads(line) for line in text.splitlines()]
    assert {"time", "level", "logger", "message"} <= entries[0].keys()
    assert "worker started" in text
    (sent,) = (entry for entry in entries if entry.get("event") == "request.completed")
    assert (sent["zone"], sent["endpoint"], sent["attempts"]) == ("zone1", "/Tickets", 1)
    assert sim.value.credentials.secret not in text


def test_a_drain_ends_at_a_gate_that_only_people_open(zoned: Cli, sim: Background[Simulator]) -> None:
    zoned.submit("/Tickets", "POST", "--set", "title=CLI", *TICKET)
    zoned("breaker", "force-open", "zone1", "--reason", "swap")
    done = zoned("--json", "worker", "--drain")
    assert (done.code, json.loads(done.err.splitlines()[-1])["error"]["code"]) == (4, "not_finished")
    assert "1 request left: held by" in done.err
    assert titles(sim) == []


def test_a_drain_ends_behind_what_needs_a_person(
    zoned: Cli, sim: Background[Simulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_STUCK_AFTER", 0.2)
    first = zoned.submit("/Tickets", "POST", "--set", "title=CLI", *TICKET, "--scheduled-at", "+1h")
    zoned.submit("/Companies/0", "GET", "--after", first["id"])
    done = zoned("worker", "--drain")
    assert done.code == 4
    assert "behind others" in done.err
    assert titles(sim) == []


def test_time_bounds_a_drain_while_offline(zoned: Cli, sim: Background[Simulator]) -> None:
    sim.call(lambda: sim.value.add_fault("offline", refuse=True))
    zoned.submit("/Tickets", "POST", "--set", "title=CLI", *TICKET)
    done = zoned("worker", "--drain", "--for", "1s")
    assert done.code == 4
    assert "1 request is left" in done.err
    assert zoned.show(1)["request"]["status"] == "pending"


PENDING, PROCESSING, RETRYING = Status.PENDING, Status.PROCESSING, Status.RETRYING
HOLD = Gate(kind=GateKind.MAINTENANCE, zone="z", reason="swap", actor="anna")
OFFLINE = Gate(kind=GateKind.OFFLINE)


@pytest.mark.parametrize(
    ("statuses", "gates", "quiet_for", "ends"),
    [
        ((), (), 0.0, ""),
        ((Status.COMPLETED, Status.HELD, Status.DEFERRED), (), 0.0, ""),
        ((PENDING,), (), 0.0, None),
        ((PENDING,), (), 99.0, "1 request left, behind others that need a person"),
        ((PENDING,), (HOLD,), 0.0, "1 request left: held by anna: swap"),
        ((PENDING, PROCESSING), (HOLD,), 99.0, None),  # what is on the wire is waited for
        ((PENDING,), (OFFLINE,), 99.0, None),  # passes by itself
        ((RETRYING,), (), 99.0, None),  # its time comes
        ((Status.UNCERTAIN,), (), 99.0, None),  # it is looked up
    ],
)
def test_when_a_drain_ends(
    statuses: tuple[Status, ...], gates: tuple[Gate, ...], quiet_for: float, ends: str | None
) -> None:
    counters = Counters(cells=tuple(Cell(zone="z", entity="T", status=s, count=1) for s in statuses))
    manager: Any = SimpleNamespace(counters=lambda: counters, gates=lambda: gates)
    assert worker._drained(manager, quiet_for) == ends


def test_a_worker_without_a_zone_says_what_is_missing(cli: Cli) -> None:
    done = cli("worker")
    assert done.code == 2
    assert "[zones.zone1]" in done.err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(zoned: Cli, sim: Background[Simulator], number: signal.Signals) -> None:
    sim.call(lambda: sim.value.add_fault("latency", latency=0.3))
    zoned.submit("/Tickets", "POST", "--set", "title=CLI", *TICKET)
    with beside(lambda: bool(sim.call(sim.value.state)["writes"]), lambda: os.kill(os.getpid(), number)):
        done = zoned("worker")
    assert done.code == 0
    assert "Ending" in done.err
    # It was on the wire when the signal came, and was waited for.
    assert zoned.show(1)["request"]["status"] == "completed"


class beside:  # noqa: N801 - reads as a verb
    """Does something in a thread, once a condition holds."""

    def __init__(self, condition: Callable[[], bool], action: Callable[[], object]) -> None:
        self._thread = threading.Thread(target=self._run, args=(condition, action))

    def _run(self, condition: Callable[[], bool], action: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.02)
        action()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()


# ---------------------------------------------------------------------------------------------
# submit --wait


def test_waiting_sends_by_itself(zoned: Cli, sim: Background[Simulator]) -> None:
    done = zoned("submit", "/Tickets", "POST", "--set", "title=CLI now", *TICKET, "--wait", "20")
    assert done.code == 0
    assert json.loads(done.out)["itemId"]
    assert "completed, record" in done.err
    assert titles(sim) == ["CLI now"]


def test_a_failed_request_is_exit_code_5(zoned: Cli) -> None:
    done = zoned("--json", "submit", "/Tickets/999999999", "GET", "--wait", "20")
    assert (done.code, done.error["code"]) == (5, "request_failed")
    assert done.json["outcome"]["status"] == "failed"
    assert done.error["remedy"]


def test_a_wait_that_ends_too_early_says_where_it_stands(zoned: Cli, sim: Background[Simulator]) -> None:
    done = zoned("--json", "submit", "/Companies/0", "--scheduled-at", "+1h", "--wait", "1s")
    assert done.code == 4
    assert done.json["outcome"]["status"] == "deferred"
    assert "Waiting: deferred" in done.err


def test_waiting_for_a_zone_nobody_knows_ends_at_once(zoned: Cli) -> None:
    done = zoned("submit", "/Companies/0", "--zone", "elsewhere", "--wait")
    assert done.code == 1
    assert "stored and held" in done.err


def test_a_note_whose_reply_was_lost_is_found_by_what_it_says(zoned: Cli, sim: Background[Simulator]) -> None:
    sim.call(lambda: sim.value.add_fault("drop_after_apply", route="POST /Tickets/", count=1))
    ticket = zoned.ok("submit", "/Tickets", "POST", "--set", "title=CLI", *TICKET, "--wait", "20")
    number = ticket["outcome"]["reply"]["record_id"]
    note = ("--set", "title=n", "--set", "description=d", "--set", "noteType=1", "--set", "publish=1")
    done = zoned("--json", "submit", f"/Tickets/{number}/Notes", "POST", *note, "--wait", "30")
    assert json.loads(done.out)["outcome"]["reply"]["adopted"]
    assert "Waiting: uncertain, " in done.err
    assert ".." not in done.err
    assert [w["method"] for w in sim.call(sim.value.state)["writes"]].count("POST") == 2


def test_a_lost_reply_is_decided_by_a_person(zoned: Cli, sim: Background[Simulator]) -> None:
    sim.call(lambda: sim.value.add_fault("drop_after_apply", route="POST /Tickets/"))
    ticket = zoned.ok("submit", "/Tickets", "POST", "--set", "title=CLI", *TICKET, "--wait", "20")
    number = ticket["outcome"]["reply"]["record_id"]
    item = ("--set", "itemName=Change the toner")  # nothing tells it from another one like it
    done = zoned("submit", f"/Tickets/{number}/ChecklistItems", "POST", *item, "--wait", "30")
    assert done.code == 4, done.err
    assert zoned.show(2)["request"]["status"] in ("held", "uncertain")
    assert zoned("retry", "2").code == 1
    assert zoned("resolve", "2", "--sent").code == 2  # a reason is needed
    zoned.ok("resolve", "2", "--sent", "--record", "77", "--reason", "found it")
    request = zoned.show(2)["request"]
    assert (request["status"], request["reply"]["record_id"]) == ("completed", 77)
    assert [w["method"] for w in sim.call(sim.value.state)["writes"]].count("POST") == 2
