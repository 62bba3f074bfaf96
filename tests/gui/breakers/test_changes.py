"""The audit trail's entries about breakers, in words."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from autotask_console.pages.breakers.changes import KINDS, ChangesPanel, change_sentence, condense
from autotask_console.text import clock_time
from autotask_queue import AuditEntry

NOW = 1_800_000_000.0
END = NOW + 1_800


def entry(
    kind: str, *, actor: str = "Anna", zone: str = "ww5", why: str = "", at: float = NOW, **detail: object
) -> AuditEntry:
    return AuditEntry(at=at, actor=actor, kind=f"circuit.{kind}", zone=zone, why=why, detail=detail)


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (
            entry("forced_open", why="firewall swap", expires_at=END),
            "Anna held zone ww5 until {end} – “firewall swap”",
        ),
        (entry("forced_open", why="swap"), "Anna held zone ww5 – “swap”"),
        (
            entry("forced_open", zone="*", why="swap", expires_at=END),
            "Anna held everything until {end} – “swap”",
        ),
        (
            entry("forced_open", why="swap", entity="TicketNotes", expires_at=END),
            "Anna held Ticket notes of ww5 until {end} – “swap”",
        ),
        (
            entry("forced_open", why="swap", starts_at=END, expires_at=END + 60),
            "Anna planned a hold of zone ww5 from {end} – “swap”",
        ),
        (
            entry("forced_closed", why="they fixed it", expires_at=END),
            "Anna resumed zone ww5 in spite of failures until {end} – “they fixed it”",
        ),
        (entry("extended", expires_at=END), "Anna extended the hold of zone ww5 until {end}"),
        (entry("override_ended", why="ended by hand"), "Anna ended the hold of zone ww5"),
        (
            entry("override_ended", actor="queue", why="the time was up"),
            "The hold of zone ww5 ended: the time was up",
        ),
        (
            entry("open", actor="queue", why="5 calls in a row failed"),
            "Zone ww5 stopped by itself: 5 calls in a row failed",
        ),
        (entry("tested", why="tested by hand"), "Anna tested zone ww5"),
        (
            entry("closed", actor="queue", why="the tests succeeded"),
            "Zone ww5 sends again: the tests succeeded",
        ),
        (entry("reset", why="reset by hand"), "Anna reset zone ww5"),
        (entry("something_new", why="what it says"), "Zone ww5: what it says"),
    ],
)
def test_sentences(one: AuditEntry, sentence: str) -> None:
    assert change_sentence(one, now=NOW) == sentence.format(end=clock_time(END, now=NOW))


def test_braces_in_a_reason_are_just_braces() -> None:
    said = change_sentence(entry("forced_open", why="{who} {0}"), now=NOW)
    assert said == "Anna held zone ww5 – “{who} {0}”"


def test_a_long_outage_is_one_line() -> None:
    outage = [
        one
        for minute in range(5)
        for one in (
            entry("open", actor="queue", why="the test failed", at=NOW - 120 * minute),
            entry("half_open", actor="queue", why="the pause is over", at=NOW - 120 * minute - 60),
        )
    ]
    lines = condense([*outage, entry("forced_open", why="swap", at=NOW - 900)], now=NOW)
    assert [(line.times, line.entry.at) for line in lines] == [(5, NOW), (1, NOW - 900)]


def test_what_people_do_twice_is_two_lines() -> None:
    twice = [entry("extended", expires_at=END), entry("extended", expires_at=END)]
    assert [line.times for line in condense(twice, now=NOW)] == [1, 1]


def test_the_list_changes_in_place(qtbot: QtBot) -> None:
    panel = ChangesPanel()
    qtbot.addWidget(panel)
    assert panel.texts == []
    panel.show_entries([entry("forced_open", why="swap")], now=NOW)
    first = panel.view.item(0)
    panel.view.setCurrentRow(0)
    panel.show_entries([entry("override_ended"), entry("forced_open", why="swap")], now=NOW)
    assert panel.view.item(0) is first
    assert panel.view.currentRow() == 0
    assert [text.split("   ", 1)[1] for text in panel.texts] == [
        "Anna ended the hold of zone ww5",
        "Anna held zone ww5 – “swap”",
    ]
    panel.show_entries([entry("override_ended")], now=NOW)
    assert len(panel.texts) == 1


def test_every_kind_that_is_asked_for_has_words_of_its_own() -> None:
    said = {
        change_sentence(entry(kind.removeprefix("circuit."), actor=who), now=NOW)
        for kind in KINDS
        for who in ("Anna", "queue")
    }
    assert "Zone ww5: " in said  # for pairs that do not occur, such as a person's "open"
    by = {
        kind: {
            change_sentence(entry(kind.removeprefix("circuit."), actor=who), now=NOW)
            for who in ("Anna", "queue")
        }
        for kind in KINDS
    }
    assert all(texts != {"Zone ww5: "} for texts in by.values())
