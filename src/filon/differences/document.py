"""A difference between two releases, as it is printed, written as JSON, and shown as a page."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from filon.differences.change import ContractChange
from filon.lake import FileCounts, Layer


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class RowChange(StrEnum):
    """What became of a row."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class FileChange(StrEnum):
    """What became of a version of a file."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    REPLACED = "replaced"
    RETRACTED = "retracted"
    RESTORED = "restored"
    LEFT = "left"


class Value(_Part):
    """A value before and after, as SQL spells it; None is null, or a row that is not there."""

    before: str | None
    after: str | None


class RowExample(_Part):
    """A row that differs: its key, and its values by column, of a changed row those that changed."""

    change: RowChange
    key: dict[str, str]
    values: dict[str, Value]


class Move(_Part):
    """A number that changed. ``share`` is by how much of the value before; None when there was none, or zero."""

    before: str | None
    after: str | None
    share: float | None


class Figure(_Part):
    """A column of numbers: how its sum moved, and the row that is on both sides and moved most, by its key."""

    column: str
    total: Move
    largest: Move | None = None
    largest_key: dict[str, str] = {}


class ColumnChange(_Part):
    """A column that came, went or has another type; ``before`` and ``after`` are types in SQL."""

    column: str
    before: str | None
    after: str | None


class TableDifference(_Part):
    """A table whose rows differ. ``rows_before`` and ``rows_after`` are None where the release does not have it.

    Rows are matched by key; a table that has none, or another one than before, has no changed rows. ``partitions`` are
    those in which rows differ.
    """

    table: str
    layer: Layer
    rows_before: int | None
    rows_after: int | None
    added: int
    removed: int
    changed: int
    columns: tuple[ColumnChange, ...] = ()
    partitions: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    examples: tuple[RowExample, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether anybody who reads the table sees it."""
        return bool(self.added or self.removed or self.changed or self.columns) or None in (
            self.rows_before,
            self.rows_after,
        )


class FileDifference(_Part):
    """A version of a file that counts on one side only; ``reason`` and ``detail`` say why it was refused."""

    file: str
    dataset: str
    change: FileChange
    records: int
    reason: str | None = None
    detail: str | None = None


class RecordsDifference(_Part):
    """The counts of a dataset's records."""

    dataset: str
    before: FileCounts
    after: FileCounts


class Difference(_Part):
    """What ``after`` has that ``before`` has not; a release that is not published yet has no number."""

    before: int | None
    after: int | None = Field(description="None: it is not published")
    tables: tuple[TableDifference, ...]
    unchanged: tuple[str, ...] = Field(description="Tables with the same rows")
    files: tuple[FileDifference, ...]
    records: tuple[RecordsDifference, ...]
    checks_failed: tuple[str, ...] = Field(description="Checks that do not hold afterwards, and what was found")
    broken: tuple[str, ...] = Field(default=(), description="Rules of the guard that it breaks, and why")
    contracts: tuple[ContractChange, ...] = Field(default=(), description="Changes of contracts and SQL")

    @property
    def is_empty(self) -> bool:
        """Whether nobody would notice."""
        return not self.tables and not self.files
