"""What is known of Autotask's entities without asking: fields, picklists, routes, and what to match by.

    catalogue = load_catalogue()
    ticket = catalogue.entity("tickets")
    problems = validate(ticket, {"title": "Printer down"})

The data is `autotask_resources/catalogue/*.json`, one file an entity. It describes the API, so it is the
same for every tenant but for the picklists: those are a tenant's own, and the built-in values are only
what a new tenant starts with. `validate` therefore takes a tenant's own values where they are known.
"""

from autotask_queue.catalogue.entities import (
    Catalogue,
    Entity,
    Field,
    FieldType,
    Parent,
    PicklistValue,
    UnknownEntity,
    load_catalogue,
)
from autotask_queue.catalogue.problems import Problem, Severity
from autotask_queue.catalogue.validation import validate

__all__ = [
    "Catalogue",
    "Entity",
    "Field",
    "FieldType",
    "Parent",
    "PicklistValue",
    "Problem",
    "Severity",
    "UnknownEntity",
    "load_catalogue",
    "validate",
]
