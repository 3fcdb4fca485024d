"""Delta logs that were changed: another one takes their place, and says what the table holds."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from deltalake import DeltaTable

from filon.errors import LakeUnavailable
from filon.lake import ColumnStats, TableFile
from filon.lake.deltalog import CHECKPOINT_INTERVAL, LOG, checkpoint_name, entries_before, log_size, torn_end
from filon.lake.location import Location
from filon.lake.tables import commit, stats_of
from filon.project import INTEGER, TEXT, TypedColumn, parse_type

COLUMNS = (TypedColumn("id", INTEGER), TypedColumn("nom", TEXT))


def file(number: int) -> TableFile:
    return TableFile(name=f"part-{number}.parquet", size=number, rows=1, hash="0" * 32)


def names(location: Location) -> list[str]:
    return sorted(uri.rsplit("/", 1)[1] for uri in DeltaTable(location.uri).file_uris())


@pytest.mark.parametrize("seed", range(40))
def test_one_changed_bit_of_a_log_spoils_no_commit(tmp_path: Path, seed: int) -> None:
    location, chance = Location(tmp_path.as_uri()), random.Random(seed)  # noqa: S311
    commit(location, COLUMNS, [file(1)], facts={}, now_ms=1)
    commit(location, COLUMNS, [file(1), file(2)], facts={}, now_ms=2)
    path = tmp_path / f"_delta_log/{chance.choice([0, 1]):020d}.json"
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    committed = commit(location, COLUMNS, [file(2), file(3)], facts={}, now_ms=3)
    assert names(location) == ["part-2.parquet", "part-3.parquet"]
    assert committed.version == DeltaTable(location.uri).version()
    sizes = [entry.stat().st_size for entry in (tmp_path / "_delta_log").glob("*.json")]
    assert committed.log_bytes == sum(sizes)


def test_a_damaged_checkpoint_costs_nothing(tmp_path: Path) -> None:
    location = Location(tmp_path.as_uri())
    for number in range(3):
        commit(location, COLUMNS, [file(number + 1)], facts={}, now_ms=number)
    DeltaTable(location.uri).create_checkpoint()
    [checkpoint] = (tmp_path / "_delta_log").glob("*.checkpoint.parquet")
    checkpoint.write_bytes(b"PAR1" + bytes(40))
    assert commit(location, COLUMNS, [file(9)], facts={}, now_ms=9).version == 3
    assert names(location) == ["part-9.parquet"]


LAST = CHECKPOINT_INTERVAL - 1
"""The version of which a checkpoint is written."""
NEXT = LAST + 7
"""The version that follows those of a long log."""


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with a checkpoint and six versions after it, each with another file."""
    folder = tmp_path_factory.mktemp("long")
    for number in range(NEXT):
        commit(Location(folder.as_uri()), COLUMNS, [file(number)], facts={}, now_ms=number)
    return folder


def test_a_long_log_is_read_from_its_checkpoint_and_the_entries_before_it_can_go(
    long_log: Path, tmp_path: Path
) -> None:
    shutil.copytree(long_log, tmp_path / "table")
    location = Location((tmp_path / "table").as_uri())
    size = log_size(location.listing(LOG), LAST + 3)
    assert size > 0
    old = entries_before(location.listing(LOG), LAST + 3)
    assert sorted(name[-25:-5] for name in old) == [f"{number:020d}" for number in range(LAST)]
    location.delete(old)
    assert log_size(location.listing(LOG), LAST + 3) == size
    assert log_size(location.listing(LOG), LAST - 1) == -1
    [name] = DeltaTable(location.uri, version=LAST + 3).file_uris()
    assert name.endswith(f"part-{LAST + 3}.parquet")
    assert commit(location, COLUMNS, [file(500)], facts={}, now_ms=9).version == NEXT
    assert names(location) == ["part-500.parquet"]


def test_entries_stay_without_the_checkpoint_that_makes_them_needless(long_log: Path, tmp_path: Path) -> None:
    shutil.copytree(long_log, tmp_path / "table")
    location = Location((tmp_path / "table").as_uri())
    assert entries_before(location.listing(LOG), LAST - 1) == []
    (tmp_path / "table" / LOG / checkpoint_name(LAST)).unlink()
    assert entries_before(location.listing(LOG), LAST + 3) == []
    assert log_size(location.listing(LOG), LAST + 3) > 0
    (tmp_path / "table" / LOG / f"{2:020d}.json").unlink()
    assert log_size(location.listing(LOG), LAST + 3) == -1


def test_a_torn_end_of_a_log_without_its_beginning_costs_only_that_end(long_log: Path, tmp_path: Path) -> None:
    shutil.copytree(long_log, tmp_path / "table")
    location = Location((tmp_path / "table").as_uri())
    location.delete(entries_before(location.listing(LOG), LAST + 3))
    (tmp_path / "table" / LOG / f"{NEXT - 1:020d}.json").write_bytes(b'{"add":{"pa')
    assert commit(location, COLUMNS, [file(500)], facts={}, now_ms=9).version == NEXT - 1
    assert names(location) == ["part-500.parquet"]


def test_the_log_of_a_tool_that_knows_more_is_left_alone(tmp_path: Path) -> None:
    location = Location(tmp_path.as_uri())
    commit(location, COLUMNS, [file(1)], facts={}, now_ms=1)
    newer = (
        '{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["magic"],"writerFeatures":["magic"]}}'
    )
    path = tmp_path / f"_delta_log/{1:020d}.json"
    path.write_text(newer)
    with pytest.raises(LakeUnavailable):
        commit(location, COLUMNS, [file(2)], facts={}, now_ms=2)
    assert path.read_text() == newer


TYPES = ("BIGINT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP WITH TIME ZONE", "BOOLEAN", "DECIMAL(38,2)")


def typed(name: str, spelling: str) -> TypedColumn:
    """A column of the type that is spelled like this."""
    column_type = parse_type(spelling)
    assert column_type is not None
    return TypedColumn(name, column_type)


def test_bounds_are_read_back_from_the_log_as_they_were_given(tmp_path: Path) -> None:
    location = Location(tmp_path.as_uri())
    given = {
        "BIGINT": ColumnStats("-9223372036854775808", "9007199254740993", 0),
        "VARCHAR": ColumnStats("", "été", 3),
        "DATE": ColumnStats("0001-01-01", "9999-12-31", 1),
        "DECIMAL(38,2)": ColumnStats("-0.25", "1250000.00", 0),
    }
    columns = [typed(kind, kind) for kind in TYPES]
    commit(location, columns, [file(1).with_stats(given), file(2)], facts={}, now_ms=1)
    commit(location, columns, [file(3)], facts={}, now_ms=2)
    assert stats_of(location, 0) == {"part-1.parquet": given, "part-2.parquet": {}}
    assert stats_of(location, 1) == {"part-3.parquet": {}}


@pytest.mark.parametrize(
    ("kind", "bound"),
    [
        ("VARCHAR", "x" * 33),
        ("DECIMAL(38,2)", "12345678901234567.89"),
        ("TIMESTAMP WITH TIME ZONE", "2026-01-01 00:00:00.000001+00"),
    ],
)
def test_a_bound_that_the_log_would_change_is_not_said(tmp_path: Path, kind: str, bound: str) -> None:
    location = Location(tmp_path.as_uri())
    commit(location, [typed("a", kind)], [file(1).with_stats({"a": ColumnStats(bound, bound, 2)})], facts={}, now_ms=1)
    assert stats_of(location, 0) == {"part-1.parquet": {"a": ColumnStats(None, None, 2)}}


def test_a_file_keeps_its_partition_in_documents_and_its_bounds_out_of_them() -> None:
    whole = TableFile(name="a", size=1, rows=1, hash="0", partition={"day": "2026-01-01", "country": None})
    text = whole.with_stats({"day": ColumnStats("a", "b", 0)}).model_dump_json(exclude_defaults=True)
    assert TableFile.model_validate_json(text) == whole
    assert "partition" not in TableFile(name="a", size=1, rows=1, hash="0").model_dump_json(exclude_defaults=True)


def test_entries_that_were_never_synced_are_all_that_a_log_loses(tmp_path: Path) -> None:
    location, log = Location(tmp_path.as_uri()), tmp_path / "_delta_log"
    for number in (1, 2):
        commit(location, COLUMNS, [file(number)], facts={}, now_ms=number)
    kept = {path.name: path.read_bytes() for path in log.glob("*.json")}
    for version in (2, 3):
        (log / f"{version:020}.json").write_bytes(b'{"commitInfo":{"time')
    assert torn_end(location) == [f"_delta_log/{version:020}.json" for version in (2, 3)]
    assert commit(location, COLUMNS, [file(3)], facts={}, now_ms=3).version == 2
    assert {path.name: path.read_bytes() for path in log.glob("*.json") if path.name in kept} == kept


def test_a_table_that_is_divided_anew_keeps_its_earlier_versions(tmp_path: Path) -> None:
    location = Location(tmp_path.as_uri())
    whole = commit(location, COLUMNS, [file(1)], facts={}, now_ms=1)
    parted = file(2).model_copy(update={"name": "_month=2026-01/part-2.parquet", "partition": {"_month": "2026-01"}})
    by_month = commit(location, COLUMNS, [parted], partition="_month", facts={"run": "r2"}, now_ms=2)
    assert DeltaTable(location.uri).metadata().partition_columns == ["_month"]
    assert names(location) == ["part-2.parquet"]
    again = commit(location, COLUMNS, [file(3)], facts={}, now_ms=3)
    assert DeltaTable(location.uri).metadata().partition_columns == []
    assert names(location) == ["part-3.parquet"]
    assert whole.version < by_month.version < again.version
    for known, name in ((whole, "part-1.parquet"), (by_month, "part-2.parquet"), (again, "part-3.parquet")):
        assert log_size(location.listing(LOG), known.version) == known.log_bytes
        [uri] = DeltaTable(location.uri, version=known.version).file_uris()
        assert uri.endswith(name)
