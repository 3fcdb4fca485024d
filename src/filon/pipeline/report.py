"""The report of a run: printed by commands, kept in the lake, and shown by Prefect."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from filon.differences.change import ContractChange
from filon.differences.document import Difference
from filon.errors import Damage, FilonError
from filon.lake import CheckResult, FileCounts, Release
from filon.lake.books import AlertBook
from filon.lake.documents import NO_ROWS
from filon.serving.history import CheckRecord, DatasetRecord
from filon.serving.quality import check_records, dataset_record
from filon.serving.state import LoadReport
from filon.stages.context import StepReport, TableReport

if TYPE_CHECKING:  # the stages themselves, which those that only read a report do without
    from filon.stages.bronze import FileOutcome, IngestResult
    from filon.stages.context import Context
    from filon.stages.silver import SilverResult

MOST_IGNORED = 100
"""The most ignored files that a report in the lake names."""


class RunStatus(StrEnum):
    """How a run ended."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    STOPPED = "stopped"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class FileLine(_Part):
    """A file of the sources, and the counts of its records."""

    file: str
    dataset: str
    version: int
    sha256: str
    status: str
    reason: str | None
    detail: str | None
    rows_read: int
    rows_accepted: int
    rows_superseded: int
    rows_rejected: int
    notes: tuple[str, ...] = ()


class UnreadableLine(_Part):
    """A path in the sources that no pattern matches, and where no file is that could be read."""

    path: str
    detail: str


class DamageLine(_Part):
    """An object of the lake whose content was not as written; the run no longer uses it."""

    object: str
    what: str
    part: str
    repair: str


class WarningLine(_Part):
    """A mistake in the project that stops nothing: one in a page."""

    file: str
    line: int
    what: str
    fix: str


class AlertLine(_Part):
    """An alert of the project that holds, or that did not reach anybody yet."""

    alert: str
    is_on: bool
    since: dt.datetime
    what: str
    problem: str


class RunReport(_Part):
    """The report of a run. ``status`` is ``stopped`` when ``--until`` ended it before a release."""

    run_id: str
    release: int | None
    rollback_of: int | None = Field(
        default=None, description="The release that a rollback published again as `release`"
    )
    engine: str
    as_of: dt.date
    duration_s: float
    status: RunStatus
    error: str | None = None
    tables: tuple[TableReport, ...] = ()
    steps: tuple[StepReport, ...] = ()
    files: tuple[FileLine, ...] = ()
    ignored_files: tuple[str, ...] = ()
    unreadable_paths: tuple[UnreadableLine, ...] = ()
    datasets: tuple[DatasetRecord, ...] = ()
    checks: tuple[CheckRecord, ...] = ()
    serving: LoadReport | None = Field(default=None, description="None when the run did not come that far")
    unrecorded: str | None = Field(
        default=None, description="Why the store's records lack this run, until the next one"
    )
    untraced: str | None = Field(default=None, description="Why receivers of OpenLineage events lack some of this run")
    difference: Difference | None = Field(
        default=None, description="What the release would change, where that was asked for"
    )
    broken: tuple[ContractChange, ...] = Field(
        default=(), description="Changes of contracts and SQL that break something for readers of the release before"
    )
    warnings: tuple[WarningLine, ...] = Field(default=(), description="Mistakes in pages, which stop nothing")
    alerts: tuple[AlertLine, ...] = Field(default=(), description="Alerts that hold, or did not reach anybody yet")
    damages: tuple[DamageLine, ...] = Field(default=(), description="Built again, or read again, unless the run failed")

    @property
    def news(self) -> RunReport:
        """The report without unchanged files, whose number grows with the sources."""
        files = tuple(file for file in self.files if file.status != "unchanged" or file.notes)
        shown = {
            "ignored_files": self.ignored_files[:MOST_IGNORED],
            "unreadable_paths": self.unreadable_paths[:MOST_IGNORED],
        }
        return self.model_copy(update={"files": files, **shown})

    @property
    def quarantined(self) -> bool:
        """Whether a file or a row is in quarantine."""
        return any(file.status == "quarantined" for file in self.files) or any(d.rejected for d in self.datasets)


def make_report(
    context: Context,
    status: RunStatus,
    release: Release | None,
    error: FilonError | None,
    *,
    ingested: IngestResult | None,
    silver: Mapping[str, SilverResult],
    checks: Iterable[CheckResult],
    loaded: LoadReport | None,
    damages: Iterable[Damage],
    difference: Difference | None = None,
    broken: Sequence[ContractChange] = (),
) -> RunReport:
    """The report of a run, from its results so far.

    Args:
        context: inputs of the run, reports of its tables and steps, and its start
        status: how the run ended
        release: the release that is published when the run ends
        error: why the run failed; None when it did not
        ingested: the files of the sources; None when they were not listed
        silver: results by dataset
        checks: results of checks
        loaded: the load of the store; None when the run did not come that far
        damages: damaged objects of the lake that the run met
        difference: what the release would change; None when it was not worked out
        broken: what of contracts and SQL breaks for whoever read the release before

    """
    counts: dict[int, FileCounts] = {}
    for result in silver.values():
        counts |= result.quality.files
    return RunReport(
        run_id=context.inputs.run_id,
        release=release.number if release else None,
        rollback_of=release.rollback_of if release else None,
        engine=context.inputs.engine,
        as_of=context.inputs.as_of,
        duration_s=round(time.perf_counter() - context.started, 3),
        status=status,
        error=str(error) if error else None,
        tables=tuple(context.tables),
        steps=tuple(context.steps),
        files=tuple(_file_line(outcome, counts) for outcome in ingested.files) if ingested else (),
        ignored_files=ingested.ignored if ingested else (),
        unreadable_paths=tuple(UnreadableLine(path=path, detail=fault) for path, fault in ingested.unreadable)
        if ingested
        else (),
        datasets=tuple(dataset_record(name, result.quality) for name, result in silver.items()),
        checks=check_records(checks),
        serving=loaded,
        difference=difference,
        broken=tuple(broken),
        warnings=tuple(
            WarningLine(file=str(problem.file), line=problem.line, what=problem.what, fix=problem.fix)
            for problem in context.project.page_problems
        ),
        damages=tuple(DamageLine.model_validate(damage, from_attributes=True) for damage in sorted(set(damages))),
    )


def with_alerts(report: RunReport, book: AlertBook) -> RunReport:
    """A report with the alerts that hold as the run ends, and those that nobody could be told of."""
    lines = tuple(
        AlertLine(alert=text, is_on=state.is_on, since=state.since, what=state.what, problem=state.problem)
        for text, state in book.alerts.items()
        if state.is_on or state.problem
    )
    return report.model_copy(update={"alerts": lines})


def _file_line(outcome: FileOutcome, counts: Mapping[int, FileCounts]) -> FileLine:
    version = outcome.version
    rows = NO_ROWS if outcome.is_duplicate else counts.get(version.number)
    if rows is None:
        rows = FileCounts(read=version.rows, accepted=0, superseded=0, rejected=0)
    return FileLine(
        file=outcome.path,
        dataset=version.dataset,
        version=version.number,
        sha256=version.sha256,
        status=outcome.status,
        reason=version.reason,
        detail=version.detail,
        rows_read=rows.read,
        rows_accepted=rows.accepted,
        rows_superseded=rows.superseded,
        rows_rejected=rows.rejected,
        notes=outcome.notes,
    )
