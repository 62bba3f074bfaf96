"""What stands where the list is empty: why, and what to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from autotask_console.state import AppState
from autotask_console.text import clock_time, tr


@dataclass(frozen=True, kw_only=True)
class EmptyText:
    """`buttons` are (id, title); the page knows what each id does."""

    head: str
    more: str = ""
    buttons: tuple[tuple[str, str], ...] = ()


_NEW = ("new", "New request")
_CLEAR = ("clear", "Clear filter")
_ALL = ("all", "Show all")


def empty_text(state: AppState, *, view: str, text: str, now: float) -> EmptyText:
    """The words for an empty list of `view`, narrowed by `text`."""
    if text:
        return EmptyText(
            head=tr("No requests match this filter."),
            more=tr("Filter: {text}", text=text),
            buttons=_told(_CLEAR),
        )
    if not state.counters.count():
        return _nothing_at_all(state)
    last = state.last_sent_at
    sent = tr("Last one {time}.", time=clock_time(last, now=now)) if last is not None else ""
    match view:
        case "needs-you":
            return EmptyText(head=tr("Nothing needs you."), more=_moving(state), buttons=_told(_ALL))
        case "waiting":
            head = tr("All sent.") if last is not None else tr("Nothing waits.")
            return EmptyText(head=f"{head} {sent}".strip(), buttons=_told(_NEW, _ALL))
        case "sent-today":
            more = tr("{n} waiting.", n=state.waiting) if state.waiting else ""
            return EmptyText(head=tr("Nothing was sent today."), more=more, buttons=_told(_NEW, _ALL))
        case _:
            return EmptyText(head=tr("Nothing here."), buttons=_told(_NEW))


def _moving(state: AppState) -> str:
    if state.waiting:
        return tr("{n} waiting. They go out by themselves.", n=state.waiting)
    return tr("Everything is sent.") if not state.sending else tr("{n} being sent.", n=state.sending)


def _nothing_at_all(state: AppState) -> EmptyText:
    more = tr("New requests go out by themselves, as soon as they can.")
    if not state.online:
        more = tr("You are offline. What you add is saved on this laptop and sends by itself later.")
    elif not state.zones:
        more = tr("You can add requests now and sign in later. Nothing is lost.")
    buttons = [_NEW] if state.zones else [_NEW, ("sign-in", "Sign in")]
    return EmptyText(head=tr("Nothing queued yet."), more=more, buttons=_told(*buttons))


def _told(*buttons: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((button_id, tr(title)) for button_id, title in buttons)
