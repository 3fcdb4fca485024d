"""What makes thousands of small runs fast without changing what they do.

Databases are kept, a project is compiled once, and nothing is synced.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filon.engines.duckdb
from filon import durable
from filon.engines import SqlEngine
from filon.engines.duckdb import DuckDBConnection
from filon.lake import Location, locate
from filon.pipeline import layers
from filon.project import Project
from filon.stages import extending
from filon.validation.compilation import check_project

SETTLED = "pg_timezone_names()"
"""In a query whose answer is the same in every database."""


class KeptConnection(DuckDBConnection):
    """A database that waits for the next run when one is done with it. To open one takes as long as half a small run.

    It reaches every temporary folder, and not only those of one run.
    """

    def __init__(self, *, memory: str, threads: int | None) -> None:
        folder = Path(tempfile.gettempdir())
        super().__init__(folder, [locate(str(folder))], memory=memory, threads=threads)
        self._defined: list[str] = []
        self._answers: dict[str, list[tuple[Any, ...]]] = {}
        self._is_free = False

    def define(self, macros: Iterable[str]) -> None:
        """Only what is not defined like this already."""
        wanted = list(macros)
        if wanted != self._defined:
            super().define(wanted)
            self._defined = wanted

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a result."""
        if SETTLED not in query:
            return super().rows(query)
        if query not in self._answers:
            self._answers[query] = super().rows(query)
        return self._answers[query]

    def close(self) -> None:
        """Forget what the run left, and wait. Reader and engine of a run both do this."""
        self.drop(list(self._kinds))
        if not self._is_free:
            self._is_free = True
            FREE.append(self)

    def take(self) -> None:
        """Serve another run."""
        self._is_free = False


def _leave_to_the_system(fd: Any) -> None:
    """In place of a sync."""


def _require_files(paths: Collection[Path], roots: Collection[Path]) -> None:
    """FileNotFoundError when a file that is to be synced is gone, as when it is synced."""
    for path in paths:
        path.stat()


FREE: list[KeptConnection] = []
COMPILED: set[str] = set()


def _check_once(engine: SqlEngine, project: Project) -> None:
    """A project that compiled does so again: what compiles depends on nothing else. The tables stay unbound after."""
    if project.fingerprint not in COMPILED:
        check_project(engine, project)
        COMPILED.add(project.fingerprint)


def kept_connection(
    workspace: Path,
    places: Sequence[Location],
    *,
    memory: str,
    threads: int | None,
) -> DuckDBConnection:
    """A database that no run uses, instead of a new one. Runs inside each other have one each."""
    connection = FREE.pop() if FREE else KeptConnection(memory=memory, threads=threads)
    connection.take()
    return connection


@contextmanager
def quick() -> Iterator[None]:
    """Runs use databases that are kept, and the system decides when files reach the disk: no power is cut here."""
    fsync, sync, connect = os.fsync, durable.sync, DuckDBConnection
    layers.check_project = _check_once  # type: ignore[attr-defined]
    os.fsync = _leave_to_the_system
    durable.sync = _require_files
    filon.engines.duckdb.DuckDBConnection = kept_connection  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        os.fsync, durable.sync = fsync, sync
        filon.engines.duckdb.DuckDBConnection = connect  # type: ignore[misc]
        layers.check_project = check_project  # type: ignore[attr-defined]


@contextmanager
def always_extending() -> Iterator[None]:
    """Tables are extended however much changed: so few rows would mostly be computed whole. Three files are many."""
    before = extending.MOST_CHANGED, extending.FANOUT
    extending.MOST_CHANGED, extending.FANOUT = math.inf, 3
    try:
        yield
    finally:
        extending.MOST_CHANGED, extending.FANOUT = before
