"""Connections that only read, kept open between questions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, LifoQueue
from typing import TypeVar

Result = TypeVar("Result")
LOOK = "PRAGMA schema_version"
"""Reads the first page of a file."""


@dataclass(frozen=True)
class File:
    """A file as the file system knows it: another one of the same name has another ``place``."""

    place: tuple[int, int]
    size: int
    written_ns: int


def file_at(path: Path) -> File | None:
    """Which file lies under a name now; None when there is none."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return File((status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns)


class Readers:
    """Connections to the file that lies under a name now.

    SQLite goes on reading a file that was deleted or replaced for as long as it is open, and does not notice that one
    was overwritten. So a connection is used again only while its file still lies under the name, written no later.
    Reading creates no file: one that is not there reads as an empty one.
    """

    def __init__(self, path: Path, patience_s: float) -> None:
        self._path = path
        self._patience_s = patience_s
        self._idle: LifoQueue[tuple[File, sqlite3.Connection]] = LifoQueue()

    @contextmanager
    def lend(self) -> Iterator[sqlite3.Connection]:
        """A connection for one question; one that failed is not used again."""
        file = file_at(self._path)
        if file is None:
            self.shut()
            with closing(sqlite3.connect(":memory:")) as empty:
                yield empty
            return
        connection = self._connection(file)
        with ExitStack() as on_failure:
            on_failure.callback(connection.close)
            yield connection
            on_failure.pop_all()
        self._idle.put((file, connection))

    def shut(self) -> None:
        """Close what is idle."""
        while (idle := self._next()) is not None:
            idle[1].close()

    def _connection(self, file: File) -> sqlite3.Connection:
        while (idle := self._next()) is not None:
            if idle[0] == file:
                return idle[1]
            idle[1].close()
        # should the file be replaced just now, the connection counts as one to the old file, and is not used again
        with ExitStack() as on_failure:
            connection = self._opened("ro")
            on_failure.callback(connection.close)
            try:
                connection.execute(LOOK)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
                    raise
                # a first load was killed: whoever may write takes back what it wrote
                with closing(self._opened("rw")) as other:
                    other.execute(LOOK)
            on_failure.pop_all()
        return connection

    def _opened(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            uri=True,
            check_same_thread=False,
            timeout=self._patience_s,
            isolation_level=None,
        )

    def _next(self) -> tuple[File, sqlite3.Connection] | None:
        try:
            return self._idle.get_nowait()
        except Empty:
            return None


async def in_thread(work: Callable[..., Result], *arguments: object) -> Result:
    """The result of work that would hold up the event loop."""
    import asyncio  # slow to import, and who loads a store awaits nothing

    return await asyncio.to_thread(work, *arguments)
