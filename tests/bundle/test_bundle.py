"""The bundle as somebody gets it: an empty home, no Python on the path, only what the folder holds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.driver import Console, DemoServer

from autotask_queue import __version__

PATIENCE = 60
MEGABYTES = 224
"""Most that the folder may take unpacked. 190 is the aim; what grows it should be noticed.

SQLCipher, with an OpenSSL of its own, takes 8 of them."""

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]  # the first test waits for the build


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


@pytest.mark.usefixtures("home")
def test_the_window_checks_itself(bundle: Path) -> None:
    done = run(bundle / "autotask-console", "--self-check")

    found = json.loads(done.stdout)
    broken = {name: part for name, part in found["parts"].items() if not part["ok"]}
    assert (done.returncode, done.stderr, broken) == (0, "", {})
    assert found["frozen"] is True
    assert found["version"] == __version__
    parts = found["parts"]
    assert {"qxcb", "qoffscreen", "qwayland"} <= set(parts["qt"]["plugins"]["platforms"])
    assert parts["qt"]["plugins"]["iconengines"] == ["qsvgicon"]
    assert parts["tls"]["roots"]["certifi"] > 100
    assert parts["sqlite"]["journal_mode"] == "wal"
    assert len(parts["keychains"]["loadable"]) == 3
    assert parts["catalogue"]["entities"] == parts["resources"]["counts"]["catalogue"] > 10


@pytest.mark.usefixtures("home")
def test_the_command_line_works(bundle: Path, tmp_path: Path) -> None:
    program = bundle / "autotask-queue"

    assert run(program, "--version").stdout.split() == ["autotask-queue", __version__]
    shown = run(program, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "force-open" in shown.stdout
    database = ("--db", str(tmp_path / "queue.db"))
    stored = run(
        program, *database, "submit", "/Tickets", "POST", "--zone", "zone1", "--data", '{"title": "x"}'
    )
    assert stored.returncode == 0
    assert "It is safely stored" in stored.stderr
    listed = json.loads(run(program, *database, "list", "--json").stdout)
    assert [row["endpoint"] for row in listed["requests"]] == ["/Tickets"]


def test_a_request_is_sent_and_found_again(console: Callable[[], Console], bundle: Path, home: Path) -> None:
    note = "Written in the bundle."
    first = console()
    first.start()
    first.wait(is_done, "the demo's own requests are sent")
    server = DemoServer(first.data / "simulator.json")
    ticket = server.state()["entities"]["Tickets"][0]["id"]
    compose_note(first, ticket, note)
    first.wait(is_done, "it is sent")
    assert len(server.titled("TicketNotes", note, field="description")) == 1
    first.do("navigate", page="breakers")
    first.do("navigate", page="metrics")
    first.wait(lambda s: s["page"] == "metrics", "the charts are there")
    ours = f"Add note to ticket {ticket}: {note}"
    assert strangers(first, bundle) == []
    sent = wait_for_sent(first, {ours, "Create ticket: Second screen for the reception"})
    assert first.quit() == 0

    again = console()
    again.start()
    again.wait(lambda s: s["open"], "the same queue is open again")
    wait_for_sent(again, sent)
    assert again.quit() == 0
    assert again.said() == ""
    assert {path.name for path in home.iterdir()} == {"console.log", "data"}


def strangers(console: Console, bundle: Path) -> list[str]:
    """Files of a Python or a Qt that the program loaded from elsewhere."""
    assert console._process is not None
    lines = Path(f"/proc/{console._process.pid}/maps").read_text(encoding="utf-8").splitlines()
    loaded = {line.split(maxsplit=5)[5] for line in lines if line.count("/")}
    assert any(path.startswith(str(bundle)) for path in loaded)
    return [
        path
        for path in sorted(loaded)
        if not path.startswith(str(bundle)) and ("python" in path.lower() or "Qt" in path)
    ]


def is_done(shown: dict[str, Any]) -> bool:
    """All sent that can be: the demo leaves one scheduled and one that Autotask refuses."""
    strip = {name: cell["value"] for name, cell in shown["strip"].items()}
    return (strip["waiting"], strip["sending"], strip["needs-you"]) == ("1", "0", "1")


def compose_note(console: Console, ticket: int, text: str) -> None:
    console.do("navigate", page="compose")
    console.click("compose.kind.add-note")
    console.wait(lambda s: "compose.field.noteType.list" in s["texts"], "the form of a note")
    console.do("type", name="compose.field.ticketID.line", text=str(ticket))
    console.press("Tab")  # closes the suggestions
    console.set("compose.field.description.text", text)
    console.set("compose.field.publish.list", "All Autotask Users")
    console.set("compose.field.noteType.list", "Task Notes")
    console.click("compose.add")
    console.wait(lambda s: any("Saved on this laptop" in toast for toast in s["toasts"]), "it is stored")


def wait_for_sent(console: Console, wanted: set[str]) -> set[str]:
    """Waits until the queue page lists these as sent; gives all that it lists then."""
    console.do("navigate", page="queue")
    console.set("queue.filter", "state:sent")

    def sent(shown: dict[str, Any]) -> set[str]:
        return {row[1] for row in rows(shown) if row[0] == "Sent"}

    return sent(console.wait(lambda s: wanted <= sent(s), f"listed as sent: {wanted}"))


def rows(shown: dict[str, Any]) -> list[list[str]]:
    found: list[list[str]] = shown["tables"].get("queue.table", {"rows": []})["rows"]
    return found


@pytest.mark.usefixtures("home")
def test_it_does_not_grow_unnoticed(bundle: Path) -> None:
    size = sum(path.lstat().st_size for path in bundle.rglob("*") if not path.is_dir())

    assert size / 1e6 < MEGABYTES
