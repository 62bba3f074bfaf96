"""How the API says no: the texts are those seen from the real one, letter for letter where known.

A refused call is HTTP 500 with `{"errors": ["…"]}`; a wrong address is answered by the web framework
in front of it with `{"Message": "…"}`; bad credentials get 401 with an empty body.
"""

from __future__ import annotations

from typing import Any

import msgspec

RECORD = " ; on record number [1]."
"""The tail the API appends to most messages; it takes one record a call, so the number is always 1."""

HTML_ERROR = (
    b"<!DOCTYPE html>\r\n<html>\r\n<head><title>Runtime Error</title></head>\r\n<body>\r\n"
    b"<h1>Server Error in '/ATServicesRest' Application.</h1>\r\n</body>\r\n</html>\r\n"
)
HTML_UNAVAILABLE = (
    b"<!DOCTYPE html>\r\n<html>\r\n<head><title>Service Unavailable</title></head>\r\n<body>\r\n"
    b"<h2>Service Unavailable</h2>\r\n<hr><p>HTTP Error 503. The service is unavailable.</p>\r\n"
    b"</body>\r\n</html>\r\n"
)


class Refusal(Exception):
    """Ends a call with this status and JSON body; None is an empty body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body

    def encoded(self) -> bytes:
        return b"" if self.body is None else msgspec.json.encode(self.body)


def invalid(*texts: str) -> Refusal:
    """The call is understood and refused."""
    return Refusal(500, {"errors": list(texts)})


def no_record() -> Refusal:
    """There is no record with that id."""
    return Refusal(404, None)


def no_route(url: str) -> Refusal:
    """No route has that address."""
    return Refusal(404, {"Message": f"No HTTP resource was found that matches the request URI '{url}'."})


def wrong_method(method: str) -> Refusal:
    """The address exists, for other methods."""
    return Refusal(405, {"Message": f"The requested resource does not support http method '{method}'."})


def unauthorized() -> Refusal:
    """The credentials are missing or wrong."""
    return Refusal(401, None)


def thread_limit(limit: int) -> Refusal:
    """Too many calls of one integration at one endpoint are under way."""
    text = f"The Autotask API thread threshold of {limit} threads has been exceeded. Code: Itgenatr005"
    return Refusal(429, {"errors": [text]})


def hourly_limit(limit: int, minutes: int) -> Refusal:
    """The tenant has used up its calls; so many in so many minutes."""
    text = f"The Autotask API request threshold has been exceeded: {limit}-{limit}-{minutes}"
    return Refusal(429, {"errors": [text]})


def missing_required(field: str) -> Refusal:
    """A required field is missing or empty."""
    return invalid(f"Missing Required Field: {field}.{RECORD}")


def unknown_choice(field: str, value: object) -> Refusal:
    """A picklist has no such value, or no longer."""
    return invalid(f"Picklist value [{value}] does not exist for {field}.{RECORD}")


def unknown_child_choice(field: str) -> Refusal:
    """A dependent picklist has no such value under its parent."""
    return invalid(f"Value does not exist for child picklist: {field}")


def bad_reference(field: str, record: str) -> Refusal:
    """A reference names a record that does not exist, is not in use, or is of the wrong kind."""
    return invalid(
        f"Reference value on field: {field} of type: {record} does not exist or is invalid.{RECORD}"
    )


def too_long(field: str) -> Refusal:
    """A text is longer than its field."""
    return invalid(
        f"String value exceeds maximum length (field:{field}).  "
        "| Error updating entity for record number [1]."
    )


def unknown_field(field: str, record: str) -> Refusal:
    """A query names a field that the entity does not have."""
    return invalid(f"Unable to find {field} in the {record} Entity.")


def not_convertible(value: object, kind: str) -> Refusal:
    """A text is no number or no date."""
    return invalid(f"Conversion failed when converting varchar '{value}' to data type {kind}")


def filters_missing() -> Refusal:
    """A query came without a filter, or without a body."""
    return invalid("Value cannot be null.\r\nParameter name: filters")
