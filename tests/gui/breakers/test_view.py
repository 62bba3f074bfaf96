"""What a card says for each state of a zone."""

from __future__ import annotations

import pytest

from autotask_console.pages.breakers.view import (
    CardView,
    Verb,
    card,
    entity_title,
    everything,
    scope_title,
    waiting,
    worst_first,
    zone_names,
)
from autotask_console.state import AppState
from autotask_console.text import BreakerWord, Tone
from autotask_queue import (
    BreakerMetrics,
    BreakerState,
    Cell,
    Counters,
    Gate,
    GateKind,
    Override,
    OverrideKind,
    Status,
)

NOW = 1_800_000_000.0


def hold(
    *,
    entity: str | None = None,
    starts_in: float | None = None,
    ends_in: float | None = 22 * 60,
    kind: OverrideKind = OverrideKind.FORCED_OPEN,
) -> Override:
    return Override(
        kind=kind,
        reason="firewall swap",
        actor="Anna",
        since=NOW - 60,
        starts_at=None if starts_in is None else NOW + starts_in,
        expires_at=None if ends_in is None else NOW + ends_in,
        entity=entity,
    )


def state_of(
    *breakers: BreakerMetrics, cells: tuple[Cell, ...] = (), gates: tuple[Gate, ...] = ()
) -> AppState:
    return AppState(at=NOW, open=True, breakers=breakers, counters=Counters(cells=cells), gates=gates)


def breaker(zone: str = "ww5", state: BreakerState = BreakerState.CLOSED, **more: object) -> BreakerMetrics:
    return BreakerMetrics(zone=zone, state=state, **more)  # type: ignore[arg-type]


def shown(*breakers: BreakerMetrics, zone: str = "ww5", **more: object) -> CardView:
    return card(state_of(*breakers, **more), zone, now=NOW)  # type: ignore[arg-type]


def cell(zone: str, entity: str, status: Status, count: int) -> Cell:
    return Cell(zone=zone, entity=entity, status=status, count=count)


class TestWords:
    def test_a_quiet_zone_is_ready(self) -> None:
        view = shown()
        assert (view.word, view.look.word) == (BreakerWord.SENDING, "Sending")
        assert view.when == "Ready. Nothing was sent in the last hour."
        assert view.verbs == (Verb.MAINTENANCE,)
        assert view.healthy

    def test_a_busy_zone_works_normally(self) -> None:
        view = shown(breaker(per_minute=(0, 3), recent_total=50, recent_failed=1, p95=0.61))
        assert view.when == "Working normally."
        assert view.numbers.replace("\N{NARROW NO-BREAK SPACE}", " ") == "2 % failed · p95 0.6 s"
        assert view.points_text == "Calls a minute: 3 now, at most 3 in the last 60 min, 3 in all"

    def test_a_stopped_zone_says_why_since_when_and_when_it_is_tested(self) -> None:
        view = shown(
            breaker(
                state=BreakerState.OPEN, reason="5 calls in a row failed", retry_in=41.0, since=NOW - 3_600
            )
        )
        assert (view.look.glyph, view.look.word, view.look.tone) == ("○", "Stopped", Tone.BAD)
        assert view.when == "Next test in 41 s"
        assert view.who.startswith("5 calls in a row failed · since ")
        assert view.verbs == (Verb.TEST, Verb.MAINTENANCE, Verb.RESUME)

    def test_the_countdown_goes_on_between_two_looks_at_the_queue(self) -> None:
        state = state_of(breaker(state=BreakerState.OPEN, reason="x", retry_in=41.0))
        assert card(state, "ww5", now=NOW + 11).when == "Next test in 30 s"
        assert card(state, "ww5", now=NOW + 60).when == "The next test is due now"

    def test_a_zone_in_test(self) -> None:
        view = shown(breaker(state=BreakerState.HALF_OPEN, reason="the pause is over"))
        assert view.look.word == "Testing"
        assert view.who == "The pause is over"
        assert view.verbs == (Verb.MAINTENANCE, Verb.RESUME)

    def test_a_hold_shows_its_end_its_author_and_its_reason(self) -> None:
        view = shown(breaker(overrides=(hold(),)))
        assert view.look.word == "Maintenance"
        assert view.when.endswith(" · 22 min left")
        assert view.who == "by Anna – “firewall swap”"
        assert view.verbs == (Verb.EXTEND, Verb.END)

    def test_a_hold_without_an_end_cannot_be_extended(self) -> None:
        view = shown(breaker(overrides=(hold(ends_in=None),)))
        assert view.when == "Until somebody ends it"
        assert view.verbs == (Verb.END,)

    def test_a_forced_resume_is_named(self) -> None:
        view = shown(breaker(state=BreakerState.OPEN, overrides=(hold(kind=OverrideKind.FORCED_CLOSED),)))
        assert view.look.word == "Sending anyway"
        assert view.verbs == (Verb.END, Verb.MAINTENANCE)

    @pytest.mark.parametrize(
        "kind", [GateKind.OFFLINE, GateKind.PAUSED, GateKind.SIGN_IN, GateKind.THROTTLED]
    )
    def test_a_zone_that_may_not_send_is_not_green(self, kind: GateKind) -> None:
        view = shown(breaker(per_minute=(3,)), gates=(Gate(kind=kind),))
        assert view.look.tone is not Tone.GOOD
        assert view.look.word == "Waiting"
        assert view.when != "Working normally."
        assert not view.healthy


class TestScopes:
    def test_a_hold_of_an_endpoint_leaves_the_zone_sending(self) -> None:
        view = shown(breaker(per_minute=(1,), overrides=(hold(entity="TicketNotes"),)))
        assert view.word is BreakerWord.SENDING
        assert [(line.what, line.verbs) for line in view.holds] == [("Ticket notes", (Verb.EXTEND, Verb.END))]
        assert not view.healthy

    def test_a_planned_hold_is_announced_and_can_be_dropped(self) -> None:
        view = shown(breaker(per_minute=(1,), overrides=(hold(starts_in=600, ends_in=2400),)))
        assert view.word is BreakerWord.SENDING
        (line,) = view.holds
        assert line.planned
        assert line.what == "Zone ww5"
        assert line.when.endswith("starts in 10 min")
        assert line.verbs == (Verb.END,)

    def test_a_hold_of_everything_has_its_line_and_covers_each_zone(self) -> None:
        state = state_of(breaker("*", overrides=(hold(),)), breaker("ww5"))
        line = everything(state, now=NOW)
        assert line is not None
        assert (line.what, line.zone) == ("Everything", "*")
        view = card(state, "ww5", now=NOW)
        assert (view.look.word, view.when) == ("Maintenance", "Held together with everything else.")
        assert view.verbs == (Verb.MAINTENANCE,)
        assert zone_names(state) == ("ww5",)

    def test_nothing_is_held_by_default(self) -> None:
        assert everything(state_of(), now=NOW) is None

    def test_names(self) -> None:
        assert scope_title("*") == "everything"
        assert scope_title("ww5") == "zone ww5"
        assert scope_title("ww5", "TimeEntries") == "Time entries of ww5"
        assert entity_title("Tickets") == "Tickets"
        assert entity_title("ConfigurationItems") == "Configuration items"
        assert entity_title("TicketRMACredits") == "Ticket RMA credits"
        assert entity_title("") == ""


class TestCounts:
    CELLS = (
        cell("ww5", "Tickets", Status.PENDING, 20),
        cell("ww5", "Tickets", Status.RETRYING, 8),
        cell("ww5", "TicketNotes", Status.PENDING, 3),
        cell("ww5", "Tickets", Status.COMPLETED, 900),
        cell("ww5", "Tickets", Status.DEFERRED, 5),
        cell("ww14", "Tickets", Status.PENDING, 11),
    )

    def test_only_what_would_go_out_counts(self) -> None:
        counters = Counters(cells=self.CELLS)
        assert waiting(counters, "ww5") == 31
        assert waiting(counters, "ww5", "TicketNotes") == 3
        assert waiting(counters, "*") == 42

    def test_the_word_is_the_queue_pages_word(self) -> None:
        gate = Gate(kind=GateKind.MAINTENANCE, zone="ww5")
        held = shown(breaker(overrides=(hold(),)), cells=self.CELLS, gates=(gate,))
        assert held.waiting_text == "31 held"
        assert shown(breaker(), cells=self.CELLS).waiting_text == "31 waiting"
        assert shown(breaker()).waiting_text == ""

    def test_endpoints_are_those_used_waiting_or_held(self) -> None:
        view = shown(
            breaker(endpoints=("Companies",), overrides=(hold(entity="Contacts"),)), cells=self.CELLS
        )
        assert view.endpoints == "Companies · Contacts · Ticket notes (3) · Tickets (28)"


def test_worst_first() -> None:
    state = state_of(
        breaker("a", per_minute=(1,)),
        breaker("b", BreakerState.OPEN),
        breaker("c", overrides=(hold(),)),
        breaker("d", BreakerState.HALF_OPEN),
        breaker("e", overrides=(hold(entity="Tickets"),)),
        breaker("f", BreakerState.OPEN),
        cells=(cell("f", "Tickets", Status.PENDING, 1),),
    )
    views = [card(state, zone, now=NOW) for zone in zone_names(state)]
    assert [v.zone for v in worst_first(views)] == ["f", "b", "d", "c", "e", "a"]


def test_a_screen_reader_hears_all_of_it() -> None:
    view = shown(
        breaker(overrides=(hold(),)),
        cells=(cell("ww5", "Tickets", Status.PENDING, 31),),
        gates=(Gate(kind=GateKind.MAINTENANCE, zone="ww5"),),
    )
    for part in ("ww5: Maintenance", "22 min left", "by Anna", "31 held"):
        assert part in view.sentence
