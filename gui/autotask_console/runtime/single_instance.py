"""One console for each profile: a second start brings the first window to the front and ends.

A lock file (released by the system when the process dies) decides; a local socket carries the wish.
The socket admits the same user only, asks for a token from a file that only that user can read, and
takes one short line.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from autotask_queue import QueueError

_LIMIT = 4096
_WAIT_MS = 1500


class FolderUnusable(QueueError):
    """The folder of this profile cannot be written."""

    code = "folder_unusable"
    title = "The console’s folder cannot be used"
    default_remedy = (
        "Make the folder writable and try again, or start the console with --data-dir and a folder of yours. "
        "What is in the folder was not changed."
    )


class ConsoleSilent(QueueError):
    """Another console has the folder, and does not come to the front."""

    code = "console_silent"
    title = "Another console has this queue open, but does not answer"
    default_remedy = "Close it, or wait until it has started, and try again."


class SingleInstance(QObject):
    """`raise_wanted()` when a second console was started for the same folder."""

    raise_wanted = Signal()

    def __init__(self, folder: Path, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self._lock = QLockFile(str(folder / "console.lock"))
        self._lock.setStaleLockTime(0)
        self._token_file = folder / "console.token"
        self._token = ""
        self._server: QLocalServer | None = None

    @property
    def name(self) -> str:
        """Of the socket; differs between folders."""
        digest = hashlib.sha256(str(self._folder.resolve()).encode()).hexdigest()[:16]
        return f"autotask-console-{digest}"

    def acquire(self) -> bool:
        """Whether this is the first; if so, it listens from now on. May be asked again.

        Raises:
            FolderUnusable: the folder cannot be written.
        """
        if self._server is not None:
            return True
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._lock.tryLock(0):
                if self._lock.error() is QLockFile.LockError.LockFailedError:
                    return False
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            self._listen()
        except OSError as error:
            reason = error.strerror or str(error)
            raise FolderUnusable(f"{self._folder} cannot be written: {reason}.") from error
        return True

    def _listen(self) -> None:
        self._token = secrets.token_hex(16)
        self._token_file.unlink(missing_ok=True)
        self._token_file.touch(mode=0o600)
        self._token_file.write_text(self._token, encoding="ascii")
        QLocalServer.removeServer(self.name)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._accept)
        self._server.listen(self.name)

    def _accept(self) -> None:
        while self._server is not None and (socket := self._server.nextPendingConnection()) is not None:
            socket.readyRead.connect(lambda peer=socket: self._read(peer))
            socket.disconnected.connect(socket.deleteLater)
            if socket.bytesAvailable():
                self._read(socket)

    def _read(self, socket: QLocalSocket) -> None:
        if not socket.canReadLine():
            if socket.bytesAvailable() > _LIMIT:
                socket.abort()
            return
        if self._is_wish(bytes(socket.readLine(_LIMIT).data())):
            socket.write(b"ok\n")
            socket.flush()
            self.raise_wanted.emit()
        socket.disconnectFromServer()

    def _is_wish(self, line: bytes) -> bool:
        try:
            wish = json.loads(line)
        except ValueError:
            return False
        if not isinstance(wish, dict) or wish.get("do") != "raise":
            return False
        token = wish.get("token")
        return isinstance(token, str) and hmac.compare_digest(token, self._token)

    def ask_first_to_show(self) -> bool:
        """Tells the first console to come to the front; whether it answered."""
        try:
            token = self._token_file.read_text(encoding="ascii")
        except OSError:
            return False
        socket = QLocalSocket()
        socket.connectToServer(self.name)
        if not socket.waitForConnected(_WAIT_MS):
            return False
        socket.write(json.dumps({"do": "raise", "token": token}).encode() + b"\n")
        socket.flush()
        answered = socket.waitForReadyRead(_WAIT_MS) and bytes(socket.readLine(16).data()) == b"ok\n"
        socket.disconnectFromServer()
        return answered

    def release(self) -> None:
        """Lets another console take over."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._token_file.unlink(missing_ok=True)
        if self._lock.isLocked():
            self._lock.unlock()
