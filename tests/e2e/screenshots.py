"""Takes the pictures of the README: the demo on a screen of its own, driven through a plausible half hour.

python3 packaging/dev.py screenshots [FOLDER]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.driver import Console, DemoServer

import screen
from environment import ROOT

FOLDER = ROOT / "resources" / "screenshots"
_STATES = {"Waiting", "Sending", "Retrying", "Held", "Scheduled", "Failed", "Sent"}
_TICKETS = (
    "Badge reader at the back door stays red",
    "New starter on Monday: laptop and phone",
    "Guest Wi-Fi asks for the old password",
    "Label printer prints the wrong date",
)
_DAY = "2026-06-03"


def take(folder: Path) -> list[Path]:
    """Writes the pictures into `folder`, light and dark, and gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["LOGNAME"] = "kim"  # the name that the pictures show
    taken: list[Path] = []
    with screen.virtual_screen("1280x720x24") as display:
        for pictures in (_queue_and_breakers, _compose):
            with _demo(display) as (console, server):
                for name, ready in pictures(console, server):
                    taken += _both(console, folder, name, ready)
                server.end_faults()
                assert console.quit() == 0
    for path in taken:
        # A third of the size, and no eye sees it.
        subprocess.run(["convert", path, "+dither", "-colors", "255", f"PNG8:{path}"], check=True)
    return taken


Shown = dict[str, Any]
Picture = tuple[str, Callable[[Shown], bool]]
"""Its name, and when it is worth taking."""


@contextmanager
def _demo(display: str) -> Iterator[tuple[Console, DemoServer]]:
    with tempfile.TemporaryDirectory() as folder:
        console = Console(Path(folder) / "data", display)
        try:
            console.start()
            console.wait(
                lambda s: _strip(s, "waiting", "sending", "needs-you") == "1 0 1", "the demo is sent"
            )
            yield console, DemoServer(console.data / "simulator.json")
        finally:
            console.finish()
            for ready in console.data.glob("simulator.json"):
                DemoServer(ready).stop()


def _both(console: Console, folder: Path, name: str, ready: Callable[[Shown], bool]) -> Iterator[Path]:
    for theme, path in (("light", folder / f"{name}.png"), ("dark", folder / f"{name}-dark.png")):
        console.click(f"view.theme.{theme}")
        console.wait(ready, f"{name}, {theme}")
        assert console.state()["dark"] is (theme == "dark")
        console.screenshot(path)
        yield path


def _queue_and_breakers(console: Console, server: DemoServer) -> Iterator[Picture]:
    _make_the_queue_interesting(console, server)
    _show_all_requests(console)
    yield "queue", lambda s: {row[0] for row in _rows(s)} >= _STATES
    console.do("navigate", page="breakers")
    yield "breakers", _shows_the_hold


def _compose(console: Console, _: DemoServer) -> Iterator[Picture]:
    _fill_in_a_ticket(console)
    yield "compose", lambda s: any(text.startswith("Draft saved") for text in s["labels"])


def _fill_in_a_ticket(console: Console) -> None:
    console.do("navigate", page="compose")
    console.click("compose.kind.look-up")
    console.wait(lambda s: any(" companies" in text for text in s["labels"]), "the companies are known")
    console.click("compose.kind.create-ticket")
    console.wait(lambda s: "compose.field.queueID.list" in s["texts"], "the form of a ticket")
    console.do("type", name="compose.field.companyID.line", text="0")
    console.press("Tab")
    console.do("type", name="compose.field.title.line", text="Projector in the board room shows no picture")
    console.set("compose.field.queueID.list", "Level I Support")
    console.do("type", name="compose.field.dueDateTime.line", text="+1d")
    console.press("Tab")


def _make_the_queue_interesting(console: Console, server: DemoServer) -> None:
    entities = server.state()["entities"]
    open_tickets = [ticket for ticket in entities["Tickets"] if ticket["status"] != 5]
    hold = ("force-open", "demo", "--entity", "TimeEntries", "--for", "45m", "--reason", "time sheets move")
    _command(console, "breaker", *hold)
    worker = {name: entities["TimeEntries"][0][name] for name in ("resourceID", "roleID", "billingCodeID")}
    times = {"dateWorked": _DAY, "startDateTime": f"{_DAY}T08:00:00Z", "endDateTime": f"{_DAY}T08:45:00Z"}
    work = {"ticketID": open_tickets[2]["id"], "hoursWorked": 0.75, "summaryNotes": "Cabling on site"}
    _submit(console, "/TimeEntries", {**worker, **times, **work})
    server.fault(kind="status_503", route="POST /Companies/query")
    starts = {"op": "beginsWith", "field": "companyName", "value": "A"}
    _submit(console, "/Companies/query", {"filter": [starts]})
    server.fault(kind="latency", route="POST /Tickets$", latency=60)
    for title, company in zip(_TICKETS, entities["Companies"], strict=False):
        ticket = {"companyID": company["id"], "title": title, "status": 1, "priority": 2}
        _submit(console, "/Tickets", {**ticket, "queueID": open_tickets[0]["queueID"]})


def _shows_the_hold(shown: Shown) -> bool:
    changed = not any(text.startswith("Nothing changed yet") for text in shown["labels"])
    return changed and "breakers.hold.demo.TimeEntries.end" in shown["buttons"]


def _show_all_requests(console: Console) -> None:
    """The view All, and of it the request that needs its person."""
    console.do("navigate", page="queue")
    console.click("requests.facets")
    console.click("queue.view.all")
    console.click("requests.facets")
    shown = console.wait(lambda s: "Failed" in [row[0] for row in _rows(s)], "all requests are listed")
    console.click("queue.table", row=[row[0] for row in _rows(shown)].index("Failed"))
    console.wait(lambda s: "details.timeline" in s["texts"], "its story is told")


def _submit(console: Console, endpoint: str, data: dict[str, Any]) -> None:
    _command(console, "submit", endpoint, "POST", "--zone", "demo", "--data", json.dumps(data))


def _command(console: Console, *arguments: str) -> None:
    """The command line, which goes through the console that has the queue open."""
    program = [sys.executable, "-m", "autotask_queue", "--db", str(console.data / "queue.db")]
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _rows(shown: Shown) -> list[list[str]]:
    found: list[list[str]] = shown["tables"].get("queue.table", {"rows": []})["rows"]
    return found


def _strip(shown: Shown, *cells: str) -> str:
    return " ".join(shown["strip"][cell]["value"] for cell in cells)


def main() -> None:
    """Takes them and says how large each is."""
    for path in take(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
