"""What every stage is given: the project, the lake, the run's inputs, and a listener."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Protocol

from filon.engines import Engine, LocalReader
from filon.errors import FilonError
from filon.lake import Build, Lake, Layer, Release
from filon.project import Project
from filon.stages.limits import Limits

REVISION = 1
"""Raise it when a release of Filon computes other rows from the same inputs: every table is then built anew."""


class TableStatus(StrEnum):
    """What a run did with a table."""

    BUILT = "built"
    REUSED = "reused"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True)
class TableReport:
    """One table in the report of a run; ``message`` says why it failed, ``started_s`` when, after the run's start."""

    table: str
    layer: Layer
    status: TableStatus
    rows: int
    duration_s: float
    message: str | None = None
    started_s: float = 0.0


@dataclass(frozen=True)
class StepReport:
    """A part of a run that is no table."""

    name: str
    started_s: float
    duration_s: float


Progress = Callable[[], float | None]


class RunListener(Protocol):
    """Is told how a run goes."""

    def started(self, layer: Layer, table: str, expected: int | None, progress: Progress) -> None:
        """Work on a table begins; ``expected`` rows go in, if that is known. ``progress`` may be asked at any time."""

    def finished(self, report: TableReport) -> None:
        """Work on a table is over."""


class NullListener:
    """A listener that does nothing."""

    def started(self, layer: Layer, table: str, expected: int | None, progress: Progress) -> None:
        """Do nothing."""

    def finished(self, report: TableReport) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Inputs:
    """What a run is told: nothing in it reads the clock or the environment."""

    run_id: str
    now: dt.datetime
    as_of: dt.date
    engine: str
    force: bool = False
    retry_quarantined: bool = False


@dataclass(frozen=True)
class FoundBuild:
    """A table that need not be computed; ``is_published``: readers see this content already."""

    build: Build
    is_published: bool


@dataclass
class Context:
    """A run in progress. Reader and engine come to life only when something is to be read, or computed."""

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
        """The reader of files, started at first use."""
        return self.make_reader()

    @cached_property
    def engine(self) -> Engine:
        """The engine, started at first use."""
        return self.make_engine()

    @property
    def _started(self) -> list[LocalReader | Engine]:
        """The reader and the engine, each if it was needed so far."""
        return [self.__dict__[name] for name in ("reader", "engine") if name in self.__dict__]

    def close(self) -> None:
        """Close what was started."""
        for part in self._started:
            part.close()

    def progress(self) -> float | None:
        """How much of what the reader or the engine is doing is done, 0 to 1, if known."""
        found = (part.progress() for part in self._started)
        return next((share for share in found if share is not None), None)

    def report(self, report: TableReport) -> None:
        """Note what became of a table and when the work on it began, and tell the listener."""
        begun = self._begun.get((report.layer, report.table), time.perf_counter())
        noted = replace(report, started_s=round(begun - self.started, 3))
        self.tables.append(noted)
        self.listener.finished(noted)

    @contextmanager
    def reports_of_attempt(self) -> Iterator[None]:
        """Reports of tables in an attempt that fails do not count: it may be tried again."""
        before = len(self.tables)
        try:
            yield
        except FilonError:
            del self.tables[before:]
            raise

    def forget_reports(self) -> None:
        """Forget all reports, before the layers are carried out again."""
        self.tables.clear()
        self.steps.clear()

    def find(self, layer: Layer, table: str, fingerprint: str, published: Release | None) -> FoundBuild | None:
        """A table content that need not be computed, published or left by another run; never a damaged one."""
        known = published.build(layer, table) if published else None
        is_published = known is not None and known.fingerprint == fingerprint and not self.lake.has_damage(known)
        if not is_published:
            known = self.lake.find_build(layer, table, fingerprint)
        if known is None:
            return None
        if known.id in self.lake.damaged_logs:
            known = self.lake.keep_build(known, known.files)
        return FoundBuild(known, is_published)

    def report_found(self, found: FoundBuild) -> None:
        """Note a table that did not have to be computed."""
        status = TableStatus.UNCHANGED if found.is_published else TableStatus.REUSED
        self.report(TableReport(found.build.table, found.build.layer, status, found.build.rows, 0.0))

    @contextmanager
    def timed(self, layer: Layer, table: str, expected: int | None = None) -> Iterator[Callable[[], float]]:
        """Tell the listener that a table is being worked on; yields a stopwatch."""
        self.listener.started(layer, table, expected, self.progress)
        start = time.perf_counter()
        self._begun.setdefault((layer, table), start)
        yield lambda: round(time.perf_counter() - start, 3)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Note how long a part of the run takes, however it ends."""
        start = time.perf_counter()
        try:
            yield
        finally:
            duration = time.perf_counter() - start
            self.steps.append(StepReport(name, round(start - self.started, 3), round(duration, 3)))


def left_by_rollback(lake: Lake, published: Release) -> Iterator[Release]:
    """The releases that people took away, one rollback after the other; those already swept count no more."""
    kept = set(lake.releases.numbers()) if published.rolled_back_from else set()
    while published.rolled_back_from in kept and (left := lake.release(published.rolled_back_from)):
        yield left
        published = left
