"""Finds secrets among the arguments: everybody can see them there, and shells remember them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from autotask_queue.cli.errors import SecretOnCommandLine
from autotask_queue.store.redis.address import Address

_NAME = r"(?:(?:api[-_]?)?(?:client[-_]?)?secret|pass(?:word|phrase|wd)?|pwd|(?:access[-_]?)?token"
_NAME += r"|(?:x[-_]?)?api[-_]?key|(?:api[-_]?)?integration[-_]?code|(?:proxy[-_]?)?authorization|cookie)"
_FLAG = re.compile(rf"--?{_NAME}(?:=.*)?", re.IGNORECASE | re.DOTALL)
_IN_URL = re.compile(rf"\w+://[^/\s?#@]*:[^/\s?#@]*@|[?&]{_NAME}=", re.IGNORECASE)
_TELLING = re.compile(_NAME, re.IGNORECASE)


def refuse_secrets(arguments: Sequence[str]) -> None:
    """Looks at the arguments before anything else does, so that no message repeats one.

    Raises:
        SecretOnCommandLine: one is there. The message names the option, never the value.
    """
    for argument in arguments:
        if _FLAG.fullmatch(argument):
            option = argument.partition("=")[0]
            raise SecretOnCommandLine(f"{option} is not an option of this program, on purpose. {_WHY}")
        if _IN_URL.search(argument):
            raise SecretOnCommandLine(f"An address among the arguments has a secret in it. {_WHY}")


def refuse_telling(name: str, where: str) -> None:
    """Refuses a name under which a secret would stand.

    Raises:
        SecretOnCommandLine: `name` is one.
    """
    if _TELLING.fullmatch(name.strip()):
        raise SecretOnCommandLine(f"{where} {name.strip()} would hold a secret. {_WHY}")


def refuse_password(address: Address) -> None:
    """Refuses an address with a password in it.

    Raises:
        SecretOnCommandLine: there is one.
    """
    if address.secrets:
        raise SecretOnCommandLine(
            f"The address of the Redis server has a password in it. {_WHY}", remedy=_SAFER
        )


def refuse_in_document(document: Any) -> None:
    """Refuses a document, given as an argument, in which something is named like a secret.

    Raises:
        SecretOnCommandLine: there is one.
    """
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for name, inner in value.items():
                if _TELLING.fullmatch(str(name)):
                    raise SecretOnCommandLine(
                        f"The document has a field {name}. {_WHY}",
                        remedy="Put it into a file and name that: --data @file, or pipe it to --data -",
                    )
                waiting.append(inner)
        elif isinstance(value, list):
            waiting += value


_SAFER = (
    'Put it into the configuration file, as url under [persistence.connection] with backend = "redis" under '
    "[persistence]; or into the environment, as AUTOTASK_QUEUE_PERSISTENCE__CONNECTION__URL with "
    "AUTOTASK_QUEUE_PERSISTENCE__BACKEND=redis. Then leave --redis out."
)
_WHY = "Everybody on this computer can read the arguments of a program, and the shell keeps them."
