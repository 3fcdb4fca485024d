"""Dirty values in columns of every type: each engine accepts the same, as the same values, and for the same reasons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from filon.engines import Engine
from filon.lake import Location
from filon.pipeline.engine import Backends
from filon.project import INTEGER, TEXT, ColumnType, Kind, TypedColumn
from filon.project.loader import load_project
from filon.projects import retail
from filon.settings import Settings
from filon.sql import identifier
from tests.engines.conftest import AS_OF, Ground
from tests.engines.test_composed_sql import judging, of_every_type

NUMBERS = """
    0 -0 +1 1. .5 1.5 -1.005 1.005 0.995 2.675 9999999999.994 9999999999.99 99999999999 1e3 1E-2 1e400 nan inf -Infinity
    9223372036854775807 9223372036854775808 -9223372036854775808 170141183460469231731687303715884105727 0x10 1_000 1,5
    1.234,56 1.234.567 12.34.567 -€5 €5 5€ 50% 50,5% (3) 3- -3 --3 ٣ ½ ²
"""
DAYS = """
    2024-02-29 2023-02-29 2024-12-30 2024-12-31 2025-01-01 2026-12-31 2027-01-01 2020-W53-7 1969-12-31 1970-01-01
    1582-10-10 1900-02-29 0001-01-01 9999-12-31 10000-01-01 -0001-01-01 2025-1-5 2025-00-10 2025-13-01 20250105
    05/01/2025 2026-02-01
    2025-01-05T10:00:00Z 2025-01-05T23:59:60Z 2025-03-30T02:30:00 2025-10-26T02:30:00+02:00 2025-01-05T10:00:00.123456Z
    2025-01-05T24:00:00Z 1883-11-18T12:00:00Z
"""
SENTENCES = ("2025-01-05 10:00:00", "dimanche 5 janv. 2025", "dimanche 5 janv. 2025 3:04:05 PM", "lundi 5 janv. 2025")
WORDS = ("true", "TRUE", "t", "yes", "oui", "Non", "0", "null", "NULL", "N/A", "-", "", " ", "\t", "\u00a0", "\u200b")
LETTERS = (
    "é",
    "e\u0301",
    "É",
    "  jean  paul ",
    "o'neil-MARTIN",
    "straße",
    "ǆ",
    "İstanbul",
    "ﬁn",
    "ΑΣ",
    "שלום עולם",
    "مرحبا 🙂",
    "👩‍👩‍👧‍👦",
    "🇫🇷",
    "a\u0000b",
    "a\nb",
    '"quoted"',
    "[1, 2]",
    '{"a": 1}',
    "\ud7ff\ue000",
    "x" * 5000,
)
TEXTS: tuple[str | None, ...] = (None, *NUMBERS.split(), *DAYS.split(), *SENTENCES, *WORDS, *LETTERS)
PLAIN = ("_malformed", "_extra")


def dirty_records(path: Path, names: Sequence[str]) -> None:
    """A record for each text, which stands in all of its columns."""
    columns: dict[str, Any] = {"_file": [1] * len(TEXTS), "_record": list(range(1, len(TEXTS) + 1))}
    texts = pa.array(TEXTS, pa.string())
    columns |= {name: pa.nulls(len(TEXTS), pa.string()) if name in PLAIN else texts for name in names}
    pq.write_table(pa.table(columns), path)


def judged(engine: Engine, query: str) -> list[tuple[object, ...]]:
    """The rows of a query in order, with moments as text."""
    shown = [
        f"CAST({identifier(name)} AS VARCHAR)" if kind == ColumnType(Kind.TIMESTAMP) else identifier(name)
        for name, kind in engine.describe(query)
    ]
    return engine.rows(f"SELECT {', '.join(shown)} FROM ({query}) AS judged ORDER BY _record")


@pytest.mark.parametrize("number", range(3))
def test_dirty_values_are_judged_alike(engine: Engine, ground: Ground, table: Location, number: int) -> None:
    query = list(judging())[number]
    names = {column.name for column in of_every_type()} if number < 2 else {"date", "timestamp"}
    texts = sorted({*names, "_malformed", "_raw", "_extra"})
    assert table.folder is not None
    table.folder.mkdir()
    file = table.folder / "dirty.parquet"
    dirty_records(file, texts)
    columns = [TypedColumn("_file", INTEGER), TypedColumn("_record", INTEGER), *(TypedColumn(n, TEXT) for n in texts)]
    reference = Backends(Settings(threads=1), ground.workspace, [ground.tables]).make_engine(
        load_project(retail.FOLDER), AS_OF
    )
    found = []
    for each in (engine, reference):
        each.bind("bronze records", [str(file)], columns)
        found.append(judged(each, query))
        each.drop(["bronze records"])
    reference.close()
    assert len(found[1]) == len(TEXTS)
    for text, here, there in zip(TEXTS, *found, strict=True):
        assert here == there, text
