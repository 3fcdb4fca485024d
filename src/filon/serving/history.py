"""What the pipeline leaves in the store's records: runs, the last check, the quality of releases, rejected rows."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from filon.errors import StoreForeign
from filon.project import CheckStatus

MOST_RUNS = 200
MOST_FILES = 1_000
LONGEST_TEXT = 2_000
LONGEST_ERROR = 10_000
LONGEST_OF_A_FILE = 500
ELLIPSIS = "…"
LAST = "last"

Document = TypeVar("Document", bound=BaseModel)


class Kind(StrEnum):
    """Kinds of records: runs, the quality of a release, samples of rejected rows; one each: the last check, alerts."""

    RUN = "run"
    CHECKED = "checked"
    QUALITY = "quality"
    SAMPLE = "sample"
    ALERTS = "alerts"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class TableRecord(_Part):
    """What a run did with a table."""

    table: str
    layer: str
    status: str = Field(description="built, reused, unchanged or failed")
    rows: int
    started_s: float = Field(description="Seconds from the start of the run")
    duration_s: float
    message: str | None = Field(description="Why it failed")
    keys: int | None = Field(default=None, description="How many keys were concerned when it was extended")
    partitions: int | None = Field(default=None, description="How many partitions were concerned, where keys are these")
    all_partitions: int | None = Field(default=None, description="How many partitions it has")
    why_full: str | None = Field(default=None, description="Why it was built whole")
    rows_read: int = Field(default=0, description="Rows in the files that were read for it")
    rows_written: int = Field(default=0, description="Rows in the files that were written")


class StepRecord(_Part):
    """A part of a run that is no table: checks, publish or serving."""

    name: str
    started_s: float = Field(description="Seconds from the start of the run")
    duration_s: float


class DatasetRecord(_Part):
    """Rows of a dataset over all its live files, and why some were rejected."""

    dataset: str
    read: int
    accepted: int
    superseded: int
    rejected: int
    reasons: dict[str, int] = Field(description="Rejected rows by reason; a row may have several")


class CheckRecord(_Part):
    """A check."""

    table: str
    check: str
    status: CheckStatus
    failed_rows: int
    detail: str = Field(default="", description="Of a check that does not hold: what was found, and what it must be")


class RefusedFile(_Part):
    """A file that is in quarantine."""

    file: str
    dataset: str
    version: int
    reason: str
    detail: str
    size: int
    arrived_at: dt.datetime
    cut: bool = Field(description="Whether its path or the detail was too long to be kept whole")


class RefusedFiles(_Part):
    """The files in quarantine: how many there are, and the newest of them."""

    total: int
    data: tuple[RefusedFile, ...] = Field(description=f"The newest {MOST_FILES:,}")


class FilesRecord(RefusedFiles):
    """The files that a run saw, counted by what became of them, and the files that were in quarantine at its end."""

    counts: dict[str, int] = Field(description="ingested, unchanged, quarantined")


class RunRecord(_Part):
    """A run, as the store remembers it. Texts that were too long end with an ellipsis, and ``cut`` is true."""

    run_id: str
    started_at: dt.datetime
    duration_s: float
    status: str = Field(description="published, unchanged, failed, stopped or rolled_back")
    release: int | None = Field(description="The release that was published when the run ended")
    as_of: dt.date
    engine: str
    error: str | None
    tables: tuple[TableRecord, ...]
    steps: tuple[StepRecord, ...]
    datasets: tuple[DatasetRecord, ...]
    checks: tuple[CheckRecord, ...]
    files: FilesRecord
    cut: bool = Field(description="Whether a text was too long to be kept whole")


class CheckedRecord(_Part):
    """The last run that found the release up to date, or made it so; ``content`` are those of silver and gold."""

    run_id: str
    at: dt.datetime
    release: int
    status: str
    as_of: dt.date
    content: dict[str, str]


class QualityRecord(_Part):
    """How good the data of a release is. ``samples`` names the sample of rejected rows of each dataset."""

    release: int
    run_id: str
    datasets: tuple[DatasetRecord, ...]
    checks: tuple[CheckRecord, ...]
    files: RefusedFiles
    samples: dict[str, str]


class RejectedRow(_Part):
    """A rejected record as it arrived; ``cut``: its text was too long to be kept whole."""

    dataset: str
    file: str
    version: int
    record: int = Field(description="Its place in the file, from 1 after the header")
    reasons: tuple[str, ...]
    raw: str
    cut: bool


class Sample(_Part):
    """Some rejected rows of a dataset, by file and record."""

    rows: tuple[RejectedRow, ...]


class AlertRecord(_Part):
    """An alert of the project."""

    alert: str = Field(description="Its condition, as filon.yaml has it")
    is_on: bool = Field(description="Whether it holds")
    since: dt.datetime = Field(description="When it began to hold, or was over")
    what: str = Field(description="What was found; empty when it does not hold")
    is_told: bool = Field(description="Whether that reached everybody who is to be told")


class AlertsRecord(_Part):
    """The alerts of the project, when they were last looked at."""

    at: dt.datetime
    alerts: tuple[AlertRecord, ...]


def read_record(model: type[Document], text: str, uri: str) -> Document:
    """A record as a store keeps it; StoreForeign when it cannot be understood."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise StoreForeign(f"{uri} holds a record that this version of Filon cannot read") from error


@dataclass
class Truncator:
    """Shortens texts, and remembers whether one was too long."""

    has_cut: bool = False

    def __call__(self, text: str, longest: int = LONGEST_TEXT) -> str:
        """The text, or its beginning and an ellipsis."""
        if len(text) <= longest:
            return text
        self.has_cut = True
        return text[: longest - 1] + ELLIPSIS
