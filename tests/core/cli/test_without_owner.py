"""Commands on a queue file that no program has open."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.core.cli.conftest import TICKET, Cli

pytestmark = pytest.mark.integration


def test_what_is_submitted_is_listed_and_shown(cli: Cli) -> None:
    receipt = cli.submit("/Tickets", "POST", "--zone", "zone1", "--set", "title=Printer", "--priority", "8")
    assert receipt["durability"] == "sqlite-fsync"
    assert receipt["duplicate"] is False

    listed = cli.ok("list")
    assert (listed["total"], listed["requests"][0]["id"]) == (1, receipt["id"])

    shown = cli.show(receipt["seq"])
    assert shown["request"]["data"] == {"title": "Printer"}
    assert (shown["request"]["priority"], shown["request"]["method"]) == (8, "POST")
    assert [entry["kind"] for entry in shown["audit"]] == ["enqueued"]
    assert shown["attempts"] == []


def test_people_get_words_and_tables(cli: Cli) -> None:
    done = cli("submit", "/Tickets", "POST", "--zone", "zone1", "--data", '{"title": "Printer"}')
    assert done.code == 0
    assert done.out.startswith("Request 1 is stored: ")
    assert "survives a power cut" in done.err
    assert "zone1 is not configured here (none is configured)" in done.err

    done = cli("list")
    assert done.rows()[0][:4] == ["1", "held", "5", "zone1"]
    assert done.err == "1 request\n"

    done = cli("show", "1")
    assert "POST /Tickets (write)" in done.out
    assert '"title": "Printer"' in done.out


def test_options_stand_before_the_command_or_after_it(cli: Cli, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    cli("submit", "/Tickets", "--zone", "z", "--db", str(other))
    assert not cli.db.exists()
    assert cli("list", "--json", "--db", str(other)).json["total"] == 1


def test_documents_come_from_files_and_pipes(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ticket.json"
    file.write_text('{"title": "from a file", "token": "may stand in a file"}', encoding="utf-8")
    cli.submit("/Tickets", "POST", "--zone", "z", "--data", f"@{file}", "--set", "status=1")
    assert cli.show(1)["request"]["data"] == {
        "title": "from a file", "token": "may stand in a file", "status": 1,
    }  # fmt: skip

    with file.open(encoding="utf-8") as pipe:
        monkeypatch.setattr("sys.stdin", pipe)
        cli.submit("/Tickets", "POST", "--zone", "z", "--data", "-")
    assert cli.show(2)["request"]["data"]["title"] == "from a file"


def test_all_options_of_a_request_are_kept(cli: Cli) -> None:
    first = cli.submit("/Tickets", "POST", "--zone", "z", "--id", "019b0000-0000-7000-8000-000000000001")
    cli.submit(
        "/Tickets", "POST", "--zone", "z", "--header", "X-Trace: 7", "--metadata", "job=nightly",
        "--timeout", "30s", "--max-retries", "2", "--scheduled-at", "+1h", "--expires-at", "+2h",
        "--dedup-key", "k", "--after", "019b", "--lane", "l", "--summary", "Mine", "--no-retry", "--alone",
    )  # fmt: skip
    request = cli.show(2)["request"]
    assert request["headers"] == {"X-Trace": "7"}
    assert request["metadata"] == {"job": "nightly"}
    assert (request["timeout"], request["max_retries"], request["retryable"]) == (30.0, 2, False)
    assert request["expires_at"] - request["scheduled_at"] == pytest.approx(3_600, abs=5)
    assert request["depends_on"] == [first["id"]]
    assert (request["lane"], request["dedup_key"], request["summary"]) == ("l", "k", "Mine")


def test_a_key_in_use_refuses_replaces_or_keeps(cli: Cli) -> None:
    def submit(*options: str) -> dict[str, Any]:
        return cli.submit("/Tickets", "POST", "--zone", "z", "--dedup-key", "k", *options)

    first = submit()
    refused = cli("--json", "submit", "/Tickets", "POST", "--zone", "z", "--dedup-key", "k")
    assert (refused.code, refused.error["code"]) == (1, "duplicate_key")
    assert first["id"] in refused.error["message"]
    kept = submit("--on-duplicate", "keep_first")
    assert (kept["id"], kept["duplicate"]) == (first["id"], True)
    newer = submit("--on-duplicate", "replace")
    assert (newer["seq"], newer["duplicate"]) == (2, False)
    assert cli.show(1)["request"]["status"] == "cancelled"


def test_the_same_id_stores_one_request(cli: Cli) -> None:
    arguments = ("/Tickets", "POST", "--zone", "z", "--id", "019b0000-0000-7000-8000-000000000001")
    assert cli.submit(*arguments)["duplicate"] is False
    assert cli.submit(*arguments)["duplicate"] is True
    assert cli.ok("list")["total"] == 1


def test_requests_are_found_by_number_id_and_beginning(cli: Cli) -> None:
    for last in "12":
        cli.submit("/Tickets", "--zone", "z", "--id", f"019b000{last}-0000-7000-8000-000000000001")
    assert cli.show("2")["request"]["id"].startswith("019b0002")
    assert cli.show("019b0001")["request"]["seq"] == 1
    assert cli.show("019B0001-0000-7000-8000-000000000001")["request"]["seq"] == 1

    unclear = cli("--json", "show", "019b")
    assert (unclear.code, unclear.error["code"]) == (3, "unclear_id")
    assert "019b0001-0000" in unclear.error["message"]
    for missing in ("3", "019c0000", "019b0001-0000-7000-8000-000000000002"):
        done = cli("--json", "show", missing)
        assert (done.code, done.error["code"]) == (3, "request_not_found")
    assert cli("show", "01").code == 3


def test_the_list_is_filtered_sorted_and_bounded(cli: Cli) -> None:
    for number, zone in enumerate(("a", "a", "b"), start=1):
        cli.submit("/Tickets", "POST", "--zone", zone, "--set", f"n={number}", "--priority", str(number + 3))
    cli("cancel", "1")

    def numbers(*flags: str) -> list[int]:
        return [row["seq"] for row in cli.ok("list", *flags)["requests"]]

    assert numbers() == [3, 2, 1]
    assert numbers("--ascending") == [1, 2, 3]
    assert numbers("--zone", "a") == [2, 1]
    assert numbers("--status", "cancelled") == [1]
    assert numbers("--status", "open") == [3, 2]
    assert numbers("--status", "finished,held") == [3, 2, 1]
    assert numbers("--priority-range", "5-6") == [3, 2]
    assert numbers("--sort", "priority", "--ascending", "--limit", "1") == [1]
    assert numbers("--since", "+1h") == []
    assert numbers("--text", "nowhere") == []
    assert cli.ok("list", "--limit", "1")["total"] == 3
    assert "2 of them not shown" in cli("list", "--limit", "1").err
    assert len(cli("list", "--ids").out.split()) == 3


def test_orders_about_one_request(cli: Cli) -> None:
    cli.submit("/Tickets", "POST", "--zone", "z", "--set", "title=A")
    assert cli("reprioritise", "9", "1").out == "1 request given priority 9.\n"
    cli.ok("edit", "1", "--set", "title=B", "--set", "status=1", "--summary", "Better")
    request = cli.show(1)["request"]
    assert (request["priority"], request["data"]) == (9, {"title": "B", "status": 1})
    assert request["summary"] == "Better"

    assert cli.ok("cancel", "1", "--reason", "not needed")["changed"] == 1
    again = cli("--json", "cancel", "1")
    assert (again.code, again.error["code"]) == (1, "illegal_transition")
    assert cli.ok("cancel", "1", "--undo")["changed"] == 1

    history = cli.ok("audit", "list", "--request", "1")["entries"]
    assert [e["kind"] for e in history] == ["restored", "cancelled", "edited", "reprioritised", "enqueued"]
    assert history[1]["why"] == "not needed"
    assert all(e["actor"] for e in history)


def test_orders_about_many(cli: Cli) -> None:
    for zone in ("a", "a", "b"):
        cli.submit("/Tickets", "POST", "--zone", zone)
    assert cli.ok("cancel", "--zone", "a")["changed"] == 2
    partly = cli("--json", "cancel", "2", "3")
    assert (partly.code, partly.json["changed"], partly.json["skipped"]) == (1, 1, 1)
    assert "left alone" in partly.err
    assert cli.ok("cancel", "--undo", "--status", "cancelled")["changed"] == 3
    assert cli.ok("clear", "--zone", "b", "--yes")["changed"] == 1
    assert cli("clear").code == 2  # nobody is there to be asked
    assert cli.ok("clear", "--yes")["changed"] == 2
    assert cli("clear").out == "Nothing waits.\n"


@pytest.mark.parametrize("command", ["cancel", "retry"])
def test_orders_need_to_know_what_they_are_about(cli: Cli, command: str) -> None:
    cli.submit("/Tickets", "--zone", "z")
    assert cli(command).code == 2
    assert cli(command, "1", "--status", "failed").code == 2
    assert cli.show(1)["request"]["status"] == "held"


def test_pauses_and_holds_outlive_the_command(cli: Cli) -> None:
    cli.submit("/Tickets", "--zone", "z")
    assert cli.ok("pause", "10m", "--reason", "lunch")["paused"] is True
    assert "sending is paused (for 10 min more)" in cli("show", "1").out
    assert cli.ok("resume")["paused"] is False

    held = cli.ok("breaker", "force-open", "z", "--reason", "swap", "--for", "2h")["breakers"][0]
    assert held["overrides"][0]["reason"] == "swap"
    row = cli("breaker").rows()[0]
    assert (row[0], row[1][:10]) == ("z", "held until")
    assert cli.ok("breaker", "release", "z")["breakers"][0]["overrides"] == []
    everything = cli.ok("breaker", "force-open", "--all", "--reason", "move")["breakers"][0]
    assert everything["zone"] == "*"
    assert cli("breaker", "list").rows()[0][:2] == ["everything", "held"]
    cli.ok("breaker", "reset", "--all")
    cli.ok("breaker", "force-close", "z", "--reason", "it works", "--for", "5m")


def test_a_strategy_outlives_the_command(cli: Cli) -> None:
    cli.submit("/Tickets", "POST", "--zone", "z")
    assert cli.ok("strategy", "adaptive", "--reason", "the network is slow")["strategy"] == "adaptive"
    said = cli("strategy").out
    assert said.startswith("Requests are sent by the strategy adaptive: chosen by ")
    assert said.endswith(" (the network is slow); the settings say priority.\n")
    assert [e["why"] for e in cli.ok("audit", "--kind", "strategy.changed")["entries"]] == [
        "the network is slow"
    ]
    assert cli("strategy", "random").code == 2


def test_a_hold_needs_a_zone_that_exists_and_a_reason(cli: Cli) -> None:
    cli.submit("/Tickets", "--zone", "zone1")
    typo = cli("--json", "breaker", "force-open", "zone11", "--reason", "x")
    assert (typo.code, typo.error["code"]) == (3, "unknown_zone")
    assert "Did you mean zone1?" in typo.error["message"]
    assert cli("breaker", "force-open", "zone1").code == 2
    empty = cli("--json", "breaker", "force-open", "zone1", "--reason", " ")
    assert (empty.code, empty.error["code"]) == (1, "reason_required")


def test_numbers_and_health(cli: Cli) -> None:
    cli.submit("/Tickets", "--zone", "z")
    metrics = cli.ok("metrics")
    assert metrics["by_status"]["held"] == 1
    assert cli.ok("health")["status"] == "healthy"
    assert "1 held" in cli("metrics").out
    assert cli("health").out.startswith("healthy: ")


def test_looking_at_a_file_that_is_not_there_does_not_make_it(cli: Cli) -> None:
    for command in (("list",), ("show", "1"), ("cancel", "1"), ("pause",), ("metrics",), ("health",)):
        done = cli("--json", *command)
        assert (done.code, done.error["code"]) == (3, "no_queue_file"), command
    assert not cli.db.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("submit", "tickets", "--zone", "z"), "must start with /"),
        (("submit", "/T", "FETCH", "--zone", "z"), "not an HTTP method"),
        (("submit", "/T", "--zone", "*"), "the zone needs a name"),
    ],
)
def test_a_request_that_could_never_be_sent_is_refused(
    cli: Cli, arguments: tuple[str, ...], said: str
) -> None:
    done = cli("--json", *arguments)
    assert (done.code, done.error["code"]) == (1, "invalid_request")
    assert said in done.error["message"]
    assert cli.ok("list")["total"] == 0


def test_a_configured_zone_checks_what_it_would_refuse(zoned: Cli) -> None:
    done = zoned("submit", "/Tickets", "POST", "--set", "title=No company")
    assert done.code == 1
    assert "Company is missing" in done.err
    zoned.submit("/Tickets", "POST", "--set", "title=Complete", *TICKET)
    assert zoned.show(1)["request"]["zone"] == "zone1"


def test_without_a_single_zone_one_must_be_named(cli: Cli) -> None:
    done = cli("submit", "/Tickets")
    assert done.code == 3
    assert "--zone" in done.err


def test_control_characters_do_not_reach_the_terminal(cli: Cli) -> None:
    cli.submit("/T", "POST", "--zone", "z", "--data", json.dumps({"t": "\x1b]0;evil\x07"}), "--summary",
               "a\x1b[31mb\u202ec")  # fmt: skip
    for command in (("list",), ("show", "1")):
        done = cli(*command)
        assert "\x1b" not in done.out
        assert "\u202e" not in done.out


def test_a_file_that_is_no_queue_is_refused(cli: Cli) -> None:
    with closing(sqlite3.connect(cli.db)) as other, other:
        other.execute("CREATE TABLE theirs (x)")
    done = cli("--json", "list")
    assert (done.code, done.error["code"]) == (4, "store_foreign")
    with closing(sqlite3.connect(cli.db)) as other:
        assert other.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
