"""Records of finished runs in the store; a store that does not take them does not fail the run."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from filon.errors import StoreError
from filon.lake import Lake, Layer, Ledger, Release
from filon.lake.books import AlertBook
from filon.pipeline.report import RunReport, RunStatus
from filon.serving.history import (
    LAST,
    LONGEST_ERROR,
    MOST_RUNS,
    AlertRecord,
    AlertsRecord,
    CheckedRecord,
    FilesRecord,
    Kind,
    RunRecord,
    StepRecord,
    TableRecord,
    Truncator,
    read_record,
)
from filon.serving.protocol import Store
from filon.serving.quality import check_records, content_of, datasets_of, refused_files

WAITING = "unrecorded"
"""Folder of the lake's metadata with records that no store has yet; the next run writes them to the store."""
NUMBERED = re.compile(r"/run-(\d{10})-")
ROLLED_BACK = "rolled_back"
UP_TO_DATE = (RunStatus.PUBLISHED, RunStatus.UNCHANGED)


def record_run(
    store: Store, lake: Lake, report: RunReport, release: Release | None, ledger: Ledger, started_at: dt.datetime
) -> str | None:
    """Write the record of a run to the store.

    A run that changed nothing (no file, table, release or row) only renews the last check, since records of hourly runs
    of that kind would displace the others.

    Args:
        store: takes the record
        lake: keeps the record until a store takes it
        report: the report of the run
        release: the published release; None when there is none
        ledger: the ledger as the run left it
        started_at: the start of the run, in UTC

    Returns:
        None, or the reason when the store did not take the record.

    """
    if _is_repetition(report, ledger):
        problem = _write_waiting(store, lake)
    else:
        problem = keep_run(store, lake, run_record(report, ledger, started_at))
    if problem is None and release is not None and report.status in UP_TO_DATE:
        problem = _renew_check(store, report, release, started_at)
    return problem


def _renew_check(store: Store, report: RunReport, release: Release, started_at: dt.datetime) -> str | None:
    checked = CheckedRecord(
        run_id=report.run_id,
        at=started_at,
        release=release.number,
        status=report.status,
        as_of=report.as_of,
        content=content_of(release),
    )
    try:
        store.records.keep(Kind.CHECKED, LAST, started_at, checked.model_dump_json())
    except StoreError as error:
        return str(error)
    return None


def record_rollback(
    store: Store, lake: Lake, release: Release, duration_s: float, error: StoreError | None = None
) -> str | None:
    """Write the record of a rollback to the store.

    Args:
        store: takes the record
        lake: keeps the record until a store takes it
        release: the new release
        duration_s: seconds that loading the store took
        error: why the store could not be loaded; None when it was

    Returns:
        None, or the reason when the store did not take the record.

    """
    cut = Truncator()
    record = RunRecord(
        run_id=release.run_id,
        started_at=release.created_at,
        duration_s=round(duration_s, 3),
        status=ROLLED_BACK,
        release=release.number,
        as_of=release.as_of,
        engine=release.engine,
        error=cut(str(error), LONGEST_ERROR) if error else None,
        tables=(),
        steps=(),
        datasets=datasets_of(release),
        checks=check_records(release.checks),
        files=_files(Counter(), lake.ledger()),
        cut=cut.has_cut,
    )
    return keep_run(store, lake, record)


def record_alerts(store: Store, book: AlertBook, at: dt.datetime) -> str | None:
    """Write which alerts hold to the store, for readers; returns the reason when it did not take it."""
    cut = Truncator()
    alerts = (
        AlertRecord(alert=text, is_on=state.is_on, since=state.since, what=cut(state.what), is_told=state.is_told)
        for text, state in book.alerts.items()
    )
    try:
        text = AlertsRecord(at=at, alerts=tuple(alerts)).model_dump_json()
        store.records.keep(Kind.ALERTS, LAST, at, text)
    except StoreError as error:
        return str(error)
    return None


def keep_run(store: Store, lake: Lake, record: RunRecord) -> str | None:
    """Write a record to the lake, then all waiting records to the store; returns the reason when that fails."""
    metadata = lake.layer(Layer.METADATA)
    metadata.write(_next_name(metadata.names(WAITING), record.run_id), record.model_dump_json().encode())
    return _write_waiting(store, lake)


def _next_name(names: Sequence[str], run_id: str) -> str:
    """A name that sorts after the existing ones, independent of the clock.

    Older versions of Filon named records by the run id, which begins with a digit and sorts before these.
    """
    numbers = [int(match[1]) for name in names if (match := NUMBERED.search(name))]
    return f"{WAITING}/run-{max(numbers, default=0) + 1:010}-{run_id}.json"


def _write_waiting(store: Store, lake: Lake) -> str | None:
    metadata = lake.layer(Layer.METADATA)
    names = metadata.names(WAITING)
    metadata.delete(names[:-MOST_RUNS])
    for name in names[-MOST_RUNS:]:
        try:
            text = metadata.read(name).decode()
            record = read_record(RunRecord, text, name)
            store.records.keep(Kind.RUN, record.run_id, record.started_at, text, MOST_RUNS)
        except FileNotFoundError:
            continue  # another run has written it
        except StoreError as error:
            return str(error)
        metadata.delete([name])
    return None


def run_record(report: RunReport, ledger: Ledger, started_at: dt.datetime) -> RunRecord:
    """The record of a run from its report; long texts are cut."""
    cut = Truncator()
    error = cut(report.error, LONGEST_ERROR) if report.error is not None else None
    messages = [cut(table.message) if table.message is not None else None for table in report.tables]
    tables = (
        TableRecord(**{**asdict(table), "message": message})
        for table, message in zip(report.tables, messages, strict=True)
    )
    files = _files(Counter(file.status for file in report.files), ledger)
    return RunRecord(
        run_id=report.run_id,
        started_at=started_at,
        duration_s=report.duration_s,
        status=report.status,
        release=report.release,
        as_of=report.as_of,
        engine=report.engine,
        error=error,
        tables=tuple(tables),
        steps=tuple(StepRecord(**asdict(step)) for step in report.steps),
        datasets=report.datasets,
        checks=report.checks,
        files=files,
        cut=cut.has_cut or any(file.cut for file in files.data),
    )


def _files(counts: Counter[str], ledger: Ledger) -> FilesRecord:
    refused = refused_files(ledger)
    return FilesRecord(counts=dict(sorted(counts.items())), total=refused.total, data=refused.data)


def _is_repetition(report: RunReport, ledger: Ledger) -> bool:
    """Whether nothing changed: the same release, no new file version, no row written to the store."""
    has_written = report.serving is not None and (report.serving.inserted > 0 or report.serving.closed > 0)
    has_new_files = any(version.run_id == report.run_id for version in ledger.versions)
    return report.status is RunStatus.UNCHANGED and not has_written and not has_new_files
