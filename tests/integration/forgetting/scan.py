"""Looks for values in all that Filon holds: bytes of files, inside compressed ones, columns of Parquet files."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import bson
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from pymongo import MongoClient


def found(folder: Path, values: Sequence[str]) -> list[str]:
    """Every place below a folder where one of the values stands, as bytes or as a cell."""
    places = []
    for path in sorted(folder.rglob("*")):
        spelled = str(path.relative_to(folder))
        places += [f"{spelled}: its name holds {value}" for value in values if _in_name(value, spelled)]
        if path.is_file():
            places += [f"{spelled}: {value}" for value in values if _holds(path, value)]
    return places


def found_in_database(uri: str, values: Sequence[str]) -> list[str]:
    """Every collection of a database of MongoDB of which a document holds one of the values."""
    with MongoClient[dict[str, Any]](uri) as client:
        database = client.get_default_database()
        names = [info["name"] for info in database.list_collections(filter={"type": "collection"})]
        dumps = {name: [(bson.encode(document), str(document)) for document in database[name].find()] for name in names}
    assert any(dumps.values()), "the database is empty: nothing was looked at"
    return [
        f"{name}: {value}"
        for name, documents in dumps.items()
        for value in values
        if any(value.encode() in raw or value in text for raw, text in documents)
    ]


def _in_name(value: str, name: str) -> bool:
    return value in name or quote(value) in name


def _holds(path: Path, value: str) -> bool:
    content = path.read_bytes()
    spelled = (
        value.encode(),
        value.encode("utf-16-le"),
        value.encode("latin-1", "replace"),
        json.dumps(value)[1:-1].encode(),
    )
    contents = [content, *_unpacked(path, content)]
    return any(form in part for form in spelled for part in contents) or any(value == cell for cell in _cells(path))


def _unpacked(path: Path, content: bytes) -> Iterator[bytes]:
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)


def _cells(path: Path) -> Iterator[str]:
    """Every value of a Parquet file and of its statistics, and every value of a database of SQLite, as text."""
    if path.suffix == ".parquet":
        file = pq.ParquetFile(path)
        for column in file.read().columns:
            for value in column.to_pylist():
                yield from (map(str, value) if isinstance(value, list) else [str(value)])
        for group in range(file.metadata.num_row_groups):
            for index in range(file.metadata.num_columns):
                statistics = file.metadata.row_group(group).column(index).statistics
                if statistics is not None and statistics.has_min_max:
                    yield from (str(statistics.min), str(statistics.max))
    if path.suffix == ".db":
        with closing(sqlite3.connect(path)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                for row in database.execute(f'SELECT * FROM "{table}"'):
                    yield from map(str, row)
