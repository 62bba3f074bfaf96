"""The one place where processors are called. Whatever they do, the engine gets a value or a `Failure`.

A processor belongs to whoever embeds the queue, so it may raise anything, answer anything and never
answer at all. What it does must not stop another request, and must not be mistaken for "not sent".
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

import msgspec

from autotask_queue.model.errors import InvalidRequest, ProcessorError
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.request import JSON, Reply, Request
from autotask_queue.policy.wording import AGAIN
from autotask_queue.ports import Describing, Facts, Merging

MAX_REPLY_DEPTH: Final = 100
"""Lists and tables inside one another in a reply that is kept."""
MAX_WORDS: Final = 4_000
"""Characters of each text of a failure that are kept."""
CLOSE_TIMEOUT: Final = 5.0
_UNENCODABLE: Final = (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError)

_log = logging.getLogger(__name__)


async def ask(processor: object, method: Callable[[Any], Any], subject: object, *, limit: float) -> Any:
    """What `method(subject)` returns, or the failure it ended with, at the latest after `limit` seconds.

    A cancellation of the caller goes through. One of the processor's own making (a future of its own
    that was cancelled) is an error like any other.
    """
    try:
        async with asyncio.timeout(limit):
            return await _contained(method, subject)
    except ProcessorError as error:
        return failure_of(error)
    except TimeoutError:
        return _timed_out(limit)
    except Exception as error:
        cause = error.__cause__ if isinstance(error, _EscapedError) else error
        name, what = type(processor).__name__, getattr(method, "__name__", "call")
        about = subject.id if isinstance(subject, Request) else subject
        if isinstance(subject, list):
            about = f"{len(subject)} requests"
        _log.warning("%s.%s raised %s for %s", name, what, type(cause).__name__, about)
        return unexplained(f"{type(cause).__name__}: {cause}")


class _EscapedError(Exception):
    """Carries, as its cause, what would get past `except Exception`."""


async def _contained(method: Callable[[Any], Any], subject: object) -> object:
    try:
        result = method(subject)
        return await result if inspect.isawaitable(result) else result
    except BaseException as error:
        if isinstance(error, Exception | KeyboardInterrupt | SystemExit | GeneratorExit) or _is_cancelled():
            raise
        raise _EscapedError from error


def _is_cancelled() -> bool:
    """Whether somebody cancelled the running task, in contrast to an error that only looks like that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def whether(processor: object, question: Callable[[Any], object], subject: object) -> bool:
    """A processor's answer to a question of yes and no; no if it cannot answer."""
    try:
        return bool(question(subject))
    except Exception as error:
        name, what = type(processor).__name__, getattr(question, "__name__", "question")
        _log.warning("%s.%s raised %s: %s", name, what, type(error).__name__, error)
        return False


def merged_document(processor: Merging, requests: Sequence[Request]) -> JSON:
    """One document for several edits; None if the processor fails to make one that can be sent."""
    try:
        document = processor.merge(requests)
    except Exception as error:
        _log.warning("%s.merge raised %s: %s", type(processor).__name__, type(error).__name__, error)
        return None
    return document if _can_be_kept(document) else None


def facts_of(processor: object, request: Request) -> Facts:
    """What a processor knows of a request.

    Raises:
        InvalidRequest: the request could never be sent, or the processor cannot describe it.
    """
    if not isinstance(processor, Describing):
        return Facts(data=request.data)
    try:
        facts = processor.describe(request)
        return msgspec.convert(msgspec.structs.asdict(facts), Facts)
    except InvalidRequest:
        raise
    except Exception as error:
        _defective(processor, error)


async def close(processor: object) -> None:
    """Lets a processor that wants to put its things away."""
    method = getattr(processor, "close", None)
    if callable(method):
        await ask(processor, lambda _: method(), "shutdown", limit=CLOSE_TIMEOUT)


def _defective(processor: object, error: Exception) -> NoReturn:
    raise InvalidRequest(
        f"{type(processor).__name__}.describe failed ({type(error).__name__}: {str(error)[:200]}).",
        remedy="That is a defect of the program part that sends such requests.",
    ) from error


# ---------------------------------------------------------------------------------------------
# What can be kept of what they say


def reply_of(result: Reply | JSON) -> Reply:
    """A processor's result as a reply that can be stored.

    The work is done, whatever was said about it: what cannot be kept is left out.
    """
    reply = result if isinstance(result, Reply) else Reply(body=result)
    record: object = reply.record_id
    status: object = reply.status_code
    return Reply(
        status_code=status if isinstance(status, int) else 200,
        body=reply.body if _can_be_kept(reply.body) else None,
        record_id=record if isinstance(record, int) and abs(record) < 2**63 else None,
        adopted=bool(reply.adopted),
    )


def _can_be_kept(body: JSON) -> bool:
    try:
        encoded = msgspec.json.encode(body)
    except _UNENCODABLE:
        return False
    if encoded.count(b"[") + encoded.count(b"{") <= MAX_REPLY_DEPTH:
        return True
    return _depth(msgspec.json.decode(encoded)) <= MAX_REPLY_DEPTH


def _depth(document: JSON) -> int:
    level: list[Any] = [document]
    depth = 0
    while level := [v for v in level if isinstance(v, dict | list)]:
        depth += 1
        level = [inner for v in level for inner in (v.values() if isinstance(v, dict) else v)]
    return depth


def failure_of(error: ProcessorError) -> Failure:
    """What a processor says about a failure, as it can be stored."""
    try:
        said = msgspec.structs.asdict(error.failure)
        words = {name: _kept(value) for name, value in said.items() if isinstance(value, str)}
        return msgspec.convert({**said, **words, "kind": said["kind"], "applied": said["applied"]}, Failure)
    except _UNENCODABLE as wrong:
        return unexplained(f"{error.message} (its failure was no failure: {wrong})")


def unexplained(detail: str) -> Failure:
    """The failure of a call of which nobody knows what it did."""
    return Failure(
        kind=FailureClass.PROCESSOR_ERROR,
        code="processor_exception",
        title="The processor failed",
        message="The program part that sends this request failed in an unexpected way.",
        remedy="See the details; a write is not sent again before its outcome is known.",
        applied=Applied.UNKNOWN,
        detail=_kept(detail),
    )


def _kept(text: str) -> str:
    return text[:MAX_WORDS].encode("utf-8", "replace").decode()


def _timed_out(limit: float) -> Failure:
    return Failure(
        kind=FailureClass.TIMEOUT_UNKNOWN,
        code="timeout",
        title="No answer in time",
        message=f"There was no answer within {limit:g} s.",
        remedy=f"{AGAIN} A change is looked up first.",
        applied=Applied.UNKNOWN,
    )
