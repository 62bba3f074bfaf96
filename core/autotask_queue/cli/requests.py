"""Finds what people mean by a request or a zone."""

from __future__ import annotations

import argparse
import difflib
import uuid
from typing import Final

import msgspec

from autotask_queue.cli.access import Asking
from autotask_queue.cli.arguments import sorting
from autotask_queue.cli.errors import UnclearId, UnknownZone
from autotask_queue.engine.breakers import EVERY_ZONE
from autotask_queue.engine.control.questions import MOST_ROWS, Find, ListZones, Rows
from autotask_queue.model.errors import RequestNotFound
from autotask_queue.model.filters import RequestFilter, SortField
from autotask_queue.model.request import RequestId, RequestRow

_SHORTEST: Final = 4
_MOST_CANDIDATES: Final = 2_000


async def find_id(queue: Asking, text: str) -> RequestId:
    """The id of the one request that `text` means: a number, an id, or how an id begins.

    Raises:
        RequestNotFound: there is none.
        UnclearId: there are several.
    """
    text = text.strip().lower()
    if text.isdecimal() and not text.startswith("0") and len(text) < 16:
        rows = await fetch_rows(queue, [int(text)])
    elif _is_id(text):
        return RequestId(text)
    else:
        rows = await _beginning_with(queue, text)
    if not rows:
        raise RequestNotFound(f"There is no request {text}.")
    if len(rows) > 1:
        some = "\n".join(f"{row.id}  {row.seq}  {row.summary}" for row in rows[:5])
        raise UnclearId(f"{text} fits {len(rows)} requests:\n{some}")
    return rows[0].id


async def fetch_rows(queue: Asking, seqs: list[int]) -> list[RequestRow]:
    """Rows of any number of requests."""
    rows: list[RequestRow] = []
    for start in range(0, len(seqs), MOST_ROWS):
        page: list[RequestRow] = await queue.ask(Rows(seqs=seqs[start : start + MOST_ROWS]))
        rows += page
    return rows


async def _beginning_with(queue: Asking, text: str) -> list[RequestRow]:
    if len(text) < _SHORTEST:
        raise UnclearId(f"{text} is too short for the beginning of an id.")
    # Ids grow with time: the newest of what merely contains the text are the likeliest to be meant.
    query = RequestFilter(text=text, sort=sorting(SortField.SEQ, ascending=False), limit=_MOST_CANDIDATES)
    found = await queue.ask(Find(filter=query))
    return [row for row in await fetch_rows(queue, found.seqs) if row.id.startswith(text)]


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


async def known_zone(queue: Asking, name: str) -> str:
    """`name`, if there is such a zone.

    Raises:
        UnknownZone: there is none; the message names those that are near.
    """
    known = (await queue.ask(ListZones())).known
    if name == EVERY_ZONE or name in known:
        return name
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else f" There are: {', '.join(known) or 'none'}."
    raise UnknownZone(f"There is no zone {name}.{hint}")


async def zone_for(queue: Asking, name: str | None) -> str:
    """The zone of a new request: the given one, or the only one that is configured.

    Raises:
        UnknownZone: none was given, and there is not exactly one.
    """
    if name is not None:
        return name
    configured = (await queue.ask(ListZones())).configured
    if len(configured) == 1:
        return configured[0]
    names = ", ".join(configured) or "none is configured"
    raise UnknownZone(f"Which zone? ({names})", remedy="Name it with --zone.")


async def with_ids(queue: Asking, args: argparse.Namespace) -> tuple[RequestId, ...]:
    """The ids that were named, each once."""
    return tuple(dict.fromkeys([await find_id(queue, text) for text in args.ids]))


def is_everything(query: RequestFilter) -> bool:
    """Whether no condition was given."""
    return query == RequestFilter() or msgspec.structs.replace(query, limit=None) == RequestFilter()
