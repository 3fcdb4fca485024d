"""Rows as an answer: for Arrow, Polars, pandas and DuckDB, as text, and as files."""

from __future__ import annotations

import csv
import datetime as dt
import html
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

from filon.engines import FoundColumn
from filon.errors import ConfigError
from filon.spreadsheet import cell

if TYPE_CHECKING:
    import duckdb
    import pandas as pd  # type: ignore[import-untyped]
    import polars as pl
    import pyarrow as pa  # type: ignore[import-untyped]

SHOWN = 20


@dataclass(frozen=True)
class Rows:
    """Rows of a table or of a query, in memory.

    Attributes:
        columns: names and types, in order
        table: the rows as an Arrow table; timestamps in UTC
        timezone: the project's, in which timestamps are shown as text

    """

    columns: tuple[FoundColumn, ...]
    table: pa.Table = field(repr=False)
    timezone: str

    def arrow(self) -> pa.Table:
        """As a ``pyarrow.Table``; timestamps in UTC."""
        return self.table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """What libraries take that speak Arrow's interface for streams."""
        return self.table.__arrow_c_stream__(requested_schema)

    def pandas(self) -> pd.DataFrame:
        """As a pandas DataFrame with Arrow's types, so that integers with nulls, decimals and dates stay exact."""
        import pandas as pd

        return self.table.to_pandas(types_mapper=pd.ArrowDtype)

    def polars(self) -> pl.DataFrame:
        """As a Polars DataFrame; ConfigError when Polars is not installed."""
        try:
            import polars as pl
        except ImportError as error:
            raise ConfigError("Polars is not installed: pip install polars") from error
        return pl.DataFrame(pl.from_arrow(self.table))

    def duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """As a relation of a DuckDB connection; of the default one, if none is given."""
        import duckdb

        return (connection or duckdb.default_connection()).from_arrow(self.table)

    def dicts(self) -> list[dict[str, Any]]:
        """One dict per row: int, Decimal, float, str, bool, date, datetime in UTC, lists of these, or None."""
        return self.table.to_pylist()  # type: ignore[no-any-return]

    def texts(self, most: int | None = None) -> list[list[str]]:
        """The first rows as texts; timestamps in the project's time zone, nulls empty."""
        zone = ZoneInfo(self.timezone)
        first = self.table if most is None else self.table.slice(0, most)
        columns = [column.to_pylist() for column in first.itercolumns()]
        return [[_text(value, zone) for value in row] for row in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def _repr_html_(self) -> str:
        """The first rows as notebooks show them."""
        head = "".join(f"<th>{html.escape(column.name)}</th>" for column in self.columns)
        lines = ["".join(f"<td>{html.escape(text)}</td>" for text in row) for row in self.texts(SHOWN)]
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        more = f"<p>{SHOWN} of {len(self)} rows</p>" if len(self) > SHOWN else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"

    def json(self) -> bytes:
        """A JSON array with an object per row; decimals with all their digits, timestamps in UTC."""
        return orjson.dumps(self.dicts(), default=_exact, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2)

    def write(self, path: Path) -> None:
        """Write a file: its suffix, ``.csv``, ``.json`` or ``.parquet``, says how; ConfigError for any other.

        In CSV, a text that a spreadsheet would run as a formula begins with an apostrophe.
        """
        if path.suffix == ".csv":
            with path.open("w", newline="", encoding="utf-8") as stream:
                self.write_csv(stream)
        elif path.suffix == ".json":
            path.write_bytes(self.json())
        elif path.suffix == ".parquet":
            from pyarrow import parquet

            parquet.write_table(self.table, path, compression="zstd")
        else:
            raise ConfigError(f"{path}: name a file that ends in .csv, .json or .parquet")

    def write_csv(self, stream: Any) -> None:
        """Write CSV into a text stream: a header, lines ended by CR LF, nulls empty."""
        writer = csv.writer(stream)
        writer.writerow([cell(column.name) for column in self.columns])
        for batch in self.table.to_batches():
            writer.writerows([cell(value) for value in row.values()] for row in batch.to_pylist())


def _text(value: object, zone: ZoneInfo) -> str:
    """A value for people."""
    if isinstance(value, dt.datetime):
        return (_local(value, zone) if value.tzinfo else value).isoformat(" ")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list):
        return ", ".join(_text(item, zone) for item in value)
    return "" if value is None else str(value)


def _local(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """A moment in a zone; as it is where it has no date there, on the first and the last day there are."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def _exact(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} has no JSON")
