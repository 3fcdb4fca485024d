"""A folder of sources with a lake and a store, and all that a person, a program or an accident may do to them."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filon.differences.document import Difference
from filon.durable import DurableCall, observed
from filon.errors import NotFound
from filon.lake import FileState, Lake, Sources
from filon.lake.retract import restore_file, retract_file
from filon.lake.sweep import sweep_lake
from filon.pipeline.compact import compact_lake
from filon.pipeline.engine import open_engine
from filon.pipeline.forgetting.erase import Forgetting, Request
from filon.pipeline.report import RunReport
from filon.pipeline.rollback import roll_back
from filon.pipeline.run import run_pipeline
from filon.pipeline.runner import Until
from filon.project import Project
from filon.serving.protocol import Store
from filon.serving.stores import open_store
from filon.settings import Settings

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
OPTIONS = Settings(threads=1)


class Killed(BaseException):
    """The process ends here. No part of Filon catches it."""


@dataclass
class Interruption:
    """Something that happens before or after the n-th durable call of a run.

    Calls of a lease are made by a clock, and do not count. Once the process is dead nothing becomes durable any more,
    whatever its blocks do while they are left.
    """

    number: int
    after: bool
    happens: Callable[[], None]
    calls: int = 0
    happened: bool = False
    is_dead: bool = False
    _is_inside: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def observe(self, call: DurableCall) -> Iterator[None]:  # noqa: ARG002
        """Run a durable call, and let it happen if this is the moment."""
        if self._is_inside or threading.current_thread().name == "lease":
            yield
            return
        if self.is_dead:
            raise Killed
        with self._lock:
            self.calls += 1
            is_due = self.calls == self.number
        if is_due and not self.after:
            self._happen()
        yield
        if is_due and self.after:
            self._happen()

    def _happen(self) -> None:
        self.happened = self._is_inside = True
        try:
            self.happens()
        except Killed:
            self.is_dead = True
            raise
        finally:
            self._is_inside = False


def die() -> None:
    """What happens when a process is killed."""
    raise Killed


@dataclass(frozen=True)
class Place:
    """A folder with a lake; ``sources`` is the folder where files arrive, ``serving`` the address of the store.

    ``choose`` gives the settings of the next thing that is done.
    """

    folder: Path
    sources: Path
    serving: str = ""
    choose: Callable[[], Settings] = lambda: OPTIONS

    @property
    def lake(self) -> Lake:
        """The lake as another process would open it: nothing is remembered of what was done before."""
        return Lake(str(self.folder / "lake"))

    @property
    def metadata(self) -> Path:
        """Where the lake keeps its documents."""
        return self.folder / "lake" / "metadata"

    def open_store(self) -> Store:
        """The store."""
        return open_store(self.serving)

    def open_sources(self) -> Sources:
        """The sources."""
        return Sources(str(self.sources))

    def put(self, path: str, content: bytes | None) -> None:
        """Write a file of the sources, or delete it."""
        target = self.sources / path
        if content is None:
            target.unlink(missing_ok=True)
        else:
            target.write_bytes(content)

    def run(self, project: Project, as_of: dt.date, *, serves: bool = False, force: bool = False) -> RunReport:
        """One run, up to the release, or to the store if there is one."""
        store = self.open_store() if serves else None
        until = Until.SERVING if serves else Until.RELEASE
        try:
            return run_pipeline(
                self.choose(),
                project,
                self.lake,
                self.open_sources(),
                store,
                as_of=as_of,
                now=NOW,
                until=until,
                force=force,
            )
        finally:
            if store is not None:
                store.shut()

    def run_interrupted(
        self, project: Project, as_of: dt.date, interruption: Interruption, *, serves: bool = False
    ) -> RunReport | None:
        """A run in which something happens; None when it was killed."""
        with observed(interruption.observe):
            try:
                return self.run(project, as_of, serves=serves)
            except Killed:
                return None

    def paths(self, state: FileState) -> list[str]:
        """The paths of file versions in a state."""
        return sorted({version.path for version in self.lake.ledger().versions if version.state is state})

    def retract(self, path: str) -> None:
        """Take a file back, which must be live."""
        retract_file(self.lake, path)

    def undo_retraction(self, path: str) -> bool:
        """Let the rows of a retracted file count again; False when something took its place."""
        try:
            restore_file(self.lake, path)
        except NotFound:
            return False
        return True

    def plan(self, project: Project, as_of: dt.date) -> Difference:
        """What a run would change."""
        report = run_pipeline(
            self.choose(), project, self.lake, self.open_sources(), as_of=as_of, now=NOW, until=Until.RELEASE, plan=()
        )
        assert report.difference is not None, report.error
        return report.difference

    def roll_back(self, project: Project, number: int, *, serves: bool) -> bool:
        """Publish a release again; False when it has the content of the published one."""
        store = self.open_store() if serves else None
        try:
            done = roll_back(self.choose(), project, self.lake, store, number, now=NOW, on_published=lambda _: None)
        finally:
            if store is not None:
                store.shut()
        return done is not None

    def forget(self, project: Project, key: str, *, serves: bool, recompute: bool) -> int:
        """Forget a client; returns the number of rows that are gone."""
        store = self.open_store() if serves else None
        work = Forgetting(self.choose(), project, self.lake, self.open_sources(), store, patience_s=0)
        request = Request("clients", ((key,),), reason="asked", by="test", recompute=recompute)
        try:
            return sum(work.forget(request, NOW).rows.values())
        except NotFound:
            return 0
        finally:
            if store is not None:
                store.shut()

    def compact(self, project: Project, as_of: dt.date) -> Counter[str]:
        """Write small files together; returns the number of tables of each layer that have other files now."""
        with open_engine(self.choose(), project, as_of, self.lake.places) as engine:
            return Counter(item.build.layer.value for item in compact_lake(self.lake, engine, now=NOW)[1])

    def sweep(self, keep: int) -> int:
        """Delete what no kept release needs, whatever its age; returns the number of deleted files."""
        tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
        return sweep_lake(self.lake, keep=keep, before=tomorrow, patience_s=0).files
