"""Slow joins are those that the engine on one machine carries out by trying each row with each other."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from filon.validation.joins import slow_joins
from tests.unit.stages.bench import write_project

CONDITIONS = [
    "a.i = b.i",
    "a.i = b.i AND a.j < b.k",
    "a.i = b.i AND a.j BETWEEN b.k AND b.k + 1",
    "a.i = b.i AND a.j < coalesce(b.k, 9)",
    "a.i = b.i AND (a.j <> b.k)",
    "a.i = b.i AND a.j IS DISTINCT FROM b.k",
    "CASE WHEN a.f THEN a.i END = b.i",
    "a.j < b.k",
    "a.i = b.i AND (b.k IS NULL OR a.j < b.k)",
    "a.i = b.i AND a.j + b.k > 3",
    "a.i = b.i AND a.f",
    "a.i = b.i AND b.g",
    "a.i = b.i AND a.j > 3",
    "a.i = b.i AND b.k IS NULL",
    "a.i = b.i OR a.j = b.k",
    "a.i = b.i AND a.s LIKE b.s",
    "a.i = b.i AND a.j IN (b.k)",
]
TABLE = """\
apiVersion: v3.1.0
kind: DataContract
id: {name}
version: 1.0.0
status: active
schema:
  - name: {name}
    customProperties: [{{property: filePattern, value: "{name}*"}}]
    properties:
      - {{name: i, logicalType: integer}}
      - {{name: j, logicalType: integer}}
      - {{name: k, logicalType: integer}}
      - {{name: f, logicalType: boolean}}
      - {{name: g, logicalType: boolean}}
      - {{name: s, logicalType: string}}
"""
MODEL = """\
apiVersion: v3.1.0
kind: DataContract
id: m
version: 1.0.0
status: active
schema:
  - name: m
    properties:
      - {name: i, logicalType: integer, primaryKey: true}
"""


@pytest.mark.parametrize("side", ["", "LEFT", "RIGHT", "FULL"])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_join_is_called_slow_where_the_engine_tries_all_pairs(tmp_path: Path, side: str, condition: str) -> None:
    sql = f"SELECT a.i FROM a\n{side} JOIN b ON {condition}"
    project = write_project(
        tmp_path,
        {
            "sources/a.yaml": TABLE.format(name="a"),
            "sources/b.yaml": TABLE.format(name="b"),
            "gold/m.yaml": MODEL,
            "gold/m.sql": f"\n{sql}\n",
        },
    )
    found = list(slow_joins(project))
    assert bool(found) is (side != "" and tries_all_pairs(sql))
    assert all(problem.line == 3 and side in problem.what for problem in found)


def tries_all_pairs(sql: str) -> bool:
    with duckdb.connect() as database:
        for name in ("a", "b"):
            columns = "range AS i, range + 1 AS j, range + 2 AS k, range % 2 = 0 AS f, range % 3 = 0 AS g"
            database.execute(f"CREATE TABLE {name} AS SELECT {columns}, CAST(range AS VARCHAR) AS s FROM range(1000)")
        [(_, plan)] = database.execute(f"EXPLAIN {sql}").fetchall()
    return "BLOCKWISE_NL_JOIN" in plan
