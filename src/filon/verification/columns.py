"""Whether the columns of facts that a store keeps for analyses are those of the lake."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from filon.engines import Engine
from filon.serving.columns.chunks import digest_of, read_chunk
from filon.serving.columns.stored import DATA, DIGEST, MONTH, month_name, month_number
from filon.serving.query import Row
from filon.sql import identifier

EXPECTED = "columns of facts as the lake has them"


def columns_difference(engine: Engine, query: str, chunks: Iterator[Row]) -> str | None:
    """How stored chunks differ from what a query gives, by month; None when they do not.

    Args:
        engine: has the tables that the query reads
        query: the columns as they should be, a row per fact
        chunks: the rows of the store, in the order of month and part

    """
    engine.cache(EXPECTED, query)
    try:
        months = engine.rows(f"SELECT DISTINCT {MONTH} FROM {identifier(EXPECTED)}")
        missing = {month_name(int(month)) for (month,) in months}
        for month, parts in groupby(chunks, key=lambda chunk: str(chunk[MONTH])):
            missing.discard(month)
            texts = [(str(part[DIGEST]), str(part[DATA])) for part in parts]
            if any(digest != digest_of(month, data.encode()) for digest, data in texts):
                return f"has other bytes than were written for {_said(month)}"
            stored = pa.concat_tables([_plain(read_chunk(data)) for _, data in texts])
            facts = engine.arrow(f"SELECT * FROM {identifier(EXPECTED)} WHERE {MONTH} = {month_number(month)}")
            if not _sorted(stored).equals(_sorted(_plain(facts.drop_columns([MONTH])).select(stored.column_names))):
                return f"differs in {_said(month)}"
    finally:
        engine.drop([EXPECTED])
    return f"lacks {_said(min(missing))}" if missing else None


def _said(month: str) -> str:
    return month or "rows without a date"


def _plain(table: Any) -> Any:
    """The same values as whole numbers of 64 bits and as texts."""
    return pa.table(
        {name: table.column(name).combine_chunks().cast(_wide(table.column(name).type)) for name in table.column_names}
    )


def _wide(kind: Any) -> Any:
    return pa.int64() if pa.types.is_integer(getattr(kind, "value_type", kind)) else pa.string()


def _sorted(table: Any) -> Any:
    return table.sort_by([(name, "ascending") for name in table.column_names]).combine_chunks()
