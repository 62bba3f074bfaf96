"""Faults on demand: what can go wrong between a client and the API, chosen through `/_sim/faults`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from enum import StrEnum
from random import Random
from typing import Annotated

import msgspec

DEFAULT_LATENCY = 2.0


class FaultKind(StrEnum):
    """What happens to a call. Only those marked so have done anything at the server."""

    OFFLINE = "offline"
    """The connection is cut at once; the call is neither counted nor logged."""
    LATENCY = "latency"
    """The call takes `latency` seconds longer, half of them before it is done (applied), half after."""
    STATUS_503 = "status_503"
    HTML_500 = "html_500"
    THREAD_LIMIT = "thread_limit"
    HOURLY_LIMIT = "hourly_limit"
    HANG = "hang"
    """No answer, until the client gives up or the fault is deleted; then the connection is cut."""
    DROP_BEFORE_APPLY = "drop_before_apply"
    """A write is read and dropped, and the connection cut. Reads go on."""
    DROP_AFTER_APPLY = "drop_after_apply"
    """A write is applied, and the connection cut instead of the reply. Reads go on."""
    TRUNCATE = "truncate"
    """The call is done (applied), but only half of the reply's body arrives before the connection closes."""
    UNAUTHORIZED = "unauthorized"


ONLY_WRITES = (FaultKind.DROP_BEFORE_APPLY, FaultKind.DROP_AFTER_APPLY)

Positive = Annotated[float, msgspec.Meta(gt=0)]


class FaultRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `POST /_sim/faults` takes.

    `route` is a prefix of the method and the path behind the version, in any case: `POST /Tickets` is all
    creates of tickets and of what lies below them, `/Tickets` any method; a `$` at the end asks for the
    whole path. Left out, it is every call. `rate` is the share of such calls that are hit, `count` how
    many are hit at most, `seconds` how long the fault lasts.

    `latency` (only with that kind): the seconds added to each call. `refuse` (only with `offline`, and
    alone): the port itself is closed, so that connecting fails, until the fault is deleted; `/_sim` is then
    reached at `control_url`.
    """

    kind: FaultKind
    route: str | None = None
    rate: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    count: Annotated[int, msgspec.Meta(gt=0)] | None = None
    seconds: Positive | None = None
    latency: Positive | None = None
    refuse: bool = False

    def __post_init__(self) -> None:
        if self.latency is not None and self.kind is not FaultKind.LATENCY:
            raise ValueError("`latency` belongs to the kind latency")
        whole = (self.route, self.rate, self.count, self.seconds) == (None, 1.0, None, None)
        if self.refuse and not (whole and self.kind is FaultKind.OFFLINE):
            raise ValueError("`refuse` belongs to the kind offline, without route, rate, count or seconds")

    def covers(self, method: str, path: str) -> bool:
        """True if the fault is about this call; `path` is what stands behind the version."""
        route = (self.route or "").strip().lower()
        call = f"{method} {path}".lower() if not route.startswith("/") else path.lower()
        return call == route[:-1] if route.endswith("$") else call.startswith(route)


class Fault(msgspec.Struct, kw_only=True):
    """A fault at work. `ended` is set when it is deleted or runs out of time."""

    id: int
    request: FaultRequest
    hits: int = 0
    until: float | None = None
    ended: asyncio.Event = msgspec.field(default_factory=asyncio.Event)

    def active(self, now: float) -> bool:
        spent = self.request.count is not None and self.hits >= self.request.count
        return not spent and (self.until is None or now < self.until)

    def described(self) -> dict[str, object]:
        """The fault as `/_sim/faults` shows it."""
        described: dict[str, object] = msgspec.to_builtins(self.request)
        return {"id": self.id, **described, "hits": self.hits}


class Effects(msgspec.Struct, frozen=True, kw_only=True):
    """What the faults do to one call."""

    delay: float = 0.0
    fault: Fault | None = None

    @property
    def kind(self) -> FaultKind | None:
        return self.fault.request.kind if self.fault else None


class FaultBook:
    """The faults at work. Of several that cover a call the oldest decides; delays add up."""

    def __init__(self, draw: Random, clock: Callable[[], float] = time.monotonic) -> None:
        self._draw = draw
        self._clock = clock
        self._faults: dict[int, Fault] = {}
        self._last = 0

    def add(self, request: FaultRequest) -> Fault:
        self._last += 1
        until = None if request.seconds is None else self._clock() + request.seconds
        fault = Fault(id=self._last, request=request, until=until)
        self._faults[fault.id] = fault
        return fault

    def end(self, id_: int) -> Fault | None:
        """Ends one fault; None if there is none with that id."""
        fault = self._faults.pop(id_, None)
        if fault:
            fault.ended.set()
        return fault

    def end_all(self) -> list[Fault]:
        ended = list(self._faults.values())
        for fault in ended:
            self.end(fault.id)
        return ended

    def active(self) -> list[Fault]:
        """The faults that can still hit something."""
        return [fault for fault in self._faults.values() if fault.active(self._clock())]

    def strike(self, method: str, path: str, *, write: bool) -> Effects:
        """What hits this call; counts the hits."""
        delay, decisive = 0.0, None
        for fault in self.active():
            request = fault.request
            slow = request.kind is FaultKind.LATENCY
            if not request.covers(method, path) or (not slow and decisive is not None):
                continue
            if (request.kind in ONLY_WRITES and not write) or self._draw.random() >= request.rate:
                continue
            fault.hits += 1
            if slow:
                delay += DEFAULT_LATENCY if request.latency is None else request.latency
            else:
                decisive = fault
        return Effects(delay=delay, fault=decisive)

    def seconds_left(self, fault: Fault) -> float | None:
        return None if fault.until is None else max(0.0, fault.until - self._clock())
