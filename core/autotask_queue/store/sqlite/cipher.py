"""What can be told of a queue file by its bytes alone: whether it is encrypted, and by which key.

SQLCipher encrypts each page with AES-256 and authenticates it with an HMAC; the first sixteen bytes of a
file are its salt, in clear. Ours follows from the key, so that it names the key without giving it away:
the right key is found by it, and a wrong key is told from a damaged file before anything is opened.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

from autotask_queue.store.keys import KEY_BYTES

MAGIC: Final = b"SQLite format 3\0"
"""How a plain file begins."""
PAGE: Final = 4_096
"""Bytes of a page; SQLCipher's and SQLite's default."""

_SALT: Final = 16
_MAC: Final = 64
_PURPOSE: Final = b"autotask-queue: the salt of a queue file"
_SAMPLES: Final = 64
_VALUES_IN_NOISE: Final = 220
"""Different byte values in a page that looks random: of 256, random ones hold 256 on average."""


class FileKind(StrEnum):
    """What a file is, by its beginning and a sample of its pages."""

    EMPTY = "empty"
    PLAIN = "plain"
    ENCRYPTED = "encrypted"
    OTHER = "other"
    """No queue file, or one whose beginning was overwritten."""


def salt_of(key: bytes) -> bytes:
    """How a file that this key encrypts begins: 16 bytes that say nothing else about the key."""
    return hashlib.sha256(_PURPOSE + key).digest()[:_SALT]


def key_id(key: bytes) -> str:
    """The name of `key`, as `key_id_of` reads it from a file: 32 hexadecimal digits; no secret."""
    return salt_of(key).hex()


def key_id_of(path: Path) -> str:
    """The name of the key that the file at `path` has; empty if it is not encrypted or not there.

    Raises:
        OSError: it cannot be read.
    """
    try:
        if kind_of(path) is not FileKind.ENCRYPTED:
            return ""
        with path.open("rb") as file:
            return file.read(_SALT).hex()
    except FileNotFoundError:
        return ""


def kind_of(path: Path) -> FileKind:
    """What a file is.

    An encrypted file looks like noise. One whose first page was overwritten is still known by its others.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        beginning = file.read(len(MAGIC))
        if not beginning:
            return FileKind.EMPTY
        if beginning == MAGIC:
            return FileKind.PLAIN
        pages = [page for _, page in _sample(file)]
    noisy = sum(len(set(page)) >= _VALUES_IN_NOISE for page in pages)
    return FileKind.ENCRYPTED if pages and 2 * noisy >= len(pages) else FileKind.OTHER


def fits(path: Path, key: bytes) -> bool:
    """Whether a file was encrypted with this key, damaged though it may be.

    Raises:
        OSError: it cannot be read.
    """
    salt = salt_of(key)
    with path.open("rb") as file:
        if file.read(_SALT) == salt:
            return True
        mask = bytes(byte ^ 0x3A for byte in salt)
        mac_key = hashlib.pbkdf2_hmac("sha512", key, mask, 2, KEY_BYTES)
        return any(_is_authentic(page, number, mac_key) for number, page in _sample(file))


def key_pragma(key: bytes) -> str:
    """The statement that opens a file with a key: raw, so that no time is spent on stretching it."""
    return f'PRAGMA key = "{key_literal(key)}"'


def key_literal(key: bytes) -> str:
    """Key and salt as SQLCipher takes them."""
    return f"x'{key.hex()}{salt_of(key).hex()}'"


def _is_authentic(page: bytes, number: int, mac_key: bytes) -> bool:
    # https://www.zetetic.net/sqlcipher/design/: the HMAC covers what is encrypted, its initialisation
    # vector and the page's number; of page 1 not the salt.
    signed = page[_SALT if number == 1 else 0 : PAGE - _MAC] + number.to_bytes(4, "little")
    return hmac.compare_digest(hmac.digest(mac_key, signed, "sha512"), page[PAGE - _MAC :])


def _sample(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Some whole pages with their numbers, from 1, evenly spread over the file; the first one always."""
    count = os.fstat(file.fileno()).st_size // PAGE
    step = max(1, count // _SAMPLES)
    for number in range(1, count + 1, step):
        file.seek((number - 1) * PAGE)
        page = file.read(PAGE)
        if len(page) == PAGE:
            yield number, page
