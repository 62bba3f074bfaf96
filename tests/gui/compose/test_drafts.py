"""What is typed survives: leaving, coming back, a crash, a mistake in the JSON, a careless delete."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QTextCursor
from PySide6.QtTest import QTest
from tests.gui.compose.conftest import Scene, Stage
from tests.gui.harness import until
from tests.gui.looks import child

from autotask_console.pages.compose.draft import decode
from autotask_console.widgets.button import Button
from autotask_queue import QueueManager, create_production_configuration


def json_types(scene: Scene, text: str, *, at_end: bool = True) -> None:
    """Types into the JSON view."""
    editor = scene.page.view.json
    editor.text.setFocus()
    if at_end:
        editor.text.moveCursor(QTextCursor.MoveOperation.End)
    QTest.keyClicks(editor.text, text)


def json_deletes(scene: Scene, count: int) -> None:
    """Backspaces from the end."""
    editor = scene.page.view.json
    editor.text.setFocus()
    editor.text.moveCursor(QTextCursor.MoveOperation.End)
    for _ in range(count):
        editor.text.textCursor().deletePreviousChar()


def test_a_draft_is_on_disk_by_itself_and_brings_everything_back(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            assert await scene.stored_drafts() == {}
            scene.type("companyID", "175")
            scene.type("title", "Half a ti")
            scene.type("dueDateTime", "next we")  # no time yet
            scene.page.view.options.changed.emit("priority", 8)
            scene.page.bench.show_field("source")
            kept = scene.page.bench.draft
            await until(lambda: scene.page.drafts.is_saved, within=1.0)
            assert scene.page.view.bar._saved.text() == "Draft saved just now"
            [stored] = (await scene.stored_drafts()).values()
            assert decode(stored) == kept

            scene.enter("add-note")
            assert scene.page.view.shelf.drafts.count() == 1
            # A fresh page, as after a start.
            from autotask_console.pages.compose.page import ComposePage

            again = ComposePage(scene.bench.services)
            again.enter(None)
            await until(lambda: again.view.shelf.drafts.count() == 1)
            assert again.view.shelf.drafts.item(0).text() == "Create ticket: Half a ti"
            again.view.shelf.draft_chosen.emit(kept.id)
            assert again.bench.draft == kept
            line: Any = again.view.form.editors["dueDateTime"].inner
            assert line.text() == "next we"
            assert "source" in again.view.form.editors
            again.deleteLater()

    run(scenario())


def test_an_untouched_form_is_no_draft(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.type("title", "x")
            await until(lambda: scene.page.drafts.is_saved)
            assert len(await scene.stored_drafts()) == 1
            line: Any = scene.editor("title").inner
            line.setFocus()
            line.clear()
            line.textEdited.emit("")
            await until(lambda: scene.page.drafts.is_saved)
            assert await scene.stored_drafts() == {}
            assert scene.page.view.bar._saved.text() == ""

    run(scenario())


def test_every_kind_keeps_its_own_draft_on_the_bench(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.type("title", "Half")
            ticket = scene.page.bench.draft
            scene.enter("log-time")
            scene.type("summaryNotes", "Worked")
            scene.enter("create-ticket")
            assert scene.page.bench.draft.id == ticket.id
            assert scene.document["title"] == "Half"
            assert scene.page.view.shelf.drafts.count() == 2

    run(scenario())


def test_a_deleted_draft_comes_back(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.type("title", "Precious")
            kept = scene.page.bench.draft
            scene.page.view.shelf.drafts.setCurrentRow(0)
            child(scene.page, Button, "compose.drafts.delete").click()
            assert "title" not in scene.document
            await until(lambda: scene.page.drafts.is_saved)
            assert await scene.stored_drafts() == {}
            assert scene.bench.services.toasts.undo_text == "delete of “Create ticket: Precious”"
            scene.bench.services.toasts.undo_last()
            assert scene.page.bench.draft.id == kept.id
            assert scene.document["title"] == "Precious"
            await until(lambda: scene.page.drafts.is_saved)
            assert len(await scene.stored_drafts()) == 1

    run(scenario())


def test_form_and_json_are_one_document(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.type("title", "From the form")
            scene.page._toggle_side()
            json = scene.page.view.json
            assert '"title": "From the form"' in json.text.toPlainText()
            json_deletes(scene, 2)
            json_types(scene, ', "COMPANYID": 176, "unheard": [1, 2]}')
            await until(lambda: "unheard" in scene.document)
            scene.page._toggle_side()
            line: Any = scene.editor("companyID").inner
            assert line.text() == "Northgate Motors"  # whatever the case of its name
            scene.type("companyID", "", leave=False)
            line.clear()
            scene.type("companyID", "175")
            assert scene.document["COMPANYID"] == 175
            assert scene.document["unheard"] == [1, 2]
            assert "no field “unheard”" in scene.page.view.form._unknown.text()

    run(scenario())


def test_invalid_json_keeps_the_form_read_only_and_is_kept_itself(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.type("title", "Kept")
            scene.page._toggle_side()
            json_deletes(scene, 1)
            text = scene.page.view.json.text.toPlainText()
            await until(lambda: scene.page.view.json.problem is not None)
            assert "mistake in line 5" in scene.page.view.notice.text
            button = child(scene.page, Button, "compose.notice.button")
            assert button.text() == "Fix line 5"
            scene.page._toggle_side()
            assert not scene.editor("title").isEnabled()
            scene.page.adding.add()
            assert scene.page.view.bar.problem == "✕ The JSON view holds a mistake. Mend it there first."
            await until(lambda: scene.page.drafts.is_saved)
            [stored] = (await scene.stored_drafts()).values()
            assert stored["json_text"] == text
            button.click()
            assert scene.page.view.shows_json
            json_types(scene, "}")
            await until(lambda: scene.page.view.notice.text == "")
            scene.page._toggle_side()
            assert scene.editor("title").isEnabled()
            assert scene.editor("title").value == "Kept"

    run(scenario())


def test_json_that_is_no_object_is_refused_in_words(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.page._toggle_side()
            json = scene.page.view.json
            json.text.setFocus()
            json.text.selectAll()
            QTest.keyClicks(json.text, "[1]")
            await until(lambda: "is an object" in scene.page.view.notice.text)
            scene.page.adding.add()
            assert await scene.bench.queue.get_requests() == []

    run(scenario())


def test_preview_shows_exactly_what_goes_out_and_hides_secrets(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.fill_ticket()
            preview = scene.page.view.preview
            assert preview.address == "POST http://127.0.0.1:9/atservicesrest/V1.0/Tickets"
            assert '"title": "Printer down"' in preview.body
            curl = preview.curl
            assert "curl --request POST" in curl
            assert "s3cret-word" not in curl
            assert "CODE-1234" not in curl
            scene.enter("add-note")
            assert preview.address.endswith("/Tickets/…/Notes")
            assert "ticketID" not in preview.body

    run(scenario())


def test_drafts_that_became_requests_are_not_offered_again(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.fill_ticket()
            draft = scene.page.bench.draft
            await until(lambda: scene.page.drafts.is_saved)
            # The program dies between storing the request and deleting the draft.
            await scene.bench.queue.submit(
                "/Tickets",
                "POST",
                "zone1",
                data=draft.document,
                request_id=draft.id,
            )
            from autotask_console.pages.compose.page import ComposePage

            again = ComposePage(scene.bench.services)
            again.enter(None)
            await until(lambda: "open it" not in scene.bench.services.tasks.running)
            await until(lambda: not again.drafts.all and again.drafts.is_saved)
            assert await scene.stored_drafts() == {}
            again.deleteLater()

    run(scenario())


TYPIST = """
import asyncio, sys
from pathlib import Path
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from tests.gui import harness
from autotask_console.pages.compose.page import create
from autotask_console.platform.theme import Theme
from autotask_console.runtime.loop import Loop
from autotask_queue import create_production_configuration

folder = Path(sys.argv[1])
persistence = {"backend": "sqlite", "connection": {"db_path": str(folder / "queue.db")}}
on_disk = create_production_configuration
harness.create_test_configuration = lambda **more: on_disk(persistence=persistence, **more)

async def main(app):
    async with harness.bench(Theme(app, "light"), folder / "config.toml") as bench:
        page = create(bench.services)
        page.show()
        page.enter("add-note")
        page.drafts.saved.connect(lambda _: print("saved", flush=True))
        QTest.keyClicks(page.view.form.editors["description"].inner, "Typed just before the battery died")
        await asyncio.sleep(60)

app = QApplication([])
with asyncio.Runner(loop_factory=lambda: Loop(app)) as runner:
    runner.run(main(app))
"""


@pytest.mark.integration
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_draft_survives_kill_9(run: Any, tmp_path: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", TYPIST, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        text=True,
    )
    assert program.stdout is not None
    try:
        assert program.stdout.readline().strip() == "saved"
    finally:
        os.kill(program.pid, signal.SIGKILL)
        program.wait()
        program.stdout.close()

    async def look() -> None:
        persistence = {"backend": "sqlite", "connection": {"db_path": str(tmp_path / "queue.db")}}
        async with QueueManager(create_production_configuration(persistence=persistence)) as queue:
            [stored] = (await queue.documents.list("draft")).values()
            draft = decode(stored)
            assert draft is not None
            assert draft.kind == "add-note"
            assert draft.document["description"] == "Typed just before the battery died"

    run(look())
