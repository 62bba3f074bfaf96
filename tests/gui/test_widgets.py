"""The building blocks: what they say, to eyes and to screen readers, and what they do."""

from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QFontMetrics, QFontMetricsF, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QDialog, QLabel, QLineEdit, QMenu, QWidget
from tests.gui.looks import child, clipped, nameless

from autotask_console.platform.theme import Theme, load
from autotask_console.text import UI_STATES, Tone, UiState
from autotask_console.widgets.banner import Banner, BannerText
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.cells import CellValue, Strip, fitting_font, number_font
from autotask_console.widgets.empty import EmptyState
from autotask_console.widgets.form import Chips, FormRow, ReasonField, line, note
from autotask_console.widgets.json_view import JsonEditor, JsonView, parse, pretty
from autotask_console.widgets.label import ToneLabel, heading, small
from autotask_console.widgets.panel import Panel
from autotask_console.widgets.rail import Rail, RailEntry
from autotask_console.widgets.sheets import ConfirmSheet, ReasonSheet
from autotask_console.widgets.sparkline import Sparkline, describe_points
from autotask_console.widgets.toast import Toasts, Undo


@pytest.fixture
def host(qtbot: Any, theme: Theme) -> QWidget:
    widget = QWidget()
    widget.resize(1000, 600)
    qtbot.addWidget(widget)
    widget.show()
    return widget


def show(host: QWidget, widget: QWidget, *, width: int = 400, height: int = 60) -> QWidget:
    widget.setParent(host)
    widget.resize(width, height)
    widget.show()
    return widget


def differs(widget: QWidget, change: Any) -> bool:
    """Whether `change()` changes the widget's picture."""
    before = widget.grab().toImage()
    change()
    return bool(before != widget.grab().toImage())


class TestButton:
    @pytest.mark.parametrize("kind", list(ButtonKind))
    def test_every_kind_can_be_told_from_its_disabled_self(self, host: QWidget, kind: ButtonKind) -> None:
        button = Button("Cancel 3 requests", kind=kind, name="b")
        show(host, button, width=button.sizeHint().width(), height=button.sizeHint().height())
        assert clipped(host) == []
        assert differs(button, lambda: button.setEnabled(False))

    def test_hover_press_check_menu_and_kind_change_the_picture(self, host: QWidget) -> None:
        button = Button("Hold", name="b")
        show(host, button, width=120, height=30)
        assert differs(button, lambda: button.setDown(True))
        button.setDown(False)
        button.setCheckable(True)
        assert differs(button, lambda: button.setChecked(True))
        before = button.sizeHint().width()
        menu = QMenu(button)
        button.setMenu(menu)
        assert button.sizeHint().width() > before
        assert differs(button, lambda: button.set_kind(ButtonKind.DANGER))

    def test_the_ring_shows_once_the_keyboard_is_used(self, host: QWidget) -> None:
        button = Button("Hold", name="b")
        show(host, button, width=120, height=30)
        host.activateWindow()
        assert not differs(button, lambda: button.setFocus(Qt.FocusReason.MouseFocusReason))
        assert button.hasFocus()
        assert differs(button, lambda: host.setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange))

    def test_keys_and_clicks_press_it(self, host: QWidget) -> None:
        button = Button("Hold", name="b")
        show(host, button, width=120, height=30)
        pressed: list[int] = []
        button.clicked.connect(lambda: pressed.append(1))
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        button.setFocus()
        QTest.keyClick(button, Qt.Key.Key_Space)
        assert pressed == [1, 1]


class TestLabels:
    def test_tones_follow_the_palette(self, host: QWidget, theme: Theme, qtbot: Any) -> None:
        label = ToneLabel("x", tone=Tone.BAD)
        show(host, label)
        role = QPalette.ColorRole.WindowText
        assert label.palette().color(role) == load("light").tones["bad"]
        theme.choose("dark")
        qtbot.waitUntil(lambda: label.palette().color(role) == load("dark").tones["bad"])
        label.set_tone(None)
        assert label.palette().color(role) == load("dark").text
        label.set_look(UI_STATES[UiState.FAILED])
        assert (label.text(), label.toolTip(), label.accessibleName()) == ("✕ Failed", "failed", "Failed")

    def test_sizes(self, host: QWidget) -> None:
        assert heading("x").font().bold()
        assert small("x").font().pointSizeF() < QLabel("x").font().pointSizeF()


class TestStrip:
    @pytest.mark.parametrize(
        "value", ["1 stopped · 2 others", "1 maint. · 1 stopped", "12\u202f480", "3 ok · 1 maint."]
    )
    def test_a_long_value_is_written_smaller_and_not_cut(self, value: str, qapp: Any) -> None:
        narrowest = 128.0  # inside a cell of a window of 1024 pixels
        font = fitting_font(qapp.font(), value, narrowest)
        assert QFontMetricsF(font).horizontalAdvance(value) <= narrowest

    def test_values_are_seen_and_read_out(self, host: QWidget) -> None:
        strip = Strip([("waiting", "Waiting"), ("sent", "Sent")])
        show(host, strip, width=600)
        cell = strip["waiting"]
        value = CellValue(value="42", note="oldest 3 min", points=(1, 5, 2), tip="Click to see them.")
        assert differs(cell, lambda: strip.show_values({"waiting": value}))
        assert cell.accessibleName() == "Waiting: 42, oldest 3 min"
        assert cell.toolTip() == "Click to see them."
        assert not differs(cell, lambda: strip.show_values({"waiting": value}))
        assert nameless(strip) == []
        assert strip.ids == ("waiting", "sent")

    def test_a_cell_is_a_button(self, host: QWidget) -> None:
        strip = Strip([("waiting", "Waiting"), ("sent", "Sent")])
        show(host, strip, width=600)
        pressed: list[str] = []
        strip.pressed.connect(pressed.append)
        QTest.mouseClick(strip["sent"], Qt.MouseButton.LeftButton)
        strip["waiting"].setFocus()
        QTest.keyClick(strip["waiting"], Qt.Key.Key_Space)
        assert pressed == ["sent", "waiting"]

    def test_the_compact_strip_takes_one_line(self, host: QWidget) -> None:
        strip = Strip([("waiting", "Waiting")])
        show(host, strip)
        high = strip.sizeHint().height()
        strip.set_compact(True)
        assert strip.sizeHint().height() < high
        strip["waiting"].show_value(CellValue(value="7", tone=Tone.BAD))
        strip.grab()

    def test_digits_are_equally_wide(self, host: QWidget) -> None:
        metrics = QFontMetrics(number_font(host.font()))
        assert len({metrics.horizontalAdvance(digit) for digit in "0123456789"}) == 1


class TestBanner:
    TEXT = BannerText(
        kind="offline",
        glyph="◌",
        head="Working <offline>",
        text="since 09:12. Next try in 24 s.",
        tone=Tone.HELD,
        buttons=(("try-now", "Try now"),),
    )

    def test_it_says_what_it_is_given_and_nothing_else(self, host: QWidget) -> None:
        banner = Banner()
        show(host, banner, width=800)
        banner.show_text(self.TEXT)
        assert banner.plain == "Working <offline> since 09:12. Next try in 24 s."
        assert "&lt;offline&gt;" in child(banner, QLabel, "banner.text").text()
        assert banner.accessibleName() == banner.plain
        pressed: list[str] = []
        banner.pressed.connect(pressed.append)
        QTest.mouseClick(child(banner, Button, "banner.try-now"), Qt.MouseButton.LeftButton)
        assert pressed == ["try-now"]
        banner.show_text(None)
        assert (banner.plain, banner.isVisible()) == ("", False)

    def test_a_countdown_keeps_the_focus_on_its_button(self, host: QWidget) -> None:
        banner = Banner()
        show(host, banner, width=800)
        banner.show_text(self.TEXT)
        button = child(banner, Button, "banner.try-now")
        button.setFocus()
        for seconds in (23, 22):
            banner.show_text(
                BannerText(
                    kind="offline",
                    glyph="◌",
                    head="Working offline",
                    text=f"Next try in {seconds} s.",
                    tone=Tone.HELD,
                    buttons=self.TEXT.buttons,
                )
            )
        assert host.focusWidget() is button
        assert banner.shown is not None
        assert "22 s" in banner.plain

    def test_long_text_wraps(self, host: QWidget) -> None:
        banner = Banner()
        show(host, banner, width=420)
        long = BannerText(kind="x", glyph="◌", head="Head", text="word " * 60, tone=Tone.HELD)
        banner.show_text(long)
        assert banner.heightForWidth(420) > banner.heightForWidth(2000)


class TestToasts:
    def test_undo_from_the_button_and_from_the_menu(self, host: QWidget) -> None:
        toasts = Toasts(host)
        changed: list[str] = []
        done: list[str] = []
        toasts.undo_changed.connect(lambda: changed.append(toasts.undo_text))
        toasts.say("Cancelled 3 requests.", undo=Undo(what="cancel of 3", run=lambda: done.append("cancel")))
        toasts.say("Retried 1.", undo=Undo(what="retry", run=lambda: done.append("retry")))
        assert changed == ["cancel of 3", "retry"]
        button = child(host, Button, "toast.button")
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        assert (done, toasts.undo_text) == (["cancel"], "retry")
        assert toasts.texts == ["Retried 1."]
        toasts.undo_last()
        toasts.undo_last()
        assert done == ["cancel", "retry"]
        toasts.clear()
        assert not toasts.isVisible()

    def test_a_toast_goes_by_itself_but_not_while_it_is_read(self, host: QWidget) -> None:
        toasts = Toasts(host)
        toasts.say("Saved.", seconds=3)
        (toast,) = toasts._toasts()
        toast._tick()
        toast._tick()
        assert toasts.texts == ["Saved."]
        QTest.mouseMove(toast, QPoint(5, 5))
        from PySide6.QtCore import QEvent, QPointF
        from PySide6.QtGui import QEnterEvent

        toast.enterEvent(QEnterEvent(QPointF(1, 1), QPointF(1, 1), QPointF(1, 1)))
        assert not toast._timer.isActive()
        toast.leaveEvent(QEvent(QEvent.Type.Leave))
        assert toast._timer.isActive()
        toast._tick()
        assert toasts.texts == []

    def test_errors_stay_and_at_most_three_are_shown(self, host: QWidget) -> None:
        toasts = Toasts(host)
        for number in range(5):
            toasts.error(f"Problem {number}. " + "It says what happened and what to do. " * 4)
        assert [t[:9] for t in toasts.texts] == ["Problem 2", "Problem 3", "Problem 4"]
        assert toasts.geometry().bottom() <= host.height()
        assert clipped(toasts) == []
        assert nameless(toasts) == []
        host.resize(700, 500)
        assert toasts.geometry().right() <= 700
        close = child(toasts._toasts()[0], Button, "toast.close")
        QTest.mouseClick(close, Qt.MouseButton.LeftButton)
        assert len(toasts.texts) == 2
        toasts.clear()

    def test_a_toast_is_announced(self, host: QWidget, monkeypatch: pytest.MonkeyPatch) -> None:
        from autotask_console.widgets import announce

        said: list[str] = []
        monkeypatch.setattr(QAccessible, "isActive", staticmethod(lambda: True))
        monkeypatch.setattr(
            QAccessible, "updateAccessibility", staticmethod(lambda event: said.append(event.message()))
        )
        announce.announce(host, "Cancelled.")
        assert said == ["Cancelled."]


class TestRail:
    ENTRIES = (
        RailEntry(page_id="queue", title="Queue", group="Do", icon="queue", keys="Ctrl+1"),
        RailEntry(page_id="compose", title="Compose", group="Do", icon="compose"),
        RailEntry(page_id="breakers", title="Breakers", group="Watch", icon="breakers"),
    )

    def test_choosing_badges_and_names(self, host: QWidget) -> None:
        rail = Rail(self.ENTRIES)
        show(host, rail, width=148, height=400)
        chosen: list[str] = []
        rail.chosen.connect(chosen.append)
        QTest.mouseClick(rail["compose"], Qt.MouseButton.LeftButton)
        assert chosen == ["compose"]
        rail["queue"].set_badge("42")
        rail["breakers"].set_badge("MAINT", Tone.HELD)
        assert rail["queue"].accessibleName() == "Queue, 42"
        assert rail["queue"].toolTip() == "Queue (Ctrl+1)"
        assert rail["breakers"].badge == "MAINT"
        assert nameless(rail) == []
        assert "queue" in rail
        assert "audit" not in rail

    def test_the_shown_page_is_marked_and_none_for_other_pages(self, host: QWidget) -> None:
        rail = Rail(self.ENTRIES)
        show(host, rail, width=148, height=400)
        rail.show_page("queue")
        assert [i for i in rail.ids if rail[i].isChecked()] == ["queue"]
        rail.show_page("sign-in")
        assert [i for i in rail.ids if rail[i].isChecked()] == []
        rail.show_page("compose")
        assert [i for i in rail.ids if rail[i].isChecked()] == ["compose"]

    def test_narrow_and_wide(self, host: QWidget) -> None:
        rail = Rail(self.ENTRIES)
        show(host, rail, width=148, height=400)
        rail["queue"].set_badge("12480")
        rail.grab()
        rail.set_narrow(True)
        assert rail.width() < 60
        rail.grab()
        rail.set_narrow(False)
        assert rail.width() == 148


class TestForm:
    def test_the_line_below_tells_error_warning_help_in_this_order(self, host: QWidget) -> None:
        edit = line(name="title", placeholder="What is broken")
        row = FormRow("Title", edit, required=True, help_text="One line.")
        show(host, row)
        assert (row.line, edit.accessibleName()) == ("One line.", "Title (required)")
        row.set_warning("Fields are two weeks old.")
        assert row.line == "⚠ Fields are two weeks old."
        row.set_error("Give it a title.")
        assert (row.line, row.error) == ("✕ Give it a title.", "Give it a title.")
        assert edit.accessibleDescription() == "Give it a title."
        row.set_error("")
        row.set_warning("")
        row.set_help("")
        assert row.line == ""
        assert note("x").wordWrap()

    def test_chips_are_a_choice(self, host: QWidget) -> None:
        chips = Chips([("15", "15 min"), ("30", "30 min")], name="length")
        show(host, chips)
        chips.setAccessibleName("How long")
        chosen: list[str] = []
        chips.chosen.connect(chosen.append)
        assert chips.value == ""
        chips.choose("30")
        QTest.mouseClick(child(chips, Button, "length.15"), Qt.MouseButton.LeftButton)
        assert (chosen, chips.value) == (["15"], "15")
        chips.set_available("30", False, "It would end too late.")
        assert child(chips, Button, "length.30").toolTip() == "It would end too late."
        assert child(chips, Button, "length.30").accessibleName() == "How long: 30 min"

    def test_recent_reasons_are_one_click_away(self, host: QWidget) -> None:
        long = "a reason that is much too long to fit on a chip"
        field = ReasonField([long, "router"], placeholder="Maintenance by anna")
        show(host, field, height=80)
        field.setAccessibleName("Why")
        changed: list[str] = []
        field.changed.connect(lambda: changed.append(field.text))
        QTest.mouseClick(child(field, Button, "reason.recent.0"), Qt.MouseButton.LeftButton)
        assert (field.text, changed) == (long, [long])
        assert child(field, Button, "reason.recent.0").text().endswith("…")
        assert nameless(field) == []


class TestSheets:
    def test_the_safe_button_has_the_focus_and_enter_keeps(self, host: QWidget) -> None:
        sheet = ConfirmSheet(
            host, title="Cancel 1 240 requests?", message="They match.", keep="Keep them", do="Cancel them"
        )
        results: list[int] = []
        sheet.finished.connect(results.append)
        sheet.open()
        assert sheet.keep_button.isDefault()
        assert not sheet.do_button.isDefault()
        QTest.keyClick(sheet, Qt.Key.Key_Return)
        assert results == [QDialog.DialogCode.Rejected.value]
        assert clipped(sheet) == []
        sheet.deleteLater()

    def test_a_dangerous_thing_needs_a_reason(self, host: QWidget) -> None:
        sheet = ReasonSheet(
            host, title="Hold zone1?", message="31 waiting.", keep="Keep sending", do="Hold zone1"
        )
        sheet.open()
        assert not sheet.do_button.isEnabled()
        assert "Say why" in sheet.do_button.toolTip()
        QTest.keyClicks(child(sheet, QLineEdit, "reason.edit"), "  firewall swap ")
        assert sheet.do_button.isEnabled()
        QTest.mouseClick(sheet.do_button, Qt.MouseButton.LeftButton)
        assert (sheet.result(), sheet.reason) == (QDialog.DialogCode.Accepted.value, "firewall swap")
        sheet.deleteLater()

    def test_a_prefilled_reason_is_a_reason(self, host: QWidget) -> None:
        sheet = ReasonSheet(
            host, title="t", message="m", keep="k", do="d", placeholder="Maintenance by anna", dangerous=False
        )
        assert sheet.do_button.isEnabled()
        assert sheet.reason == "Maintenance by anna"
        sheet.deleteLater()


class TestEmpty:
    def test_it_says_why_and_what_to_do(self, host: QWidget) -> None:
        empty = EmptyState()
        show(host, empty, width=500, height=300)
        pressed: list[str] = []
        empty.pressed.connect(pressed.append)
        empty.say("Nothing queued yet.", "It is saved first.", (("new", "New request"), ("import", "Import")))
        QTest.mouseClick(child(empty, Button, "empty.new"), Qt.MouseButton.LeftButton)
        assert pressed == ["new"]
        assert empty.text == "Nothing queued yet. It is saved first."
        empty.say("All sent.")
        assert (empty.text, empty.findChild(Button, "empty.none")) == ("All sent.", None)
        assert empty.accessibleName() == "All sent."


class TestSparkline:
    def test_points_change_the_picture_and_have_words(self, host: QWidget) -> None:
        spark = Sparkline()
        show(host, spark, width=120, height=28)
        text = describe_points("Waiting", [12, 42], "30 min")
        assert text == "Waiting: 12 to 42 in 30 min"
        assert describe_points("Waiting", [], "30 min") == "Waiting"
        assert differs(spark, lambda: spark.set_points([1, 4, 2], text=text))
        assert differs(spark, lambda: spark.set_points([1, 4, 2], top=40, tone=Tone.BAD))
        spark.set_points([1])
        spark.grab()


def test_a_panels_border_takes_a_tone(host: QWidget) -> None:
    panel = Panel()
    show(host, panel, height=80)
    assert differs(panel, lambda: panel.set_tone(Tone.HELD))


class TestJson:
    @pytest.mark.parametrize(
        ("text", "line_", "column", "words"),
        [
            ('{"a": 1,\n "b" 2}', 2, 6, "colon"),
            ('{"a": 1 "b": 2}', 1, 9, "comma"),
            ('{"a": }', 1, 7, "value is missing"),
            ("{a: 1}", 1, 2, "double quotes"),
            ('{"a": "x', 1, 7, "closing quote"),
            ("{} {}", 1, 4, "after the end"),
            ('{"a": NaN}', 1, 1, "NaN"),
            ("[" * 100_000, 1, 1, "recursion"),
        ],
    )
    def test_mistakes_are_named_with_their_place(
        self, text: str, line_: int, column: int, words: str, qapp: Any
    ) -> None:
        document, problem = parse(text)
        assert document is None
        assert problem is not None
        assert (problem.line, problem.column) == (line_, column)
        assert words in problem.sentence

    def test_documents_come_back_as_they_are(self, qapp: Any) -> None:
        document = {"title": "Größe ✓", "n": 12345678901234567890, "list": [1.5, None, True]}
        assert parse(pretty(document)) == (document, None)

    def test_typing_is_checked_when_it_pauses(self, host: QWidget, qtbot: Any) -> None:
        editor = JsonEditor(name="json")
        show(host, editor, height=300)
        editor.setAccessibleName("The document")
        editor.show_document({"a": 1})
        seen: list[object] = []
        broken: list[object] = []
        editor.edited.connect(seen.append)
        editor.broken.connect(broken.append)
        editor.flush()
        assert seen == []
        editor.text.setPlainText('{"a": 2}')
        editor.flush()
        assert seen == [{"a": 2}]
        editor.text.setPlainText('{"a": 2')
        qtbot.waitUntil(lambda: bool(broken))
        assert "Line 1, column 8" in editor.status
        editor.go_to_problem()
        assert editor.text.textCursor().position() == 7
        assert editor.problem is not None
        editor.format()
        assert editor.text.toPlainText() == '{"a": 2'
        editor.text.setPlainText('{"a":2}')
        editor.format()
        assert editor.text.toPlainText() == '{\n  "a": 2\n}'
        assert nameless(editor) == []

    def test_enter_keeps_the_indentation(self, host: QWidget) -> None:
        editor = JsonEditor(name="json")
        show(host, editor, height=300)
        QTest.keyClicks(editor.text, "{")
        QTest.keyClick(editor.text, Qt.Key.Key_Return)
        QTest.keyClicks(editor.text, '"a": 1')
        assert editor.text.toPlainText() == '{\n  "a": 1'
        editor.check()

    def test_the_view_keeps_its_place_and_follows_the_palette(self, host: QWidget, theme: Theme) -> None:
        view = JsonView(name="view")
        show(host, view, height=120)
        view.show_document(list(range(200)))
        view.verticalScrollBar().setValue(50)
        view.show_document([*range(199), 1000])
        assert view.verticalScrollBar().value() == 50
        assert view.isReadOnly()
        theme.choose("dark")
        view.show_text("x" * 300_000)


def test_a_combo_in_a_row_is_named(host: QWidget) -> None:
    combo = QComboBox()
    row = FormRow("Status", combo)
    show(host, row)
    assert combo.accessibleName() == "Status"
    assert nameless(host) == []
