"""Commands while another program, such as the console, has the queue open."""

from __future__ import annotations

import threading
import time

import pytest
from tests.core.cli.background import Background, in_background
from tests.core.cli.conftest import Cli, Owning

from autotask_queue import QueueManager, QuickSetup
from autotask_queue.cli import access
from autotask_queue.engine.control import Owner
from autotask_queue.engine.control.owner_file import owner_path, write_owner

pytestmark = pytest.mark.integration


def test_requests_go_through_the_owner(cli: Cli, owner: Owning) -> None:
    with owner() as running:
        done = cli.ok("submit", "/Tickets", "POST", "--zone", "z", "--set", "title=T", "--wait", "10")
        assert done["outcome"]["reply"]["body"]["data"] == {"title": "T"}
        assert running.call(lambda: running.value.counters().by_zone()) == {"z": 1}

        assert cli.ok("list")["requests"][0]["status"] == "completed"
        assert [a["result"] for a in cli.show(1)["attempts"]] == ["ok"]
        again = cli("--json", "cancel", "1")
        assert (again.code, again.error["code"]) == (1, "illegal_transition")
        assert cli("show", "2").code == 3
        assert cli.ok("metrics")["completed_requests"] == 1


def test_orders_take_effect_in_the_owner(cli: Cli, owner: Owning) -> None:
    with owner() as running:
        cli.ok("pause")
        assert running.value.is_paused
        cli.submit("/Tickets", "POST", "--zone", "z")
        assert "sending is paused" in cli("submit", "/Tickets", "--zone", "z").err
        assert cli.ok("reprioritise", "1", "--status", "open")["changed"] == 2
        assert cli.ok("cancel", "1", "2")["changed"] == 2
        cli.ok("breaker", "force-open", "z", "--reason", "swap")
        assert [o.reason for o in running.value.circuit_breaker.get_metrics("z").overrides] == ["swap"]
        cli.ok("resume")
        assert not running.value.is_paused


def test_the_strategy_is_switched_in_the_owner(cli: Cli, owner: Owning) -> None:
    with owner() as running:
        assert cli("strategy").out == "Requests are sent by the strategy priority: as the settings say.\n"
        cli.ok("strategy", "weighted", "--reason", "an import")
        assert running.value.priority_strategy.since is not None
        assert cli.ok("strategy")["reason"] == "an import"
        assert cli.ok("strategy", "configured")["since"] is None
        assert running.value.priority_strategy.strategy == "priority"


def test_what_was_ordered_without_an_owner_holds_in_the_next(cli: Cli, owner: Owning) -> None:
    cli.submit("/Tickets", "POST", "--zone", "z", "--set", "n=1")
    cli.ok("pause")
    with owner() as running:
        assert running.value.is_paused
        # A processor takes the zone now, so that the request is not held any more.
        assert cli.ok("list")["requests"][0]["status"] == "pending"


def test_a_worker_is_turned_away(cli: Cli, owner: Owning, zoned: Cli) -> None:
    with owner():
        done = zoned("--json", "worker", "--drain")
    assert (done.code, done.error["code"]) == (4, "store_in_use")
    assert "Process " in done.error["message"]
    assert "One program at a time" in done.error["remedy"]


def test_what_a_killed_owner_left_behind_is_ignored(cli: Cli) -> None:
    write_owner(cli.db, Owner(pid=1, port=9, token="t", role="console"))
    cli.submit("/Tickets", "--zone", "z")
    assert cli.ok("list")["total"] == 1
    doctor = cli.ok("doctor")
    assert "no program has the queue open" in str(doctor)


def test_an_owner_that_takes_no_commands_is_said_clearly(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "PATIENCE", 0.2)
    cli.submit("/Tickets", "--zone", "z")
    with in_background(lambda: QuickSetup.sqlite(cli.db)):
        done = cli("--json", "list")
    assert (done.code, done.error["code"]) == (4, "owner_unreachable")
    assert "has" in done.error["message"]
    assert "does not take commands" in done.error["message"]


def test_a_command_waits_for_one_that_is_just_ending(cli: Cli) -> None:
    cli.submit("/Tickets", "--zone", "z")
    ended = threading.Event()

    def let_go(running: Background[QueueManager]) -> None:
        time.sleep(0.3)  # the command must meet a file that is taken
        running.run(running.value.shutdown())
        ended.set()

    with in_background(lambda: QuickSetup.sqlite(cli.db)) as running:
        helper = threading.Thread(target=let_go, args=(running,))
        helper.start()
        assert cli.ok("list")["total"] == 1
        assert ended.is_set()
        helper.join()


def test_the_owner_file_goes_with_the_owner(cli: Cli, owner: Owning) -> None:
    with owner():
        assert owner_path(cli.db).exists()
        assert "console" in str(cli.ok("doctor"))
    assert not owner_path(cli.db).exists()
    assert cli.ok("health")["status"] == "healthy"
