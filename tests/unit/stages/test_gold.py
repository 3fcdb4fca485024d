"""A model's SELECT over tables that are there: cast to its contract, computed once for the same inputs."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from filon.errors import EngineError, ProjectInvalid
from filon.lake import Build
from filon.stages.context import TableStatus
from filon.stages.gold import build_gold
from filon.stages.silver import build_silver
from tests.unit.stages.bench import AS_OF, Bench, opened, write_project
from tests.unit.stages.test_silver import CLIENTS

REVENUE = """\
apiVersion: v3.1.0
kind: DataContract
id: revenue
version: 1.0.0
status: active
schema:
  - name: revenue
    properties:
      - {name: client, logicalType: integer, primaryKey: true}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(12,2)"}
      - {name: day, logicalType: date}
"""
SQL = "SELECT client * 1.5 AS amount, client, as_of() AS day FROM clients"


def project_files(sql: str) -> dict[str, str]:
    return {"sources/clients.yaml": CLIENTS, "gold/revenue.yaml": REVENUE, "gold/revenue.sql": sql}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with opened(write_project(tmp_path / "project", project_files(SQL)), tmp_path) as bench:
        yield bench


def clients(bench: Bench, *numbers: int) -> dict[str, Build]:
    dataset = bench.dataset("clients")
    bronze = bench.receive(dataset, [{"client": str(number)} for number in numbers])
    return {"clients": build_silver(bench.context, dataset, bench.ledger, bronze, {}, None).accepted}


def test_rows_have_the_columns_order_and_types_of_the_contract(bench: Bench) -> None:
    model = bench.context.project.models["revenue"]
    build = build_gold(bench.context, model, clients(bench, 1, 2), None)
    assert [(column.name, column.type.sql) for column in build.columns] == [
        ("client", "BIGINT"),
        ("amount", "DECIMAL(12,2)"),
        ("day", "DATE"),
    ]
    assert bench.rows(build) == [(1, Decimal("1.50"), AS_OF), (2, Decimal("3.00"), AS_OF)]
    assert (build.key, build.rows) == (("client",), 2)


def test_a_table_is_built_anew_when_its_input_its_date_or_force_asks_for_it(bench: Bench) -> None:
    model, inputs = bench.context.project.models["revenue"], clients(bench, 1)
    first = build_gold(bench.context, model, inputs, None)
    same, forced = bench.again(), bench.again(force=True)
    assert build_gold(same, model, inputs, None) == first
    assert [report.status for report in same.tables] == [TableStatus.REUSED]
    assert build_gold(forced, model, inputs, None).files != first.files
    assert build_gold(bench.context, model, clients(bench, 2), None).fingerprint != first.fingerprint
    later = bench.again(as_of=AS_OF.replace(day=30))
    assert build_gold(later, model, inputs, None).fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("SELECT client, 1.5 AS amount FROM clients", "gives no column `day`"),
        (
            "SELECT client, 1.5 AS amount, 'x' AS day FROM clients",
            "`day` is VARCHAR in the SELECT, DATE in the contract",
        ),
        ("SELECT client, 1.5 AS amount, as_of() AS day, 2 AS more FROM clients", "gives a column `more`"),
        ("SELECT client, 1.5 AS amount, as_of() AS day FROM clients WHERE nothing", "nothing"),
    ],
)
def test_a_select_that_breaks_its_contract_is_told_by_file_and_line(tmp_path: Path, sql: str, what: str) -> None:
    with opened(write_project(tmp_path / "project", project_files(sql)), tmp_path) as bench:
        model, inputs = bench.context.project.models["revenue"], clients(bench, 1)
        with pytest.raises(ProjectInvalid, match=what):
            build_gold(bench.context, model, inputs, None)


def test_a_number_that_does_not_fit_its_type_is_an_error_and_never_rounded(tmp_path: Path) -> None:
    sql = "SELECT client, client * 1e11::DECIMAL(20,0) AS amount, as_of() AS day FROM clients"
    with opened(write_project(tmp_path / "project", project_files(sql)), tmp_path) as bench:
        model, inputs = bench.context.project.models["revenue"], clients(bench, 1)
        with pytest.raises(EngineError):
            build_gold(bench.context, model, inputs, None)
