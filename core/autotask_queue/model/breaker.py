"""What can be seen of a zone's circuit breaker and of the holds that people put on it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class BreakerState(StrEnum):
    """The automatic state: sending, stopped, or testing."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class OverrideKind(StrEnum):
    """What a person decided: hold, or send whatever happens."""

    FORCED_OPEN = "forced_open"
    FORCED_CLOSED = "forced_closed"


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """A person's decision that wins over the automatic state until it ends.

    `entity` narrows it to one endpoint of the zone; None means the whole zone. Times are seconds
    since the epoch; `expires_at` None means until somebody releases it.
    """

    kind: OverrideKind
    """Hold, or send whatever happens."""
    reason: str
    """Why, as its author said."""
    actor: str
    """Who."""
    since: float
    """When it was decided."""
    starts_at: float | None = None
    """When it begins; at once if None."""
    expires_at: float | None = None
    entity: str | None = None


class BreakerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a store keeps of a zone's breaker, so that a restart neither forgets nor hammers.

    `trips` is the exponent of the cool-down, `opened_at` wall-clock seconds, `usual_failures` the share
    of calls that fails when all is well, 0 to 1.
    """

    zone: str
    state: BreakerState = BreakerState.CLOSED
    trips: int = 0
    opened_at: float | None = None
    reason: str = ""
    overrides: tuple[Override, ...] = ()
    usual_failures: float = 0.05


class BreakerMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """One zone's breaker as it is now; `retry_in` is seconds until the next test by itself."""

    zone: str
    """The zone's name."""
    state: BreakerState
    """What it does by itself."""
    reason: str = ""
    """Why it is in this state."""
    since: float | None = None
    """When it entered it, seconds since the epoch."""
    retry_in: float | None = None
    overrides: tuple[Override, ...] = ()
    """What people decided about the zone and its endpoints."""
    consecutive_failures: int = 0
    """Failures since the last success."""
    failure_threshold: float = 0.65
    """The share of failed calls from which on it opens by itself, 0 to 1."""
    recent_total: int = 0
    """Calls that got an answer, of the last 60 seconds."""
    recent_failed: int = 0
    """Of the last 60 seconds."""
    p95: float | None = None
    """Seconds, of the last hour."""
    per_minute: tuple[int, ...] = ()
    """Attempts that got an answer, one number a minute, oldest first, at most 60."""
    endpoints: tuple[str, ...] = ()
    """Entities of this zone that have been used."""

    @property
    def override(self) -> Override | None:
        """The override that holds for the whole zone, if any."""
        return next((o for o in self.overrides if o.entity is None), None)
