"""What happens in the writer's thread: transactions of many operations, and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from autotask_queue.model.errors import QueueError, StoreDoubtful, StoreError
from autotask_queue.model.request import Request
from autotask_queue.store.cells import CellKey
from autotask_queue.store.ledger import Ledger
from autotask_queue.store.limits import MAX_CONSEQUENCES
from autotask_queue.store.sqlite.driver import Connection, Driver
from autotask_queue.store.sqlite.log import Log
from autotask_queue.store.sqlite.shelf import SqlShelf

MAX_BATCH_BYTES: Final = 4 << 20
"""Bytes of documents after which a transaction is long enough."""

_KEPT_FREE: Final = 256
"""Unused pages that are not worth giving back."""
_GIVEN_BACK: Final = 200
"""Pages given back at a time: some milliseconds."""

Operation = Callable[["Session"], Any]
"""Runs in the writer's thread, inside a transaction. A `QueueError` that it raises refuses it."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What a commit changed of the things that the store keeps in memory."""

    deltas: dict[CellKey, int]
    last_seq: int
    next_due: float | None
    consequences: list[Request]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """How a batch went: a result or a `QueueError` for each of its first operations.

    The rest, if any, was not looked at: the transaction was long enough.
    """

    outcomes: list[Any]
    published: Published


class Session:
    """One connection that writes, with its ledger. Everything here runs in the connection's thread."""

    def __init__(self, driver: Driver, path: Path, *, compression: bool = False) -> None:
        self._driver = driver
        self._compression = compression
        self._path = path
        self.log = Log(path)
        self._is_ready = True
        self.commits = 0
        """Transactions committed so far."""

    def connect(self) -> Connection:
        """Opens the connection; to be called in its thread.

        Raises:
            StoreError: see `Driver.explain`.
        """
        self.connection = self._driver.writer(self._path)
        self.shelf = SqlShelf(self.connection, compression=self._compression)
        self.ledger = Ledger(self.shelf)
        return self.connection

    def disconnect(self) -> None:
        """Closes the connection; to be called in its thread. Calling it again does nothing."""
        self.connection.close()

    def _explain(self, error: Exception) -> StoreError:
        """What an error means; a connection that it made useless is replaced."""
        if self._driver.is_lost(error):
            self.disconnect()
            self.connect()
            try:
                self.shelf.load()
            except self._driver.error:
                self.disconnect()  # never write without knowing where the file ends
        return self._driver.explain(error, self._path)

    # -- transactions

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Says in our words what the storage says.

        Raises:
            StoreError: the storage failed.
        """
        try:
            yield
        except self._driver.error as error:
            raise self._explain(error) from error

    @contextmanager
    def changing(self) -> Iterator[None]:
        """A transaction for what is no operation: opening and closing the file.

        Raises:
            StoreError: the storage failed.
        """
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.shelf.flush()
                self.connection.execute("COMMIT")
                self._publish(None)
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
        except self._driver.error as error:
            raise self._explain(error) from error

    def run(self, operations: Sequence[Operation]) -> Done:
        """Runs operations in one transaction and commits it.

        An operation that fails by its own fault is refused alone: the batch is then repeated with a
        savepoint for each.

        Raises:
            StoreDoubtful: the disk failed so that nobody can say whether it will show up after a restart.
            StoreError: the storage failed; nothing was stored.
        """
        try:
            self._make_ready()
            try:
                return self._transact(operations, self._run_bare)
            except StoreError:
                raise
            except self._driver.refusals:
                return self._transact(operations, self._run_guarded)
        except self._driver.error as error:
            raise self._explain(error) from error

    def _transact(self, operations: Sequence[Operation], run_one: Callable[[Operation], Any]) -> Done:
        outcomes: list[Any] = []
        rows, documents = self.connection.total_changes, self.shelf.document_bytes
        audited = self.shelf.audit_end
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            for operation in operations:
                outcomes.append(run_one(operation))
                if self.shelf.document_bytes - documents >= MAX_BATCH_BYTES:
                    break
            self.shelf.flush()
            next_due = self.shelf.next_due()
            if self.shelf.audit_end == audited and self.connection.total_changes != rows:
                self.shelf.sign()
            self._commit()
            self.shelf.committed()
            self.log.note_commit(
                rows=self.connection.total_changes - rows,
                document_bytes=self.shelf.document_bytes - documents,
            )
        except BaseException:
            self._roll_back()
            raise
        return Done(outcomes=outcomes, published=self._publish(next_due))

    def _run_bare(self, operation: Operation) -> Any:
        before = self.shelf.changes
        try:
            return operation(self)
        except QueueError as refusal:
            if self.shelf.changes != before:
                raise  # half of it is written: to be repeated with a savepoint
            return refusal

    def _run_guarded(self, operation: Operation) -> Any:
        self.shelf.settle()
        mark = self.shelf.mark()
        consequences = len(self.ledger.consequences)
        self.connection.execute("SAVEPOINT one")
        try:
            result = operation(self)
            self.shelf.settle()
            return result
        except self._driver.refusals as error:
            self.connection.execute("ROLLBACK TO one")
            self.shelf.back_to(mark)
            del self.ledger.consequences[consequences:]
            return error if isinstance(error, QueueError) else self._driver.refuse(error)
        finally:
            if self.connection.in_transaction:
                self.connection.execute("RELEASE one")

    def _commit(self) -> None:
        """Commits; when that fails, makes sure whether it is stored, and that it stays so."""
        try:
            self.connection.execute("COMMIT")
        except self._driver.error as error:
            if not self._settle_doubt(error):
                raise
        self.commits += 1

    def _settle_doubt(self, error: Exception) -> bool:
        """Whether a commit that reported an error is stored all the same.

        If it is not, it may still lie in the log as a whole, only not flushed: after a crash SQLite would
        take it for good, though it was refused. So something else is committed in its place.
        """
        try:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            self.connection.execute("BEGIN IMMEDIATE")
            if self.shelf.is_stored():
                self.connection.execute("ROLLBACK")
                return True
            self.shelf.sign()
            self.connection.execute("COMMIT")
        except self._driver.error as second:
            if self._driver.is_cut_short(error):
                return False
            raise StoreDoubtful(f"The disk failed while {self._path} was written ({error}).") from second
        return False

    def _roll_back(self) -> None:
        self._is_ready = False
        with suppress(self._driver.error):  # then before the next transaction, or that one is refused, too
            self._make_ready()

    def _make_ready(self) -> None:
        """After a failure: what is kept in memory is again what the file says."""
        if not self._is_ready:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            self.ledger.consequences.clear()
            self.shelf.load()
            self._is_ready = True

    def _publish(self, next_due: float | None) -> Published:
        deltas, self.shelf.deltas = self.shelf.deltas, {}
        consequences, self.ledger.consequences = self.ledger.consequences, []
        return Published(
            deltas=deltas,
            last_seq=self.shelf.last_seq,
            next_due=next_due,
            consequences=consequences[-MAX_CONSEQUENCES:],
        )

    # -- the write-ahead log

    def make_room(self) -> None:
        """Makes the log longer in advance, with the right to write, so that no stray tool writes to it.

        Raises:
            StoreError: another program keeps the file locked; nothing is lost.
        """
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                self.log.make_room()
            finally:
                self.connection.execute("ROLLBACK")
        except self._driver.error as error:
            raise self._explain(error) from error

    def checkpoint(self) -> None:
        """Writes back what no reader is in the way of; the log is begun anew when all of it was.

        Raises:
            StoreError: the disk refused; nothing is lost, the log still holds everything.
        """
        self.log.note_checkpoint()
        try:
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except self._driver.error as error:
            raise self._explain(error) from error

    # -- the size of the file

    def shrink(self) -> bool:
        """Moves a slice of unused pages to the end and cuts them off; True while there are more to spare.

        An eighth of the file is left unused: the next requests take it. The file itself becomes smaller with
        the next checkpoint. Files from before `auto_vacuum` was set keep their size.

        Raises:
            StoreError: the disk refused; nothing is lost.
        """
        one = self.connection.execute
        try:
            (free,), (pages,) = one("PRAGMA freelist_count").fetchone(), one("PRAGMA page_count").fetchone()
            spare = free - max(_KEPT_FREE, pages // 8)
            if spare <= 0:
                return False
            one(f"PRAGMA incremental_vacuum({min(spare, _GIVEN_BACK)})").fetchall()
            (left,) = one("PRAGMA freelist_count").fetchone()
            self.log.note_pages(_GIVEN_BACK)
            return bool(left < free)
        except self._driver.error as error:
            raise self._explain(error) from error
