"""Gates: what keeps ready requests from being sent now, without touching any of them."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class GateKind(StrEnum):
    """In order of precedence: where several apply, the first explains the wait."""

    WORK_OFFLINE = "work_offline"
    PAUSED = "paused"
    MAINTENANCE = "maintenance"
    """A person holds the zone or one endpoint of it."""
    SIGN_IN = "sign_in"
    """The zone refused the sign-in, or has none."""
    OFFLINE = "offline"
    BREAKER = "breaker"
    """The breaker opened by itself."""
    THROTTLED = "throttled"
    """The server asked for a pause."""
    NO_PROCESSOR = "no_processor"


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A closed gate. `zone` None means every zone, `entity` None every endpoint of the zone.

    `until` is seconds since the epoch, None if nobody knows.
    """

    kind: GateKind
    """What keeps requests back."""
    zone: str | None = None
    entity: str | None = None
    reason: str = ""
    """Why, for people."""
    actor: str = ""
    """Who closed it."""
    until: float | None = None

    def covers(self, zone: str, entity: str) -> bool:
        """Whether requests of this endpoint wait at this gate."""
        return self.zone in (None, zone) and self.entity in (None, entity)


_ORDER = {kind: place for place, kind in enumerate(GateKind)}


def gate_for(gates: tuple[Gate, ...], zone: str, entity: str) -> Gate | None:
    """The one of `gates` that explains why requests of `zone` and `entity` wait; None if they may go."""
    covering = [g for g in gates if g.covers(zone, entity)]
    return min(covering, key=lambda g: _ORDER[g.kind], default=None)
