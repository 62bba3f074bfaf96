"""As a technician would: compose offline, lose power, come back, send; hold a zone and let it go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.driver import Console, DemoServer

TITLE = "Printer on the second floor prints blank pages"
NOTE = "Swapped the toner; the second tray still jams."
WORK = "Toner and roller replaced on site"
LATER = "Label printer in the warehouse is offline"


def idle(shown: dict[str, Any]) -> bool:
    strip = shown["strip"]
    return bool(strip["sending"]["value"] == "0" and strip["sent"]["value"] != "0 / min")


def rows(shown: dict[str, Any]) -> list[list[str]]:
    found: list[list[str]] = shown["tables"].get("queue.table", {"rows": []})["rows"]
    return found


def state_of(shown: dict[str, Any], sentence: str) -> str:
    """The word in the State column of the row whose request begins like this; empty if not shown."""
    return next((row[0] for row in rows(shown) if row[1].startswith(sentence)), "")


def compose_ticket(console: Console, title: str) -> None:
    console.do("navigate", page="compose")
    console.click("compose.kind.create-ticket")
    console.wait(lambda s: "compose.field.queueID.list" in s["texts"], "the form of a ticket")
    fill(console, "companyID", "0")
    console.do("type", name="compose.field.title.line", text=title)
    console.set("compose.field.queueID.list", "Level I Support")
    console.do("type", name="compose.field.dueDateTime.line", text="+1d")
    add(console)


def compose_note(console: Console, ticket: int) -> None:
    console.do("navigate", page="compose")
    console.click("compose.kind.add-note")
    console.wait(lambda s: "compose.field.noteType.list" in s["texts"], "the form of a note")
    fill(console, "ticketID", str(ticket))
    console.set("compose.field.description.text", NOTE)
    console.set("compose.field.publish.list", "All Autotask Users")
    console.set("compose.field.noteType.list", "Task Notes")
    add(console)


def compose_time(console: Console, ticket: int, known: dict[str, Any]) -> None:
    console.do("navigate", page="compose")
    console.click("compose.kind.log-time")
    console.wait(lambda s: "compose.field.startDateTime.now" in s["texts"], "the form of a time entry")
    fill(console, "ticketID", str(ticket))
    fill(console, "resourceID", str(known["resourceID"]))
    console.set("compose.field.roleID.line", "")  # choosing a resource fills in the role by itself
    console.press("Tab")
    fill(console, "roleID", str(known["roleID"]))
    console.set("compose.field.startDateTime.line", "2026-06-03 08:00")
    console.set("compose.field.endDateTime.line", "2026-06-03 08:45")
    console.set("compose.field.summaryNotes.text", WORK)
    add(console)


def fill(console: Console, field: str, text: str) -> None:
    """Types into a field that suggests, and leaves it: the list of suggestions closes."""
    console.do("type", name=f"compose.field.{field}.line", text=text)
    console.press("Tab")


def add(console: Console) -> None:
    """Presses the button, sees the words that say it is safe, and the count that has risen."""
    before = waiting(console.state())
    console.click("compose.add")
    shown = console.wait(lambda s: waiting(s) > before, "it is stored")
    assert any("Saved on this laptop" in text for text in shown["toasts"])
    assert not shown["texts"].get("compose.problem")


def waiting(shown: dict[str, Any]) -> int:
    return int(shown["strip"]["waiting"]["value"])


def test_offline_killed_restarted_sent_once_held_and_released(
    make_console: Callable[..., Console], pictures: Path
) -> None:
    console = make_console()
    console.start()
    console.wait(idle, "the demo's own requests are sent")
    server = DemoServer(console.data / "simulator.json")
    before = server.state()["entities"]
    ticket = before["Tickets"][0]["id"]
    known = before["TimeEntries"][0]
    console.screenshot(pictures / "1-demo.png")

    console.click("queue.work-offline")
    console.wait(lambda s: "Working offline" in s["banner"], "the banner says so")
    compose_ticket(console, TITLE)
    compose_note(console, ticket)
    compose_time(console, ticket, known)
    console.screenshot(pictures / "2-composed-offline.png")

    console.kill()
    console.start()
    shown = console.wait(lambda s: "Working offline" in s["banner"], "still offline after kill -9")
    console.do("navigate", page="queue")
    console.click("strip.waiting")
    mine = (f"Create ticket: {TITLE}", f"Add note to ticket {ticket}", f"Log 0.75 h on ticket {ticket}")
    shown = console.wait(lambda s: all(state_of(s, m) for m in mine), "all three wait after kill -9")
    assert {state_of(shown, m) for m in mine} <= {"Held", "Waiting"}
    console.screenshot(pictures / "3-after-kill.png")
    assert server.titled("Tickets", TITLE) == []

    console.click("queue.work-online")
    console.wait(lambda s: s["banner"] == "" and idle(s), "online, and everything sent")
    console.wait(lambda s: s["strip"]["waiting"]["value"] in ("0", "1"), "nothing of it waits any more")
    assert len(server.titled("Tickets", TITLE)) == 1
    assert len(server.titled("TicketNotes", NOTE, field="description")) == 1
    assert len(server.titled("TimeEntries", WORK, field="summaryNotes")) == 1
    console.screenshot(pictures / "4-sent.png")

    hold_for_15_minutes(console, "firewall swap")
    console.screenshot(pictures / "5-held.png")
    compose_ticket(console, LATER)
    console.do("navigate", page="queue")
    console.wait(lambda s: state_of(s, f"Create ticket: {LATER}") == "Held", "the new one is held")
    console.screenshot(pictures / "6-held-request.png")
    assert server.titled("Tickets", LATER) == []

    console.do("navigate", page="breakers")
    shown = console.wait(lambda s: "Maintenance" in s["texts"].get("breakers.demo.state", ""), "the card")
    assert any("firewall swap" in text for text in [*shown["labels"], *shown["texts"].values()])
    console.click("breakers.demo.end")
    console.wait(lambda s: "Sending" in s["texts"].get("breakers.demo.state", ""), "it sends again")
    console.do("navigate", page="queue")
    console.wait(lambda s: s["strip"]["waiting"]["value"] in ("0", "1") and idle(s), "it goes out")
    assert len(server.titled("Tickets", LATER)) == 1
    console.screenshot(pictures / "7-released.png")
    assert console.quit() == 0
    assert "Traceback" not in console.said()


def hold_for_15_minutes(console: Console, reason: str) -> None:
    console.do("navigate", page="breakers")
    console.wait(lambda s: "breakers.demo.maintenance" in s["buttons"], "the zone's card")
    console.click("breakers.demo.maintenance")
    console.wait(lambda s: s["dialog"] and s["dialog"]["name"] == "maintenance", "the dialog")
    console.click("maintenance.length.15m")
    console.do("type", name="reason.edit", text=reason)
    shown = console.wait(lambda s: s["dialog"]["buttons"]["sheet.do"]["enabled"], "it can be done")
    assert shown["dialog"]["buttons"]["sheet.do"]["text"] == "Hold zone demo"
    console.click("sheet.do")
    console.wait(
        lambda s: s["dialog"] is None and "Maintenance" in s["texts"].get("breakers.demo.state", ""),
        "the card says Maintenance",
    )
