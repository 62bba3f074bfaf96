"""What this laptop knows of Autotask's records: names for numbers, also without a network.

Kept in the queue file as documents of the kind "reference", one for each zone and entity; filled by
look-ups (`models.look_ups`) and by demo data. Knowing nothing is normal: a number can always be typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from PySide6.QtCore import QObject, Signal

from autotask_console.text import tr
from autotask_queue.catalogue import PicklistValue

if TYPE_CHECKING:
    from autotask_queue import Clock, QueueManager

KIND = "reference"
"""Under which the queue keeps the lists. The key is `zone/entity`."""
FIELDS_KIND = "fields"
"""Under which it keeps a tenant's own picklists. The key is `zone/entity`."""

KEPT: dict[str, tuple[str, ...]] = {
    "Tickets": ("id", "ticketNumber", "title", "status", "companyID", "contactID"),
    "Companies": ("id", "companyName", "city", "phone", "isActive"),
    "Contacts": ("id", "firstName", "lastName", "emailAddress", "companyID", "isActive"),
    "Resources": ("id", "firstName", "lastName", "email", "isActive", "defaultServiceDeskRoleID"),
    "Roles": ("id", "name", "isActive"),
    "ResourceRoles": ("id", "resourceID", "roleID", "isActive"),
    "BillingCodes": ("id", "name", "useType", "isActive"),
}
"""Which entities are remembered, and which of their fields."""

MAX_RECORDS = 5_000
"""Of one entity; beyond it those seen longest ago are forgotten."""

STALE = 7 * 86_400.0
"""Seconds after which a tenant's field lists only warn and do not stop anybody."""


DEFAULT_ZONE = "zone1"
"""Where requests go before anybody signed in."""


def zone_of(queue: QueueManager) -> str:
    """Where new requests go, and whose lists are kept."""
    return next(iter(queue.zones), DEFAULT_ZONE)


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A record by name. `more` tells it from others of the same name; `values` are its kept fields."""

    entity: str
    id: int
    label: str
    more: str = ""
    active: bool = True
    values: Mapping[str, Any] = {}


class _List(msgspec.Struct, kw_only=True):
    """`at`: when it was last added to; `whole_at`: when all of it was last fetched."""

    at: float = 0.0
    whole_at: float = 0.0
    records: dict[str, dict[str, Any]] = {}


class _Fields(msgspec.Struct, kw_only=True):
    at: float = 0.0
    picklists: dict[str, list[PicklistValue]] = {}


class References(QObject):
    """The lists of one zone at a time. `changed` after `load` and after `learn`."""

    changed = Signal()

    def __init__(self, queue: QueueManager, clock: Clock, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue = queue
        self._clock = clock
        self._zone = ""
        self._lists: dict[str, _List] = {}
        self._fields: dict[str, _Fields] = {}
        self._found: dict[str, list[Reference]] = {}

    @property
    def zone(self) -> str:
        return self._zone

    async def load(self, zone: str) -> None:
        """Reads the lists of a zone from the queue file."""
        lists = _of_zone(await self._queue.documents.list(KIND), zone, _List)
        fields = _of_zone(await self._queue.documents.list(FIELDS_KIND), zone, _Fields)
        self._zone, self._lists, self._fields = zone, lists, fields
        self._found.clear()
        self.changed.emit()

    async def learn(
        self, zone: str, entity: str, records: Iterable[Mapping[str, Any]], *, whole: bool = False
    ) -> None:
        """Remembers records of a look-up; those of entities that are not kept are ignored.

        Args:
            zone: where they were found.
            entity: what they are.
            records: as Autotask answered them.
            whole: these are all that are in use: the others that are known are not any more.
        """
        if entity not in KEPT:
            return
        if zone != self._zone:
            await self.load(zone)
        known = self._lists.setdefault(entity, _List())
        if whole:
            _retire(entity, known)
            known.whole_at = self._clock.now()
        for record in records:
            number = record.get("id")
            if isinstance(number, int):
                known.records.pop(str(number), None)  # to the end: seen last
                known.records[str(number)] = {n: record[n] for n in KEPT[entity] if record.get(n) is not None}
        known.records = dict(list(known.records.items())[-MAX_RECORDS:])
        known.at = self._clock.now()
        self._found.pop(entity, None)
        await self._queue.documents.put(KIND, f"{zone}/{entity}", msgspec.to_builtins(known))
        self.changed.emit()

    async def learn_fields(
        self, zone: str, entity: str, picklists: Mapping[str, list[PicklistValue]]
    ) -> None:
        """Remembers the tenant's own picklists of an entity."""
        if zone != self._zone:
            await self.load(zone)
        known = _Fields(at=self._clock.now(), picklists=dict(picklists))
        self._fields[entity] = known
        await self._queue.documents.put(FIELDS_KIND, f"{zone}/{entity}", msgspec.to_builtins(known))
        self.changed.emit()

    # -- asking; from memory

    def get(self, entity: str, number: object) -> Reference | None:
        """The record of that number, if it is known."""
        record = self._lists[entity].records.get(str(number)) if entity in self._lists else None
        return None if record is None else _reference(entity, record, self._name_of)

    def all(self, entity: str) -> list[Reference]:
        """Every known record, by name."""
        if entity not in self._found:
            records = self._lists[entity].records.values() if entity in self._lists else ()
            found = [_reference(entity, record, self._name_of) for record in records]
            self._found[entity] = sorted(found, key=_order)
        return self._found[entity]

    def find(
        self,
        entity: str,
        text: str = "",
        *,
        fits: Callable[[Reference], bool] | None = None,
        limit: int = 50,
    ) -> list[Reference]:
        """Records in whose name every word of `text` occurs; those that begin with it first."""
        words = text.casefold().split()
        found = []
        for one in self.all(entity):
            heap = f"{one.label} {one.more} {one.id}".casefold()
            if all(word in heap for word in words) and (fits is None or fits(one)):
                found.append(one)
        if words:
            start = " ".join(words)
            found.sort(key=lambda one: not one.label.casefold().startswith(start))
        return found[:limit]

    def as_of(self, entity: str) -> float | None:
        """When the list was last added to; None if there is none."""
        known = self._lists.get(entity)
        return known.at if known and known.records else None

    def whole_as_of(self, entity: str) -> float | None:
        """When all of the list was last fetched; None if it never was."""
        known = self._lists.get(entity)
        return known.whole_at or None if known else None

    def picklists(self, entity: str) -> dict[str, tuple[PicklistValue, ...]]:
        """The tenant's own picklists by field name; empty while they are unknown."""
        known = self._fields.get(entity)
        return {name: tuple(values) for name, values in known.picklists.items()} if known else {}

    def fields_as_of(self, entity: str) -> float | None:
        """When the tenant's field list was read."""
        known = self._fields.get(entity)
        return known.at if known else None

    def roles_of(self, resource: object) -> tuple[int, ...]:
        """The roles that a resource is known to hold."""
        records = self._lists["ResourceRoles"].records.values() if "ResourceRoles" in self._lists else ()
        held = [
            r["roleID"]
            for r in records
            if str(r.get("resourceID")) == str(resource)
            and r.get("isActive", True)
            and isinstance(r.get("roleID"), int)
        ]
        return tuple(dict.fromkeys(held))

    def _name_of(self, entity: str, number: object) -> str:
        """A name for a note beside another record; no deeper than this."""
        record = self._lists[entity].records.get(str(number)) if entity in self._lists else None
        return "" if record is None else _label(entity, record)


def _retire(entity: str, known: _List) -> None:
    """Marks all as not in use; what comes next is. A closed ticket is nobody's choice and is forgotten."""
    if entity == "Tickets":
        known.records = {}
    for record in known.records.values():
        record["isActive"] = False


def _of_zone(documents: Mapping[str, Any], zone: str, kind: Any) -> dict[str, Any]:
    found = {}
    for key, value in documents.items():
        owner, _, entity = key.rpartition("/")
        if owner == zone:
            try:
                found[entity] = msgspec.convert(value, kind)
            except msgspec.ValidationError:
                continue  # of another version; a look-up replaces it
    return found


def _reference(entity: str, record: Mapping[str, Any], name_of: Callable[[str, object], str]) -> Reference:
    return Reference(
        entity=entity,
        id=int(record["id"]),
        label=_label(entity, record),
        more=_more(entity, record, name_of),
        active=bool(record.get("isActive", True)),
        values=record,
    )


def _order(one: Reference) -> tuple[int, str]:
    """By name; tickets the newest first."""
    return (-one.id if one.entity == "Tickets" else 0, one.label.casefold())


def _label(entity: str, record: Mapping[str, Any]) -> str:
    match entity:
        case "Tickets":
            number, title = record.get("ticketNumber"), record.get("title") or tr("Ticket without a title")
            return f"{number} – {title}" if number else f"{title} ({record.get('id')})"
        case "Companies":
            name = record.get("companyName")
        case "Contacts" | "Resources":
            name = " ".join(str(record[n]) for n in ("firstName", "lastName") if record.get(n))
        case _:
            name = record.get("name")
    return str(name) if name else str(record.get("id"))


def _more(entity: str, record: Mapping[str, Any], name_of: Callable[[str, object], str]) -> str:
    match entity:
        case "Tickets":
            return name_of("Companies", record.get("companyID"))
        case "Companies":
            parts = (record.get("city"), record.get("phone"))
        case "Contacts":
            parts = (name_of("Companies", record.get("companyID")), record.get("emailAddress"))
        case "Resources":
            parts = (record.get("email"), None)
        case _:
            return ""
    return " · ".join(str(part) for part in parts if part)
