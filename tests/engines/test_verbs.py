"""What each verb of an engine does, and what it says when it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from filon.engines import Engine, FoundColumn, Nature, StatementInvalid, has_nature
from filon.engines.footers import read_footers
from filon.errors import EngineError
from filon.lake import DataFile, Location
from filon.project import INTEGER, TEXT, ColumnType, Kind, TypedColumn

COLUMNS = (TypedColumn("id", INTEGER), TypedColumn("a name", TEXT))
ROWS = "SELECT * FROM (VALUES (CAST(1 AS BIGINT), 'é'), (2, NULL), (3, 'it''s')) AS given(id, \"a name\")"


@pytest.fixture(autouse=True)
def forgotten(engine: Engine) -> Iterator[None]:
    """No table of one test is seen by the next."""
    yield
    engine.drop(["t", "u", 'a table\'s "name"'])


def paths(table: Location, files: list[DataFile]) -> list[str]:
    return [table.path_of(file.name) for file in files]


def test_written_files_are_bound_with_the_same_rows(engine: Engine, table: Location) -> None:
    files = engine.write(ROWS, table)
    engine.bind("t", paths(table, files), COLUMNS)
    assert engine.rows('SELECT id, "a name" FROM t ORDER BY id') == [(1, "é"), (2, None), (3, "it's")]


def test_a_written_file_comes_with_rows_bytes_and_bounds(engine: Engine, table: Location) -> None:
    files = engine.write(ROWS, table)
    assert sum(file.rows for file in files) == 3
    assert {file.name: file.size for file in files} == {entry.name: entry.size for entry in table.listing()}
    assert min(file.stats["id"].low or "" for file in files) == "1"
    assert max(file.stats["id"].high or "" for file in files) == "3"
    assert sum(file.stats["a name"].nulls for file in files) == 1


def test_what_the_engine_says_of_its_files_stands_in_their_footers(engine: Engine, table: Location) -> None:
    files = engine.write(ROWS, table)
    assert read_footers(table, [file.name for file in files]) == files


def test_rows_are_divided_by_a_column_that_files_do_not_have(engine: Engine, table: Location) -> None:
    more = f"SELECT *, CASE WHEN id < 3 THEN '2024-0' || CAST(id AS VARCHAR) END AS part FROM ({ROWS}) AS rows"
    files = {file.partition["part"]: file for file in engine.write(more, table, partition="part")}
    assert files.keys() == {"2024-01", "2024-02", None}
    engine.bind("t", [table.path_of(files["2024-02"].name)], COLUMNS)
    assert engine.rows("SELECT * FROM t") == [(2, None)]
    assert [column.name for column in engine.describe("SELECT * FROM t")] == ["id", "a name"]
    assert {entry.name for entry in table.listing()} == {file.name for file in files.values()}
    again = engine.write(more, table, partition="part")
    assert not {file.name for file in again} & {file.name for file in files.values()}
    assert [
        file.rows for file in engine.write(f"SELECT * FROM ({more}) AS r WHERE FALSE", table, partition="part")
    ] == []


def test_no_row_makes_no_file(engine: Engine, table: Location) -> None:
    assert engine.write(f"SELECT * FROM ({ROWS}) AS r WHERE FALSE", table) == []


def test_two_writes_into_one_folder_keep_their_own_files(engine: Engine, table: Location) -> None:
    first, second = engine.write(ROWS, table), engine.write("SELECT CAST(9 AS BIGINT) AS id, 'z' AS \"a name\"", table)
    engine.bind("t", paths(table, first), COLUMNS)
    engine.bind("u", paths(table, second), COLUMNS)
    assert engine.rows("SELECT count(*) FROM t") == [(3,)]
    assert engine.rows("SELECT id FROM u") == [(9,)]


def test_no_file_is_an_empty_table_of_the_columns(engine: Engine) -> None:
    engine.bind("t", [], COLUMNS)
    assert engine.rows("SELECT * FROM t") == []
    assert engine.describe("SELECT * FROM t") == [FoundColumn("id", INTEGER), FoundColumn("a name", TEXT)]


def test_a_table_has_the_columns_that_are_asked_for_in_their_order(engine: Engine, table: Location) -> None:
    engine.bind("t", paths(table, engine.write(ROWS, table)), COLUMNS[::-1])
    assert engine.rows("SELECT * FROM t WHERE id = 1") == [("é", 1)]


def test_a_column_that_files_lack_is_null_where_that_is_allowed(engine: Engine, table: Location) -> None:
    files = [*engine.write("SELECT CAST(7 AS BIGINT) AS id", table), *engine.write(ROWS, table)]
    engine.bind("t", paths(table, files), COLUMNS, lenient=True)
    assert engine.rows('SELECT id FROM t WHERE "a name" IS NULL ORDER BY id') == [(2,), (7,)]
    assert engine.describe("SELECT * FROM t") == [FoundColumn("id", INTEGER), FoundColumn("a name", TEXT)]


def test_a_view_may_be_made_anew_of_what_was_kept_of_the_one_before(engine: Engine) -> None:
    engine.view("read", "SELECT 1 AS x UNION ALL SELECT 2 AS x")
    engine.cache("kept", "SELECT x + 1 AS x FROM read")
    engine.view("read", "SELECT x FROM kept WHERE x > 2")
    assert engine.rows("SELECT x FROM read") == [(3,)]
    assert sorted(engine.rows("SELECT x FROM kept")) == [(2,), (3,)]
    engine.drop(["read", "kept"])


def test_a_view_is_computed_when_it_is_read_and_a_cache_once(engine: Engine) -> None:
    engine.view("t", "SELECT 1 AS x")
    engine.cache("u", "SELECT x FROM t")
    engine.view("t", "SELECT 2 AS x")
    assert engine.rows("SELECT t.x, u.x FROM t, u") == [(2, 1)]


def test_a_name_is_given_anew_whatever_it_was(engine: Engine) -> None:
    engine.view("t", "SELECT 1 AS x")
    engine.drop(["t"])
    engine.cache("t", "SELECT 2 AS x")
    engine.cache("t", "SELECT 3 AS x")
    assert engine.rows("SELECT x FROM t") == [(3,)]


def test_names_are_quoted_and_compared_without_case(engine: Engine) -> None:
    engine.view('a table\'s "name"', "SELECT 1 AS x")
    assert engine.rows('SELECT X FROM "A TABLE\'S ""NAME"""') == [(1,)]


def test_a_table_that_was_dropped_is_gone_and_dropping_it_again_is_no_error(engine: Engine) -> None:
    engine.cache("t", "SELECT 1 AS x")
    engine.drop(["t", "t", "never there"])
    with pytest.raises(StatementInvalid):
        engine.describe("SELECT * FROM t")


def test_describing_runs_nothing(engine: Engine) -> None:
    found = engine.describe(
        "SELECT CAST(given.x AS BIGINT) AS x, 1 AS y FROM (VALUES ('no number')) AS given(x) -- end"
    )
    assert [column.name for column in found] == ["x", "y"]
    assert found[0].type == INTEGER


def test_a_name_may_be_described_twice(engine: Engine) -> None:
    found = engine.describe("SELECT 'a' AS x, true AS x")
    assert found == [FoundColumn("x", TEXT), FoundColumn("x", ColumnType(Kind.BOOLEAN))]


@pytest.mark.parametrize(
    ("expression", "nature"),
    [
        ("NULL", Nature.NULL),
        ("coalesce(NULL, NULL)", Nature.NULL),
        ("1", Nature.WHOLE),
        ("CAST(1 AS SMALLINT)", Nature.WHOLE),
        ("sum(1)", Nature.WHOLE),
        ("CAST(1 AS FLOAT)", Nature.FLOATING),
        ("TIMESTAMP '2026-01-01 00:00:00'", Nature.LOCAL),
        ("[1]", Nature.OTHER),
        ("INTERVAL 1 DAY", Nature.OTHER),
    ],
)
def test_a_type_that_no_column_has_is_told_by_its_nature(engine: Engine, expression: str, nature: Nature) -> None:
    [found] = engine.describe(f"SELECT {expression} AS x")
    assert has_nature(found.type, nature)
    assert str(found.type)


@pytest.mark.parametrize(
    "query", ["SELECT 1\nFROM WHERE", "SELECT 1,\nnothing_of_this_name AS x", "SELECT 1\n, f_unknown(1)"]
)
def test_what_cannot_be_compiled_is_told_with_its_line(engine: Engine, query: str) -> None:
    with pytest.raises(StatementInvalid) as found:
        engine.describe(query)
    assert found.value.line == 2
    assert "\n" not in found.value.message


@pytest.mark.parametrize(
    "query", ["SELECT 1; SELECT 2", "DROP TABLE t", "CREATE TABLE t AS SELECT 1", "", "SELECT '\udcff'"]
)
def test_a_query_is_one_select(engine: Engine, table: Location, query: str) -> None:
    runs: list[Callable[[str], object]] = [
        engine.rows,
        engine.describe,
        engine.arrow,
        lambda text: list(engine.stream(text, 1)),
        lambda text: engine.view("t", text),
        lambda text: engine.cache("t", text),
        lambda text: engine.write(text, table),
        lambda text: engine.contents(text, "x"),
    ]
    for run in runs:
        with pytest.raises(EngineError):
            run(query)


def test_a_row_that_fails_fails_the_query(engine: Engine, table: Location) -> None:
    failing = "SELECT CAST(x AS BIGINT) AS n FROM (VALUES ('1'), ('no number')) AS given(x)"
    for run in (engine.rows, engine.arrow, lambda text: engine.write(text, table)):
        with pytest.raises(EngineError):
            run(failing)
    engine.view("t", "SELECT 1 AS x")
    assert engine.rows("SELECT x FROM t") == [(1,)], "the engine goes on"


def test_a_large_result_comes_in_batches(engine: Engine) -> None:
    batches = list(engine.stream("SELECT range AS x FROM range(10) ORDER BY x", 4))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert [row for batch in batches for row in batch] == [(number,) for number in range(10)]
    assert list(engine.stream("SELECT 1 AS x WHERE FALSE", 4)) == []


def test_columns_come_as_arrow(engine: Engine) -> None:
    found = engine.arrow(f"SELECT * FROM ({ROWS}) AS r ORDER BY id")
    assert found.to_pydict() == {"id": [1, 2, 3], "a name": ["é", None, "it's"]}
    assert found.schema.field("id").type == pa.int64()
    assert found.schema.field("a name").type == pa.string()


def test_large_results_come_in_batches_of_arrow_in_order(engine: Engine) -> None:
    query = "SELECT i, 'é' AS text, CAST(NULL AS BIGINT) AS nothing FROM range(250000) AS r(i) ORDER BY i DESC"
    found = list(engine.batches(query))
    assert len(found) > 1
    assert pa.Table.from_batches(found).column("i").to_pylist() == list(range(249_999, -1, -1))
    assert found[0].schema.names == ["i", "text", "nothing"]
    assert found[-1].to_pylist()[-1] == {"i": 0, "text": "é", "nothing": None}


def test_what_fails_while_batches_are_made_is_an_error_of_the_engine(engine: Engine) -> None:
    with pytest.raises(EngineError):
        list(engine.batches(f"SELECT CAST(id || 'x' AS BIGINT) AS n FROM ({ROWS}) AS r"))


def test_contents_are_equal_when_the_rows_are(engine: Engine) -> None:
    def contents(*rows: str) -> object:
        return engine.contents(f"SELECT * FROM (VALUES {', '.join(rows)}) AS given(part, x)", "part")

    both = contents("('a', 1)", "('a', NULL)", "('b', 2)")
    assert both == contents("('b', 2)", "('a', NULL)", "('a', 1)"), "in any order"
    assert both != contents("('a', 1)", "('a', 1)", "('b', 2)")
    assert contents("('a', 1)") != contents("('a', 1)", "('a', 1)"), "a row that stands twice counts twice"
    assert contents("('a', 1)", "('a', 2)") != contents("('a', 3)", "('a', 0)")


def test_the_share_that_is_done_is_unknown_or_a_share(engine: Engine) -> None:
    share = engine.progress()
    assert share is None or 0 <= share <= 1


@pytest.mark.parametrize("lenient", [False, True])
def test_a_row_tells_the_file_that_it_is_in(engine: Engine, table: Location, lenient: bool) -> None:
    files = [*engine.write("SELECT CAST(7 AS BIGINT) AS id, 'x' AS \"a name\"", table), *engine.write(ROWS, table)]
    engine.bind("t", paths(table, files), COLUMNS, lenient=lenient, file="in file")
    assert engine.rows('SELECT "in file" FROM t WHERE id = 7') == [(files[0].name.rsplit("/", 1)[-1],)]
    engine.bind("t", [], COLUMNS, lenient=lenient, file="in file")
    assert engine.rows('SELECT "in file" FROM t') == []


@pytest.mark.parametrize(
    ("values", "repeated"),
    [
        ((), 0),
        ((None, None), 0),
        ((1, 2, 3), 0),
        ((-5, 5, -5, None, 0), 1),
        ((7, 7, 7), 2),
        ((-(2**63), 2**63 - 1, 2**63 - 1), 1),
        ((2**63 - 1, 2**63 - 2), 0),
        (tuple(range(-100, 1000, 3)) * 2, 367),
        ((0, 64_000, 64_000), 1),
    ],
)
def test_values_that_are_there_again_are_counted(
    engine: Engine, table: Location, values: tuple[int | None, ...], repeated: int
) -> None:
    rows = ", ".join(f"({'NULL' if value is None else value})" for value in values) or "(0)"
    query = f"SELECT CAST(id AS BIGINT) AS id FROM (VALUES {rows}) AS given(id) WHERE {bool(values)}"
    engine.bind("t", paths(table, engine.write(query, table)), COLUMNS[:1])
    assert engine.repeated("t", "id") == repeated
