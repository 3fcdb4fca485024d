"""The engine reaches the folders that it is given and nothing else, even for SQL that no allow-list has seen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from filon.engines import CsvFile, CsvForm, Engine, LocalReader, StatementInvalid
from filon.engines.duckdb.lock import ROWS_OF_ITS_OWN, STATE_AND_CLOCK
from filon.errors import EngineError
from filon.lake import Lake
from filon.pipeline.engine import Backends
from filon.project import INTEGER, TypedColumn
from filon.project.functions import FUNCTIONS, IN_FROM
from filon.project.loader import load_project
from filon.project.modeltests import AS_OF
from filon.projects import retail
from filon.settings import Settings

TO_RECEIVE = "x\n1\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake, one beside it whose name begins the same, a workspace, and links that lead out of them."""
    root = tmp_path_factory.mktemp("ro[o]t *?'")
    for folder in ("lake/silver", "lake/metadata", "lake2/silver", "work"):
        (root / folder).mkdir(parents=True)
        (root / folder / "a.csv").write_text(TO_RECEIVE)
    (root / "lake/silver/link.csv").symlink_to(root / "lake2/silver/a.csv")
    (root / "lake/silver/folder").symlink_to(root / "lake2/silver")
    (root / "work/inside.csv").symlink_to(root / "lake/silver/a.csv")
    (root / "disk").symlink_to(root)
    return root


@pytest.fixture(scope="module")
def backends(root: Path) -> Backends:
    """For the lake and the workspace, both named through a link, before most folders of the lake exist."""
    place = root / "disk"
    return Backends(Settings(threads=1), place / "work", Lake(str(place / "lake")).places)


@pytest.fixture(scope="module")
def engine(backends: Backends) -> Iterator[Engine]:
    engine = backends.make_engine(load_project(retail.FOLDER), AS_OF)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def reader(backends: Backends) -> Iterator[LocalReader]:
    reader = backends.make_reader()
    yield reader
    reader.close()


def spelled(path: Path) -> str:
    """A path as a text of SQL without wildcards."""
    escaped = "".join(f"[{letter}]" if letter in "[*?" else letter for letter in str(path))
    return "'" + escaped.replace("'", "''") + "'"


@pytest.mark.parametrize("name", ["work/a.csv", "lake/silver/a.csv", "work/inside.csv", "disk/lake/silver/a.csv"])
def test_files_of_the_workspace_and_of_the_tables_are_read(
    engine: Engine, reader: LocalReader, root: Path, name: str
) -> None:
    assert engine.rows(f"SELECT x FROM system.main.read_csv({spelled(root / name)})") == [(1,)]
    assert reader.read([CsvFile(1, root / name)], CsvForm(("x",))) == {1: 1}


@pytest.mark.parametrize(
    "name",
    [
        "lake2/silver/a.csv",
        "lake/metadata/a.csv",
        "lake/silver/link.csv",
        "lake/silver/folder/a.csv",
        "lake/silver/../metadata/a.csv",
        "lake/silver/../../lake2/silver/a.csv",
        "work/../lake2/silver/a.csv",
        "disk/lake2/silver/a.csv",
    ],
)
def test_no_other_file_is_read_or_written(engine: Engine, root: Path, name: str) -> None:
    for function in ("read_csv", "read_text", "read_blob", "parquet_metadata", "sniff_csv"):
        with pytest.raises(EngineError, match=r"(?i)permission|disabled by configuration|no files found"):
            engine.rows(f"SELECT * FROM system.main.{function}({spelled(root / name)})")
    with pytest.raises(EngineError):
        engine.bind("t", [str(root / name)], [TypedColumn("x", INTEGER)])


def test_a_layer_that_becomes_a_link_after_the_engine_started_leads_nowhere(engine: Engine, root: Path) -> None:
    (root / "lake/gold").symlink_to(root / "lake2/silver")
    try:
        with pytest.raises(EngineError, match="disabled by configuration"):
            engine.rows(f"SELECT * FROM system.main.read_csv({spelled(root / 'lake/gold/a.csv')})")
    finally:
        (root / "lake/gold").unlink()


@pytest.mark.parametrize(
    "query",
    [
        "FROM system.main.read_text('/etc/hostname')",
        "FROM system.main.read_text('/proc/self/environ')",
        "FROM system.main.read_text('https://127.0.0.1:1/x')",
        "FROM system.main.read_csv('s3://bucket/x.csv')",
        "FROM read_text('/etc/hostname')",
        "FROM '/etc/x.csv'",
        'FROM "/etc/x.parquet"',
        "SELECT 1, LATERAL glob('/etc/*')",
        "FROM (SUMMARIZE '/etc/x.csv')",
        "FROM query('SELECT 1')",
        "SELECT getenv('HOME')",
        "SELECT current_setting('temp_directory')",
        "FROM duckdb_settings()",
        "FROM pg_catalog.pg_settings",
        "FROM information_schema.tables",
        "FROM duckdb_secrets()",
        "SELECT getvariable('x')",
        "SELECT version()",
        "SELECT now()",
        "SELECT current_timestamp",
        'SELECT "current_timestamp"',
        'SELECT "current_date", "localtime", "localtimestamp"',
        "SELECT age(DATE '2020-01-01')",
        "SELECT random()",
        "SELECT uuid()",
        "FROM frame",
    ],
)
def test_what_is_not_a_table_is_not_there(engine: Engine, query: str) -> None:
    frame = duckdb.sql("SELECT 1 AS a")  # a variable of Python is no table either
    assert frame is not None
    with pytest.raises(EngineError):
        engine.rows(query)


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH ':memory:' AS other",
        "SELECT 1; ATTACH ':memory:' AS other",
        "SET threads = 3",
        "SELECT 1; SET VARIABLE x = 1",
        "RESET lock_configuration",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "INSTALL json",
        "LOAD json",
        "COPY (SELECT 1) TO 'x.csv'",
        "SELECT 1; COPY (SELECT 1) TO 'x.csv'",
        "EXPORT DATABASE 'x'",
        "CREATE TEMP TABLE other AS SELECT 1",
        "DROP MACRO now",
        "PREPARE p AS SELECT 1",
        "PIVOT (SELECT 1 AS a) ON a",
        "",
        "SELECT '\udcff'",
    ],
)
def test_a_query_is_one_select(engine: Engine, root: Path, statement: str) -> None:
    with pytest.raises(StatementInvalid):
        engine.describe(statement)
    for run in (
        engine.rows,
        engine.arrow,
        lambda text: list(engine.stream(text, 1)),
        lambda text: engine.view("v", text),
    ):
        with pytest.raises(EngineError):
            run(statement)
    assert not (root / "x.csv").exists()
    assert not os.path.lexists("x.csv")


def test_a_name_from_a_changed_document_of_the_lake_does_not_lead_out_of_it(engine: Engine) -> None:
    for path in ("s3://bucket/gold/../secret/x.parquet", "s3://bucket/gold/x.parquet?s3_endpoint=127.0.0.1"):
        with pytest.raises(EngineError, match="no file of the lake"):
            engine.bind("t", [path], [TypedColumn("x", INTEGER)])


def test_the_hidden_functions_are_those_that_duckdb_has() -> None:
    with duckdb.connect(config={"autoload_known_extensions": False}) as connection:
        rows = connection.execute("SELECT function_name, function_type, stability FROM duckdb_functions()").fetchall()
    tables = {name for name, kind, _ in rows if kind in ("table", "table_macro")}
    only_values = IN_FROM | {
        "repeat",
        "repeat_row",
        "summary",
        "json_each",
        "json_tree",
        "histogram",
        "histogram_values",
    }
    changing = {name for name, _, stability in rows if stability in ("VOLATILE", "CONSISTENT_WITHIN_QUERY")}
    assert set(ROWS_OF_ITS_OWN.split()) == tables - only_values
    assert changing - {"error"} <= set(STATE_AND_CLOCK.split())
    assert FUNCTIONS & {*ROWS_OF_ITS_OWN.split(), *STATE_AND_CLOCK.split()} == {"age"}
