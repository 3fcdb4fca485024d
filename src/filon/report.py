"""What a run says of itself: one object, the same for people, programs and the lake's history."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from filon.lake import CheckStatus
from filon.serving.loader import LoadReport
from filon.stages.context import StepReport, TableReport

MOST_IGNORED = 100
"""Files of no dataset that the lake's report of a run names."""


class RunStatus(StrEnum):
    """How a run ended."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    STOPPED = "stopped"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class FileLine(_Part):
    """One file of the sources, and what became of its records."""

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


class CheckLine(_Part):
    """One check."""

    table: str
    check: str
    status: CheckStatus
    failed_rows: int


class DatasetLine(_Part):
    """Rows of a dataset over all its live files, and why some were rejected."""

    dataset: str
    read: int
    accepted: int
    superseded: int
    rejected: int
    reasons: dict[str, int]


class DamageLine(_Part):
    """An object of the lake that was not as it was written when the run met it; it is not used any more."""

    object: str
    what: str
    part: str
    repair: str


class RunReport(_Part):
    """A whole run. ``status`` is ``stopped`` when ``--until`` ended it before a release."""

    run_id: str
    release: int | None
    engine: str
    as_of: dt.date
    duration_s: float
    status: RunStatus
    error: str | None = None
    tables: tuple[TableReport, ...] = ()
    steps: tuple[StepReport, ...] = ()
    files: tuple[FileLine, ...] = ()
    ignored_files: tuple[str, ...] = ()
    datasets: tuple[DatasetLine, ...] = ()
    checks: tuple[CheckLine, ...] = ()
    serving: LoadReport | None = Field(default=None, description="None when the run did not come that far")
    unrecorded: str | None = Field(
        default=None, description="Why the store's records lack this run, until the next one"
    )

    damages: tuple[DamageLine, ...] = Field(default=(), description="Built again, or read again, unless the run failed")

    @property
    def news(self) -> RunReport:
        """The report without the files that were as before, whose number only grows."""
        files = tuple(file for file in self.files if file.status != "unchanged" or file.notes)
        return self.model_copy(update={"files": files, "ignored_files": self.ignored_files[:MOST_IGNORED]})

    @property
    def quarantined(self) -> bool:
        """Whether a file or a row is in quarantine."""
        return any(file.status == "quarantined" for file in self.files) or any(d.rejected for d in self.datasets)
