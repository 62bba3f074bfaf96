"""The server's own words: reading them out of a reply's body, and what the known ones mean.

Autotask explains refusals in English sentences and nothing else (autotask-api.md, 3.4 lists those seen
live), so they are matched by pattern. What a sentence quotes is not matched: a task named "CPU threshold
reached" is no limit of ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from autotask_queue.model.failure import FailureClass
from autotask_queue.model.request import JSON
from autotask_queue.policy.wording import AGAIN

MAX_WORDS = 600
"""Characters of the server's own words that are kept."""


class Rule(NamedTuple):
    """`pattern` in the server's words means `kind`; `remedy`, if given, replaces the class's own.

    `wait` is in seconds: what passes by then is worth another try.
    """

    pattern: re.Pattern[str]
    kind: FailureClass
    code: str
    remedy: str = ""
    wait: float = 0.0


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


THREAD_LIMIT = _any_of(r"thread (threshold|limit)", "itgenatr005")
HOURLY_LIMIT = _any_of(
    "request threshold",
    "hourly (request |api )?(limit|threshold)",
    "requests per hour",
    "api (access )?(is |has been )?suspended",
    "threshold .{0,40}(exceeded|reached)",
)
STUMBLED = _any_of(
    "deadlock",
    "lock request",
    "time[ -]?out",
    "timed out",
    "internal (server )?error",
    "unexpected error",
    "an error has occurred",
)
"""Words of a server that stumbled: it refused nothing, and what it had done by then is not said."""
PASSING = _any_of(
    "try again",
    "temporarily",
    "currently unavailable",
    "(down|offline|closed|unavailable) (for|due to) .{0,30}maintenance",
)
"""Words that say no more than that it will pass; those of a rule go before them."""
TOO_LONG = _any_of("(query string|url|request) (is )?too long", r"404\.1[45]")
NO_ROUTE = _any_of("no http resource", "no action was found", "does not support http method")

RULES: tuple[Rule, ...] = (
    Rule(
        _any_of("integration ?code"),
        FailureClass.AUTH,
        "integration_code",
        "Correct the integration code (the API user’s tracking identifier) in the sign-in.",
    ),
    Rule(
        _any_of("account (has been |is )?locked", "user (has been |is )?locked"),
        FailureClass.AUTH,
        "account_locked",
        "Ask an Autotask administrator to unlock the API user, then test the sign-in.",
    ),
    Rule(
        _any_of("password (has |is )?expired", "(secret|credentials?|user) (has |have |is |are )?expired"),
        FailureClass.AUTH,
        "sign_in_expired",
        "Give the API user a new secret in Autotask, and enter it in the sign-in.",
    ),
    Rule(
        _any_of("zone information could not be determined"),
        FailureClass.AUTH,
        "unknown_user",
        "Check the user name: Autotask knows no such API user.",
    ),
    Rule(
        _any_of(
            "(user ?name|password|secret|credentials?).{0,30}(invalid|incorrect)",
            "invalid (user ?name|password|secret|credentials?)",
        ),
        FailureClass.AUTH,
        "sign_in",
    ),
    Rule(
        _any_of(
            "adequate permissions?",
            "(not |in)sufficient permissions?",
            "not have (the )?permissions?",
            "not (authori[sz]ed|permitted)",
        ),
        FailureClass.PERMISSION,
        "permission",
    ),
    Rule(
        _any_of("no matching records? found", r"could not be found\.?$"), FailureClass.NOT_FOUND, "not_found"
    ),
    Rule(
        _any_of("has been closed and can no longer be edited"),
        FailureClass.CONFLICT,
        "record_closed",
        "Open the record again in Autotask and retry, or cancel this request.",
    ),
    Rule(
        _any_of(
            "(modified|changed|updated|edited) by (another|a different|some other)",
            "concurrency (conflict|violation|exception)",
            "row was (updated|deleted) by another",
        ),
        FailureClass.CONFLICT,
        "changed_meanwhile",
    ),
    Rule(
        _any_of(
            "already exists with", "must be unique", "duplicate (ticket|record|entry|of)", "is a duplicate"
        ),
        FailureClass.VALIDATION,
        "already_exists",
        "Look in Autotask whether it is there already; if so, cancel this request.",
    ),
    Rule(
        _any_of("no row at position", "invalid resource and role", "must have a roleid"),
        FailureClass.VALIDATION,
        "role",
        "Choose a role that the resource holds, and send it again.",
    ),
    Rule(
        _any_of("read[- ]?only", "cannot be (edited|set|updated|modified|changed)( if| when|[.,;]|$)"),
        FailureClass.VALIDATION,
        "read_only",
        "Take this field out: Autotask fills it in itself, or keeps it as it is.",
    ),
    Rule(
        _any_of("picklist", "does not reference an existing entity", "does not exist or is invalid"),
        FailureClass.VALIDATION,
        "unknown_value",
        "Choose a value that your Autotask has. If it should be there, refresh the field lists.",
    ),
    Rule(
        _any_of("not associated (to|with)", "cannot be associated"),
        FailureClass.VALIDATION,
        "mismatch",
        "Choose a contact, device and location that belong to the ticket’s company.",
    ),
    Rule(
        _any_of("exceeds maximum length"),
        FailureClass.VALIDATION,
        "too_long",
        "Shorten the text and send it again.",
    ),
    Rule(
        _any_of("attachment limit"),
        FailureClass.APP_ERROR,
        "attachment_limit",
        f"Autotask takes 10 MB of files in five minutes. {AGAIN}",
        wait=300.0,
    ),
    Rule(
        _any_of("timesheet"),
        FailureClass.VALIDATION,
        "timesheet",
        "The timesheet may be submitted already. Ask for it to be opened, then retry.",
    ),
    Rule(
        _any_of(
            "cannot all be empty",
            "must assign both",
            "require a start and stop time",
            "is required",
            "missing required",
        ),
        FailureClass.VALIDATION,
        "missing_field",
        "Fill in what is missing and send it again.",
    ),
)


def find_rule(said: tuple[str, ...], *, only: FailureClass | None = None) -> Rule | None:
    """The first rule that the words match, of the class `only` if given."""
    words = unquoted(said)
    return next((r for r in RULES if (only is None or r.kind is only) and r.pattern.search(words)), None)


def words_in(body: JSON) -> tuple[str, ...]:
    """The server's words: `errors` (a list of texts, or of objects with a message), or `Message`."""
    errors = property_of(body, "errors")
    entries = errors if isinstance(errors, list) else [errors]
    words = tuple(word for word in map(_word, entries) if word)
    return words or tuple(word for word in (_word(property_of(body, "message")),) if word)


def lists_errors(body: JSON) -> bool:
    """Whether the body has an error list with something in it."""
    return property_of(body, "errors") not in (None, [], "", {})


def property_of(body: JSON, name: str) -> JSON:
    """A property whatever its case, as Autotask treats names; None if there is none."""
    if not isinstance(body, Mapping):
        return None
    if name in body:
        return body[name]
    return next((value for key, value in body.items() if str(key).lower() == name.lower()), None)


def joined(said: tuple[str, ...]) -> str:
    """The words as one line, bounded."""
    words = " · ".join(said)
    return words if len(words) <= MAX_WORDS else f"{words[: MAX_WORDS - 1]}…"


_QUOTED = re.compile(r'"[^"]{0,400}"|“[^”]{0,400}”|\[[^\]]{0,400}\]|(?<!\w)\'[^\']{0,400}\'(?!\w)')


def unquoted(said: tuple[str, ...]) -> str:
    """The words without what they quote."""
    return _QUOTED.sub(" ", " ".join(said))


def excerpt(text: str) -> str:
    """The readable beginning of a page, one line: HTML's tags and scripts left out."""
    text = re.sub(r"(?is)<(script|style)\b.{0,2000}?</\1>", " ", text[:8_000])
    return _one_line(re.sub(r"<[^<>]{0,1000}>", " ", text))


def _word(entry: JSON) -> str:
    if isinstance(entry, Mapping):
        entry = property_of(entry, "message")
    return _one_line(entry) if isinstance(entry, str) else ""


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text[:4_000]).split())
