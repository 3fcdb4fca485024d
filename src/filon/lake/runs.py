"""Reports of runs as they grow old: the newest stay whole, a line stays of each of those before."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

from filon.errors import LakeDamaged
from filon.lake.documents import Document, RunDocument
from filon.lake.location import Layer
from filon.lake.sealed import seal, unseal
from filon.lake.store import Lake

KEPT = 200
MOST_SUMMARIES = 10_000
NAME = "runs/summary.json"


class RunSummary(Document):
    """A line of a run whose report was deleted."""

    number: int
    run_id: str
    started_at: dt.datetime
    status: str
    release: int | None
    error: str | None


class RunSummaries(Document):
    """The runs whose reports were deleted, in the order in which they ended."""

    runs: tuple[RunSummary, ...]


def summaries(lake: Lake) -> tuple[RunSummary, ...]:
    """The lines of runs whose reports were deleted; none when they were damaged."""
    metadata = lake.layer(Layer.METADATA)
    with suppress(FileNotFoundError, LakeDamaged):
        return unseal(metadata.read(NAME), RunSummaries, metadata.path_of(NAME), "old runs", "").content.runs
    return ()


def summarise(lake: Lake, *, keep: int = KEPT) -> None:
    """Keep the newest reports, and a line of each older one. The lines are written before the reports are deleted."""
    old = lake.runs.numbers()[:-keep]
    if not old:
        return
    known = {line.number: line for line in summaries(lake)}
    for number in old:
        with suppress(LakeDamaged):
            known[number] = _line(number, lake.runs.get(number))
    lines = tuple(known[number] for number in sorted(known)[-MOST_SUMMARIES:])
    lake.layer(Layer.METADATA).write(NAME, seal(RunSummaries(runs=lines)))
    lake.runs.delete(old)


def _line(number: int, run: RunDocument) -> RunSummary:
    report = run.report
    error = report.get("error")
    return RunSummary(
        number=number,
        run_id=run.run_id,
        started_at=run.started_at,
        status=str(report.get("status")),
        release=report.get("release"),
        error=str(error).split("\n", 1)[0] if error else None,
    )
