"""The catalogue's values and its loader."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from enum import StrEnum
from functools import cache, cached_property
from importlib.resources import files

import msgspec


class FieldType(StrEnum):
    """What a field's value is in a document.

    A `DATE` is written like a `DATETIME` whose time is midnight; `ARRAY` is only `userDefinedFields`.
    """

    INTEGER = "integer"
    NUMBER = "number"
    STRING = "string"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    DATE = "date"
    ARRAY = "array"


class PicklistValue(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One choice of a picklist.

    `id` is what stands in a record: a number, but for the few picklists of type string. `parent` is the
    id of the value of the field `Field.picklist_parent` under which this choice is offered.
    """

    id: int | str
    label: str
    """What a person reads."""
    is_default: bool = False
    """Whether it is chosen where nobody chooses."""
    is_active: bool = True
    """Whether it is offered."""
    parent: int | str | None = None


class Field(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A property of a record.

    `required` speaks of creating. `reference` names the entity whose id the value is; the catalogue need
    not hold that entity. `picklist` is empty if the field has none (or a tenant's own, unknown here).
    """

    name: str
    """As Autotask names it."""
    label: str
    """What a person reads."""
    type: FieldType
    """What its values are."""
    required: bool = False
    read_only: bool = False
    """Whether only Autotask sets it."""
    queryable: bool = True
    """Whether it can be searched by."""
    max_length: int | None = None
    """Characters at most."""
    reference: str | None = None
    picklist_parent: str | None = None
    """The field that decides which choices are offered."""
    picklist: tuple[PicklistValue, ...] = ()


class Parent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Under which record an entity is written: `/{entity}/{value of field}/{route}`."""

    entity: str
    route: str
    field: str


class Entity(
    msgspec.Struct, frozen=True, kw_only=True, dict=True, rename="camel", forbid_unknown_fields=True
):
    """A kind of record.

    `name` is the route segment (`Tickets`), `record` Autotask's name of one (`Ticket`), `label` what a
    person reads. With a `parent`, records are created, changed and deleted under it and only read at the
    root. `marker` is a free text field for a client's own key; where there is none, `natural_key` are
    the fields by which a record is found again, together with `created_field`. `modified_field` moves
    when fields are edited, `activity_field` also when something below the record is. `display` are the
    fields that name a record to a person. With `impersonation` a write may be made in a resource's name.
    """

    name: str
    label: str
    record: str
    fields: tuple[Field, ...]
    parent: Parent | None = None
    can_create: bool = False
    """Whether the API creates records."""
    can_update: bool = False
    """Whether it changes them."""
    can_delete: bool = False
    """Whether it deletes them."""
    can_query: bool = True
    """Whether it finds them."""
    marker: str | None = None
    natural_key: tuple[str, ...] = ()
    created_field: str | None = None
    modified_field: str | None = None
    activity_field: str | None = None
    display: tuple[str, ...] = ()
    impersonation: bool = False

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {field.name.lower(): field for field in self.fields}

    def field(self, name: str) -> Field | None:
        """The field of that name, whatever its case; None if there is none."""
        return self._by_name.get(name.lower())

    @property
    def required(self) -> tuple[Field, ...]:
        """The fields without which nothing can be created."""
        return tuple(field for field in self.fields if field.required)


class UnknownEntity(LookupError):
    """The catalogue holds no entity of that name; the message says which there are."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        near = get_close_matches(name.lower(), [one.lower() for one in known], n=1)
        guess = next((one for one in known if near and one.lower() == near[0]), None)
        hint = f"Did you mean {guess}?" if guess else f"Known are {', '.join(known)}."
        super().__init__(f"There is no entity “{name}”. {hint}")
        self.name = name


class Catalogue:
    """All entities, by name. Read-only; one instance serves the whole program."""

    def __init__(self, entities: tuple[Entity, ...]) -> None:
        self.entities = tuple(sorted(entities, key=lambda entity: entity.name))
        self._by_name = {entity.name.lower(): entity for entity in self.entities}

    def entity(self, name: str) -> Entity:
        """The entity of that name (`Tickets`), whatever its case.

        Raises:
            UnknownEntity: there is none; its text names the nearest.
        """
        try:
            return self._by_name[name.lower()]
        except KeyError:
            raise UnknownEntity(name, tuple(entity.name for entity in self.entities)) from None

    def child(self, parent: str, route: str) -> Entity | None:
        """The entity that is written at `/{parent}/{id}/{route}`, whatever the case; None if none is."""
        for entity in self.entities:
            at = entity.parent
            if at and (at.entity.lower(), at.route.lower()) == (parent.lower(), route.lower()):
                return entity
        return None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name

    def __iter__(self) -> Iterator[Entity]:
        return iter(self.entities)


@cache
def load_catalogue() -> Catalogue:
    """Reads the built-in catalogue; later calls give the same instance (about 15 small files, once)."""
    folder = files("autotask_resources") / "catalogue"
    decoder = msgspec.json.Decoder(Entity)
    return Catalogue(
        tuple(decoder.decode(file.read_bytes()) for file in folder.iterdir() if file.name.endswith(".json"))
    )
