"""Whatever JSON comes, the simulator answers or refuses; it never falls over."""

from contextlib import suppress
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from autotask_queue.catalogue import load_catalogue
from autotask_queue.simulator import writes
from autotask_queue.simulator.documents import read_document
from autotask_queue.simulator.errors import Refusal
from autotask_queue.simulator.query import _TESTS, Position, find_page, read_query
from autotask_queue.simulator.rules import Actor
from autotask_queue.simulator.seed import API_USER, seeded

CATALOGUE = load_catalogue()
TABLES = seeded(1)
ACTOR = Actor(resource_id=API_USER)

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
words = st.text(max_size=8)
scalars = st.none() | st.booleans() | numbers | words
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner))
entities = st.sampled_from(CATALOGUE.entities)
operators = st.sampled_from([*_TESTS, "exist", "notExist", "in", "notIn"])


@st.composite
def documents(draw: st.DrawFn) -> tuple[Any, Any]:
    """An entity and a document of its fields, with values of any kind."""
    entity = draw(entities)
    names = st.sampled_from([field.name for field in entity.fields])
    dates = st.sampled_from(["2026-06-03", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
    return entity, draw(st.dictionaries(names, scalars | anything | dates, max_size=8))


@given(documents())
def test_writes(drawn: tuple[Any, Any]) -> None:
    entity, document = drawn
    for write in (writes.create, writes.patch, writes.put):
        with suppress(Refusal):
            write(TABLES, entity, read_document(entity, msgspec.json.encode(document)), ACTOR)


@st.composite
def conditions(draw: st.DrawFn) -> tuple[Any, Any]:
    """An entity and a filter over its fields, with values of any kind."""
    entity = draw(entities)
    names = st.sampled_from([field.name for field in entity.fields])
    one = st.fixed_dictionaries({"op": operators, "field": names, "value": scalars | anything})
    tree = st.recursive(
        one,
        lambda inner: st.fixed_dictionaries(
            {"op": st.sampled_from(["and", "or"]), "items": st.lists(inner, max_size=4)}
        ),
        max_leaves=6,
    )
    return entity, draw(st.lists(tree, max_size=4))


@given(conditions())
def test_queries(drawn: tuple[Any, Any]) -> None:
    entity, filters = drawn
    with suppress(Refusal):
        find_page(TABLES.rows(entity.name), read_query(entity, {"filter": filters}))


@given(entities, anything)
def test_any_json(entity: Any, document: Any) -> None:
    with suppress(Refusal):
        read_query(entity, document)
    with suppress(Refusal):
        read_document(entity, msgspec.json.encode(document))


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes(body: bytes) -> None:
    with suppress(Refusal):
        read_document(CATALOGUE.entity("Tickets"), body)
    with suppress(Refusal):
        Position.from_token(body.decode("latin-1"))
