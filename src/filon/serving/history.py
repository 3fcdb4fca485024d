"""What the pipeline leaves in the store's records: runs, the last check, the quality of releases, rejected rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from filon.errors import StoreForeign
from filon.lake import CheckResult, CheckStatus, FileState, FileVersion, Layer, Ledger, Quality, Release

MOST_RUNS = 200
MOST_FILES = 1_000
LONGEST_TEXT = 2_000
LONGEST_ERROR = 10_000
LONGEST_OF_A_FILE = 500
ELLIPSIS = "…"
LAST = "last"

Document = TypeVar("Document", bound=BaseModel)


class Kind(StrEnum):
    """The kinds of records: a run by its id, the last check (one), a release's quality by its number, a sample."""

    RUN = "run"
    CHECKED = "checked"
    QUALITY = "quality"
    SAMPLE = "sample"


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
    """The last run that found the release up to date, or made it so; ``content`` are the fingerprints of gold."""

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


def dataset_record(name: str, quality: Quality) -> DatasetRecord:
    """What a dataset's rules said."""
    return DatasetRecord(dataset=name, **quality.total.model_dump(), reasons=quality.by_reason)


def check_records(results: Iterable[CheckResult]) -> tuple[CheckRecord, ...]:
    """What checks found."""
    return tuple(CheckRecord.model_validate(result, from_attributes=True) for result in results)


def refused_files(ledger: Ledger) -> RefusedFiles:
    """The files that the ledger has in quarantine, newest first."""
    refused = [version for version in ledger.versions if version.state is FileState.QUARANTINED]
    newest = sorted(refused, key=lambda version: -version.number)[:MOST_FILES]
    return RefusedFiles(total=len(refused), data=tuple(_refused(version) for version in newest))


def _refused(version: FileVersion) -> RefusedFile:
    cut = Truncator()
    path, detail = cut(version.path, LONGEST_OF_A_FILE), cut(version.detail or "", LONGEST_OF_A_FILE)
    return RefusedFile(
        file=path,
        dataset=version.dataset,
        version=version.number,
        reason=version.reason or "",
        detail=detail,
        size=version.size,
        arrived_at=version.arrived_at,
        cut=cut.has_cut,
    )


def datasets_of(release: Release) -> tuple[DatasetRecord, ...]:
    """What the rules of every dataset said, as a release has it."""
    builds = [build for build in release.tables.values() if build.layer is Layer.SILVER]
    return tuple(dataset_record(build.table, build.quality) for build in builds if build.quality is not None)


def quality_of(release: Release, ledger: Ledger) -> QualityRecord:
    """The quality of a release, and of the files as they stand now."""
    refused = [build for build in release.tables.values() if build.layer is Layer.QUARANTINE]
    return QualityRecord(
        release=release.number,
        run_id=release.run_id,
        datasets=datasets_of(release),
        checks=check_records(release.checks),
        files=refused_files(ledger),
        samples={build.table: sample_key(build.table, build.fingerprint) for build in refused if build.rows},
    )


def sample_key(dataset: str, fingerprint: str) -> str:
    """What a sample is known by: the same rejected rows need no second one."""
    return f"{dataset}/{fingerprint}"


def content_of(release: Release) -> dict[str, str]:
    """The fingerprint of each gold table of a release."""
    return {build.table: build.fingerprint for build in release.tables.values() if build.layer is Layer.GOLD}


def kept_samples(records: Sequence[QualityRecord]) -> set[str]:
    """The samples that these releases show."""
    return {key for record in records for key in record.samples.values()}
