"""The state machine: what may happen to a lake, one thing after the other, and what must hold whatever happened."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Collection
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, RuleStrategy, initialize, rule

from filon.errors import FilonError
from filon.lake import FileState
from filon.pipeline.report import RunReport, RunStatus
from filon.project.history import SUFFIX
from filon.stages.context import left_by_rollback
from tests.integration.histories.beginnings import FIRST_FILES, Beginnings
from tests.integration.histories.content import (
    Content,
    content_of,
    differences,
    different_tables,
    rebuilt,
    unlike,
)
from tests.integration.histories.files import (
    AS_OF,
    BROKEN,
    EVERY_PATH,
    PATHS,
    Arrival,
    Shelf,
    arrivals,
    dataset_of,
)
from tests.integration.histories.files import content_of as file_content
from tests.integration.histories.place import Interruption, Place, die
from tests.integration.histories.project import EDITIONS, edition
from tests.integration.histories.quick import always_extending, quick
from tests.integration.histories.served import Database, served_fresh

GOOD = (RunStatus.PUBLISHED, RunStatus.UNCHANGED)
PATH = st.sampled_from(EVERY_PATH)
THEN_RUN = st.sampled_from([True, True, False])
"""Whether a run follows at once. If not, what comes next is seen by the same run."""
MOMENT = st.integers(1, 60)
"""A durable call of a run; smaller runs have fewer, and then nothing happens to them."""
WHICH = st.integers(0, 9)
"""Which of what there is: numbers beyond its end begin again at the start."""


def _chosen(names: Collection[str], which: int) -> list[str]:
    """One of some names; none when there are none."""
    return [sorted(names)[which % len(names)]] if names else []


class EveryRule(RuleStrategy):
    """Chooses among all rules at every step.

    Hypothesis would switch most of them off for the length of a history, which takes hundreds of histories to even out.
    """

    def _rule_is_enabled(self, r: Any) -> bool:
        return self.is_valid(r)


class Histories(RuleBasedStateMachine):
    """A lake with a past. ``compare`` lets it be judged; at the end of each history it is judged in any case.

    ``seen`` counts what came about in all histories of this process; ``beginnings`` keeps lakes for those that begin
    alike. With ``server``, the address of a MongoDB server, each history serves its releases there.
    """

    seen: ClassVar[Counter[str]] = Counter()
    beginnings: ClassVar[Beginnings | None] = None
    server: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self._rules_strategy = EveryRule(self)
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="filon-test-")))
        self.stack.enter_context(quick())
        (self.folder / "sources").mkdir()
        self.store = Database(self.folder / "lived", "serving", self.server)
        self.stack.callback(self.store.drop)
        self.place = Place(self.folder / "lived", self.folder / "sources", self.store.uri)
        self.shelf = Shelf({}, {})
        self.is_judged = False
        self.edition, self.as_of, self.serves = "as shipped", dt.date.fromisoformat(AS_OF[0]), False

    def damaged(self) -> AbstractContextManager[None]:
        """Where the lake is changed, and never where it is judged: tests of the test put faults into the code here."""
        return nullcontext()

    # ---- the beginning ----

    @initialize(
        files=FIRST_FILES,
        serves=st.sampled_from([False, False, False, True]),
        extends=st.sampled_from([True, True, True, False]),
    )
    def begin(self, files: tuple[Arrival, ...], serves: bool, extends: bool) -> None:
        self.serves = serves or bool(self.server)
        if extends:
            self.stack.enter_context(always_extending())
        for path, lines in files:
            self._put(path, file_content(path, lines))
        if self.beginnings is None or self.server:  # a copy of a folder brings no database along
            self._run()
        else:
            self.beginnings.begin(self.place, (*self.shelf.files.items(), serves), self._run)

    # ---- files ----

    @rule(file=arrivals("clients"), run=THEN_RUN)
    def clients_arrive(self, file: Arrival, run: bool) -> None:
        path, lines = file
        self._put(path, file_content(path, lines))
        self._run_if(run)

    @rule(file=arrivals("purchases"), run=THEN_RUN)
    def purchases_arrive(self, file: Arrival, run: bool) -> None:
        path, lines = file
        self._put(path, file_content(path, lines))
        self._run_if(run)

    @rule(file=arrivals("purchases", "returns", "visits"), run=THEN_RUN)
    def others_arrive(self, file: Arrival, run: bool) -> None:
        path, lines = file
        self._put(path, file_content(path, lines))
        self._run_if(run)

    @rule(path=PATH, content=st.sampled_from(BROKEN), run=THEN_RUN)
    def breaks(self, path: str, content: bytes, run: bool) -> None:
        self._put(path, content)
        self._run_if(run)

    @rule(which=WHICH, other=WHICH, run=THEN_RUN)
    def is_copied(self, which: int, other: int, run: bool) -> None:
        """The same bytes arrive under another name of their dataset."""
        for path in _chosen(self.shelf.files, which):
            others = [name for name in PATHS[dataset_of(path)] if name != path]
            self._put(others[other % len(others)], self.shelf.files[path])
        self._run_if(run)

    @rule(which=WHICH, run=THEN_RUN)
    def disappears(self, which: int, run: bool) -> None:
        for path in _chosen(self.shelf.files, which):
            self._put(path, None)
        self._run_if(run)

    @rule(which=WHICH, run=THEN_RUN)
    def is_as_before(self, which: int, run: bool) -> None:
        """What stood at a path before it was removed or replaced stands there again."""
        for path in _chosen(self.shelf.earlier, which):
            self._put(path, self.shelf.earlier[path])
        self._run_if(run)

    @rule(which=WHICH, run=THEN_RUN)
    def is_retracted(self, which: int, run: bool) -> None:
        for path in _chosen(self.place.paths(FileState.LIVE), which):
            with self.damaged():
                self.place.retract(path)
            self.seen["retractions"] += 1
        self._run_if(run)

    @rule(which=WHICH, run=THEN_RUN)
    def is_no_longer_retracted(self, which: int, run: bool) -> None:
        for path in _chosen(self.place.paths(FileState.RETRACTED), which):
            with self.damaged():
                self.seen["retractions undone"] += self.place.undo_retraction(path)
        self._run_if(run)

    # ---- the project and the date ----

    @rule(name=st.sampled_from(list(EDITIONS)), run=THEN_RUN)
    def project_becomes(self, name: str, run: bool) -> None:
        self.edition = name
        self._run_if(run)

    @rule(day=st.sampled_from(AS_OF), run=THEN_RUN)
    def day_becomes(self, day: str, run: bool) -> None:
        self.as_of = dt.date.fromisoformat(day)
        self._run_if(run)

    # ---- what is done to the lake ----

    @rule()
    def run_with_force(self) -> None:
        self.is_judged = False
        self._run(force=True)

    @rule(file=arrivals("clients", "purchases", "returns"))
    def run_is_planned(self, file: Arrival) -> None:
        """A run that has a new file to read does what the plan said, which published nothing."""
        path, lines = file
        self._put(path, file_content(path, lines))
        self.is_judged = False
        before = self.place.lake.release()
        with self.damaged():
            planned = self.place.plan(edition(self.edition), self.as_of)
        assert self.place.lake.release() == before
        self._run()
        after = self.place.lake.release()
        assert before is not None
        assert after is not None
        problems = list(unlike(planned, self.place.lake, before, after))
        assert not problems, "\n".join(problems)
        self.seen["plans"] += 1

    @rule(back=st.integers(1, 3))
    def roll_back(self, back: int) -> None:
        self.is_judged = False
        older = self.place.lake.releases.numbers()[:-1]
        if older:
            number = older[-min(back, len(older))]
            with self.damaged():
                self.seen["rollbacks"] += self.place.roll_back(edition(self.edition), number, serves=self.serves)
            if self.serves:
                self._require_served(None)

    @rule(keep=st.integers(1, 3))
    def sweep(self, keep: int) -> None:
        self.is_judged = False
        with self.damaged():
            self.seen["files swept"] += self.place.sweep(keep)

    @rule()
    def compact(self) -> None:
        self.is_judged = False
        with self.damaged():
            compacted = self.place.compact(edition(self.edition), self.as_of)
        self.seen["compacted tables"] += compacted.total()
        self.seen["compacted tables of bronze"] += compacted["bronze"]

    @rule(key=st.sampled_from("123"), recompute=st.booleans())
    def is_forgotten(self, key: str, recompute: bool) -> None:
        """A client is erased from all releases; the project is that of the published one.

        A run that leaves a rollback in place leaves the tables of another project: then the message says what helps.
        """
        self._run()
        self.is_judged = False
        with self.damaged():
            try:
                forgotten = self.place.forget(edition(self.edition), key, serves=self.serves, recompute=recompute)
            except FilonError as error:
                way_out = re.search(r"`filon rollback (\d+)` first", str(error))
                if way_out is None:
                    raise
                self.place.roll_back(edition(self.edition), int(way_out[1]), serves=self.serves)
                forgotten = self.place.forget(edition(self.edition), key, serves=self.serves, recompute=recompute)
                self.seen["forgotten after a rollback"] += 1
        self.seen["rows of forgotten people"] += forgotten
        if self.serves:
            self._require_served(None)

    # ---- accidents ----

    @rule(at=MOMENT, after=st.booleans(), file=arrivals("clients", "purchases", "returns"))
    def run_is_killed(self, at: int, after: bool, file: Arrival) -> None:
        """A run that has a new file to read."""
        path, lines = file
        self._put(path, file_content(path, lines))
        self.is_judged = False
        killed = Interruption(at, after, die)
        with self.damaged():
            report = self.place.run_interrupted(edition(self.edition), self.as_of, killed, serves=self.serves)
        assert (report is None) == killed.happened
        if report is not None:
            self._require(report)
        self.seen["killed runs"] += killed.happened

    @rule(at=MOMENT, after=st.booleans(), file=arrivals("clients", "purchases"))
    def run_races(self, at: int, after: bool, file: Arrival) -> None:
        """While a run is on its way, a file arrives and another run begins and ends."""
        self.is_judged = False
        path, lines = file

        def other() -> None:
            self._put(path, file_content(path, lines))
            self._require(self.place.run(edition(self.edition), self.as_of))

        race = Interruption(at, after, other)
        with self.damaged():
            report = self.place.run_interrupted(edition(self.edition), self.as_of, race)
        assert report is not None
        is_lost = report.status is RunStatus.FAILED and "ReleaseConflict" in (report.error or "")
        assert is_lost or report.status in GOOD, report.error
        self.seen["races"] += race.happened
        self.seen["races lost"] += is_lost

    # ---- what must hold ----

    @rule()
    def compare(self) -> None:
        """The next run makes of the lake what a lake without a past would be."""
        if self.is_judged:
            return
        report, project = self._run(), edition(self.edition)
        fresh_folder = self.folder / "fresh"
        expected = rebuilt(self.place.lake, Place(fresh_folder, self.place.sources), project, self.as_of)
        self._require_shown(expected, report)
        if self.serves:
            self._require_served(self.as_of)
        self.seen["comparisons"] += 1
        self._note(expected)
        self.is_judged = True
        shutil.rmtree(fresh_folder)

    def teardown(self) -> None:
        try:
            if sys.exception() is None:
                self.compare()
                self.seen["histories"] += 1
        finally:
            self.stack.close()

    def _require_shown(self, expected: Content, report: RunReport) -> None:
        """The published release has this content; after a rollback, one that it replaced may have it instead.

        A rollback stays published until something changes.
        """
        lake = self.place.lake
        published = lake.release()
        assert published is not None
        problems = differences(content_of(lake, published), expected)
        if problems and report.status is RunStatus.UNCHANGED:
            left = (content_of(lake, release) for release in left_by_rollback(lake, published))
            if any(not differences(content, expected) for content in left):
                self.seen["rollbacks that stay"] += 1
                return
        assert not problems, "\n".join(problems)

    def _require_served(self, as_of: dt.date | None) -> None:
        """The store shows what one without a past shows that is loaded with the published release."""
        fresh = Database(self.folder, "fresh", self.server)
        self.stack.callback(fresh.drop)
        served_fresh(self.place, fresh.uri, edition(self.edition), as_of)
        problems = list(different_tables(self.store.rows(), fresh.rows()))
        assert not problems, "\n".join(problems)
        fresh.drop()

    def _note(self, content: Content) -> None:
        for counts in content.counts.values():
            self.seen["superseded records"] += sum(found.superseded for found in counts.files.values())
            for reasons in counts.reasons.values():
                self.seen.update({f"rejected: {reason}": number for reason, number in reasons.items()})

    # ---- steps ----

    def _put(self, path: str, content: bytes | None) -> None:
        self.shelf.put(path, content)
        self.place.put(path, content)

    def _run_if(self, wanted: bool) -> None:
        self.is_judged = False
        if wanted:
            self._run()

    def _run(self, *, force: bool = False) -> RunReport:
        with self.damaged():
            report = self.place.run(edition(self.edition), self.as_of, serves=self.serves, force=force)
        self._require(report)
        return report

    def _require(self, report: RunReport) -> None:
        assert report.status in GOOD, report.error
        self.seen["runs"] += 1
        self.seen["states of some keys"] += sum(bool(t.keys) for t in report.tables if t.table.endswith(SUFFIX))
