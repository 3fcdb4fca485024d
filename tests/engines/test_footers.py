"""What Parquet files say of themselves, whoever wrote them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from filon.engines import footers
from filon.engines.footers import read_footers
from filon.lake import ColumnStats, DataFile, Location


def written(folder: Path, columns: dict[str, pa.Array], **options: object) -> DataFile:
    pq.write_table(pa.table(columns), folder / "x.parquet", **options)
    [found] = read_footers(Location(folder.as_uri()), ["x.parquet"])
    return found


def test_bounds_are_those_of_all_row_groups(tmp_path: Path) -> None:
    found = written(tmp_path, {"a": pa.array([3, None, -5, 7, None])}, row_group_size=2)
    assert found.rows == 5
    assert found.size == (tmp_path / "x.parquet").stat().st_size
    assert found.stats == {"a": ColumnStats("-5", "7", 2)}


def test_bounds_are_texts_of_every_type(tmp_path: Path) -> None:
    values = {
        "decimal": pa.array([Decimal("-1.50"), Decimal("0.05")], pa.decimal128(38, 2)),
        "double": pa.array([0.1, 2e10]),
        "text": pa.array(["é", "zz"]),
        "day": pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
        "moment": pa.array([0, 1_500_000], pa.timestamp("us", "UTC")),
        "boolean": pa.array([False, True]),
    }
    assert written(tmp_path, values).stats == {
        "decimal": ColumnStats("-1.50", "0.05", 0),
        "double": ColumnStats("0.1", "20000000000.0", 0),
        "text": ColumnStats("zz", "é", 0),
        "day": ColumnStats("0001-01-01", "9999-12-31", 0),
        "moment": ColumnStats("1970-01-01 00:00:00+00", "1970-01-01 00:00:01.5+00", 0),
        "boolean": ColumnStats("0", "1", 0),
    }


def test_what_a_file_does_not_say_is_unknown(tmp_path: Path) -> None:
    assert written(tmp_path, {"a": pa.array([1, 2])}, write_statistics=False).stats == {}
    assert written(tmp_path, {"a": pa.array([None, None], pa.int64())}).stats == {"a": ColumnStats(None, None, 2)}
    beyond = pa.array([3_000_000], pa.int32()).cast(pa.date32())
    assert written(tmp_path, {"a": beyond}).stats == {"a": ColumnStats(None, None, 0)}


def test_lists_have_no_bounds_and_a_dot_in_a_name_is_no_list(tmp_path: Path) -> None:
    found = written(tmp_path, {"a.b": pa.array([1]), "l": pa.array([["x"]]), "s": pa.array([{"x": 1}])})
    assert found.stats == {"a.b": ColumnStats("1", "1", 0)}


def test_a_file_without_rows_is_left_out(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "x.parquet")
    assert read_footers(Location(tmp_path.as_uri()), ["x.parquet"]) == []


def test_a_footer_that_is_longer_than_expected_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footers, "GUESS", 64)
    assert written(tmp_path, {f"column {n}": pa.array([n]) for n in range(50)}).stats["column 49"].low == "49"


def test_a_file_that_is_no_parquet_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(pa.ArrowInvalid):
        read_footers(Location(tmp_path.as_uri()), ["x.parquet"])
    with pytest.raises(FileNotFoundError):
        read_footers(Location(tmp_path.as_uri()), ["missing.parquet"])
