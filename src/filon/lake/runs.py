"""Old reports of runs: the newest are kept whole, older ones are replaced by a line each."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

from filon.errors import LakeDamaged
from filon.lake.documents import Document, RunDocument
from filon.lake.location import Layer
from filon.lake.sealed import seal, unseal
from filon.lake.store import Lake

KEPT = 200
"""Reports that are kept whole."""
MOST_SUMMARIES = 10_000
NAME = "runs/summary.json"


class RunSummary(Document):
    """The line of a run whose report was deleted; ``error`` is the first line of its error."""

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
    """The lines of runs whose reports were deleted; none if the document is damaged."""
    metadata = lake.layer(Layer.METADATA)
    with suppress(FileNotFoundError, LakeDamaged):
        return unseal(metadata.read(NAME), RunSummaries, metadata.path_of(NAME), "old runs", "").content.runs
    return ()


def summarise(lake: Lake, *, keep: int = KEPT) -> None:
    """Delete all but the newest ``keep`` reports. A line of each is written before they are deleted."""
    old = lake.runs.numbers()[:-keep]
    if not old:
        return
    line_of = {line.number: line for line in summaries(lake)}
    for number in old:
        with suppress(LakeDamaged):
            line_of[number] = _line(number, lake.runs.get(number))
    lines = tuple(line_of[number] for number in sorted(line_of)[-MOST_SUMMARIES:])
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
