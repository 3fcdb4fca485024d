"""What an engine says of a Parquet file that it wrote, and what the lake remembers of it."""

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
    """A Parquet file of a table, with what tells whether it is still as it was written.

    ``hash`` is the XXH3 of its bytes (128 bits, hexadecimal), ``etag`` the object store's word for them, if it lies on
    one. ``partition`` is that of ``DataFile``. ``stats`` are bounds and nulls by column. The run that wrote the file
    knows them, others ask ``Lake.with_stats``: in documents, they would grow with the number of files times columns.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    size: int
    rows: int
    hash: str
    etag: str = ""
    partition: Mapping[str, str | None] = Field(default={})
    stats: Mapping[str, ColumnStats] = Field(default={}, exclude=True, repr=False)

    def with_stats(self, stats: Mapping[str, ColumnStats]) -> TableFile:
        """The same file with these bounds; with none, as documents keep it."""
        return self.model_copy(update={"stats": stats})
