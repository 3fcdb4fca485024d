"""The documents of a lake's metadata: ledger, build, release and run."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from filon.lake.datafile import TableFile
from filon.lake.location import Layer
from filon.project import CheckStatus
from filon.project.surface import Surface
from filon.project.types import TypedColumn, parse_type

NOTES = "builds"


class Document(BaseModel):
    """Base of the documents, which are never changed after they are written."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class FileState(StrEnum):
    """What a file version is to the lake."""

    LIVE = "live"
    REPLACED = "replaced"
    RETRACTED = "retracted"
    QUARANTINED = "quarantined"


class Observation(Document):
    """Size, tag and hash of a path when it was last listed: with the same size and tag the content is the same.

    ``settled`` is False when the file was so young that a later change might not change size and tag. ``content`` is
    the hash of what an archive unpacks to, or its own when it cannot be unpacked; empty when the file is no archive.
    """

    size: int
    tag: str
    sha256: str
    settled: bool
    content: str = ""


class FileVersion(Document):
    """One content of one path, as it arrived. ``number`` is its position in the order of arrival, from 1.

    ``bronze`` are the Parquet files that hold its records. If ``rereads`` is greater than 0, other Parquet files may
    hold records of former readings. ``reason`` and ``detail`` are those of a quarantined file. ``content`` is that of
    its observation.
    """

    number: int
    dataset: str
    path: str
    sha256: str
    size: int
    state: FileState
    arrived_at: dt.datetime
    run_id: str
    rows: int = 0
    malformed: int = 0
    bronze: tuple[TableFile, ...] = ()
    parse_hash: str = ""
    acceptance_hash: str = ""
    header: str = ""
    reason: str | None = None
    detail: str | None = None
    rereads: int = 0
    content: str = ""


class HeaderProfile(Document):
    """A header, and by column the type that the values look like; file versions with the same profile share it."""

    header: tuple[str, ...]
    inferred: dict[str, str]


class Ledger(Document):
    """All file versions and their states; ``last_version`` is the highest number that was ever assigned."""

    number: int = 0
    project: str = ""
    last_version: int = 0
    versions: tuple[FileVersion, ...] = ()
    observations: dict[str, Observation] = {}
    headers: dict[str, HeaderProfile] = {}

    def live(self, dataset: str) -> tuple[FileVersion, ...]:
        """The versions whose rows count, in order of arrival."""
        return tuple(v for v in self.versions if v.state is FileState.LIVE and v.dataset == dataset)

    @property
    def next_number(self) -> int:
        """The number of the next file version; a number is never assigned twice, even if its version was dropped."""
        return max([self.last_version, *(version.number for version in self.versions)]) + 1

    def current(self) -> dict[str, FileVersion]:
        """Per path, the version to show: the live one, else the newest; a replaced one only if there is no other."""
        result: dict[str, FileVersion] = {}
        for version in self.versions:
            if version.state is FileState.REPLACED and version.path in result:
                continue
            before = result.get(version.path)
            if before is None or before.state is not FileState.LIVE or version.state is FileState.LIVE:
                result[version.path] = version
        return result


class FileCounts(Document):
    """Numbers of the records of one file version, by what became of them."""

    read: int
    accepted: int
    superseded: int
    rejected: int

    @property
    def conserved(self) -> bool:
        """Whether the parts sum up to the records that were read."""
        return self.read == self.accepted + self.superseded + self.rejected

    def __add__(self, other: FileCounts) -> FileCounts:
        return FileCounts(
            read=self.read + other.read,
            accepted=self.accepted + other.accepted,
            superseded=self.superseded + other.superseded,
            rejected=self.rejected + other.rejected,
        )


NO_ROWS = FileCounts(read=0, accepted=0, superseded=0, rejected=0)


class Quality(Document):
    """The result of a dataset's rules: counts per file version, rejections per file version and reason.

    ``rereads`` says how often versions were read again, of those that were. The result was computed for ``as_of``, and
    is the same from ``as_of_from`` to ``as_of_to`` (inclusive; None: no bound).
    """

    files: dict[int, FileCounts]
    reasons: dict[int, dict[str, int]]
    rereads: dict[int, int] = {}
    as_of: dt.date | None = None
    as_of_from: dt.date | None = None
    as_of_to: dt.date | None = None

    @property
    def total(self) -> FileCounts:
        """Counts of the whole dataset."""
        return sum(self.files.values(), start=NO_ROWS)

    @property
    def by_reason(self) -> dict[str, int]:
        """Rejections of the whole dataset per reason, most frequent first."""
        totals: dict[str, int] = {}
        for counts in self.reasons.values():
            for reason, count in counts.items():
                totals[reason] = totals.get(reason, 0) + count
        return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))

    def holds_at(self, as_of: dt.date) -> bool:
        """Whether the rules give the same result at that date."""
        after = self.as_of_from is None or as_of >= self.as_of_from
        return after and (self.as_of_to is None or as_of <= self.as_of_to)


def _read_columns(value: Any) -> Any:
    """Columns as a document holds them, lists of name and SQL type, read as typed columns."""
    if not isinstance(value, (list, tuple)):
        return value
    return tuple(_read_column(*column) if isinstance(column, list) else column for column in value)


def _read_column(name: str, spelling: str) -> TypedColumn:
    column_type = parse_type(spelling)
    if column_type is None:
        raise ValueError(f"no column has the type {spelling}")
    return TypedColumn(name, column_type)


def _spell_columns(columns: tuple[TypedColumn, ...]) -> list[tuple[str, str]]:
    return [(column.name, column.type.sql) for column in columns]


class NewBuild(Document):
    """A build before the lake has committed it: what the run that computed it knows. See ``Build``.

    ``recipe`` is a hash of all that decides its rows beside the tables that it reads; these are ``inputs``, with their
    fingerprints. A build of the same recipe can be extended where its inputs changed. ``partition`` is the column of
    the Delta table by which its files are divided, a text that they do not have; it is empty when they are not.
    ``counts_forgotten`` is the number of rows whose figures were published before a person was forgotten, and count
    that person still.
    """

    table: str
    layer: Layer
    fingerprint: str
    columns: Annotated[tuple[TypedColumn, ...], BeforeValidator(_read_columns), PlainSerializer(_spell_columns)]
    key: tuple[str, ...] = ()
    built_at: dt.datetime
    run_id: str
    duration_s: float = 0.0
    quality: Quality | None = None
    recipe: str = ""
    inputs: dict[str, str] = {}
    partition: str = ""
    counts_forgotten: int = 0

    @property
    def id(self) -> str:
        """Layer and table: its key in a release."""
        return build_id(self.layer, self.table)


class Build(NewBuild):
    """One exact content of one table: its Delta version, and the Parquet files that make it up.

    ``columns`` are names and types; ``key`` is that of a gold table, ``quality`` the result of the rules of a silver
    table. ``log_bytes`` is the size of the Delta log up to ``version``. Bounds of the files' columns stand in that log,
    not here: ``Lake.with_stats`` reads them.
    """

    version: int
    rows: int
    files: tuple[TableFile, ...] = ()
    log_bytes: int

    @property
    def note(self) -> str:
        """The name of its note, relative to the metadata layer."""
        return note_name(self.layer, self.table, self.fingerprint)


def build_id(layer: Layer, table: str) -> str:
    """Layer and table: the key of a build in a release."""
    return f"{layer}/{table}"


def note_name(layer: Layer, table: str, fingerprint: str) -> str:
    """The name of the note of a build, relative to the metadata layer."""
    return f"{NOTES}/{layer}/{table}/{fingerprint}.json"


class CheckResult(Document):
    """The result of a check.

    ``value`` is None when the query gave no number. ``fingerprint`` covers the query and the tables that it read.
    ``detail`` says of a check that does not hold what was found and what it must be, or why the query raised.
    """

    table: str
    check: str
    status: CheckStatus
    failed_rows: int
    value: Decimal | None
    fingerprint: str
    detail: str = ""


class Release(Document):
    """The exact content of every table, published by one document.

    ``ledger`` is the number of the ledger that the tables were built from. ``rollback_of`` is the release whose tables
    this one has again, ``rolled_back_from`` the one that it replaced. ``surface`` is what its readers rely on.
    """

    number: int
    run_id: str
    created_at: dt.datetime
    as_of: dt.date
    engine: str
    project: str
    project_fingerprint: str
    ledger: int
    tables: dict[str, Build]
    checks: tuple[CheckResult, ...]
    surface: Surface | None = None
    rollback_of: int | None = None
    rolled_back_from: int | None = None

    def build(self, layer: Layer, table: str) -> Build | None:
        """The build of a table; None when the release does not have it."""
        return self.tables.get(build_id(layer, table))

    def named(self, table: str) -> Build | None:
        """The build of a silver or gold table; names are shared by these layers. None when there is none."""
        return self.build(Layer.GOLD, table) or self.build(Layer.SILVER, table)

    @property
    def content(self) -> dict[str, str]:
        """Fingerprint of each table: two releases with the same content show the same rows."""
        return {name: build.fingerprint for name, build in self.tables.items()}

    @property
    def counts_forgotten(self) -> dict[str, int]:
        """The tables with figures that count people who were forgotten since, with the number of such rows."""
        return {build.table: build.counts_forgotten for build in self.tables.values() if build.counts_forgotten}

    @property
    def objects(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """Delta version and files of each table: two releases with the same rows may have them in other files."""
        return {name: (build.version, tuple(f.name for f in build.files)) for name, build in self.tables.items()}


class RunDocument(Document):
    """A finished run: its report, reduced to what changed, and its builds that the published release does not have."""

    run_id: str
    started_at: dt.datetime
    report: dict[str, Any]
    builds: dict[str, Build] = {}
