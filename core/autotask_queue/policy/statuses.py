"""What statuses mean that have a meaning of their own: 3xx, 4xx and 511."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from autotask_queue.model.failure import Failure, FailureClass
from autotask_queue.policy import refusals
from autotask_queue.policy.answer import Answer, by_rules, failure_of, portal_failure, transient
from autotask_queue.policy.wording import AGAIN


def of_status(reply: Answer) -> Failure | None:
    """The failure by the status; None if the status alone says too little."""
    if 300 <= reply.status < 400:
        return _of_redirect(reply)
    if 400 <= reply.status < 500:
        return _OF_STATUS.get(reply.status, _of_refusal)(reply)
    if reply.status == 511:  # RFC 6585: never from the server itself
        return portal_failure(reply.status)
    return None


def _of_refusal(reply: Answer) -> Failure:
    remedy = _REMEDIES.get(reply.status, "")
    return by_rules(reply) or failure_of(
        reply, FailureClass.VALIDATION, f"http_{reply.status}", remedy=remedy
    )


def _of_sign_in(reply: Answer) -> Failure:
    return by_rules(reply, only=FailureClass.AUTH) or failure_of(reply, FailureClass.AUTH, "sign_in")


def _of_permission(reply: Answer) -> Failure:
    if reply.is_page:
        return failure_of(reply, FailureClass.PERMISSION, "blocked", message=_BLOCKED, remedy=_UNBLOCK)
    return failure_of(reply, FailureClass.PERMISSION, "permission")


def _of_proxy(reply: Answer) -> Failure:
    message = "The network’s proxy wants a sign-in first. Nothing was sent."
    remedy = f"Sign in to the network, or ask its administrator. {AGAIN}"
    return failure_of(reply, FailureClass.CONNECT_FAIL, "proxy_sign_in", message=message, remedy=remedy)


def _of_patience(reply: Answer) -> Failure:
    """408: the server gave up waiting; what it had read by then is not said."""
    return failure_of(reply, FailureClass.TIMEOUT_UNKNOWN, "server_gave_up", applied=reply.perhaps)


def _of_absence(reply: Answer) -> Failure:
    """404: no record, no such route, or (a page) no Autotask at this address any more."""
    if refusals.NO_ROUTE.search(refusals.unquoted(reply.said)):
        return _of_refusal(reply)
    if not reply.is_page:
        return failure_of(reply, FailureClass.NOT_FOUND, "not_found")
    if refusals.TOO_LONG.search(refusals.excerpt(reply.text)):  # how IIS refuses a long address
        return failure_of(reply, FailureClass.VALIDATION, "http_414", remedy=_REMEDIES[414])
    return failure_of(reply, FailureClass.WRONG_ZONE, "no_service")


def _of_redirect(reply: Answer) -> Failure:
    if reply.status == 303 and reply.write:  # "see what came of it": by HTTP's own words it was carried out
        return failure_of(reply, FailureClass.TIMEOUT_UNKNOWN, "redirected", applied=reply.perhaps)
    if _ERROR_PAGE.search(reply.location):  # how ASP.NET leads to the page for a crash
        return transient(reply, applied=reply.perhaps)
    if _leads_elsewhere(reply.location):
        return portal_failure(reply.status)
    return failure_of(reply, FailureClass.WRONG_ZONE, "redirected")


def _leads_elsewhere(location: str) -> bool:
    """Whether a redirect leaves Autotask, as those of Wi-Fi sign-in pages do."""
    try:
        host = (urlsplit(location.strip()).hostname or "").lower()
    except ValueError:
        return True
    return host != "" and _OWN_HOST.search(host) is None


_OWN_HOST = re.compile(r"(^|\.)autotask\.net$|^localhost$|^127\.|^::1$")
_ERROR_PAGE = re.compile(r"aspxerrorpath|/[\w.-]*error[\w.-]*(\?|$)", re.IGNORECASE)
_BLOCKED = (
    "Something between this computer and Autotask, such as a firewall, blocked this. It did not arrive."
)
_UNBLOCK = (
    "Ask whoever runs the network, and show them the details. "
    "Text that looks like program code can be the cause: shorten it, then retry."
)
_REMEDIES = {
    413: "Make it smaller: Autotask takes files up to about 6 MB. Then send it again.",
    414: "Ask for less at a time, or send it as POST …/query.",
    431: "Make the text or the list shorter, and send it again.",
}


_OF_STATUS: dict[int, Callable[[Answer], Failure]] = {
    401: _of_sign_in,
    403: _of_permission,
    404: _of_absence,
    407: _of_proxy,
    408: _of_patience,
    410: _of_absence,
}
