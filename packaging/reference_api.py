"""The reference of the library, from its own signatures and docstrings.

Read with `ast`, and not with a documentation tool: signatures come out as they stand in the source, and the
texts beside fields and members (which no import keeps) are found in the same tree.
"""

from __future__ import annotations

import ast
import enum
import functools
import inspect
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

import autotask_queue
from autotask_queue import Event, QueueError

Function = ast.FunctionDef | ast.AsyncFunctionDef
_SECTION = re.compile(r"(Args|Attributes|Raises|Returns|Yields):")
_GROUPS = (
    "Queues and parts",
    "Functions",
    "Values",
    "Enumerations",
    "Events",
    "Protocols",
    "Errors",
    "Constants",
)


@dataclass(frozen=True, kw_only=True)
class Member:
    """Something inside a class: a method, a property, a field, or a member of an enumeration."""

    name: str
    kind: str
    signature: str
    doc: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One public name."""

    name: str
    group: str
    signature: str
    doc: str
    parameters: tuple[str, ...] = ()
    members: list[Member] = field(default_factory=list)


def entries() -> list[Entry]:
    """Every public name of `autotask_queue`, by group and name."""
    found = [_entry(name, getattr(autotask_queue, name)) for name in autotask_queue.__all__]
    return sorted(found, key=lambda e: (_GROUPS.index(e.group), e.name.lower()))


def undocumented() -> Iterator[str]:
    """What has no text: a name, a member, or a parameter that no text mentions."""
    for entry in entries():
        if not entry.doc:
            yield entry.name
        yield from (f"{entry.name}({p})" for p in entry.parameters if not _mentions(entry.doc, p))
        for member in entry.members:
            if not member.doc and not (member.kind == "field" and _mentions(entry.doc, member.name)):
                yield f"{entry.name}.{member.name}"
            for parameter in member.parameters:
                if not _mentions(f"{member.doc}\n{entry.doc}", parameter):
                    yield f"{entry.name}.{member.name}({parameter})"


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


# ---------------------------------------------------------------------------------------------
# Reading


def _entry(name: str, thing: Any) -> Entry:
    if inspect.isclass(thing) and thing.__module__.startswith("autotask_queue"):
        return _class_entry(name, thing)
    if inspect.isfunction(inspect.unwrap(thing)):
        node = _find(thing)
        assert isinstance(node, Function)  # noqa: S101 - what inspect calls a function is one
        return Entry(
            name=name, group="Functions", signature=_signature(name, node), doc=inspect.getdoc(thing) or "",
            parameters=_parameters(node),
        )  # fmt: skip
    doc, shown = _constant(name, thing)
    return Entry(name=name, group="Constants", signature=shown, doc=doc)


def _class_entry(name: str, cls: type[Any]) -> Entry:
    own = [base for base in cls.__mro__ if base.__module__.startswith("autotask_queue")]
    members: dict[str, Member] = {}
    for base in reversed(own):
        if base is cls or base not in (QueueError, Event):
            members |= {member.name: member for member in _members(base)}
    init = next((m for m in members.values() if m.name == "__init__"), None)
    signature = f"class {name}" + (init.signature.removeprefix("__init__") if init and _is_made(cls) else "")
    return Entry(
        name=name,
        group=_group(cls),
        signature=signature.replace("(self, ", "(").removesuffix(" -> None").replace("(self)", "()"),
        doc=_class_doc(cls),
        parameters=init.parameters if init and _is_made(cls) else (),
        members=[m for m in members.values() if not m.name.startswith("_")],
    )


def _class_doc(cls: type[Any]) -> str:
    doc = inspect.cleandoc(cls.__doc__ or "")
    if issubclass(cls, QueueError):
        facts = f"Code `{cls.code}`: *{cls.title}.* {cls.default_remedy}"
        return f"{doc}\n\n{facts}" if "__doc__" in vars(cls) and doc else facts
    if issubclass(cls, Event) and cls.name:
        return f"`{cls.name}`. {doc}".strip()
    return doc


def _is_made(cls: type[Any]) -> bool:
    """Whether people make one themselves, with arguments."""
    return not issubclass(cls, msgspec.Struct | enum.Enum | Exception) and "Args:" in (cls.__doc__ or "")


def _group(cls: type[Any]) -> str:
    if issubclass(cls, QueueError):
        return "Errors"
    if issubclass(cls, Event):
        return "Events"
    if issubclass(cls, enum.Enum):
        return "Enumerations"
    if issubclass(cls, msgspec.Struct):
        return "Values"
    return (
        "Protocols" if Protocol in cls.__mro__ and getattr(cls, "_is_protocol", False) else "Queues and parts"
    )


def _members(cls: type[Any]) -> Iterator[Member]:
    node = _find(cls)
    assert isinstance(node, ast.ClassDef)  # noqa: S101 - what inspect calls a class is one
    for statement, text in _with_texts(node.body):
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                is_property = any(
                    ast.unparse(d) in {"property", "cached_property"} for d in statement.decorator_list
                )
                returns = f": {ast.unparse(statement.returns)}" if statement.returns else ""
                yield Member(
                    name=statement.name,
                    kind="property" if is_property else "method",
                    signature=statement.name + returns
                    if is_property
                    else _signature(statement.name, statement),
                    doc=inspect.cleandoc(ast.get_docstring(statement) or "")
                    or _inherited(cls, statement.name),
                    parameters=() if is_property else _parameters(statement),
                )
            case ast.AnnAssign(target=ast.Name(id=name)) if issubclass(cls, msgspec.Struct):
                if "ClassVar" in ast.unparse(statement.annotation):
                    continue
                default = f" = {ast.unparse(statement.value)}" if statement.value else ""
                signature = f"{name}: {ast.unparse(statement.annotation)}{default}"
                yield Member(name=name, kind="field", signature=signature, doc=text)
            case ast.Assign(targets=[ast.Name(id=name)]) if issubclass(cls, enum.Enum):
                words = text or f'"{name.lower()}"'
                yield Member(
                    name=name, kind="member", signature=f"{name} = {ast.unparse(statement.value)}", doc=words
                )
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=other)) if not name.startswith(
                "_"
            ):
                yield Member(name=name, kind="alias", signature=name, doc=f"The same as `{other}`.")
            case _:
                pass


def _inherited(cls: type[Any], name: str) -> str:
    return inspect.getdoc(getattr(cls, name)) or "" if not name.startswith("_") else ""


def _with_texts(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, str]]:
    """Statements with the text that stands below them."""
    for place, statement in enumerate(body):
        after = body[place + 1] if place + 1 < len(body) else None
        match after:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield statement, inspect.cleandoc(text)
            case _:
                yield statement, ""


def _constant(name: str, thing: Any) -> tuple[str, str]:
    for module in [m for key, m in sys.modules.items() if key.startswith("autotask_queue.")]:
        if name not in vars(module) or not getattr(module, "__file__", None):
            continue
        for statement, text in _with_texts(_tree(Path(str(module.__file__))).body):
            targets = (
                statement.targets
                if isinstance(statement, ast.Assign)
                else [getattr(statement, "target", None)]
            )
            if text and any(name in ast.unparse(t) for t in targets if t is not None):
                shown = (
                    name
                    if isinstance(thing, frozenset) or not isinstance(thing, str | int)
                    else f"{name} = {json.dumps(thing)}"
                )
                return text, shown
    return _CONSTANTS.get(name, ""), name


_CONSTANTS = {
    "__version__": "The version of this package.",
    "LogLevel": 'How much is logged: "debug", "info", "warning" or "error".',
}


def _find(thing: Any) -> ast.AST:
    thing = inspect.unwrap(thing)
    path = inspect.getsourcefile(thing)
    assert path is not None  # noqa: S101 - all of it is Python
    for node in reversed(_tree(Path(path)).body):  # the last one: overloads stand before it
        if isinstance(node, ast.ClassDef | Function) and node.name == thing.__name__:
            return node
    raise LookupError(f"{thing!r} is not found in {path}")


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _signature(name: str, node: Function) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    text = f"{name}({ast.unparse(node.args)}){returns}".replace("(self, ", "(").replace("(self)", "()")
    return f"await {text}" if isinstance(node, ast.AsyncFunctionDef) and not _is_stream(node) else text


def _is_stream(node: Function) -> bool:
    return any(isinstance(inner, ast.Yield) for inner in ast.walk(node))


def _parameters(node: Function) -> tuple[str, ...]:
    args = node.args
    named = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
    return tuple(a.arg for a in named if a.arg not in {"self", "cls"} and not a.arg.startswith("_"))


# ---------------------------------------------------------------------------------------------
# Writing


def text() -> str:
    """The whole reference as Markdown."""
    out = [
        "# API reference",
        "",
        "Generated by `python3 packaging/dev.py references` from the docstrings of `autotask_queue`; do not",
        "edit it. Durations are seconds, moments seconds since the epoch (UTC). Every `QueueError` says what",
        "happened, what it means and what to do (`message`, `remedy`). [CONFIGURATION.md](CONFIGURATION.md)",
        "has the settings, [README.md](README.md) the reasons, `examples/` programs that run.",
    ]
    group = ""
    for entry in entries():
        if entry.group != group:
            group = entry.group
            out += ["", f"## {group}"]
        out += ["", f"### {entry.name}", ""]
        if entry.signature not in {entry.name, f"class {entry.name}"}:
            out += ["```python", entry.signature, "```", ""]
        out += [_markdown(entry.doc), *_written(entry)]
    return "\n".join(line.rstrip() for line in "\n".join(out).splitlines()) + "\n"


def _written(entry: Entry) -> Iterator[str]:
    plain = [m for m in entry.members if m.kind in {"field", "member"}]
    if plain:
        yield ""
    for member in plain:
        about = (
            f": {' '.join(member.doc.split())}"
            if member.doc and member.doc != f'"{member.name.lower()}"'
            else ""
        )
        yield f"- `{member.signature}`{about}"
    for member in entry.members:
        if member not in plain:
            yield f"\n**`{member.signature}`**\n"
            yield _markdown(member.doc)


def _markdown(doc: str) -> str:
    """A docstring with its sections as lists."""
    out: list[str] = []
    inside = False
    for line in doc.splitlines():
        if _SECTION.fullmatch(line):
            inside = True
            out += ["", f"{line.removesuffix(':')}:", ""]
        elif inside and line.startswith("        "):
            out[-1] += f" {line.strip()}"
        elif inside and line.startswith("    "):
            name, colon, words = line.strip().partition(": ")
            is_item = colon and re.fullmatch(r"[\w, .*]+", name)
            out.append(f"- `{name}`: {words}" if is_item else f"- {line.strip()}")
        else:
            inside = inside and not line
            out.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip()
