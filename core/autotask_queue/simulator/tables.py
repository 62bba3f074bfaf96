"""The simulated tenant's records, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from autotask_queue.catalogue import Catalogue, Entity
from autotask_queue.simulator.documents import Record, stamp

FIRST_IDS = {
    "Companies": 174,
    "Contacts": 30_682_900,
    "Tickets": 7_840,
    "TicketNotes": 30_777_600,
    "TimeEntries": 43_180,
    "TicketChecklistItems": 5_200,
    "TicketAttachments": 61_300,
    "Resources": 29_682_885,
    "Roles": 29_683_391,
    "ResourceRoles": 29_684_000,
    "BillingCodes": 29_682_800,
}
"""Where ids start: of the size they have in real tenants (resources and roles: 29682xxx)."""

USER_DEFINED_FIELDS = {
    "Tickets": ("ClientRequestID", "Site Access Code"),
    "Companies": ("CustomerRanking",),
    "Contacts": ("Preferred Language",),
}
"""The tenant's user-defined fields, all of type string."""


class Tables:
    """Records by entity and id.

    A record is a dict with every field of its entity, None where there is no value, ready for JSON.
    `now` is the server's clock.
    """

    def __init__(self, catalogue: Catalogue, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.catalogue = catalogue
        self.now = now
        self._records: dict[str, dict[int, Record]] = {entity.name: {} for entity in catalogue}
        self._next = {entity.name: FIRST_IDS.get(entity.name, 1000) for entity in catalogue}
        self._ticket_numbers: dict[str, int] = {}

    def stamp(self) -> str:
        """The present moment as records hold it."""
        return stamp(self.now())

    def insert(self, entity: str, values: Mapping[str, Any], *, id_: int | None = None) -> Record:
        """Adds a record, with the next id unless one is given."""
        described = self.catalogue.entity(entity)
        if id_ is None:
            id_ = self._next[entity] = self._next[entity] + 1
        record = {field.name: values.get(field.name) for field in described.fields} | {"id": id_}
        if described.field("userDefinedFields"):
            record["userDefinedFields"] = merge_user_defined(described, [], record["userDefinedFields"] or [])
        self._records[entity][id_] = record
        return record

    def get(self, entity: str, id_: object) -> Record | None:
        return self._records[entity].get(id_) if isinstance(id_, int) else None

    def rows(self, entity: str) -> Iterator[Record]:
        """All records of an entity, by id."""
        records = self._records[entity]
        return (records[id_] for id_ in sorted(records))

    def where(self, entity: str, **values: object) -> Iterator[Record]:
        """The records whose fields have exactly these values, by id."""
        for record in self.rows(entity):
            if all(record[name] == value for name, value in values.items()):
                yield record

    def remove(self, entity: str, id_: int) -> None:
        del self._records[entity][id_]

    def ticket_number(self, day: datetime) -> str:
        """The next ticket number of a day: `T20260604.0002`."""
        date = f"{day:%Y%m%d}"
        self._ticket_numbers[date] = number = self._ticket_numbers.get(date, 0) + 1
        return f"T{date}.{number:04}"

    def snapshot(self) -> dict[str, list[Record]]:
        """A copy of everything, without the attachments' content."""
        return {
            entity.name: [
                record | ({"data": None} if "data" in record else {}) for record in self.rows(entity.name)
            ]
            for entity in self.catalogue
        }


def merge_user_defined(entity: Entity, old: list[Record], new: list[Record]) -> list[Record]:
    """All user-defined fields of an entity, with the new values over the old ones."""
    names = USER_DEFINED_FIELDS.get(entity.name, ())
    values = {one["name"].lower(): one["value"] for one in [*old, *new]}
    return [{"name": name, "value": values.get(name.lower())} for name in names]
