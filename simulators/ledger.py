"""A durable book in SQLite whose concurrent writers share one commit."""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

MOST_IN_ONE_COMMIT = 500

T = TypeVar("T")
_Work = tuple[Callable[[sqlite3.Connection], Any], "asyncio.Future[Any]"]
_Done = tuple["asyncio.Future[Any]", Any, Exception | None]


def stamp(at: datetime) -> str:
    """RFC 3339 UTC with microseconds: a fixed width, so text order is time order."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """One SQLite file behind one thread.

    What is waiting when the thread is free runs in order, in one transaction: the work of many concurrent
    requests costs one fsync, and no two pieces of work ever see each other half done.
    """

    def __init__(self, path: Path, schema: str) -> None:
        """Open the book, making it if need be. Raises sqlite3.Error or OSError when it can't be had."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.5)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(schema)
        self._waiting: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="ledger", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do the work and return its result once it is on disk. If it raises, it leaves no trace."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.put((work, future))
        return await future

    def close(self) -> None:
        """Finish what is waiting and close the book."""
        self._waiting.put(None)
        self._thread.join()
        self._db.close()

    def _serve(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, ending = [first], False
            while len(batch) < MOST_IN_ONE_COMMIT and not self._waiting.empty():
                if (more := self._waiting.get()) is None:
                    ending = True
                    break
                batch.append(more)
            done = self._commit(batch)
            with contextlib.suppress(RuntimeError):  # a closed loop: nobody waits any more, the work is on disk
                done[0][0].get_loop().call_soon_threadsafe(_answer, done)
            if ending:
                return

    def _commit(self, batch: list[_Work]) -> list[_Done]:
        done: list[_Done] = []
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for work, future in batch:
                done.append(self._one(work, future))
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            return [(future, None, error) for _, future in batch]
        return done

    def _one(self, work: Callable[[sqlite3.Connection], Any], future: "asyncio.Future[Any]") -> _Done:
        self._db.execute("SAVEPOINT one")
        try:
            result, failure = work(self._db), None
        except Exception as error:
            self._db.execute("ROLLBACK TO one")
            result, failure = None, error
        self._db.execute("RELEASE one")
        return future, result, failure


def _answer(done: list[_Done]) -> None:
    for future, result, failure in done:
        if future.done():  # cancelled: its caller has gone
            continue
        if failure is None:
            future.set_result(result)
        else:
            future.set_exception(failure)
