"""Which types a SELECT may give for a column of its contract: the table of docs/sql.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from filon.engines import Engine
from filon.pipeline.engine import make_engine
from filon.project import INTEGER, TEXT, Column, ColumnType, Kind
from filon.project.loader import load_project
from filon.project.modeltests import AS_OF
from filon.projects import retail
from filon.settings import Settings
from filon.stages.models import model_problems

CENTS, DOUBLE, DATE, TIMESTAMP, BOOLEAN = (
    ColumnType(Kind.DECIMAL, 12, 2),
    *(ColumnType(kind) for kind in (Kind.DOUBLE, Kind.DATE, Kind.TIMESTAMP, Kind.BOOLEAN)),
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = make_engine(Settings(threads=1), load_project(retail.FOLDER), AS_OF, tmp_path_factory.mktemp("work"))
    yield engine
    engine.close()


def problems(engine: Engine, expression: str, kind: ColumnType) -> list[str]:
    model = load_project(retail.FOLDER).models["dim_clients"]
    contract = replace(model.contract, columns=(Column("pays", kind),), key=())
    changed = replace(model, contract=contract, sql=f'SELECT {expression} AS "pays"', path=Path("x.sql"))
    return [problem.what for problem in model_problems(engine, changed)]


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("CAST(1 AS SMALLINT)", INTEGER),
        ("1", INTEGER),
        ("sum(1)", INTEGER),
        ("CAST(1 AS BIGINT)", CENTS),
        ("sum(1)", CENTS),
        ("CAST(1 AS DECIMAL(38,2))", CENTS),
        ("CAST(1 AS DECIMAL(5,1))", CENTS),
        ("TIMESTAMP '2026-01-01 00:00:00'", TIMESTAMP),
        ("TIMESTAMPTZ '2026-01-01 00:00:00+00'", TIMESTAMP),
        ("1e0", DOUBLE),
        *(("NULL", kind) for kind in (INTEGER, CENTS, DOUBLE, TEXT, DATE, TIMESTAMP, BOOLEAN)),
    ],
)
def test_a_type_that_loses_nothing_fits(engine: Engine, expression: str, kind: ColumnType) -> None:
    assert problems(engine, expression, kind) == []


@pytest.mark.parametrize(
    ("expression", "kind", "given"),
    [
        ("1e0", CENTS, "DOUBLE"),
        ("1e0", INTEGER, "DOUBLE"),
        ("CAST(1 AS DECIMAL(12,0))", INTEGER, "DECIMAL(12,0)"),
        ("CAST(1 AS DECIMAL(12,3))", CENTS, "DECIMAL(12,3)"),
        ("1", DOUBLE, "INTEGER"),
        ("CAST(1 AS FLOAT)", DOUBLE, "FLOAT"),
        ("1", TEXT, "INTEGER"),
        ("'2026-01-01'", DATE, "VARCHAR"),
        ("TIMESTAMP '2026-01-01 00:00:00'", DATE, "TIMESTAMP"),
        ("DATE '2026-01-01'", TIMESTAMP, "DATE"),
        ("['a']", TEXT, "VARCHAR[]"),
        ("1", BOOLEAN, "INTEGER"),
    ],
)
def test_any_other_type_is_told_by_its_name(engine: Engine, expression: str, kind: ColumnType, given: str) -> None:
    assert problems(engine, expression, kind) == [f"`pays` is {given} in the SELECT, {kind} in the contract"]
