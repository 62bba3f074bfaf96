"""Arguments that several commands share, and how their texts become values."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from autotask_queue.cli.places import default_config, default_database, expand
from autotask_queue.cli.refusals import refuse_in_document, refuse_password, refuse_telling
from autotask_queue.cli.times import parse_duration, parse_moment
from autotask_queue.engine.intake import MAX_BODY
from autotask_queue.logs import LEVELS
from autotask_queue.model.errors import ConfigError
from autotask_queue.model.filters import Range, RequestFilter, Sort, SortField
from autotask_queue.model.request import JSON, MAX_PRIORITY, MIN_PRIORITY
from autotask_queue.model.status import OPEN, TERMINAL, Status
from autotask_queue.store.redis.address import parse

E = TypeVar("E", bound=StrEnum)

_GROUPS = {"open": OPEN, "finished": TERMINAL}


def help_with(text: str, examples: str) -> dict[str, Any]:
    """What a command's parser is made with: a sentence, and examples that can be copied."""
    return {
        "help": text[0].lower() + text[1:].partition(". ")[0].rstrip("."),
        "description": text,
        "epilog": f"examples:\n{examples.strip(chr(10))}",
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
        "parents": [common_after()],
    }


class Subparsers(Protocol):
    """What a command adds itself to; argparse's own type has no public name."""

    @property
    def add_parser(self) -> Callable[..., argparse.ArgumentParser]: ...


def add_common(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Adds what every command takes before its name."""
    add = parser.add_argument
    return [
        add("--db", type=Path, metavar="PATH", help=f"the queue file ({_in_help(default_database())})"),
        add("--redis", type=address, metavar="URL", help="a queue on a Redis server instead, shared by many"),
        add("--config", type=Path, metavar="FILE", help=f"the settings ({_in_help(default_config())})"),
        add(
            "--secrets-file",
            type=Path,
            metavar="FILE",
            help="sign-in secrets in TOML or JSON, readable by you only",
        ),
        add(
            "--key-file",
            type=Path,
            metavar="FILE",
            help="the key of an encrypted queue file, readable by you only",
        ),
        add("--json", action="store_true", help="print JSON, for programs"),
        add(
            "--log-level",
            default="warning",
            choices=LEVELS,
            help="how much is logged to stderr (%(default)s)",
        ),
    ]


def _in_help(path: Path) -> str:
    return str(path).replace("%", "%%")


def common_after() -> argparse.ArgumentParser:
    """The same for after the command's name; without defaults, which would undo what stood before it."""
    parser = argparse.ArgumentParser(add_help=False)
    for action in add_common(parser):
        action.default = action.help = argparse.SUPPRESS
    return parser


# ---------------------------------------------------------------------------------------------
# Values


def address(text: str) -> str:
    """The address of a Redis server; never with a password."""
    try:
        refuse_password(parse(text))
    except ConfigError as error:
        problem = error.problems[0].partition(": ")[2]
        raise argparse.ArgumentTypeError(f"this is no address of a Redis server: {problem}") from None
    return text


def duration(text: str) -> float:
    """Seconds."""
    return _checked(parse_duration, text)


def moment(text: str) -> float:
    """Seconds since the epoch."""
    return _checked(lambda t: parse_moment(t, time.time()), text)


def priority(text: str) -> int:
    """1 to 10."""
    return whole(MIN_PRIORITY, MAX_PRIORITY)(text)


def whole(least: int, most: int) -> Callable[[str], int]:
    """A type for whole numbers between two."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"give a whole number from {least} to {most}")
        return number

    return parse


def span(text: str) -> Range:
    """One priority, 7, or several, 3-7, with both ends."""
    low, _, high = text.partition("-")
    return Range(min=priority(low), max=priority(high or low))


def header(text: str) -> tuple[str, str]:
    """A name and a value, as in "Name: value"; never a secret."""
    name, colon, value = text.partition(":")
    refuse_telling(name, "The header")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError("give it as 'Name: value'")
    return name.strip(), value.strip()


def assignment(text: str) -> tuple[str, JSON]:
    """A field and its value: as JSON if it is some (12, true, null, "12"), else as text."""
    name, equals, value = text.partition("=")
    refuse_telling(name, "The field")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError("give it as name=value")
    try:
        return name.strip(), msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return name.strip(), value


def document(text: str) -> JSON:
    """JSON: the text itself, the file after "@", or stdin for "-"."""
    if not text.startswith("@") and text != "-":
        value = _decode(text.encode("utf-8", "surrogatepass"), "the text")
        refuse_in_document(value)
        return value
    if text == "-":
        return _decode(sys.stdin.buffer.read(MAX_BODY + 1), "what came from stdin")
    path = expand(Path(text[1:]))
    try:
        with path.open("rb") as file:
            return _decode(file.read(MAX_BODY + 1), str(path))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path} cannot be read ({error.strerror or error})") from None


def _decode(content: bytes, what: str) -> JSON:
    if len(content) > MAX_BODY:
        raise argparse.ArgumentTypeError(f"{what} is larger than {MAX_BODY // 2**20} MB")
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{what} is no JSON: {error}") from None


def _checked(parse: Callable[[str], float], text: str) -> float:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def statuses(text: str) -> tuple[Status, ...]:
    """Statuses separated by commas; "open" and "finished" stand for several."""
    found: list[Status] = []
    for word in text.lower().split(","):
        found += sorted(_GROUPS[word]) if word in _GROUPS else [_one_of(Status, word.strip())]
    return tuple(dict.fromkeys(found))


def sort_field(text: str) -> SortField:
    """The name of a field to sort by."""
    return _one_of(SortField, text)


def _one_of(kind: type[E], word: str) -> E:
    try:
        return kind(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(kind)}") from None


# ---------------------------------------------------------------------------------------------
# Groups of arguments


def add_ids(parser: argparse.ArgumentParser, *, many: bool = True) -> None:
    """The requests that a command is about."""
    text = "a request: the number that `list` shows, its id, or how its id begins"
    parser.add_argument("ids" if many else "id", nargs="*" if many else None, metavar="ID", help=text)


def add_reason(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Why, for the audit trail."""
    parser.add_argument(
        "--reason", default="", metavar="TEXT", required=required, help="why; kept in the audit trail"
    )


def add_filter(parser: argparse.ArgumentParser) -> None:
    """Flags that say which requests are meant; all given ones must hold."""
    group = parser.add_argument_group("which requests (all that is given must hold)")
    group.add_argument(
        "--status", type=statuses, action="append", default=[], metavar="S",
        help=f"one or more of {', '.join(Status)}, or open, or finished",
    )  # fmt: skip
    group.add_argument(
        "--zone", dest="zones", action="append", default=[], metavar="ZONE", help="of this zone"
    )
    group.add_argument("--entity", action="append", default=[], help="such as Tickets")
    group.add_argument("--endpoint", help="exactly this path, such as /Tickets")
    group.add_argument("--method", action="append", default=[], type=str.upper, help="such as POST")
    group.add_argument("--text", default="", help="words in the summary, the path or the ids")
    group.add_argument(
        "--priority-range", type=span, metavar="N[-M]", dest="priorities", help="of these priorities"
    )
    group.add_argument("--since", type=moment, metavar="WHEN", help="composed at this time or later")
    group.add_argument("--until", type=moment, metavar="WHEN", help="composed at this time or earlier")
    group.add_argument(
        "--http-status", action="append", default=[], type=whole(100, 599), metavar="N",
        help="whose last answer was this",
    )  # fmt: skip


def build_filter(args: argparse.Namespace) -> RequestFilter:
    """The filter that `add_filter`'s flags ask for; an empty one if there were none."""
    created = None if args.since is None and args.until is None else Range(min=args.since, max=args.until)
    return RequestFilter(
        status=tuple(dict.fromkeys(s for several in args.status for s in several)),
        zone=tuple(args.zones),
        entity=tuple(args.entity),
        endpoint=args.endpoint,
        method=tuple(args.method),
        text=args.text,
        priority=args.priorities,
        created=created,
        http_status=tuple(args.http_status),
    )


def sorting(field: SortField, *, ascending: bool) -> Sort:
    """An order."""
    return Sort(field=field, direction="asc" if ascending else "desc")


def pairs(given: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Names and values as a table; the last of a name wins."""
    return dict(given)
