"""Parquet files: as an engine reports them after writing, and as documents of the lake list them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True)
class ColumnStats:
    """Smallest and largest value of a column in a file, and its number of nulls.

    Bounds are texts that read as values of the column's type; None when they are not known, or not exactly.
    """

    low: str | None
    high: str | None
    nulls: int


@dataclass(frozen=True)
class DataFile:
    """A Parquet file that an engine wrote into a table's folder. ``name`` is relative to that folder.

    ``partition`` gives the value that each partition column has in all its rows, as text, or None for null; it is empty
    when the table has no partitions.
    """

    name: str
    size: int
    rows: int
    stats: Mapping[str, ColumnStats]
    partition: Mapping[str, str | None] = field(default_factory=dict)


class TableFile(BaseModel):
    """A Parquet file of a table, with the hash that detects any later change.

    ``hash`` is the XXH3 of its bytes (128 bits, hexadecimal), ``etag`` the tag that an object store gave it, empty on a
    disk. ``partition`` is that of ``DataFile``. ``stats`` are bounds and nulls by column; only the run that wrote the
    file has them, others get them from ``Lake.with_stats``. Documents leave them out: there would be one per file and
    column.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    size: int
    rows: int
    hash: str
    etag: str = ""
    partition: Mapping[str, str | None] = Field(default_factory=dict)
    stats: Mapping[str, ColumnStats] = Field(default_factory=dict, exclude=True, repr=False)

    def with_stats(self, stats: Mapping[str, ColumnStats]) -> TableFile:
        """The same file with these stats; documents hold it with none."""
        return self.model_copy(update={"stats": stats})
