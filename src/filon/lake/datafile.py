"""What an engine says of a Parquet file that it wrote, and what the lake remembers of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    """A Parquet file that an engine wrote into a table's folder. ``name`` is relative to that folder."""

    name: str
    size: int
    rows: int
    stats: Mapping[str, ColumnStats]


class TableFile(BaseModel):
    """A Parquet file of a table, with what tells whether it is still as it was written.

    ``hash`` is the XXH3 of its bytes (128 bits, hexadecimal), ``etag`` the object store's word for them, if it lies on
    one. ``stats`` are known to the run that wrote the file only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    size: int
    rows: int
    hash: str
    etag: str = ""
    stats: Mapping[str, ColumnStats] = Field(default={}, exclude=True, repr=False)
