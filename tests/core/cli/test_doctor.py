"""`doctor`: what it sees, and that it changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.cli.background import Background
from tests.core.cli.conftest import Cli

from autotask_queue.simulator import Simulator
from autotask_queue.store.sqlite.migrations import NEWEST

pytestmark = pytest.mark.integration


def checks(done: Any) -> dict[str, tuple[str, str]]:
    return {c["name"]: (c["state"], c["text"]) for c in done["checks"]}


def test_on_a_fresh_machine_it_changes_nothing(cli: Cli) -> None:
    found = checks(cli.ok("doctor"))
    assert found["queue file"] == ("note", f"{cli.db} does not exist yet")
    assert found["zones"] == ("note", "none is configured")
    assert found["SQLite"][0] == "ok"
    assert list(cli.folder.iterdir()) == []


def test_a_queue_and_its_zone(zoned: Cli) -> None:
    zoned.submit("/Companies/0")
    found = checks(zoned.ok("doctor"))
    assert "readable by you only" in found["queue file"][1]
    assert found["journal"] == ("ok", f"write-ahead log, version {NEWEST}")
    assert found["zone zone1"][0] == "ok"
    assert "in use" in found["configuration"][1]


def test_the_sign_in_is_tested_on_request(zoned: Cli, sim: Background[Simulator]) -> None:
    found = checks(zoned.ok("doctor", "--online"))
    assert found["zone1: Sign-in"] == ("ok", "Autotask accepts this sign-in.")
    assert sim.call(sim.value.state)["requests"] > 2

    sim.call(lambda: sim.value.add_fault("unauthorized", route="GET /Version"))
    done = zoned("--json", "doctor", "--online")
    assert done.code == 1
    assert done.json["ok"] is False
    assert checks(done.json)["zone1: Sign-in"][0] == "wrong"
    assert sim.value.credentials.secret not in done.out + done.err


def test_what_is_wrong_is_said_with_a_remedy(cli: Cli) -> None:
    cli.db.write_bytes(b"something else" * 100)
    (cli.folder / "config.toml").write_text("[zones.zone1]\n", encoding="utf-8")
    (cli.folder / "secrets").write_text("", encoding="utf-8")
    (cli.folder / "secrets").chmod(0o644)
    done = cli(
        "--config", str(cli.folder / "config.toml"), "--secrets-file", str(cli.folder / "secrets"), "doctor"
    )
    assert done.code == 1
    assert "is no queue file" in done.out
    assert "chmod 600" in done.out
    assert "no user name" in done.out
    assert cli.db.read_bytes() == b"something else" * 100


def test_a_folder_in_place_of_the_file(cli: Cli) -> None:
    cli.db.mkdir()
    done = cli("--json", "doctor")
    assert done.code == 1
    assert checks(done.json)["queue file"][0] == "wrong"
    assert cli("list").code == 4
