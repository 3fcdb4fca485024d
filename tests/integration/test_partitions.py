"""Tables whose contract divides them: what lies in which file, what a change writes again, and who can read it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from filon.projects import retail
from tests.integration.conftest import CLIENTS, Shop
from tests.integration.test_extending import HEADER, YEAR

MONTHLY = """    customProperties:
      - property: partition
        value: {column: date_achat, by: month}
"""
RANKED = """\
SELECT id_achat, date_achat, row_number() OVER (PARTITION BY strftime(date_achat, '%Y-%m') ORDER BY id_achat) AS rang
FROM fact_ventes
"""
RANKED_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: retail-rangs
version: 1.0.0
status: active
schema:
  - name: rangs
    customProperties:
      - {property: partition, value: {column: date_achat, by: month}}
    properties:
      - {name: id_achat, logicalType: integer, primaryKey: true, required: true}
      - {name: date_achat, logicalType: date, required: true}
      - {name: rang, logicalType: integer, required: true}
"""


def divided_project(folder: Path) -> Path:
    """A copy of the sample project in which purchases and sales are divided by month."""
    shutil.copytree(retail.FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name in ("sources/achats.yaml", "gold/fact_ventes.yaml"):
        contract = folder / name
        contract.write_text(contract.read_text().replace("    customProperties:\n", MONTHLY, 1))
    return folder


@pytest.fixture(scope="module")
def sold_monthly(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop whose purchases and sales are divided by month, and that sold in each of twelve. Nobody changes it."""
    folder = tmp_path_factory.mktemp("sold-monthly")
    project = divided_project(folder / "project")
    (project / "gold" / "rangs.sql").write_text(RANKED)
    (project / "gold" / "rangs.yaml").write_text(RANKED_CONTRACT)
    shop = Shop(folder, project)
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", YEAR)
    assert shop.run()["status"] == "published"
    return shop


@pytest.fixture
def monthly(sold_monthly: Shop, tmp_path: Path) -> Shop:
    """A copy of it."""
    return sold_monthly.copied(tmp_path / "shop")


def files(shop: Shop, table: str) -> dict[str, set[str]]:
    """By partition, the files of a table of the release."""
    found: dict[str, set[str]] = {}
    for file in shop.release()["tables"][table]["files"]:
        found.setdefault(file["partition"]["_month"], set()).add(file["name"])
    return found


def report_of(report: Mapping[str, Any], table: str) -> Mapping[str, Any]:
    return next(item for item in report["tables"] if item["table"] == table and item["layer"] in ("silver", "gold"))


@pytest.mark.parametrize("table", ["silver/achats", "gold/fact_ventes"])
def test_each_file_has_the_rows_of_one_month_and_lies_in_its_folder(monthly: Shop, table: str) -> None:
    found = files(monthly, table)
    assert found.keys() == {f"2025-{month:02d}" for month in range(1, 13)}
    assert all(name.startswith(f"_month={month}/") for month, names in found.items() for name in names)


def test_a_late_row_touches_the_files_of_its_month_only(monthly: Shop) -> None:
    before = files(monthly, "gold/fact_ventes")
    monthly.put("achats-2.csv", f"{HEADER}5,2,2025-06-15,99.00,souris\n")  # the newest version of a purchase of June
    report = monthly.run()
    after = files(monthly, "gold/fact_ventes")
    assert {month for month in before if before[month] != after[month]} == {"2025-06"}
    [(rows,)] = monthly.rows("fact_ventes", "count(*)")
    assert rows == 100
    written = report_of(report, "fact_ventes")["rows_written"]
    assert 0 < written < 15


def test_a_row_that_moves_to_another_month_leaves_the_first(monthly: Shop) -> None:
    monthly.put("achats-2.csv", f"{HEADER}5,2,2025-09-15,10.00,souris\n")
    before = files(monthly, "silver/achats")
    monthly.run()
    after = files(monthly, "silver/achats")
    assert {month for month in before if before[month] != after[month]} == {"2025-06", "2025-09"}
    assert monthly.rows("achats", "count(*)", "silver") == [(100,)]


def test_a_model_that_is_local_to_months_is_computed_for_those_that_changed(monthly: Shop) -> None:
    monthly.put("achats-2.csv", f"{HEADER}1001,1,2025-12-15,10.00,souris\n1002,2,2025-11-16,20.00,souris\n")
    report = report_of(monthly.run(), "rangs")
    assert (report["keys"], report["partitions"], report["all_partitions"]) == (2, 2, 12)
    assert report["rows_read"] < 60  # two months of the table and of its input, not 200
    counted = monthly.rows("rangs", "count(*), count(DISTINCT (strftime(date_achat, '%Y-%m'), rang))")
    assert counted == [(102, 102)]
    assert "by_partition _month" in monthly.filon("check", "--why")


def test_readers_of_delta_tables_leave_other_months_out(monthly: Shop) -> None:
    table = DeltaTable(monthly.lake / "gold" / "fact_ventes")
    assert table.metadata().partition_columns == ["_month"]
    july = table.to_pyarrow_table(filters=[("_month", "=", "2025-07")])
    assert {day.month for day in july.column("date_achat").to_pylist()} == {7}


@pytest.mark.parametrize("word", ["{column: date_achat, by: year}", None])
def test_a_table_that_is_divided_anew_keeps_its_rows(monthly: Shop, word: str | None) -> None:
    assert monthly.project is not None
    columns = "id_achat, id_client, date_achat, montant, segment_client"
    before = monthly.rows("fact_ventes", columns)
    contract = monthly.project / "gold" / "fact_ventes.yaml"
    entry = MONTHLY.split("\n", 1)[1]
    other = entry.replace("{column: date_achat, by: month}", word) if word else ""
    contract.write_text(contract.read_text().replace(entry, other))
    report = monthly.run()
    assert (report["status"], report_of(report, "fact_ventes")["why_full"]) == ("published", "RECIPE_CHANGED")
    assert monthly.rows("fact_ventes", columns) == before
    table = DeltaTable(monthly.lake / "gold" / "fact_ventes")
    assert table.metadata().partition_columns == (["_year"] if word else [])
    assert table.to_pyarrow_table().num_rows == len(before)
    assert monthly.run()["status"] == "unchanged"


def test_rows_without_a_date_have_a_partition_of_their_own(monthly: Shop) -> None:
    assert monthly.project is not None
    (monthly.project / "gold" / "rangs.sql").write_text(
        RANKED.replace("date_achat,", "CASE WHEN id_achat > 50 THEN date_achat END AS date_achat,", 1)
    )
    contract = monthly.project / "gold" / "rangs.yaml"
    contract.write_text(contract.read_text().replace("logicalType: date, required: true", "logicalType: date"))
    monthly.run()
    nameless = [file for file in monthly.release()["tables"]["gold/rangs"]["files"] if not file["partition"]["_month"]]
    assert sum(file["rows"] for file in nameless) == 50
    assert monthly.rows("rangs", "count(*), count(date_achat)") == [(100, 50)]
    assert DeltaTable(monthly.lake / "gold" / "rangs").to_pyarrow_table().column("_month").null_count == 50
