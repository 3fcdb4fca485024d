"""Rows as bytes: JSON with exact decimals, and streams of CSV, Parquet and Arrow."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Protocol

import orjson
import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import parquet

from filon.api.parameters import Format
from filon.project import Column, Kind
from filon.serving.query import Row
from filon.spreadsheet import cell

JSON_TYPE = "application/json"
MEDIA_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.ARROW: "application/vnd.apache.arrow.stream",
}


def json_bytes(value: object) -> bytes:
    """JSON; decimals are numbers with all their digits."""
    return orjson.dumps(value, default=_exact, option=orjson.OPT_UTC_Z)


async def json_bytes_beside(value: object) -> bytes:
    """The same beside the event loop, for what may be large."""
    return await asyncio.to_thread(json_bytes, value)


def _exact(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} is no value of a row")


class Writer(Protocol):
    """Writes rows a batch at a time; each call gives the bytes that are ready."""

    def rows(self, batch: Sequence[Row]) -> bytes:
        """More rows."""

    def end(self) -> bytes:
        """What comes after the last row."""


class CsvWriter:
    """Comma-separated values with a header, lines ended by CR LF; nulls are empty.

    A text that a spreadsheet would run as a formula begins with an apostrophe.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._buffer = io.StringIO(newline="")
        self._writer = csv.writer(self._buffer)
        self._writer.writerow([cell(column.name) for column in columns])

    def rows(self, batch: Sequence[Row]) -> bytes:
        """More lines."""
        names = [column.name for column in self._columns]
        self._writer.writerows([cell(row[name]) for name in names] for row in batch)
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return text.encode()

    def end(self) -> bytes:
        """Nothing, or the header of an empty table."""
        return self._buffer.getvalue().encode()


class _Drain(io.RawIOBase):
    """A file whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


class ArrowWriter:
    """An Arrow IPC stream, or a Parquet file, with the types of the contract."""

    def __init__(self, columns: Sequence[Column], kind: Format) -> None:
        self._schema = pa.schema([pa.field(c.name, _arrow_type(c), nullable=not c.required) for c in columns])
        self._sink = _Drain()
        self._writer: Any = (
            parquet.ParquetWriter(self._sink, self._schema, compression="zstd")
            if kind is Format.PARQUET
            else pa.ipc.new_stream(self._sink, self._schema)
        )

    def rows(self, batch: Sequence[Row]) -> bytes:
        """More rows, as a record batch of their own."""
        arrays = [pa.array([row[field.name] for row in batch], field.type) for field in self._schema]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        return self._sink.taken()

    def end(self) -> bytes:
        """The footer."""
        self._writer.close()
        return self._sink.taken()


def _arrow_type(column: Column) -> pa.DataType:
    kind = column.type
    if kind.kind is Kind.DECIMAL:
        return pa.decimal128(kind.precision, kind.scale)
    return {
        Kind.INTEGER: pa.int64(),
        Kind.DOUBLE: pa.float64(),
        Kind.TEXT: pa.string(),
        Kind.DATE: pa.date32(),
        Kind.TIMESTAMP: pa.timestamp("us", "UTC"),
        Kind.BOOLEAN: pa.bool_(),
    }[kind.kind]


def make_writer(kind: Format, columns: Iterable[Column]) -> Writer:
    """The writer of a format."""
    chosen = tuple(columns)
    return CsvWriter(chosen) if kind is Format.CSV else ArrowWriter(chosen, kind)
