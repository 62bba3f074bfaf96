import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QLocale

from autotask_console.text import (
    BREAKER_LOOKS,
    UI_STATES,
    BreakerWord,
    UiState,
    age,
    breaker_word,
    clock_time,
    countdown,
    data_size,
    date_time,
    duration,
    gate_sentence,
    look,
    number,
    percent,
    plural,
    priority_word,
    seconds_short,
    state_sentence,
    statuses_of,
    tr,
    ui_state,
    why_it_waits,
)
from autotask_queue import (
    BreakerMetrics,
    BreakerState,
    Effect,
    Gate,
    GateKind,
    Override,
    OverrideKind,
    Reason,
    RequestId,
    RequestRow,
    Status,
)

NOW = 1_700_000_000.0


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    before = QLocale()
    QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom))
    yield
    QLocale.setDefault(before)


def row(status: Status = Status.PENDING, **more: object) -> RequestRow:
    fields: dict[str, object] = {
        "seq": 1,
        "id": RequestId("x"),
        "zone": "zone1",
        "endpoint": "/Tickets",
        "method": "POST",
        "effect": Effect.WRITE,
        "entity": "Tickets",
        "priority": 5,
        "summary": "Create ticket",
        "created_at": NOW - 100,
        "updated_at": NOW - 10,
    }
    return RequestRow(status=status, **{**fields, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0, 0, "0"),
        (999, 0, "999"),
        (12480, 0, "12\u202f480"),
        (1234567.25, 2, "1\u202f234\u202f567.25"),
        (-1234, 0, "-1\u202f234"),
    ],
)
def test_numbers_have_thin_spaces(value: float, decimals: int, text: str) -> None:
    assert number(value, decimals=decimals) == text


def test_numbers_follow_the_locale() -> None:
    QLocale.setDefault(QLocale(QLocale.Language.German))
    assert number(1234.5, decimals=1) == "1\u202f234,5"
    assert percent(0.25) == "25\u202f%"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0.4, "0 s"),
        (59, "59 s"),
        (61, "1 min"),
        (3600, "1 h"),
        (2 * 3600 + 14 * 60, "2 h 14 min"),
        (86_400, "1 d"),
        (3 * 86_400 + 4 * 3600, "3 d 4 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [(-3, "now"), (0.5, "now"), (12, "12 s"), (200, "3 min"), (7300, "2 h"), (5 * 86_400, "5 d")],
)
def test_ages_use_one_unit(ago: float, text: str) -> None:
    assert age(NOW - ago, now=NOW) == text


@pytest.mark.parametrize(
    ("left", "text"),
    [(-1, "0 s"), (24, "24 s"), (60, "1 min 0 s"), (100, "1 min 40 s"), (22 * 60, "22 min")],
)
def test_countdowns_are_exact_below_two_minutes(left: float, text: str) -> None:
    assert countdown(NOW + left, now=NOW) == text


def test_short_measurements() -> None:
    assert seconds_short(0.41) == "0.4 s"
    assert seconds_short(12.3) == "12 s"


def test_times_of_day_name_other_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    noon = 1_699_963_200.0  # 2023-11-14 12:00 UTC
    assert clock_time(noon) == "12:00"
    assert clock_time(noon, seconds=True) == "12:00:00"
    assert clock_time(noon, now=noon) == "12:00"
    assert clock_time(noon + 86_400, now=noon) == "tomorrow 12:00"
    assert clock_time(noon - 86_400, now=noon) == "yesterday 12:00"
    assert clock_time(noon - 5 * 86_400, now=noon) == "9 Nov 12:00"
    assert date_time(noon) == "2023-11-14 12:00:00 (UTC+00:00)"


def test_sizes() -> None:
    assert data_size(85_000_000) == "85 MB"
    assert data_size(1500) == "1.5 kB"


def test_plurals_and_places() -> None:
    assert plural(1, "{n} request", "{n} requests") == "1 request"
    assert plural(1240, "{n} request", "{n} requests") == "1\u202f240 requests"
    assert tr("held by {actor}", actor="anna") == "held by anna"
    assert tr("a brace } stays where nothing is filled in") == "a brace } stays where nothing is filled in"


def test_every_state_has_its_own_word_and_glyph() -> None:
    assert set(UI_STATES) == set(UiState)
    assert len({look.source for look in UI_STATES.values()}) == len(UI_STATES)
    assert len({look.glyph for look in UI_STATES.values()}) == len(UI_STATES)
    assert len({look.glyph for look in BREAKER_LOOKS.values()}) == len(BREAKER_LOOKS)


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_word(status: Status) -> None:
    state = ui_state(row(status))
    assert look(status) is look(state)
    assert status in statuses_of(state)


def test_what_decides_the_word() -> None:
    maintenance = Gate(kind=GateKind.MAINTENANCE, zone="zone1")
    offline = Gate(kind=GateKind.OFFLINE)
    assert ui_state(row(), maintenance) is UiState.HELD
    assert ui_state(row(), offline) is UiState.WAITING
    assert ui_state(row(Status.PROCESSING), maintenance) is UiState.SENDING
    assert ui_state(row(reason=Reason.AFTER)) is UiState.HELD
    assert ui_state(row(Status.HELD, reason=Reason.CONFLICT)) is UiState.BOTH_CHANGED
    assert ui_state(row(Status.UNCERTAIN)) is UiState.CHECKING
    unsigned = Gate(kind=GateKind.NO_PROCESSOR)
    assert ui_state(row(Status.HELD, reason=Reason.NO_PROCESSOR), unsigned) is UiState.WAITING
    assert ui_state(row(Status.HELD, reason=Reason.NO_PROCESSOR)) is UiState.HELD
    assert ui_state(row(Status.HELD, reason=Reason.NO_PROCESSOR), maintenance) is UiState.HELD
    assert ui_state(row(Status.HELD, reason=Reason.CONFIRM), offline) is UiState.HELD
    assert statuses_of(UiState.BOTH_CHANGED) == (Status.HELD,)


def test_a_breakers_word_is_the_persons_override_first() -> None:
    def override(kind: OverrideKind, starts_at: float | None = None) -> Override:
        return Override(kind=kind, reason="x", actor="anna", since=NOW, starts_at=starts_at)

    closed = BreakerMetrics(zone="zone1", state=BreakerState.CLOSED)
    assert breaker_word(closed, now=NOW) is BreakerWord.SENDING
    opened = BreakerMetrics(zone="zone1", state=BreakerState.OPEN)
    assert breaker_word(opened, now=NOW) is BreakerWord.STOPPED
    held = BreakerMetrics(
        zone="zone1", state=BreakerState.CLOSED, overrides=(override(OverrideKind.FORCED_OPEN),)
    )
    assert breaker_word(held, now=NOW) is BreakerWord.MAINTENANCE
    later = BreakerMetrics(
        zone="zone1",
        state=BreakerState.HALF_OPEN,
        overrides=(override(OverrideKind.FORCED_OPEN, starts_at=NOW + 60),),
    )
    assert breaker_word(later, now=NOW) is BreakerWord.TESTING
    forced = BreakerMetrics(
        zone="zone1", state=BreakerState.OPEN, overrides=(override(OverrideKind.FORCED_CLOSED),)
    )
    assert breaker_word(forced, now=NOW) is BreakerWord.FORCED


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_sentence_in_plain_words(status: Status) -> None:
    sentence = state_sentence(row(status, scheduled_at=NOW + 60, not_before=NOW + 41), now=NOW)
    assert sentence.endswith(".")
    for word in ("error", "invalid", "exception", status.value if status.value == "deferred" else "\0"):
        assert word not in sentence.lower()


def test_before_the_sign_in_it_says_so() -> None:
    """What the queue stores there speaks to programmers."""
    held = row(Status.HELD, reason=Reason.NO_PROCESSOR, reason_text="Nothing here can send this.")
    words = why_it_waits(held, now=NOW, gate=Gate(kind=GateKind.NO_PROCESSOR))
    assert words == "Not signed in yet. Your work is safe; it sends after you sign in."


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_to_be_held_has_a_sentence(reason: Reason) -> None:
    assert why_it_waits(row(Status.HELD, reason=reason), now=NOW).endswith(".")
    stored = row(Status.HELD, reason=reason, reason_text="Because of the moon.")
    assert why_it_waits(stored, now=NOW) == "Because of the moon."


def test_sentences_name_times() -> None:
    retrying = row(Status.RETRYING, not_before=NOW + 41, failure_title="Server busy")
    assert state_sentence(retrying, now=NOW) == "Server busy. Next try in 41 s."
    assert state_sentence(row(Status.COMPLETED, finished_at=NOW - 5), now=NOW) == "Sent just now."
    assert state_sentence(row(Status.COMPLETED, finished_at=NOW - 600), now=NOW) == "Sent 10 min ago."
    assert "at" in state_sentence(row(Status.COMPLETED, finished_at=NOW - 7200), now=NOW)
    checking = row(Status.UNCERTAIN, reason=Reason.REPLY_LOST, not_before=NOW + 20)
    assert "look it up in 20 s; it is not sent twice" in state_sentence(checking, now=NOW)


@pytest.mark.parametrize("kind", list(GateKind))
def test_every_gate_has_a_sentence(kind: GateKind) -> None:
    gate = Gate(kind=kind, reason="firewall swap", actor="anna", until=NOW + 1320)
    sentence = gate_sentence(gate, now=NOW)
    left = {GateKind.OFFLINE: "Next try in 22 min.", GateKind.BREAKER: "Next test in 22 min."}
    assert left.get(kind, "22 min left") in sentence
    assert ("firewall swap" in sentence) is (
        kind in {GateKind.MAINTENANCE, GateKind.PAUSED, GateKind.BREAKER}
    )
    assert state_sentence(row(), now=NOW, gate=gate) == sentence


def test_priorities() -> None:
    assert priority_word(10) == "Urgent"
    assert priority_word(7) == "7"
