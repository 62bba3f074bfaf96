"""What a person reads for each class of failure: what happened, what it means, what to do."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from autotask_queue.model.failure import Applied, Failure, FailureClass

if TYPE_CHECKING:
    from collections.abc import Mapping


class Words(NamedTuple):
    """`title` is a short noun phrase; `message` and `remedy` are sentences."""

    title: str
    message: str
    remedy: str


LOOKED_UP = "It is looked up in Autotask first and never simply sent again."
"""The remedy wherever a write may have arrived."""

AGAIN = "It is tried again by itself."
"""The remedy wherever another try follows; `last_words` takes it back when none does."""

PERHAPS = "What was sent may or may not have arrived."
"""The end of a message about a write of which nobody knows what it did."""

WORDS: Mapping[FailureClass, Words] = MappingProxyType(
    {
        FailureClass.LOCAL_OFFLINE: Words(
            "No connection",
            "This computer has no connection to Autotask now. Nothing was sent.",
            "There is nothing to do: it is sent when you are online again.",
        ),
        FailureClass.CONNECT_FAIL: Words(
            "Autotask could not be reached",
            "The connection to Autotask could not be made. Nothing was sent.",
            f"{AGAIN} If it lasts, check the network, or whether Autotask is down.",
        ),
        FailureClass.TIMEOUT_UNKNOWN: Words(
            "No answer came back",
            "It was sent, but no usable answer came back. It may or may not have arrived in Autotask.",
            LOOKED_UP,
        ),
        FailureClass.THROTTLE: Words(
            "Autotask asks to slow down",
            "Too many calls came in a short time. Autotask did not carry this one out.",
            "It is sent after a pause.",
        ),
        FailureClass.THREAD_LIMIT: Words(
            "Too many calls at once",
            "Autotask takes three calls at a time for one kind of record, from all computers together. "
            "It did not carry this one out.",
            "It is sent again in a moment.",
        ),
        FailureClass.QUOTA_SUSPENDED: Words(
            "Hourly limit reached",
            "The hour’s calls, which all programs of your company share, are used up. "
            "Autotask did not carry this one out.",
            "Sending goes on when the hour has room again.",
        ),
        FailureClass.SERVER_TRANSIENT: Words(
            "Autotask has a problem",
            "Autotask answered with a fault of its own.",
            AGAIN,
        ),
        FailureClass.APP_ERROR: Words(
            "Autotask refused this",
            "Autotask refused this.",
            "Correct it and send it again.",
        ),
        FailureClass.VALIDATION: Words(
            "Autotask cannot take this",
            "Autotask does not take this request as it is. Nothing was changed.",
            "Correct it and send it again.",
        ),
        FailureClass.AUTH: Words(
            "Sign-in was refused",
            "Autotask did not accept the sign-in. Your queue is safe; sending is paused.",
            "Check the user name, the secret and the integration code. "
            "Do not try many times: Autotask locks a user after several refusals.",
        ),
        FailureClass.PERMISSION: Words(
            "Not allowed",
            "The user who is signed in may not do this in Autotask. Nothing was changed.",
            "Ask an Autotask administrator to allow it for this API user, then retry.",
        ),
        FailureClass.NOT_FOUND: Words(
            "Not found in Autotask",
            "The record does not exist in Autotask, or this user may not see it.",
            "Check the number. The record may have been deleted or merged.",
        ),
        FailureClass.WRONG_ZONE: Words(
            "Moved to another zone",
            "Autotask no longer answers for your company at this address. Nothing was changed.",
            "The new address is looked up by itself. If that fails, sign in again without an address.",
        ),
        FailureClass.CONFLICT: Words(
            "Changed in Autotask meanwhile",
            "The record changed in Autotask and does not take this any more. Nothing was changed.",
            "Look at the record in Autotask, then edit or cancel this request.",
        ),
        FailureClass.CANCELLED: Words(
            "Stopped",
            "The program stopped this attempt.",
            "It goes on when the program runs again.",
        ),
        FailureClass.PROCESSOR_ERROR: Words(
            "Could not be processed",
            "The part of the program that handles this request failed.",
            "See the details, then retry.",
        ),
        FailureClass.BUG: Words(
            "A mistake of this program",
            "The program failed before anything was sent.",
            "Save a report and send it to support. The request is kept.",
        ),
    }
)

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "account_locked": "The API user is locked",
        "already_exists": "It exists already",
        "attachment_limit": "Too many files at once",
        "blocked": "Blocked on the way",
        "changed_meanwhile": "Changed in Autotask meanwhile",
        "http_413": "Too large",
        "http_414": "The query is too long",
        "integration_code": "The integration code is wrong",
        "mismatch": "These do not belong together",
        "missing_field": "Something is missing",
        "proxy_sign_in": "The network wants a sign-in",
        "read_only": "A field cannot be changed",
        "record_closed": "The record is closed",
        "role": "The role does not fit",
        "sign_in_expired": "The sign-in has expired",
        "timesheet": "The timesheet is closed",
        "too_long": "A text is too long",
        "unknown_user": "Autotask does not know this user",
        "unknown_value": "Autotask does not have this value",
    }
)
"""By code, where a list of failed requests can say more than the class's own title."""


def captive_portal(where: str) -> Words:
    """For an answer that comes from something else than `where`."""
    return Words(
        "Something else answered",
        f"Something between this computer and {where} answered instead, as Wi-Fi sign-in pages do. "
        "Nothing was sent.",
        "Open a web page in the browser and sign in to the network. It is sent once Autotask answers.",
    )


OF_READ = Words("No answer came back", "No usable answer came back.", f"It only asks for data. {AGAIN}")
"""For an answer that was lost, where nothing was to be changed."""


def for_read(failure: Failure) -> Failure:
    """The failure of an exchange, if the request only asks for data: nothing can have been applied."""
    message = failure.message.removesuffix(PERHAPS).rstrip()
    if message == WORDS[FailureClass.TIMEOUT_UNKNOWN].message:
        message = OF_READ.message
    remedy = OF_READ.remedy if failure.remedy == LOOKED_UP else failure.remedy
    return msgspec.structs.replace(failure, applied=Applied.NO, message=message, remedy=remedy)


_NO_MORE = "Its tries are used up: retry it when the cause is gone. Until then it is kept."


def last_words(failure: Failure) -> Failure:
    """The failure of a request that is given up: it does not promise another try."""
    return msgspec.structs.replace(failure, remedy=failure.remedy.replace(AGAIN, _NO_MORE))
