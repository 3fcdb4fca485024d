"""What Parquet files say of themselves: for engines that write files without telling what they wrote."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from filon.lake import ColumnStats, DataFile, Location

MAGIC = b"PAR1"
WORD = 4
"""Bytes of the length that stands before the last magic word."""
GUESS = 64 << 10
"""Bytes at the end of a file that hold most footers whole, so that one request is enough."""


def read_footers(folder: Location, names: Iterable[str]) -> list[DataFile]:
    """The files of these names that hold rows.

    Args:
        folder: where they lie
        names: Parquet files, relative to it

    Returns:
        Rows and bytes of each file, and for each column that is no list or struct its bounds, as the text that DuckDB
        makes of them. A bound is None where the file does not say it, or not exactly, and for moments that Python does
        not have. A column is left out where its nulls are not counted.

    Raises:
        FileNotFoundError: a file is not there
        pyarrow.ArrowInvalid: a file is no Parquet

    """
    files = (_data_file(folder, name) for name in names)
    return [file for file in files if file.rows]


def _data_file(folder: Location, name: str) -> DataFile:
    ending, size = folder.ending(name, GUESS)
    length = int.from_bytes(ending[-WORD - len(MAGIC) : -len(MAGIC)], "little") + WORD + len(MAGIC)
    if length > len(ending):
        ending, size = folder.ending(name, length)
    footer = pq.read_metadata(pa.BufferReader(MAGIC + ending[-length:]))
    return DataFile(name=name, size=size, rows=footer.num_rows, stats=dict(_stats(footer)))


def _stats(footer: pq.FileMetaData) -> Iterator[tuple[str, ColumnStats]]:
    groups = [footer.row_group(index) for index in range(footer.num_row_groups)]
    for index in range(footer.num_columns):
        column = footer.schema.column(index)
        found = [group.column(index).statistics for group in groups]
        is_nested = column.path != column.name
        if is_nested or not all(stats is not None and stats.has_null_count for stats in found):
            continue
        nulls = sum(stats.null_count for stats in found)
        rows = [group.num_rows for group in groups]
        filled = [stats for stats, count in zip(found, rows, strict=True) if stats.null_count < count]
        yield column.name, ColumnStats(_bound(filled, "min"), _bound(filled, "max"), nulls)


def _bound(found: Sequence[Any], side: str) -> str | None:
    """The smallest or largest value of all row groups."""
    if not found or not all(stats.has_min_max and _is_exact(stats, side) for stats in found):
        return None
    try:
        values = [getattr(stats, side) for stats in found]
    except (OverflowError, ValueError):  # a day beyond Python's calendar, or bytes that are no text
        return None
    return _spelled(min(values) if side == "min" else max(values))


def _is_exact(stats: Any, side: str) -> bool:
    """Writers may cut long texts, and may say so."""
    return getattr(stats, f"is_{side}_value_exact", None) is not False


def _spelled(value: object) -> str | None:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dt.datetime):
        text = value.isoformat(" ").removesuffix("+00:00")
        whole, _, fraction = text.partition(".")
        return f"{whole}.{fraction.rstrip('0')}+00" if fraction else f"{whole}+00"
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value) if isinstance(value, (int, float, str)) else None
