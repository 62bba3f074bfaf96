"""Whether Autotask holds what was sent: it writes values down in its own way. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from autotask_queue.autotask.routes import value_of
from autotask_queue.model.request import JSON


def same_value(sent: JSON, there: JSON) -> bool:
    """Whether Autotask holds what was sent, which it writes in its own way.

    Numbers may be texts, moments may lack their zone (UTC) or their fractions, line ends differ, an empty
    text is null, and of user-defined fields only those sent count.
    """
    if isinstance(sent, list) and isinstance(there, list):
        return all(any(_same_user_defined(one, other) for other in there) for one in sent)
    if sent in (None, "") and there in (None, ""):
        return True
    if isinstance(sent, bool) or isinstance(there, bool):
        return sent is there or str(sent).lower() == str(there).lower()
    moments = moment(sent), moment(there)
    if moments[0] is not None and moments[1] is not None:
        return abs((moments[0] - moments[1]).total_seconds()) < 1.0
    if isinstance(sent, int | float) or isinstance(there, int | float):
        numbers = _number(sent), _number(there)
        return numbers[0] is not None and numbers[1] is not None and abs(numbers[0] - numbers[1]) < 1e-6
    return _text(sent) == _text(there)


def _same_user_defined(sent: JSON, there: JSON) -> bool:
    if not isinstance(sent, dict) or not isinstance(there, dict):
        return bool(sent == there)
    named = str(value_of(sent, "name")).lower() == str(value_of(there, "name")).lower()
    return named and same_value(value_of(sent, "value"), value_of(there, "value"))


def moment(value: JSON) -> datetime | None:
    """A point in time as Autotask writes it; without a zone it is UTC. None if it is none."""
    if not isinstance(value, str) or len(value) < 10 or value[4:5] != "-":
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _number(value: JSON) -> float | None:
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None


def _text(value: JSON) -> str:
    return "\n".join(line.rstrip() for line in str(value).splitlines()).strip()
