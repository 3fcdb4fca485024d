"""What an engine says of a Parquet file that it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ColumnStats:
    """Smallest and largest value of a column in a file, as text (None: unknown), and its number of nulls."""

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
