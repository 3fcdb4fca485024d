"""Rows of a release from the command line and from Python: the same, exact, and read only."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pyarrow import parquet

import filon
from filon.access import Pipeline
from filon.errors import ConfigError, NotFound, QueryInvalid, ReleaseMissing
from filon.lake import Layer
from tests.integration.conftest import ACHATS, CLIENTS, Shop, surroundings
from tests.integration.test_explain import log, model

__all__ = ["log"]
EXAMPLE = Path(__file__).parents[2] / "examples" / "notebook.py"
QUERY = (
    "SELECT pays, sum(montant) AS total FROM fact_ventes JOIN dim_clients USING (id_client) GROUP BY pays ORDER BY pays"
)
HOSTILE = '6,1,2025-02-01,5.00,"=HYPERLINK(""http://x"")"\n'


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with two releases; the first lacks the purchase whose product looks like a formula."""
    shop = Shop(tmp_path_factory.mktemp("published"), extra={"FILON_SERVING": "none"})
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", ACHATS)
    shop.run()
    shop.put("achats-2.csv", ACHATS.splitlines(keepends=True)[0] + HOSTILE)
    shop.run()
    return shop


@pytest.fixture
def shop(published: Shop) -> Iterator[Pipeline]:
    """The same, opened from Python."""
    with surroundings(published.environment()):
        yield filon.open(lake=published.lake)


def test_rows_are_those_of_the_lake_in_the_order_of_the_key(published: Shop, shop: Pipeline) -> None:
    expected = published.rows("fact_ventes")
    rows = shop.table("fact_ventes")
    assert [tuple(row.values()) for row in rows.dicts()] == expected
    assert len(rows) == shop.release().tables["fact_ventes"] == len(expected)
    assert json.loads(published.filon("show", "fact_ventes", "--format", "json"), parse_float=Decimal) == [
        {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in row.items()}
        for row in rows.dicts()
    ]


def test_every_library_gets_the_same_exact_values(shop: Pipeline) -> None:
    rows = shop.sql(QUERY)
    expected = [{"pays": "France", "total": Decimal("305.50")}, {"pays": "UK", "total": Decimal("50.00")}]
    assert rows.dicts() == expected
    assert rows.arrow().to_pylist() == expected
    assert rows.pandas().to_dict("records") == expected
    assert rows.polars().to_dicts() == expected
    assert rows.duckdb(duckdb.connect()).fetchall() == [tuple(row.values()) for row in expected]
    assert pa.table(rows).to_pylist() == expected


def test_a_release_is_read_as_it_was_published(shop: Pipeline) -> None:
    old, new = shop.release(1), shop.release()
    assert (old.number, new.number) == (1, 2)
    assert len(new.table("achats")) == len(old.table("achats")) + 1
    with pytest.raises(ReleaseMissing, match="releases 1 to 2 exist"):
        shop.release(3)


def test_a_moment_without_a_date_in_the_zone_of_the_project_is_shown_in_utc(published: Shop) -> None:
    shown = published.filon("sql", "SELECT CAST('9999-12-31 23:30:00+00' AS TIMESTAMPTZ) AS last FROM achats LIMIT 1")
    assert "9999-12-31 23:30:00+00:00" in shown


def test_conditions_limits_and_layers(published: Shop, shop: Pipeline) -> None:
    assert [
        row["id_client"] for row in shop.table("dim_clients", where="pays = 'France' -- or not", limit=1).dicts()
    ] == [1]
    records = shop.table("achats", layer=Layer.BRONZE)
    assert len(records) == len(ACHATS.splitlines())
    assert [(row["_file"], row["_record"]) for row in records.dicts()] == sorted(
        (row["_file"], row["_record"]) for row in records.dicts()
    )
    rejected = shop.table("achats", layer=Layer.QUARANTINE).dicts()
    assert all(row["reasons"] and row["raw"] for row in rejected)
    assert len(rejected) == 2
    shown = published.filon("show", "achats", "--limit", "2")
    assert "2 of 4 rows: --limit shows more" in shown
    assert "4 rows" in published.filon("show", "achats")
    assert "the first 1 rows" in published.filon("sql", "SELECT * FROM achats", "--limit", "1")
    assert "1 row\n" in published.filon("sql", "SELECT * FROM achats LIMIT 1", "--limit", "3")


def test_no_text_is_run_by_a_spreadsheet_and_every_file_holds_the_rows(published: Shop, tmp_path: Path) -> None:
    query = "SELECT id_achat, produit, montant, date_achat FROM achats ORDER BY id_achat"
    printed = list(csv.reader(io.StringIO(published.filon("sql", query, "--format", "csv"))))
    assert printed[0] == ["id_achat", "produit", "montant", "date_achat"]
    assert any(line[1].startswith("'=") for line in printed)
    for suffix in ("csv", "json", "parquet"):
        published.filon("sql", query, "--output", str(tmp_path / f"rows.{suffix}"))
    assert list(csv.reader(io.StringIO((tmp_path / "rows.csv").read_bytes().decode()))) == printed
    assert len(json.loads((tmp_path / "rows.json").read_text())) == len(printed) - 1
    table = parquet.read_table(tmp_path / "rows.parquet")
    assert (table.num_rows, str(table.schema.field("montant").type)) == (len(printed) - 1, "decimal128(12, 2)")
    assert "ends in .csv, .json or .parquet" in published.filon(
        "sql", query, "--output", str(tmp_path / "rows.txt"), exit_code=2
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM fact_vente", "release 2 has no table fact_vente; did you mean `fact_ventes`?"),
        ("SELECT 1\nFROM nothing", "line 2: release 2 has no table nothing"),
        ("SELECT * FROM read_csv('/etc/passwd')", "a query reads tables, not files"),
        ("SELECT * FROM '/etc/passwd'", "line 1"),
        ("SELECT now()", "line 1"),
        ("SELECT getenv('HOME')", "line 1"),
        ("SELECT nope FROM fact_ventes", 'Referenced column "nope"'),
        ("SELECT 1; DELETE FROM achats", "several statements; write one SELECT"),
        ("DROP TABLE achats", "no SELECT; write one SELECT"),
        ("COPY achats TO 'x.csv'", "line 1"),
        ("ATTACH 'x.db'", "line 1"),
        ("SELECT 'open", "line 1"),
        ("", "no SELECT"),
    ],
)
def test_a_query_that_is_wrong_or_reaches_out_is_told_by_its_line(shop: Pipeline, query: str, message: str) -> None:
    with pytest.raises(QueryInvalid) as told:
        shop.sql(query)
    assert message in str(told.value)


@pytest.mark.parametrize(
    "where",
    [
        "1 = 1) UNION SELECT (1",
        "true; DROP TABLE x",
        "nope > 1",
        "id_achat >",
        "(SELECT 1",
        "",
        "now() > NULL",
        "EXISTS (SELECT 1 FROM read_csv('x'))",
    ],
)
def test_a_condition_is_one_condition_over_the_table(shop: Pipeline, where: str) -> None:
    with pytest.raises(QueryInvalid):
        shop.table("achats", where=where)


def test_a_table_that_is_not_there_is_told_with_those_that_are(published: Shop, shop: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="did you mean `dim_clients`"):
        shop.table("dim_client")
    with pytest.raises(NotFound, match="no table dim_clients in bronze; "):
        shop.table("dim_clients", layer=Layer.BRONZE)
    with pytest.raises(NotFound, match="no layer golden has tables; did you mean `gold`"):
        shop.table("dim_clients", layer="golden")
    with pytest.raises(NotFound, match="nothing is published yet"):
        filon.open(lake=tmp_path / "empty").release()
    with pytest.raises(ConfigError, match="no project folder"):
        filon.open(tmp_path)
    with pytest.raises(ConfigError):
        filon.open(serving="nonsense://").run()
    assert "nothing is published yet" in published.filon("show", "achats", "--lake", str(tmp_path / "no"), exit_code=1)


def test_timestamps_are_shown_in_the_time_zone_of_the_project(log: Shop) -> None:
    log.run()
    assert "2026-01-06 00:30:00+01:00" in log.filon("show", "events")
    assert '"2026-01-05T23:30:00Z"' in log.filon("show", "events", "--format", "json")


def test_numbers_are_exact_beyond_those_of_tables(log: Shop) -> None:
    model(log, "total", "SELECT 1 AS id, sum(id) AS n FROM events", {"id": "integer", "n": "integer"}, "id")
    log.run()
    found = json.loads(log.filon("sql", "SELECT sum(9007199254740993 * id) AS n FROM events", "--format", "json"))
    assert found == [{"n": 9007199254740993 * 10}]


def test_a_query_may_come_from_the_input(published: Shop) -> None:
    command = [sys.executable, "-m", "filon", "sql", "-", "--format", "csv"]
    done = subprocess.run(
        command, cwd=published.folder, env=published.environment(), input=QUERY, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["pays,total", "France,305.50", "UK,50.00"], done.stderr


def test_the_notebook_runs_from_beginning_to_end(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FILON_")}
    command = [sys.executable, "-W", "error", str(EXAMPLE)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "published release 1" in done.stdout


def test_rows_are_shown_in_a_notebook_as_a_table(shop: Pipeline) -> None:
    shown = shop.sql("SELECT '<b>' AS \"a&b\"")._repr_html_()
    assert "<th>a&amp;b</th>" in shown
    assert "<td>&lt;b&gt;</td>" in shown
