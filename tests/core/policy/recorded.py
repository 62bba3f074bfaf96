"""Replies as recorded from Autotask and from what stands before it, with what each must mean."""

from __future__ import annotations

import json
from typing import NamedTuple

from autotask_queue.model.failure import Applied, FailureClass

K = FailureClass
NO, UNKNOWN = Applied.NO, Applied.UNKNOWN
HTML = (
    "<!DOCTYPE html>\r\n<html><head><title>Runtime Error</title><style>b{color:red}</style></head>"
    "<body><h1>Server Error in '/ATServicesRest' Application.</h1></body></html>"
)
HTML_503 = "<html><body><h2>Service Unavailable</h2><p>HTTP Error 503.</p></body></html>"
THREADS = "The Autotask API thread threshold of 3 threads has been exceeded."


def errors(*texts: str) -> str:
    return json.dumps({"errors": list(texts)})


def message(text: str) -> str:
    return json.dumps({"Message": text})


class Shape(NamedTuple):
    """A reply as recorded; `write` and `read` are (class, applied) or None for success."""

    status: int
    text: str
    write: tuple[FailureClass, Applied] | None
    read: tuple[FailureClass, Applied] | None
    code: str = ""


def both(status: int, text: str, kind: FailureClass, code: str = "") -> Shape:
    return Shape(status, text, (kind, NO), (kind, NO), code)


def lost(status: int, text: str, kind: FailureClass = K.SERVER_TRANSIENT, code: str = "") -> Shape:
    """Says nothing about a write."""
    return Shape(status, text, (kind, UNKNOWN), (kind, NO), code)


CORPUS = [
    # success
    Shape(200, '{"itemId":128926}', None, None),
    Shape(200, '{"itemId":"128926"}', None, None),
    Shape(201, '{"ItemID": 7}', None, None),
    Shape(
        200,
        '{"item":{"id":5,"title":"The thread threshold of 3 threads"}}',
        (K.TIMEOUT_UNKNOWN, UNKNOWN),
        None,
    ),
    Shape(200, '{"items":[],"pageDetails":{"count":0}}', (K.TIMEOUT_UNKNOWN, UNKNOWN), None),
    Shape(
        200,
        '{"items":[{"title":"Deadlock, request threshold exceeded"}]}',
        (K.TIMEOUT_UNKNOWN, UNKNOWN),
        None,
    ),
    Shape(200, '{"queryCount":3}', (K.TIMEOUT_UNKNOWN, UNKNOWN), None),
    Shape(
        200,
        '{"zoneName":"America East","url":"https://webservices3.autotask.net/atservicesrest/"}',
        (K.TIMEOUT_UNKNOWN, UNKNOWN),
        None,
    ),
    # 2xx that is no answer
    Shape(200, "", (K.TIMEOUT_UNKNOWN, UNKNOWN), (K.SERVER_TRANSIENT, NO), "unusable_reply"),
    Shape(204, "", (K.TIMEOUT_UNKNOWN, UNKNOWN), (K.SERVER_TRANSIENT, NO), "unusable_reply"),
    Shape(200, '{"itemId":12', (K.TIMEOUT_UNKNOWN, UNKNOWN), (K.SERVER_TRANSIENT, NO), "unusable_reply"),
    Shape(200, '{"itemId":null}', (K.TIMEOUT_UNKNOWN, UNKNOWN), None),
    Shape(200, '{"itemId":0}', (K.TIMEOUT_UNKNOWN, UNKNOWN), None),
    Shape(200, '{"itemId":true}', (K.TIMEOUT_UNKNOWN, UNKNOWN), None),
    Shape(200, '{"itemId":"abc"}', (K.TIMEOUT_UNKNOWN, UNKNOWN), None),
    Shape(200, "[]", (K.TIMEOUT_UNKNOWN, UNKNOWN), (K.SERVER_TRANSIENT, NO)),
    Shape(200, "null", (K.TIMEOUT_UNKNOWN, UNKNOWN), (K.SERVER_TRANSIENT, NO)),
    Shape(
        200, "<html><title>Hotel Wi-Fi</title></html>", (K.TIMEOUT_UNKNOWN, UNKNOWN), (K.SERVER_TRANSIENT, NO)
    ),
    Shape(
        200,
        "<p>The thread threshold of 3 threads has been exceeded.</p>",
        (K.TIMEOUT_UNKNOWN, UNKNOWN),
        (K.SERVER_TRANSIENT, NO),
    ),
    Shape(200, '{"item":null}', (K.TIMEOUT_UNKNOWN, UNKNOWN), (K.NOT_FOUND, NO)),
    Shape(200, errors(THREADS), (K.THREAD_LIMIT, NO), (K.THREAD_LIMIT, NO)),
    Shape(200, errors("Attachment could not be found."), (K.TIMEOUT_UNKNOWN, UNKNOWN), (K.NOT_FOUND, NO)),
    # limits, whatever the status
    both(429, errors(THREADS), K.THREAD_LIMIT, "thread_limit"),
    both(500, errors(f"{THREADS} Code: Itgenatr005"), K.THREAD_LIMIT, "thread_limit"),
    both(401, errors(THREADS), K.THREAD_LIMIT),
    both(503, THREADS, K.THREAD_LIMIT),
    both(500, json.dumps({"errors": [{"message": "Itgenatr005"}]}), K.THREAD_LIMIT),
    both(
        500, errors("The Autotask API request threshold has been exceeded: 10000-10000-60"), K.QUOTA_SUSPENDED
    ),
    both(429, errors("Hourly limit reached"), K.QUOTA_SUSPENDED, "hourly_limit"),
    both(500, errors("API access has been suspended."), K.QUOTA_SUSPENDED),
    both(429, "", K.THROTTLE, "throttled"),
    both(429, "<html>Too Many Requests</html>", K.THROTTLE),
    # sign-in
    both(401, "", K.AUTH, "sign_in"),
    both(401, errors("The user account has been locked."), K.AUTH, "account_locked"),
    both(500, errors("IntegrationCode is invalid"), K.AUTH, "integration_code"),
    both(500, errors("Zone information could not be determined"), K.AUTH, "unknown_user"),
    both(500, errors("The user account has been locked."), K.AUTH, "account_locked"),
    both(500, errors("Invalid username or password."), K.AUTH, "sign_in"),
    # permission
    both(403, "", K.PERMISSION),
    both(403, message("Authorization has been denied for this request."), K.PERMISSION),
    both(
        500,
        errors("The logged in Resource does not have the adequate permissions to create this entity."),
        K.PERMISSION,
        "permission",
    ),
    # not there
    both(404, "", K.NOT_FOUND, "not_found"),
    both(404, "<html>404 - File or directory not found.</html>", K.NOT_FOUND),
    both(410, "", K.NOT_FOUND),
    both(
        404,
        message("No HTTP resource was found that matches the request URI 'http://x/V1.0/TicketNotes'."),
        K.VALIDATION,
    ),
    both(
        405, message("The requested resource does not support http method 'GET'."), K.VALIDATION, "http_405"
    ),
    both(500, errors("Attachment could not be found."), K.NOT_FOUND),
    both(
        500,
        errors("No message. No matching records found. The logged in Resource may not have access."),
        K.NOT_FOUND,
    ),
    # refusals
    both(
        500,
        errors(
            "assignedResourceID, assignedResourceRoleID, and queueID cannot all be empty. Supply a queueID "
            "or both an assignedResourceID and assignedResourceRoleID."
        ),
        K.APP_ERROR,
        "missing_field",
    ),
    both(
        500,
        errors(
            "Data violation: When assigning a Resource, you must assign both a assignedResourceID and "
            "assignedResourceRoleID."
        ),
        K.APP_ERROR,
        "missing_field",
    ),
    both(
        500,
        errors("TimeEntries for Service tickets require a start and stop time."),
        K.APP_ERROR,
        "missing_field",
    ),
    both(500, errors("TimeEntries for Tickets must have a roleID."), K.APP_ERROR, "role"),
    both(500, errors("There is no row at position 0."), K.APP_ERROR, "role"),
    both(
        500,
        errors("Picklist value [3] does not exist for noteType. ; on record number [1]."),
        K.APP_ERROR,
        "unknown_value",
    ),
    both(500, errors("Value does not exist for child picklist: subIssueType"), K.APP_ERROR, "unknown_value"),
    both(
        500,
        errors("Value does not reference an existing entity for taskType ."),
        K.APP_ERROR,
        "unknown_value",
    ),
    both(
        500,
        errors("contactID is not associated to the companyID or its Parent Company"),
        K.APP_ERROR,
        "mismatch",
    ),
    both(
        500, errors("The configurationItemID [7] is not associated with Company [0]"), K.APP_ERROR, "mismatch"
    ),
    both(
        500, errors("The companyLocationID[1] cannot be associated with the Ticket."), K.APP_ERROR, "mismatch"
    ),
    both(
        500, errors('The Task "Kickoff" has an invalid Resource and Role combination.'), K.APP_ERROR, "role"
    ),
    both(500, errors("The ticket has been closed and can no longer be edited."), K.CONFLICT, "record_closed"),
    both(
        500,
        errors("A ContactGroup already exists with Name [x]. ContactGroup names must be unique."),
        K.APP_ERROR,
        "already_exists",
    ),
    both(
        500,
        errors(
            'The startDateTime, endDateTime and isComplete cannot be edited if status is of type "Canceled".'
        ),
        K.APP_ERROR,
        "refused",
    ),
    both(
        500, errors("Conversion failed when converting varchar 'x' to data type int"), K.APP_ERROR, "refused"
    ),
    both(500, errors("Value cannot be null.\r\nParameter name: filters"), K.APP_ERROR),
    both(500, errors("Unable to find foo in the Ticket Entity."), K.APP_ERROR),
    both(500, errors("Missing Required Field: title. ; on record number [1]."), K.APP_ERROR, "missing_field"),
    both(500, errors("String value exceeds maximum length (field:title)."), K.APP_ERROR, "too_long"),
    both(500, errors("Something nobody has seen before"), K.APP_ERROR, "refused"),
    both(500, json.dumps({"Errors": ["Something else"]}), K.APP_ERROR),
    both(500, json.dumps({"errors": "one text, no list"}), K.APP_ERROR),
    # what a refusal quotes is a person's text, not the server's
    both(
        500,
        errors('The Task "CPU threshold exceeded" has an invalid Resource and Role combination.'),
        K.APP_ERROR,
        "role",
    ),
    both(500, errors("Picklist value [timeout] does not exist for noteType."), K.APP_ERROR, "unknown_value"),
    both(
        500,
        errors("Conversion failed when converting varchar 'internal error' to data type int"),
        K.APP_ERROR,
    ),
    both(400, message("The request is invalid."), K.VALIDATION, "http_400"),
    both(
        400,
        errors("Invalid query syntax. Queries are limited to 500 or fewer 'OR' conditions."),
        K.VALIDATION,
    ),
    both(409, errors("Conflicting"), K.VALIDATION),
    both(413, "", K.VALIDATION),
    both(415, "", K.VALIDATION),
    both(422, errors("nope"), K.VALIDATION),
    # a server in trouble: nobody knows what it did with a write
    lost(500, HTML, code="http_500"),
    lost(500, ""),
    lost(500, "{}"),
    lost(500, '{"errors":[]}'),
    lost(500, '{"errors":null}'),
    lost(500, '{"errors":{}}'),
    lost(500, '{"errors":[7]}'),
    lost(500, "[1,2]"),
    lost(500, '{"err'),
    lost(500, message("An error has occurred.")),
    lost(500, errors("Internal error")),
    lost(500, errors("An internal server error occurred, please try again")),
    lost(500, errors("Transaction (Process ID 71) was deadlocked on lock resources with another process")),
    lost(500, errors("Timeout expired. The timeout period elapsed prior to completion of the operation")),
    lost(500, errors("The operation has timed out")),
    lost(502, "<html>502 Bad Gateway</html>", code="http_502"),
    lost(502, errors("upstream said no")),
    lost(503, HTML_503, code="http_503"),
    lost(504, "", code="http_504"),
    lost(504, errors("Gateway")),
    lost(599, ""),
    lost(520, "<html>cloud</html>"),
    lost(0, ""),
    lost(100, ""),
    lost(999, "x"),
    lost(408, "", K.TIMEOUT_UNKNOWN, "server_gave_up"),
    both(503, errors("Down for maintenance"), K.SERVER_TRANSIENT),
    # elsewhere
    both(301, "", K.WRONG_ZONE, "redirected"),
    both(302, "<html>Object moved</html>", K.WRONG_ZONE),
    both(307, "", K.WRONG_ZONE),
    Shape(303, "", (K.TIMEOUT_UNKNOWN, UNKNOWN), (K.WRONG_ZONE, NO), "redirected"),
    both(407, "<html>Proxy Authentication Required</html>", K.CONNECT_FAIL, "proxy_sign_in"),
]
