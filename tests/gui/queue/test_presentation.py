"""What a person arranged is there again after a restart; documents fold and copy exactly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QTreeWidgetItem
from pytestqt.qtbot import QtBot
from tests.gui.looks import child
from tests.gui.queue.conftest import Stage

from autotask_console.models.cells import COLUMNS, DEFAULT_COLUMNS
from autotask_console.pages.queue.page import QueuePage
from autotask_console.platform.theme import Theme
from autotask_console.widgets.json_tree import MOST_NODES, JsonTree
from autotask_queue import SortField


def shown(page: QueuePage) -> list[str]:
    header = page.table.horizontalHeader()
    return [c.id for i, c in enumerate(COLUMNS) if not header.isSectionHidden(i)]


def test_columns_widths_sort_and_density_survive_a_restart(run: Any, stage: Stage) -> None:
    async def arrange() -> None:
        async with stage() as scene:
            page = await scene.open()
            menu = child(page, QMenu, "queue.columns.menu")
            menu.aboutToShow.emit()
            actions = {a.objectName(): a for a in menu.actions()}
            assert not actions["queue.column.request"].isEnabled()
            actions["queue.column.http"].trigger()
            actions["queue.dense"].trigger()
            header = page.table.horizontalHeader()
            header.resizeSection(2, 111)
            header.sectionClicked.emit(3)
            directions = [page.narrowing.sort.direction]
            header.sectionClicked.emit(3)
            directions.append(page.narrowing.sort.direction)
            assert directions == ["desc", "asc"]
            header.sectionClicked.emit(5)  # the entity cannot be sorted by
            assert page.narrowing.sort.field is SortField.ATTEMPTS
            assert header.sortIndicatorSection() == 3

    async def look_again() -> None:
        async with stage() as scene:
            page = await scene.open()
            header = page.table.horizontalHeader()
            assert shown(page) == [*DEFAULT_COLUMNS, "http"]
            assert header.sectionSize(2) == 111
            assert page.table.rowHeight(0) in {0, 22}
            assert page.presentation.is_dense
            assert page.narrowing.sort.field is SortField.ATTEMPTS
            assert header.sortIndicatorOrder() is Qt.SortOrder.AscendingOrder
            page.presentation.reset()
            assert shown(page) == list(DEFAULT_COLUMNS)
            assert header.sectionSize(2) == 72

    run(arrange())
    run(look_again())


@pytest.fixture
def tree(qtbot: QtBot, theme: Theme) -> JsonTree:
    made = JsonTree(name="doc", title="Document")
    qtbot.addWidget(made)
    return made


def rows(tree: JsonTree) -> dict[str, str]:
    items = [tree.tree.topLevelItem(i) for i in range(tree.tree.topLevelItemCount())]
    return {item.text(0): item.text(1) for item in items if isinstance(item, QTreeWidgetItem)}


def test_values_are_shown_exactly(tree: JsonTree) -> None:
    document = {
        "id": 12_345_678_901_234_567_890,
        "hours": 1.5,
        "title": "Two\nlines",
        "empty": "",
        "open": True,
        "none": None,
        "tags": ["a", "b"],
        "nested": {"a": 1},
        "nothing": {},
    }
    tree.show_document(document)

    assert rows(tree) == {
        "id": "12345678901234567890",
        "hours": "1.5",
        "title": "Two\nlines",
        "empty": '""',
        "open": "true",
        "none": "null",
        "tags": "2 entries",
        "nested": "1 field",
        "nothing": "empty",
    }
    assert json.loads(tree.as_text()) == document


def test_the_same_document_keeps_what_was_folded(tree: JsonTree, theme: Theme) -> None:
    tree.show_document({"tags": ["a", "b"]})
    item = tree.tree.topLevelItem(0)
    assert isinstance(item, QTreeWidgetItem)
    item.setExpanded(False)

    tree.show_document({"tags": ["a", "b"]})
    again = tree.tree.topLevelItem(0)
    assert isinstance(again, QTreeWidgetItem)
    assert not again.isExpanded()
    theme.choose("dark")
    assert rows(tree) == {"tags": "2 entries"}


def test_a_large_document_is_text(tree: JsonTree) -> None:
    tree.show_document(list(range(MOST_NODES + 1)))
    assert tree.text.isVisibleTo(tree)
    tree.show_document("just a text")
    assert not tree.text.isVisibleTo(tree)
    assert rows(tree) == {"": "just a text"}
