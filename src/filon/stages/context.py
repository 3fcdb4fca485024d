"""The context of a run, which every stage gets: project, lake, inputs, reader, engine, listener and reports."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Protocol

from filon.engines import Engine, LocalReader
from filon.engines.changes import ChangeLog
from filon.errors import FilonError
from filon.lake import Build, Lake, Layer, NewBuild, Quality, Release, TableFile
from filon.lake.erasures import BlockList
from filon.project import Partition, Project, TypedColumn
from filon.stages.limits import Limits

REVISION = 1
"""To be raised when a release of Filon computes other rows from the same inputs: every table is then built anew."""


class TableStatus(StrEnum):
    """What a run did with a table."""

    BUILT = "built"
    REUSED = "reused"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True)
class TableReport:
    """A table in the report of a run.

    ``message`` says why it failed. ``started_s`` and ``duration_s`` are seconds, the first since the start of the run.
    Of a table that was extended, ``keys`` says how many keys were concerned, and ``partitions`` of ``all_partitions``,
    if the keys are partitions; of one that was built whole, ``why_full`` says why. ``rows_read`` are the rows in the
    files that were read for it, its own old ones among them, ``rows_written`` those in the files that were written.
    """

    table: str
    layer: Layer
    status: TableStatus
    rows: int
    duration_s: float
    message: str | None = None
    started_s: float = 0.0
    keys: int | None = None
    partitions: int | None = None
    all_partitions: int | None = None
    why_full: str | None = None
    rows_read: int = 0
    rows_written: int = 0


@dataclass(frozen=True)
class StepReport:
    """A part of a run that is no table; ``started_s`` and ``duration_s`` are seconds, the first since its start."""

    name: str
    started_s: float
    duration_s: float


Progress = Callable[[], float | None]


class RunListener(Protocol):
    """Called as a run makes progress."""

    def started(self, layer: Layer, table: str, expected: int | None, progress: Progress) -> None:
        """Work on a table begins.

        Args:
            layer: its layer
            table: its name
            expected: the rows that are read for it; None when that is not known
            progress: gives the share that is done, 0 to 1, or None; any thread may call it

        """

    def finished(self, report: TableReport) -> None:
        """Work on a table has ended, well or not."""


class NullListener:
    """A listener that does nothing."""

    def started(self, layer: Layer, table: str, expected: int | None, progress: Progress) -> None:
        """Do nothing."""

    def finished(self, report: TableReport) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Inputs:
    """The inputs of a run; its stages read neither clock nor environment. ``now`` is in UTC."""

    run_id: str
    now: dt.datetime
    as_of: dt.date
    engine: str
    force: bool = False
    retry_quarantined: bool = False


@dataclass
class Context:
    """A run in progress. Reader and engine are started at first use."""

    project: Project
    lake: Lake
    inputs: Inputs
    workspace: Path
    make_reader: Callable[[], LocalReader]
    make_engine: Callable[[], Engine]
    listener: RunListener = field(default_factory=NullListener)
    limits: Limits = field(default_factory=Limits)
    tables: list[TableReport] = field(default_factory=list)
    steps: list[StepReport] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)
    _begun: dict[tuple[Layer, str], float] = field(default_factory=dict)

    @cached_property
    def reader(self) -> LocalReader:
        """The reader of files."""
        return self.make_reader()

    @cached_property
    def engine(self) -> Engine:
        """The engine that computes tables."""
        return self.make_engine()

    @cached_property
    def changes(self) -> ChangeLog:
        """What changed in tables since builds of former runs."""
        return ChangeLog(self.lake, lambda: self.engine)

    @cached_property
    def blocked(self) -> BlockList:
        """The people who are forgotten."""
        return self.lake.erasures.block_list()

    @property
    def _started(self) -> list[LocalReader | Engine]:
        """The reader and the engine, each if it was used so far."""
        return [self.__dict__[name] for name in ("reader", "engine") if name in self.__dict__]

    def close(self) -> None:
        """Close reader and engine, if they were started."""
        for part in self._started:
            part.close()

    def progress(self) -> float | None:
        """The share of the current work of reader or engine that is done, 0 to 1; None when it is not known."""
        shares = (part.progress() for part in self._started)
        return next((share for share in shares if share is not None), None)

    def report(self, report: TableReport) -> None:
        """Add a table to the reports, with the time when work on it began, and call the listener."""
        begun = self._begun.get((report.layer, report.table), time.perf_counter())
        noted = replace(report, started_s=round(begun - self.started, 3))
        self.tables.append(noted)
        self.listener.finished(noted)

    @contextmanager
    def reports_of_attempt(self) -> Iterator[None]:
        """Remove the reports that were added inside when it fails with a FilonError: it may be tried again."""
        before = len(self.tables)
        try:
            yield
        except FilonError:
            del self.tables[before:]
            raise

    def forget_reports(self) -> None:
        """Remove all reports, before the layers are carried out again."""
        self.tables.clear()
        self.steps.clear()

    def find_builds(
        self, fingerprint: str, published: Release | None, *tables: tuple[Layer, str]
    ) -> tuple[Build, ...] | None:
        """The builds of tables that need not be computed, and are reported as such; None when one must be.

        A build is published, or was left by another run; one with known damage is not used. With ``force`` only those
        of bronze are: its files are hashed again instead.

        Args:
            fingerprint: of the content, the same for all tables
            published: the release before this run
            tables: layer and name of each

        """
        if self.inputs.force and any(layer is not Layer.BRONZE for layer, _ in tables):
            return None
        builds = []
        for layer, table in tables:
            build = self._find_build(layer, table, fingerprint, published)
            if build is None:
                return None
            builds.append(build)
        for build in (build for build in builds if build.layer is not Layer.SUPERSEDED):
            is_published = self._published_build(build.layer, build.table, fingerprint, published) is not None
            status = TableStatus.UNCHANGED if is_published else TableStatus.REUSED
            self.report(TableReport(build.table, build.layer, status, build.rows, 0.0))
        return tuple(builds)

    def _find_build(self, layer: Layer, table: str, fingerprint: str, published: Release | None) -> Build | None:
        build = self._published_build(layer, table, fingerprint, published)
        if build is None:
            build = self.lake.find_build(layer, table, fingerprint)
        if build is not None and build.id in self.lake.damaged_logs:
            return self.lake.keep_build(build, build.files)
        return build

    def _published_build(self, layer: Layer, table: str, fingerprint: str, published: Release | None) -> Build | None:
        """The build of the published release, if it has this fingerprint and no known damage."""
        build = published.build(layer, table) if published else None
        is_same = build is not None and build.fingerprint == fingerprint
        return build if build is not None and is_same and not self.lake.has_damage(build) else None

    def keep_build(
        self,
        layer: Layer,
        table: str,
        fingerprint: str,
        files: Sequence[TableFile],
        *,
        columns: tuple[TypedColumn, ...],
        key: tuple[str, ...] = (),
        duration_s: float,
        quality: Quality | None = None,
        recipe: str = "",
        inputs: Mapping[str, str] | None = None,
        partition: Partition | None = None,
    ) -> Build:
        """Commit files as the content of a table that this run computed.

        Args:
            layer: the table's layer
            table: its name
            fingerprint: the hash of all that decides its rows
            files: its Parquet files, sealed
            columns: names and types
            key: the key of a gold table
            duration_s: seconds that it took
            quality: counts of a silver table
            recipe: the hash of all that decides its rows beside its inputs
            inputs: fingerprints of the tables that it reads, by name
            partition: how the files are divided

        Raises:
            WriteConflict: other writers committed first, many times

        """
        new = NewBuild(
            table=table,
            layer=layer,
            fingerprint=fingerprint,
            columns=columns,
            key=key,
            built_at=self.inputs.now,
            run_id=self.inputs.run_id,
            duration_s=duration_s,
            quality=quality,
            recipe=recipe,
            inputs=dict(inputs or {}),
            partition=partition.name if partition is not None else "",
        )
        return self.lake.keep_build(new, files)

    def write(
        self, layer: Layer, table: str, query: str, partition: Partition | None = None, *, in_one_file: bool = False
    ) -> tuple[TableFile, ...]:
        """Run a query and write its rows as files of a table, divided by its partition; they are no build yet."""
        location = self.lake.table(layer, table)
        if partition is None:
            return self.lake.seal(layer, table, self.engine.write(query, location, in_one_file=in_one_file))
        written = self.engine.write(partition.divided(query), location, partition=partition.name)
        return self.lake.seal(layer, table, written)

    @contextmanager
    def timed(self, layer: Layer, table: str, expected: int | None = None) -> Iterator[Callable[[], float]]:
        """Call the listener for the start of work on a table; yields a function that gives the seconds since then."""
        self.listener.started(layer, table, expected, self.progress)
        start = time.perf_counter()
        self._begun.setdefault((layer, table), start)
        yield lambda: round(time.perf_counter() - start, 3)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add a part of the run to the reports, with its duration, whether it fails or not."""
        start = time.perf_counter()
        try:
            yield
        finally:
            duration = time.perf_counter() - start
            self.steps.append(StepReport(name, round(start - self.started, 3), round(duration, 3)))


def left_by_rollback(lake: Lake, published: Release) -> Iterator[Release]:
    """The releases that rollbacks replaced, newest first, as far as the lake still has them."""
    kept = set(lake.releases.numbers()) if published.rolled_back_from else set()
    while published.rolled_back_from in kept and (left := lake.release(published.rolled_back_from)):
        yield left
        published = left
