"""The reader and the engine that settings ask for, and the folder that they work in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from filon.engines import Engine, Executors, LocalReader
from filon.errors import ConfigError
from filon.lake import Location
from filon.project import Project
from filon.settings import Settings
from filon.workspace import temporary_folder

if TYPE_CHECKING:
    from filon.engines.duckdb import DuckDBConnection
    from filon.engines.spark import SparkConnection


@dataclass(frozen=True)
class Backends:
    """Makes the reader and the engine of a run, each when it is asked for.

    This is the only place that knows which readers and engines there are; each is slow to import, and many runs need
    none. They reach files in the workspace and in ``places``, and no others.
    """

    settings: Settings
    workspace: Path
    places: Sequence[Location] = ()

    def make_reader(self) -> LocalReader:
        """The reader of files, which needs no engine."""
        from filon.engines.duckdb import DuckDBReader

        return DuckDBReader(self._database)

    def make_engine(self, project: Project, as_of: dt.date) -> Engine:
        """The engine that the settings ask for, with the functions of a project at a date."""
        if self.settings.engine == "spark":
            from filon.engines.spark import SparkEngine

            return SparkEngine(self._cluster, project, as_of.isoformat())
        from filon.engines.duckdb import DuckDBEngine

        return DuckDBEngine(self._database, project, as_of.isoformat())

    @property
    def make_executors(self) -> Callable[[], Executors] | None:
        """Makes what runs Filon's functions on other machines; None where there are none."""
        return (lambda: self._executors) if self.settings.engine == "spark" else None

    def close(self) -> None:
        """Give back what was opened. Safe to repeat."""
        for name in ("_database", "_cluster"):
            if name in self.__dict__:
                self.__dict__[name].close()

    @cached_property
    def _executors(self) -> Executors:
        from filon.engines.spark import SparkExecutors

        return SparkExecutors(self._cluster)

    @cached_property
    def _cluster(self) -> SparkConnection:
        """One session for all that runs there."""
        from filon.engines.spark import SparkConnection

        return SparkConnection(self.settings.spark_remote)

    @cached_property
    def _database(self) -> DuckDBConnection:
        """One for both, so that they keep to one limit of memory."""
        from filon.engines.duckdb import DuckDBConnection

        settings = self.settings
        return DuckDBConnection(self.workspace, self.places, memory=settings.memory_limit, threads=settings.threads)


def make_engine(
    settings: Settings, project: Project, as_of: dt.date, workspace: Path, places: Sequence[Location] = ()
) -> Engine:
    """An engine alone, in a workspace that its caller keeps; it reaches files there and in these places only."""
    return Backends(settings, workspace, places).make_engine(project, as_of)


@contextmanager
def open_workspace(settings: Settings) -> Iterator[Path]:
    """A folder for temporary files that is removed afterwards; ConfigError when FILON_WORKSPACE is no folder."""
    if settings.workspace is not None and not settings.workspace.is_dir():
        raise ConfigError(f"the workspace {settings.workspace} is no folder; create it, or unset FILON_WORKSPACE")
    with temporary_folder(settings.workspace) as folder:
        yield folder


@contextmanager
def open_backends(settings: Settings, places: Sequence[Location] = ()) -> Iterator[Backends]:
    """Reader and engine with a workspace of their own, closed afterwards."""
    with open_workspace(settings) as workspace:
        backends = Backends(settings, workspace, places)
        try:
            yield backends
        finally:
            backends.close()


@contextmanager
def open_engine(
    settings: Settings, project: Project, as_of: dt.date, places: Sequence[Location] = ()
) -> Iterator[Engine]:
    """An engine with a workspace of its own, closed afterwards."""
    with open_backends(settings, places) as backends:
        yield backends.make_engine(project, as_of)
