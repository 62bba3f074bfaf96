"""Encryption of what a server keeps: here, before it is sent, so that the server never sees a word of it.

What holds people's words is sealed with AES-256-GCM, bound to its request and to its place there, so that a
value put somewhere else is found out. Five columns must be compared on the server: the same text is always
sealed alike there (AES-SIV, RFC 5297). Who reads the server learns which requests are of one record, not of
which. What a claim looks at stays readable: ids, zones, entities, methods, statuses, numbers, times.
"""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Iterable, Sequence
from os import urandom
from typing import Final

from typing_extensions import override

from autotask_queue.model.errors import InvalidRequest
from autotask_queue.store.keys import KEY_BYTES, checked_key
from autotask_queue.store.redis.failures import DataUnreadable

SEALED: Final = frozenset({"summary", "reason_text", "failure_title", "failure", "actor"})
"""Columns that nobody on the server looks at."""
ALIKE: Final = frozenset({"endpoint", "lane", "dedup_key", "batch", "flight"})
"""Columns whose values are compared on the server."""

_MARK: Final = "~"
_NONCE: Final = 12
_SIV_KEY: Final = 64
_NAME: Final = 16
_PURPOSE: Final = b"autotask-queue: what a Redis server keeps"


class Seal:
    """Of a queue without a key: everything stays as it is. `KeySeal` is the other one.

    `field` says what a text is and `owner` whose: a request's id, a zone, a document's key.
    """

    key_id: str = ""
    """Names the key, and gives nothing of it away; empty without one."""
    compression: bool = False
    """Whether larger documents are compressed, before they are sealed."""

    def text(self, field: str, owner: str, text: str) -> str:
        """A text as the server keeps it; an empty one stays empty."""
        del field, owner
        return text

    def open_text(self, field: str, owner: str, text: str) -> str:
        """The text that `text` was given.

        Raises:
            DataUnreadable: it was sealed with another key, for another place, or not at all.
        """
        del field, owner
        return text

    def remark(self, field: str, owner: str, text: str) -> str:
        """As `open_text`; what the script itself has written is not sealed."""
        return self.open_text(field, owner, text) if text.startswith(_MARK) else text

    def alike(self, field: str, text: str) -> str:
        """A text that is compared on the server; the same one always gives the same."""
        del field
        return text

    def open_alike(self, field: str, text: str) -> str:
        """The text that `alike` was given. Raises as `open_text`."""
        del field
        return text

    def document(self, field: str, owner: str, data: bytes) -> bytes:
        """A document as the server keeps it."""
        del field, owner
        return data

    def open_document(self, field: str, owner: str, data: bytes) -> bytes:
        """The document that `document` was given. Raises as `open_text`."""
        del field, owner
        return data

    def columns(self, owner: str, columns: dict[str, str]) -> dict[str, str]:
        """The columns of a request as the server keeps them."""
        del owner
        return columns

    def open_columns(self, names: Iterable[str], values: Sequence[str]) -> Sequence[str]:
        """The columns that `columns` was given, in the order of `names`, of which the first is the id."""
        del names
        return values

    @property
    def hides(self) -> frozenset[str]:
        """Columns that the server cannot sort by; it cannot search for words either, then."""
        return frozenset()


class KeySeal(Seal):
    """Of a queue with a key.

    Args:
        key: 32 random bytes; what it seals can be opened with nothing else.

    Raises:
        ConfigError: it is no key.
    """

    def __init__(self, key: bytes) -> None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        length = KEY_BYTES + _SIV_KEY + _NAME
        made = HKDF(SHA256(), length=length, salt=None, info=_PURPOSE).derive(checked_key(key))
        self._gcm = AESGCM(made[:KEY_BYTES])
        self._siv = AESSIV(made[KEY_BYTES:-_NAME])
        self._refusals = (InvalidTag, ValueError)
        self.key_id = made[-_NAME:].hex()

    @override
    def text(self, field: str, owner: str, text: str) -> str:
        return _MARK + _written(self.document(field, owner, as_bytes(text))) if text else ""

    @override
    def open_text(self, field: str, owner: str, text: str) -> str:
        return self.open_document(field, owner, _read(text)).decode() if text else ""

    @override
    def alike(self, field: str, text: str) -> str:
        return _MARK + _written(self._siv.encrypt(as_bytes(text), [field.encode()])) if text else ""

    @override
    def open_alike(self, field: str, text: str) -> str:
        try:
            return self._siv.decrypt(_read(text), [field.encode()]).decode() if text else ""
        except self._refusals as error:
            raise _unreadable() from error

    @override
    def document(self, field: str, owner: str, data: bytes) -> bytes:
        nonce = urandom(_NONCE)
        return nonce + self._gcm.encrypt(nonce, data, _place(field, owner))

    @override
    def open_document(self, field: str, owner: str, data: bytes) -> bytes:
        try:
            return self._gcm.decrypt(data[:_NONCE], data[_NONCE:], _place(field, owner))
        except self._refusals as error:
            raise _unreadable() from error

    @override
    def columns(self, owner: str, columns: dict[str, str]) -> dict[str, str]:
        for name in SEALED & columns.keys():
            columns[name] = self.text(name, owner, columns[name])
        for name in ALIKE & columns.keys():
            columns[name] = self.alike(name, columns[name])
        return columns

    @override
    def open_columns(self, names: Iterable[str], values: Sequence[str]) -> Sequence[str]:
        owner = values[0]
        return [
            text
            if not text
            else self.open_text(name, owner, text)
            if name in SEALED
            else self.open_alike(name, text)
            if name in ALIKE
            else text
            for name, text in zip(names, values, strict=False)
        ]

    @property
    @override
    def hides(self) -> frozenset[str]:
        return SEALED | ALIKE


def seal_of(key: bytes | None, *, compression: bool = False) -> Seal:
    """What writes and reads with this key.

    Raises:
        ConfigError: it is no key.
    """
    seal = Seal() if key is None else KeySeal(key)
    seal.compression = compression
    return seal


def _place(field: str, owner: str) -> bytes:
    return f"{field}\0{owner}".encode(errors="surrogatepass")  # ids that are none are refused elsewhere


def as_bytes(text: str) -> bytes:
    """A text, to be stored.

    Raises:
        InvalidRequest: it is none, such as half a character.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"It holds something that cannot be stored: {error}.") from error


def _written(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()


def _read(text: str) -> bytes:
    if not text.startswith(_MARK):
        raise _unreadable()
    try:
        return a2b_base64(text[1:])
    except (Error, ValueError) as error:
        raise _unreadable() from error


def _unreadable() -> DataUnreadable:
    return DataUnreadable("A value was sealed with another key, or changed on the server.")
