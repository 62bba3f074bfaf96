"""Every situation of the shell as a value: banner, numbers, badges, connection."""

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

import pytest
from PySide6.QtCore import QLocale

from autotask_console.state import AppState
from autotask_console.text import UI_STATES, Tone, UiState
from autotask_console.window import glance
from autotask_console.window.banner_text import BACK_ONLINE_SECONDS, SAFE, banner_text
from autotask_console.window.status_bar import connection_text
from autotask_queue import (
    EVERY_ZONE,
    BreakerMetrics,
    BreakerState,
    Connectivity,
    ConnectivityState,
    Gate,
    GateKind,
    MinuteStat,
    Override,
    OverrideKind,
    QueueMetrics,
    Status,
)

NOW = 1_700_000_000.0
GOOD = AppState(at=NOW, open=True, zones=("zone1",))


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    before = QLocale()
    QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom))
    yield
    QLocale.setDefault(before)


def by_status(**counts: int) -> MappingProxyType[Status, int]:
    return MappingProxyType({**dict.fromkeys(Status, 0), **{Status(k): v for k, v in counts.items()}})


def connected(state: Connectivity, **more: float) -> ConnectivityState:
    return ConnectivityState(state=state, since=NOW - 600, **more)  # type: ignore[arg-type]


def hold(kind: OverrideKind = OverrideKind.FORCED_OPEN, *, until: float | None = NOW + 1320) -> Override:
    return Override(kind=kind, reason="firewall swap", actor="anna", since=NOW, expires_at=until)


def metrics(**more: float) -> QueueMetrics:
    numbers = {
        "queued_requests": 0,
        "processing_requests": 0,
        "completed_requests": 0,
        "failed_requests": 0,
        "error_rate": 0,
        "throughput": 0,
        "queue_utilization": 0,
        "average_queue_time": 0,
        "average_processing_time": 0,
        "p50": 0,
        "p95": 0,
        "p99": 0,
        "oldest_age": 0,
    }
    return QueueMetrics(at=NOW, by_status={}, by_priority={}, by_zone={}, **{**numbers, **more})  # type: ignore[arg-type]


class TestBanner:
    def kind(self, state: AppState) -> str:
        text = banner_text(state, now=NOW)
        return text.kind if text else ""

    def test_nothing_unusual_is_no_banner(self) -> None:
        assert banner_text(GOOD, now=NOW) is None
        assert banner_text(AppState(), now=NOW) is None

    def test_offline_says_the_one_thing_that_is_needed(self) -> None:
        state = replace(GOOD, connectivity=connected(Connectivity.OFFLINE, next_try_at=NOW + 24))
        text = banner_text(state, now=NOW)
        assert text is not None
        assert (text.head, text.tone, text.buttons) == (
            "Working offline",
            Tone.HELD,
            (("try-now", "Try now"),),
        )
        assert SAFE in text.text
        assert text.text.endswith("Next try in 24 s.")
        unknown = banner_text(replace(GOOD, connectivity=connected(Connectivity.OFFLINE)), now=NOW)
        assert unknown is not None
        assert unknown.text.endswith(SAFE)
        probing = banner_text(replace(GOOD, connectivity=connected(Connectivity.PROBING)), now=NOW)
        assert probing is not None
        assert "Trying now…" in probing.text

    @pytest.mark.parametrize(
        ("state", "kind", "words"),
        [
            (
                replace(GOOD, connectivity=connected(Connectivity.WORK_OFFLINE)),
                "work-offline",
                "you chose to",
            ),
            (replace(GOOD, paused=True), "paused", "until you resume"),
            (replace(GOOD, paused=True, paused_until=NOW + 900), "paused", "15 min left"),
            (replace(GOOD, zones=()), "no-sign-in", "after you sign in"),
            (
                replace(GOOD, gates=(Gate(kind=GateKind.SIGN_IN, zone="zone1"),)),
                "sign-in-refused",
                "Your queue is safe",
            ),
            (
                replace(GOOD, gates=(Gate(kind=GateKind.BREAKER, zone="zone1", until=NOW + 41),)),
                "stopped",
                "Next test in 41 s.",
            ),
            (replace(GOOD, gates=(Gate(kind=GateKind.BREAKER, zone="zone1"),)), "stopped", "nothing is lost"),
            (replace(GOOD, closing=True), "closing", "Everything else is saved"),
        ],
    )
    def test_other_situations(self, state: AppState, kind: str, words: str) -> None:
        text = banner_text(state, now=NOW)
        assert text is not None
        assert text.kind == kind
        assert words in text.text

    def test_maintenance_names_scope_time_person_and_reason(self) -> None:
        def gate(zone: str | None, **more: object) -> Gate:
            fields = {"reason": "firewall swap", "actor": "anna", "until": NOW + 1320, **more}
            return Gate(kind=GateKind.MAINTENANCE, zone=zone, **fields)  # type: ignore[arg-type]

        one = banner_text(replace(GOOD, gates=(gate("zone1"),)), now=NOW)
        assert one is not None
        assert one.head == "Zone zone1 is held"
        for words in ("22 min left", "by anna", "firewall swap"):
            assert words in one.text
        everything = banner_text(replace(GOOD, gates=(gate("zone1"), gate(None))), now=NOW)
        assert everything is not None
        assert everything.head == "Everything is held"
        assert "1 more zone is held" in everything.text
        open_end = banner_text(replace(GOOD, gates=(gate("zone1", until=None),)), now=NOW)
        assert open_end is not None
        assert "until somebody ends it" in open_end.text
        one_endpoint = replace(GOOD, gates=(gate("zone1", entity="Tickets"),))
        assert banner_text(one_endpoint, now=NOW) is None

    def test_back_online_is_said_for_five_seconds(self) -> None:
        state = replace(GOOD, back_online_at=NOW, by_status=by_status(pending=40, processing=2))
        text = banner_text(state, now=NOW + 1)
        assert text is not None
        assert (text.head, text.text) == ("Back online.", "Sending 42 requests…")
        assert banner_text(state, now=NOW + BACK_ONLINE_SECONDS + 1) is None
        empty = banner_text(replace(state, by_status=by_status()), now=NOW)
        assert empty is not None
        assert empty.text == "Nothing waits."

    def test_the_first_that_stops_sending_is_said(self) -> None:
        everything = replace(
            GOOD,
            connectivity=connected(Connectivity.WORK_OFFLINE),
            paused=True,
            gates=(Gate(kind=GateKind.SIGN_IN, zone="zone1"), Gate(kind=GateKind.MAINTENANCE)),
        )
        assert self.kind(everything) == "work-offline"
        assert self.kind(replace(everything, connectivity=connected(Connectivity.OFFLINE))) == "paused"
        assert (
            self.kind(replace(everything, connectivity=ConnectivityState(), paused=False))
            == "sign-in-refused"
        )

    def test_offline_is_never_red(self) -> None:
        for state in Connectivity:
            text = banner_text(replace(GOOD, connectivity=connected(state)), now=NOW)
            assert text is None or text.tone is not Tone.BAD


class TestGlance:
    def test_before_the_queue_is_open_there_are_no_numbers(self) -> None:
        assert {c.value for c in glance.cells(AppState(), now=NOW).values()} == {"–"}

    def test_a_busy_moment(self) -> None:
        state = replace(
            GOOD,
            by_status=by_status(pending=40, retrying=2, processing=2, failed=3, held=2, completed=10),
            metrics=metrics(oldest_age=185, sent_last_minute=14, api_calls_last_hour=6310),
            minutes=tuple(MinuteStat(at=NOW - 60 * i, waiting=i, sent=i) for i in range(40)),
            last_sent_at=NOW - 60,
        )
        cells = glance.cells(state, now=NOW)
        assert (cells["waiting"].value, cells["waiting"].note) == ("42", "oldest 3 min")
        assert len(cells["waiting"].points) == 30
        later = glance.cells(state, now=NOW + 60)
        assert later["waiting"].note == "oldest 4 min", "it grows although nothing happens"
        assert (cells["sending"].value, cells["sending"].note) == ("2", "now")
        assert (cells["needs-you"].value, cells["needs-you"].note) == ("5", "2 held · 3 failed")
        assert cells["needs-you"].tone is Tone.BAD
        assert cells["sent"].value == "14 / min"
        assert cells["sent"].note.startswith("last one ")
        assert (cells["api"].value, cells["api"].note) == ("6\u202f310", "of 10\u202f000")
        assert cells["api"].tone is None
        assert glance.queue_badge(state) == ("42", None)

    def test_a_quiet_moment(self) -> None:
        cells = glance.cells(replace(GOOD, by_status=by_status(completed=10)), now=NOW)
        assert [cells[c].note for c in ("waiting", "sending", "needs-you", "sent")] == [
            "nothing waits",
            "idle",
            "nothing to decide",
            "10 in all",
        ]
        assert glance.queue_badge(GOOD) == ("", None)

    def test_only_failed_is_red(self) -> None:
        held = glance.cells(replace(GOOD, by_status=by_status(held=1)), now=NOW)["needs-you"]
        assert held.tone is Tone.WARN
        assert UI_STATES[UiState.FAILED].tone is Tone.BAD

    def test_scheduled_paused_and_offline_are_named(self) -> None:
        scheduled = glance.cells(replace(GOOD, by_status=by_status(deferred=2)), now=NOW)
        assert scheduled["waiting"].note == "scheduled for later"
        paused = glance.cells(replace(GOOD, paused=True), now=NOW)
        assert paused["sending"].note == "paused"
        offline = glance.cells(replace(GOOD, connectivity=connected(Connectivity.OFFLINE)), now=NOW)
        assert (offline["sending"].note, offline["sent"].note) == ("resumes when online",) * 2

    @pytest.mark.parametrize(("calls", "tone"), [(7_499, None), (7_500, Tone.WARN), (10_000, Tone.BAD)])
    def test_the_api_budget(self, calls: int, tone: Tone | None) -> None:
        state = replace(GOOD, metrics=metrics(api_calls_last_hour=calls))
        assert glance.cells(state, now=NOW)["api"].tone is tone

    @pytest.mark.parametrize(
        ("breakers", "value", "note", "badge"),
        [
            ((), "1 ok", "working normally", ""),
            ((BreakerMetrics(zone="a", state=BreakerState.CLOSED),), "1 ok", "working normally", ""),
            (
                (
                    BreakerMetrics(zone="a", state=BreakerState.CLOSED),
                    BreakerMetrics(zone="b", state=BreakerState.CLOSED, overrides=(hold(),)),
                ),
                "1 ok · 1 maint.",
                "b back in 22 min",
                "MAINT",
            ),
            (
                (BreakerMetrics(zone="a", state=BreakerState.OPEN, retry_in=41.0),),
                "1 stopped",
                "a test in 41 s",
                "STOP",
            ),
            ((BreakerMetrics(zone="a", state=BreakerState.OPEN),), "1 stopped", "a", "STOP"),
            ((BreakerMetrics(zone="a", state=BreakerState.HALF_OPEN),), "1 testing", "a is tested", "TEST"),
            (
                (
                    BreakerMetrics(
                        zone="a", state=BreakerState.OPEN, overrides=(hold(OverrideKind.FORCED_CLOSED),)
                    ),
                ),
                "1 forced",
                "a sends anyway",
                "",
            ),
            (
                (
                    BreakerMetrics(zone=EVERY_ZONE, state=BreakerState.CLOSED, overrides=(hold(until=None),)),
                    BreakerMetrics(zone="a", state=BreakerState.CLOSED),
                ),
                "all held",
                "all zones until ended",
                "MAINT",
            ),
        ],
    )
    def test_breakers_in_plain_words(
        self, breakers: tuple[BreakerMetrics, ...], value: str, note: str, badge: str
    ) -> None:
        zones = tuple(b.zone for b in breakers if b.zone != EVERY_ZONE) or ("zone1",)
        state = replace(GOOD, zones=zones, breakers=breakers)
        cell = glance.cells(state, now=NOW)["breakers"]
        assert (cell.value, cell.note) == (value, note)
        assert glance.breakers_badge(state, now=NOW)[0] == badge

    def test_three_kinds_of_zones_are_named_worst_first_and_in_full_in_the_tip(self) -> None:
        breakers = (
            BreakerMetrics(zone="a", state=BreakerState.CLOSED),
            BreakerMetrics(zone="b", state=BreakerState.CLOSED, overrides=(hold(),)),
            BreakerMetrics(zone="c", state=BreakerState.OPEN, retry_in=41.0),
        )
        state = replace(GOOD, zones=("a", "b", "c"), breakers=breakers)
        cell = glance.cells(state, now=NOW)["breakers"]
        assert (cell.value, cell.note) == ("1 stopped · 2 others", "c test in 41 s")
        assert cell.tip.endswith("1 ok, 1 maint., 1 stopped.")

    def test_without_a_zone_the_breakers_say_so(self) -> None:
        waits = (BreakerMetrics(zone="zone1", state=BreakerState.CLOSED),)  # something is composed for it
        cell = glance.cells(replace(GOOD, zones=(), breakers=waits), now=NOW)["breakers"]
        assert (cell.value, cell.note) == ("–", "not signed in")

    def test_a_zone_that_refuses_the_sign_in_is_not_ok(self) -> None:
        refused = replace(GOOD, zones=("a", "b"), gates=(Gate(kind=GateKind.SIGN_IN, zone="b"),))
        cell = glance.cells(refused, now=NOW)["breakers"]
        assert (cell.value, cell.note, cell.tone) == (
            "1 ok · 1 refused",
            "b refuses the sign-in",
            Tone.WARN,
        )

    def test_offline_nothing_works_normally(self) -> None:
        offline = replace(GOOD, connectivity=connected(Connectivity.OFFLINE))
        cell = glance.cells(offline, now=NOW)["breakers"]
        assert (cell.value, cell.note, cell.tone) == ("1 ok", "offline", None)


class TestConnection:
    @pytest.mark.parametrize(
        ("state", "words", "tone"),
        [
            (AppState(), "Starting", Tone.QUIET),
            (GOOD, "Online · zone1", Tone.GOOD),
            (
                replace(GOOD, connectivity=ConnectivityState(last_ok_at=NOW - 8)),
                "Online · zone1 · last reply 8 s ago",
                Tone.GOOD,
            ),
            (
                replace(GOOD, connectivity=ConnectivityState(last_ok_at=NOW)),
                "Online · zone1 · last reply just now",
                Tone.GOOD,
            ),
            (replace(GOOD, zones=("a", "b", "c")), "Online · a, b…", Tone.GOOD),
            (replace(GOOD, zones=()), "Not signed in", Tone.HELD),
            (
                replace(GOOD, gates=(Gate(kind=GateKind.SIGN_IN, zone="zone1"),)),
                "Limited: sign-in refused",
                Tone.WARN,
            ),
            (replace(GOOD, connectivity=connected(Connectivity.OFFLINE)), "Offline", Tone.HELD),
            (
                replace(GOOD, connectivity=connected(Connectivity.OFFLINE, next_try_at=NOW + 24)),
                "Offline · next try 24 s",
                Tone.HELD,
            ),
            (replace(GOOD, connectivity=connected(Connectivity.PROBING)), "Offline · trying now", Tone.HELD),
            (
                replace(GOOD, connectivity=connected(Connectivity.WORK_OFFLINE)),
                "Offline · by your choice",
                Tone.HELD,
            ),
        ],
    )
    def test_every_state(self, state: AppState, words: str, tone: Tone) -> None:
        assert connection_text(state, now=NOW)[1:] == (words, tone)
