"""Every wrong input on the real program: clear words with a remedy where one looks, and nothing lost."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.driver import Console, DemoServer

pytestmark = pytest.mark.usefixtures("with_keychain")

Make = Callable[..., Console]
Shown = dict[str, Any]

TITLE = "Printer on the second floor prints blank pages"
PROGRAM = (sys.executable, "-m", "autotask_console")
BOUND = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
"""Before the program: root may write anywhere, so for root that power is laid down."""


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """An Autotask in a process of its own, and what it says about itself."""
    ready = tmp_path / "tenant.json"
    command = [sys.executable, "-m", "autotask_queue", "simulator", "--ready-file", str(ready)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not ready.exists() or not ready.read_text():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield json.loads(ready.read_text())
    finally:
        process.terminate()
        process.wait(10)


def begin_ticket(console: Console, title: str = TITLE) -> None:
    """Fills in a ticket as far as a person must, and leaves it there."""
    console.do("navigate", page="compose")
    console.click("compose.kind.create-ticket")
    console.wait(lambda s: "compose.field.queueID.list" in s["texts"], "the form of a ticket")
    console.do("type", name="compose.field.companyID.line", text="0")
    console.press("Tab")
    console.do("type", name="compose.field.title.line", text=title)
    console.set("compose.field.queueID.list", "Level I Support")
    console.do("type", name="compose.field.dueDateTime.line", text="+1d")


def add(console: Console) -> None:
    before = waiting(console.state())
    console.click("compose.add")
    console.wait(lambda s: waiting(s) > before, "it is stored")


def waiting(shown: Shown) -> int:
    return int(shown["strip"]["waiting"]["value"])


def words(shown: Shown) -> str:
    """All that can be read."""
    return "\n".join([*shown["labels"], *shown["texts"].values(), *shown["toasts"], shown["banner"]])


def requests_in(shown: Shown) -> list[str]:
    found = shown["tables"].get("queue.table", {"rows": []})["rows"]
    return [row[1] for row in found]


def shows(console: Console, sentence: str) -> Shown:
    """The view All with a request of these words in it."""
    console.do("navigate", page="queue")
    if "queue.view.all" not in console.state()["buttons"]:
        console.click("requests.facets")
    console.click("queue.view.all")
    return console.wait(
        lambda s: any(r.startswith(sentence) for r in requests_in(s)), f"{sentence!r} is listed"
    )


def usable(console: Console) -> None:
    console.wait(lambda s: s["open"], "the queue is open")


def test_a_wrong_secret_and_a_wrong_address_are_said_at_their_line_and_nothing_typed_is_lost(
    make_console: Make, tenant: dict[str, Any], pictures: Path
) -> None:
    console = make_console(options=())
    console.start()
    console.wait(lambda s: s["page"] == "sign-in", "the first start offers to sign in")
    begin_ticket(console)
    add(console)

    console.do("navigate", page="sign-in")
    console.click("sign_in.more")
    for name in ("user", "integration_code"):
        console.do("type", name=f"sign_in.{name}", text=tenant[name])
    steps: list[tuple[str, str, str, tuple[str, ...]]] = [
        (
            "secret",
            "not-the-secret",
            tenant["base_url"],
            ("secret or the integration code is wrong", "Paste both"),
        ),
        (
            "nobody",
            tenant["secret"],
            "http://127.0.0.1:1/",
            ("connection", "test again", "work offline meanwhile"),
        ),
        (
            "word",
            tenant["secret"],
            "our zone",
            ("our zone is not an address of Autotask", "Leave the address empty"),
        ),
        (
            "elsewhere",
            tenant["secret"],
            "https://example.org/",
            ("not an address of Autotask", "copy it from"),
        ),
        (
            "website",
            tenant["secret"],
            tenant["control_url"],
            ("it is not Autotask’s", "Correct the zone’s address"),
        ),
    ]
    for name, secret, address, expected in steps:
        console.set("sign_in.secret", secret)
        console.set("sign_in.address", address)
        console.click("sign_in.go")
        shown = console.wait(lambda s: "Nothing was changed" in words(s), f"{name}: it did not work")
        red = "\n".join(text for key, text in shown["texts"].items() if key.startswith("sign_in.step."))
        assert all(part in red for part in expected), red
        assert shown["texts"]["sign_in.user"] == tenant["user"]
        assert shown["texts"]["sign_in.secret"] == secret
        assert shown["texts"]["sign_in.address"] == address
        assert waiting(shown) == 1
        console.screenshot(pictures / f"bad-sign-in-{name}.png")

    console.click("toolbar.new")
    console.do("navigate", page="sign-in")
    shown = console.state()
    assert shown["texts"]["sign_in.user"] == tenant["user"]
    assert "sign_in.secret" not in shown["texts"]
    for name, text in (("secret", tenant["secret"]), ("integration_code", tenant["integration_code"])):
        console.do("type", name=f"sign_in.{name}", text=text)
    console.set("sign_in.address", tenant["base_url"])
    console.click("sign_in.go")
    shown = console.wait(lambda s: "sign_in.session_only" in s["buttons"] or signed_in(s), "it is right now")
    if "sign_in.session_only" in shown["buttons"]:
        console.screenshot(pictures / "bad-no-keychain.png")
        assert "Use the sign-in for this session only" in words(shown)
        console.click("sign_in.session_only")
    console.wait(signed_in, "signed in")
    console.wait(
        lambda s: waiting(s) == 0 and s["strip"]["sending"]["value"] == "0",
        "what was composed before goes out",
    )
    found = httpx.get(f"{tenant['control_url']}/_sim/state", timeout=10).json()
    assert [t["title"] for t in found["entities"]["Tickets"]].count(TITLE) == 1
    assert console.quit() == 0
    assert "Traceback" not in console.said()


def signed_in(shown: Shown) -> bool:
    return "You are signed in" in words(shown)


def test_a_sign_in_that_autotask_refuses_later_holds_the_queue_and_can_be_mended(
    make_console: Make, pictures: Path
) -> None:
    console = make_console()
    console.start()
    console.wait(lambda s: waiting(s) == 1 and s["strip"]["sending"]["value"] == "0", "the demo is sent")
    server = DemoServer(console.data / "simulator.json")
    server.fault(kind="unauthorized")
    begin_ticket(console)
    add(console)
    shown = console.wait(lambda s: "Sign-in was refused" in s["banner"], "the banner says so")
    assert "Your queue is safe" in shown["banner"]
    shows(console, f"Create ticket: {TITLE}")
    console.screenshot(pictures / "bad-sign-in-later.png")
    server.end_faults()
    console.click("Fix sign-in")
    console.wait(lambda s: "Sign-in was refused" in s["texts"]["sign_in.intro"], "the page says why")
    console.screenshot(pictures / "bad-sign-in-later-page.png")
    console.click("sign_in.go")
    console.wait(signed_in, "signed in again")
    console.wait(lambda s: s["banner"] == "" and server.titled("Tickets", TITLE), "it goes out")
    assert len(server.titled("Tickets", TITLE)) == 1
    assert console.quit() == 0
    assert "Traceback" not in console.said()


def test_what_autotask_would_refuse_is_said_at_the_field_and_no_letter_is_lost(
    make_console: Make, pictures: Path
) -> None:
    console = make_console()
    console.start()
    console.click("queue.work-offline")
    console.wait(lambda s: s["banner"] and s["strip"]["sending"]["value"] == "0", "nothing goes out any more")
    console.do("navigate", page="compose")
    console.click("compose.kind.create-ticket")
    before = waiting(console.state())

    # Missing fields.
    console.click("compose.add")
    shown = console.wait(lambda s: "Not added yet" in words(s), "it is refused")
    for part in ("Fill in Company.", "Fill in Title.", "Choose a queue"):
        assert part in words(shown), words(shown)
    assert shown["focus"] == "compose.field.companyID.line"
    console.screenshot(pictures / "bad-missing-fields.png")

    # Invalid JSON.
    begin_ticket(console)
    console.press("Ctrl+J")
    shown = console.wait(lambda s: s["focus"] == "compose.json", "the JSON view")
    broken = '{\n  "title": "Printer",\n  "status": 1,,\n  "priority": 2\n}'
    console.set("compose.json", broken)
    console.do("type", text=" ")
    shown = console.wait(lambda s: "mistake in line 3" in words(s), "the mistake and its line")
    console.click("compose.add")
    shown = console.wait(lambda s: "JSON view holds a mistake" in words(s), "it is refused")
    assert "Fix line 3" in [b["text"] for b in shown["buttons"].values()]
    assert waiting(shown) == before
    console.screenshot(pictures / "bad-json.png")
    typed = shown["texts"]["compose.json"]
    console.wait(lambda s: any("Draft saved" in text for text in s["labels"]), "the draft is kept")
    console.kill()
    console.start()
    console.do("navigate", page="compose")
    console.wait(lambda s: s["tables"].get("compose.drafts", {}).get("count") == 1, "the draft is back")
    console.click("compose.drafts", row=0)
    shown = console.wait(lambda s: s["texts"].get("compose.json") == typed, "with every letter")
    assert "mistake in line 3" in words(shown)
    console.screenshot(pictures / "bad-json-after-kill.png")

    # A value that no list has.
    known = {
        "companyID": 0,
        "title": TITLE,
        "status": 999,
        "priority": 2,
        "queueID": 5,
        "dueDateTime": "soon",
    }
    console.set("compose.json", json.dumps(known, indent=2))
    console.do("type", text=" ")
    console.click("compose.view.form")
    console.click("compose.add")
    shown = console.wait(lambda s: "Not added" in words(s), "it is refused")
    console.screenshot(pictures / "bad-picklist.png")
    assert "Status has no value 999. Choose one of" in words(shown), words(shown)
    assert waiting(shown) == before
    assert console.quit() == 0
    assert "Traceback" not in console.said()


def test_a_folder_that_cannot_be_written_is_said_in_the_window_and_can_be_tried_again(
    make_console: Make, pictures: Path
) -> None:
    console = make_console(options=(), program=(*BOUND, *PROGRAM))
    console.start()
    begin_ticket(console)
    add(console)
    assert console.quit() == 0
    kept = digest(console.data)

    console.data.chmod(0o500)
    try:
        console.start()
        shown = console.state()
        for part in (
            "folder cannot be used",
            str(console.data),
            "Permission denied",
            "Make the folder writable",
        ):
            assert part in shown["message"], shown["message"]
        console.screenshot(pictures / "bad-folder.png")
        assert digest(console.data) == kept
        assert console.quit() == 3
        console.start()
    finally:
        console.data.chmod(0o700)
    console.click("empty.open-again")
    usable(console)
    shows(console, f"Create ticket: {TITLE}")
    assert console.quit() == 0

    queue = console.data / "queue.db"
    queue.chmod(0o400)
    console.start()
    shown = console.state()
    for part in ("queue file cannot be written", str(queue), "Choose a folder you may write to"):
        assert part in shown["message"], shown["message"]
    console.screenshot(pictures / "bad-file.png")
    queue.chmod(0o600)
    console.click("empty.open-again")
    usable(console)
    shows(console, f"Create ticket: {TITLE}")
    assert console.quit() == 0
    assert "Traceback" not in console.said()


def digest(folder: Path) -> dict[str, str]:
    """What stands in the queue's files."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("queue.db*")}


def test_a_second_console_leaves_the_first_as_it_was(make_console: Make, pictures: Path) -> None:
    console = make_console(options=())
    console.start()
    begin_ticket(console)
    half = console.state()["texts"]["compose.field.title.line"]
    second = subprocess.run(
        [*PROGRAM, "--data-dir", str(console.data)],
        env=os.environ | {"DISPLAY": console.display, "QT_QPA_PLATFORM": "xcb"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (second.returncode, second.stderr) == (0, "")
    assert "its window was brought to the front" in second.stdout
    shown = console.state()
    assert shown["texts"]["compose.field.title.line"] == half == TITLE
    assert shown["toasts"] == []
    console.screenshot(pictures / "bad-second.png")
    add(console)
    assert console.quit() == 0
    assert "Traceback" not in console.said()


def test_a_console_that_does_not_answer_is_named_and_the_queue_opens_when_it_is_gone(
    make_console: Make, pictures: Path
) -> None:
    first, second = make_console(options=()), make_console(options=())
    first.start()
    first.pause()
    second.start()
    shown = second.state()
    assert "does not answer" in shown["message"]
    assert "Close it, or wait" in shown["message"]
    second.screenshot(pictures / "bad-silent.png")
    first.kill()
    second.click("empty.open-again")
    usable(second)
    assert second.quit() == 0
    assert "Traceback" not in second.said()


def test_a_damaged_queue_file_is_set_aside_and_what_waits_is_still_there(
    make_console: Make, pictures: Path
) -> None:
    console = make_console(options=())
    console.data.mkdir()
    # Plain, so that the page to damage can be chosen; damage in an encrypted file is tested in the core.
    (console.data / "config.toml").write_text('[console.storage]\nencryption = "off"\n')
    console.start()
    for number in range(3):
        begin_ticket(console, f"{TITLE} ({number})")
        add(console)
    assert console.quit() == 0

    queue = console.data / "queue.db"
    with closing(sqlite3.connect(queue)) as plain:
        (size,) = plain.execute("PRAGMA page_size").fetchone()
        (page,) = plain.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'counter'").fetchone()
    damaged = bytearray(queue.read_bytes())
    damaged[(page - 1) * size : page * size] = b"\xa5" * size
    queue.write_bytes(damaged)
    console.start()
    usable(console)
    shown = console.wait(lambda s: s["toasts"], "it says what happened")
    assert "set aside" in words(shown)
    assert waiting(shown) == 3
    console.screenshot(pictures / "bad-damaged-page.png")
    for number in range(3):
        shows(console, f"Create ticket: {TITLE} ({number})")
    assert console.quit() == 0

    nonsense = b"this is not a database\n" * 400
    queue.write_bytes(nonsense)
    console.start()
    usable(console)
    shown = console.wait(lambda s: "set aside" in words(s), "it says what happened")
    aside = [path for path in console.data.glob("queue.db.damaged-*") if path.read_bytes() == nonsense]
    assert len(aside) == 1
    assert str(aside[0]) in words(shown)
    console.screenshot(pictures / "bad-damaged-all.png")
    assert console.quit() == 0
    assert "Traceback" not in console.said()


def test_the_database_of_another_program_is_named_and_left_alone(make_console: Make, pictures: Path) -> None:
    console = make_console(options=())
    console.data.mkdir()
    queue = console.data / "queue.db"
    with closing(sqlite3.connect(queue)) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
        other.execute("INSERT INTO songs VALUES ('Blue in Green')")
        other.commit()
    kept = queue.read_bytes()
    console.start()
    shown = console.state()
    for part in ("another program", str(queue), "was not changed", "try again"):
        assert part in shown["message"], shown["message"]
    console.screenshot(pictures / "bad-foreign.png")
    assert queue.read_bytes() == kept
    queue.rename(console.data / "songs.db")
    console.click("empty.open-again")
    usable(console)
    assert (console.data / "songs.db").read_bytes() == kept
    assert console.quit() == 0
    assert "Traceback" not in console.said()
