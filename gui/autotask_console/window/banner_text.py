"""What the banner says: a pure function of the state and the time.

Only what is unusual, and only the first of it, in the order in which it stops sending.
"""

from __future__ import annotations

from autotask_console.state import AppState
from autotask_console.text import BREAKER_LOOKS, BreakerWord, Tone, clock_time, countdown, plural, tr
from autotask_console.widgets.banner import BannerText
from autotask_queue import Connectivity, Gate, GateKind

BACK_ONLINE_SECONDS = 5.0
SAFE = "Everything is saved on this laptop and will send by itself."


def banner_text(state: AppState, *, now: float) -> BannerText | None:
    """The banner for this moment, or None."""
    if state.closing:
        return BannerText(
            kind="closing",
            glyph="◔",
            head=tr("Closing."),
            text=tr("Waiting a moment for what is being sent. Everything else is saved."),
            tone=Tone.HELD,
        )
    if not state.open:
        return None
    for make in (_by_hand, _paused, _offline, _sign_in, _maintenance, _stopped, _back_online):
        text = make(state, now)
        if text is not None:
            return text
    return None


def _by_hand(state: AppState, now: float) -> BannerText | None:
    if state.connectivity.state is not Connectivity.WORK_OFFLINE:
        return None
    return BannerText(
        kind="work-offline",
        glyph="◌",
        head=tr("Working offline"),
        text=tr(
            "because you chose to, since {time}. Everything is saved on this laptop "
            "and sends when you go online.",
            time=clock_time(state.connectivity.since, now=now),
        ),
        tone=Tone.HELD,
        buttons=(("go-online", tr("Go online")),),
    )


def _paused(state: AppState, now: float) -> BannerText | None:
    if not state.paused:
        return None
    until = state.paused_until
    if until is None:
        text = tr("New requests are saved and wait until you resume.")
    else:
        when, left = clock_time(until, now=now), countdown(until, now=now)
        text = tr("until {when}, {left} left. New requests are saved and wait.", when=when, left=left)
    return BannerText(
        kind="paused",
        glyph="‖",
        head=tr("Sending is paused"),
        text=text,
        tone=Tone.HELD,
        buttons=(("resume", tr("Resume sending")),),
    )


def _offline(state: AppState, now: float) -> BannerText | None:
    connection = state.connectivity
    if connection.state not in {Connectivity.OFFLINE, Connectivity.PROBING}:
        return None
    if connection.state is Connectivity.PROBING:
        attempt = tr("Trying now…")
    elif connection.next_try_at is not None:
        attempt = tr("Next try in {left}.", left=countdown(connection.next_try_at, now=now))
    else:
        attempt = ""
    since = tr("since {time}.", time=clock_time(connection.since, now=now))
    return BannerText(
        kind="offline",
        glyph="◌",
        head=tr("Working offline"),
        text=f"{since} {tr(SAFE)} {attempt}".rstrip(),
        tone=Tone.HELD,
        buttons=(("try-now", tr("Try now")),),
    )


def _sign_in(state: AppState, _now: float) -> BannerText | None:
    if not state.zones:
        return BannerText(
            kind="no-sign-in",
            glyph="◔",
            head=tr("Not signed in yet."),
            text=tr("You can add requests; they are saved on this laptop and send after you sign in."),
            tone=Tone.HELD,
            buttons=(("sign-in", tr("Sign in…")),),
        )
    gate = state.gate(GateKind.SIGN_IN)
    if gate is None:
        return None
    return BannerText(
        kind="sign-in-refused",
        glyph="◔",
        head=tr("Sign-in was refused for {zone}.", zone=gate.zone or ""),
        text=tr("Your queue is safe; its requests wait."),
        tone=Tone.WARN,
        buttons=(("sign-in", tr("Fix sign-in")),),
    )


def _maintenance(state: AppState, now: float) -> BannerText | None:
    holds = [g for g in state.gates if g.kind is GateKind.MAINTENANCE and g.entity is None]
    if not holds:
        return None
    everything = next((g for g in holds if g.zone is None), None)
    gate = everything or holds[0]
    what = tr("Everything is held") if everything else tr("Zone {zone} is held", zone=gate.zone or "")
    more = len(holds) - 1
    also = plural(more, " {n} more zone is held.", " {n} more zones are held.") if more else ""
    return BannerText(
        kind="maintenance",
        glyph=BREAKER_LOOKS[BreakerWord.MAINTENANCE].glyph,
        head=what,
        text=tr("for maintenance {details}. New requests are saved.", details=_details(gate, now)) + also,
        tone=Tone.HELD,
        buttons=(("breakers", tr("Show")),),
    )


def _details(gate: Gate, now: float) -> str:
    parts = []
    if gate.until is not None:
        when, left = clock_time(gate.until, now=now), countdown(gate.until, now=now)
        parts.append(tr("until {when} ({left} left)", when=when, left=left))
    else:
        parts.append(tr("until somebody ends it"))
    if gate.actor:
        parts.append(tr("by {actor}", actor=gate.actor))
    reason = f" – {gate.reason}" if gate.reason else ""
    return f"{', '.join(parts)}{reason}"


def _stopped(state: AppState, now: float) -> BannerText | None:
    gate = state.gate(GateKind.BREAKER)
    if gate is None:
        return None
    test = tr("Next test in {left}.", left=countdown(gate.until, now=now)) if gate.until else ""
    return BannerText(
        kind="stopped",
        glyph=BREAKER_LOOKS[BreakerWord.STOPPED].glyph,
        head=tr("Zone {zone} does not answer well.", zone=gate.zone or ""),
        text=f"{tr('We stopped for a moment so that nothing is lost.')} {test}".rstrip(),
        tone=Tone.WARN,
        buttons=(("breakers", tr("Show")),),
    )


def _back_online(state: AppState, now: float) -> BannerText | None:
    if state.back_online_at is None or now - state.back_online_at > BACK_ONLINE_SECONDS:
        return None
    count = state.waiting + state.sending
    text = plural(count, "Sending {n} request…", "Sending {n} requests…") if count else tr("Nothing waits.")
    return BannerText(kind="back-online", glyph="●", head=tr("Back online."), text=text, tone=Tone.GOOD)
