"""The demo: a simulator of Autotask in a process of its own, and a day's plausible work.

The simulator is detached, so that what was "sent" outlives a killed console, as the real Autotask
would; a console that ends in order stops the simulator it uses. One whose console was killed and never
started again ends by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import logging
import os
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from autotask_queue import QueueError, QueueManager, Secrets, ZoneConfig

logger = logging.getLogger(__name__)

ZONE = "demo"
_READY_WITHIN = 20.0
_ALONE_FOR = 3 * 3600
"""Seconds without a call after which a simulator ends."""
_VISIT_EVERY = 1800.0
"""Seconds between two calls of a console that has nothing to send."""
_DETACHED_PROCESS, _NEW_PROCESS_GROUP = 0x8, 0x200
"""Windows' flags, spelled out because `subprocess` knows them on Windows only."""


class Simulator(msgspec.Struct, frozen=True, kw_only=True):
    """What a running simulator says about itself."""

    url: str
    base_url: str
    control_url: str
    user: str
    secret: str
    integration_code: str
    pid: int


class DemoUnavailable(QueueError):
    """The simulator could not be started; the message says why."""

    code = "demo_unavailable"
    title = "The demo could not be started"
    default_remedy = "Try again. The demo needs the extra “demo” (starlette and uvicorn)."


def queue_program() -> list[str]:
    """The command line of this installation: the bundle's second program, else a module of this Python."""
    if getattr(sys, "frozen", False):
        program = Path(sys.executable)
        return [str(program.with_name(f"autotask-queue{program.suffix}"))]
    return [sys.executable, "-m", "autotask_queue"]


async def find_or_start(folder: Path) -> Simulator:
    """The simulator that this folder's ready file names, if it answers; otherwise a new one.

    Raises:
        DemoUnavailable: it did not get ready in time, or could not be started.
    """
    ready = folder / "simulator.json"
    running = await asyncio.to_thread(_read, ready)
    if running is not None and await answers(running):
        return running
    ready.unlink(missing_ok=True)
    try:
        process = _spawn(folder, ready)
    except OSError as error:
        raise DemoUnavailable(f"{error.filename or folder}: {error.strerror or error}.") from error
    found = None
    try:
        found = await _until_ready(ready, process)
    finally:
        if found is None:  # also when the console ends meanwhile
            process.terminate()
    if found is not None:
        return found
    log = folder / "simulator.log"
    said = log.read_text(encoding="utf-8", errors="replace")[-400:].strip() if log.exists() else ""
    raise DemoUnavailable(said or "The simulator did not get ready.")


async def _until_ready(ready: Path, process: subprocess.Popen[bytes]) -> Simulator | None:
    for _ in range(int(_READY_WITHIN / 0.1)):
        await asyncio.sleep(0.1)
        found = await asyncio.to_thread(_read, ready)
        if found is not None and await answers(found):
            return found
        if process.poll() is not None:
            break
    return None


def _spawn(folder: Path, ready: Path) -> subprocess.Popen[bytes]:
    options = ["--ready-file", str(ready), "--latency", "0.15", "--idle-exit", str(_ALONE_FOR)]
    # Detached: neither Ctrl+C nor the end of the console reaches it.
    detached: dict[str, Any] = (
        {"creationflags": _DETACHED_PROCESS | _NEW_PROCESS_GROUP}
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "simulator.log").open("wb") as log:
        return subprocess.Popen(
            [*queue_program(), "simulator", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            close_fds=True,
            **detached,
        )


def _read(ready: Path) -> Simulator | None:
    try:
        return msgspec.json.decode(ready.read_bytes(), type=Simulator)
    except (OSError, msgspec.DecodeError):
        return None


async def answers(simulator: Simulator) -> bool:
    """Whether it is there, and is one."""
    state = await _state(simulator)
    return state is not None


async def _state(simulator: Simulator) -> dict[str, Any] | None:
    """What the simulator holds; None if it does not answer. Loopback only, past any proxy."""
    return await asyncio.to_thread(_fetch, f"{simulator.control_url}/_sim/state")


def _fetch(url: str) -> dict[str, Any] | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=3) as reply:
            body = json.load(reply)
    except (OSError, ValueError, http.client.HTTPException):
        return None
    return body if isinstance(body, dict) and "entities" in body else None


async def keep_company(simulator: Simulator) -> None:
    """Visits the simulator now and then, so that it does not believe itself alone."""
    while True:
        await asyncio.sleep(_VISIT_EVERY)
        await answers(simulator)


async def stop(simulator: Simulator) -> None:
    """Ends the simulator, if the process is still the one that answers."""
    if await answers(simulator):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(simulator.pid, signal.SIGTERM)


async def demo_zone(simulator: Simulator, secrets: Secrets) -> ZoneConfig:
    """A zone that is signed in to the simulator; its secrets go to `secrets`."""
    await secrets.set(f"{ZONE}/secret", simulator.secret)
    await secrets.set(f"{ZONE}/integration_code", simulator.integration_code)
    return ZoneConfig(
        url=simulator.base_url,
        user=simulator.user,
        secret=f"session:{ZONE}/secret",
        integration_code=f"session:{ZONE}/integration_code",
    )


async def compose_once(queue: QueueManager, simulator: Simulator) -> bool:
    """Adds the demo's requests if this queue has not seen them; whether it did."""
    if await queue.documents.get("console", "demo-data") is not None:
        return False
    state = await _state(simulator)
    if state is None:
        return False
    await queue.documents.put("console", "demo-data", {"composed": True})
    await _compose(queue, state["entities"])
    return True


async def _compose(queue: QueueManager, tables: dict[str, list[dict[str, Any]]]) -> None:
    tickets = [t for t in tables["Tickets"] if t.get("status") != 5][:8]
    companies = tables["Companies"]
    queues = sorted({t["queueID"] for t in tables["Tickets"] if t.get("queueID")})
    entries = tables.get("TimeEntries", [])
    now = time.time()

    async def ticket(place: int, title: str, **more: Any) -> str:
        data = {"companyID": companies[place]["id"], "title": title, "status": 1, "priority": 2}
        data["queueID"] = queues[place % len(queues)]
        receipt = await queue.submit("/Tickets", "POST", ZONE, data={**data, **more.pop("data", {})}, **more)
        return receipt.id

    async def note(place: int, text: str, **more: Any) -> None:
        data = {"title": "Visit", "description": text, "noteType": 1, "publish": 1}
        await queue.submit(f"/Tickets/{tickets[place]['id']}/Notes", "POST", ZONE, data=data, **more)

    await ticket(1, "Projector in the board room shows no picture", priority=8)
    await ticket(2, "Second screen for the reception")
    await ticket(3, "Backup reports a full disk", data={"priority": 1}, priority=10)
    await note(0, "Called the customer; they are in until five.")
    await note(1, "Replaced the patch cable, will watch it until tomorrow.")
    await note(2, "Waiting for the spare part, due on Thursday.")
    await queue.submit("/Tickets", "PATCH", ZONE, data={"id": tickets[3]["id"], "status": 8})
    await queue.submit("/Tickets", "PATCH", ZONE, data={"id": tickets[4]["id"], "priority": 1})
    checklist = {"itemName": "Take the old switch back to the office", "isCompleted": False}
    await queue.submit(f"/Tickets/{tickets[5]['id']}/ChecklistItems", "POST", ZONE, data=checklist)
    if entries:
        known = {k: entries[0][k] for k in ("resourceID", "roleID", "billingCodeID") if entries[0].get(k)}
        done = {"ticketID": tickets[0]["id"], "summaryNotes": "On site: cabling", **_interval(now), **known}
        await queue.submit("/TimeEntries", "POST", ZONE, data=done)
        # Autotask refuses a role that nobody has: the demo shows a failed request too.
        wrong = {**done, "ticketID": tickets[6]["id"], "summaryNotes": "Remote support", "roleID": 999_999}
        await queue.submit("/TimeEntries", "POST", ZONE, data=wrong)
    await ticket(4, "Move the printer to the new room", scheduled_at=now + 2 * 3600)


def _interval(now: float) -> dict[str, Any]:
    """Three quarters of an hour, an hour ago, as Autotask wants it."""
    start, end = (datetime.fromtimestamp(now - ago, UTC).replace(microsecond=0) for ago in (6300, 3600))
    return {
        "dateWorked": start.strftime("%Y-%m-%dT00:00:00Z"),
        "startDateTime": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "endDateTime": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "hoursWorked": 0.75,
    }
