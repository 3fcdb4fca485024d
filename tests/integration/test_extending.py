"""Tables are extended by what changed: what a run leaves alone, and what it says of a table that it builds whole."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from filon.projects import retail
from tests.integration.conftest import CLIENTS, Shop

HEADER = "id_achat,id_client,date_achat,montant,produit\n"
YEAR = HEADER + "".join(f"{n},{n % 2 + 1},2025-{n % 12 + 1:02d}-15,10.00,souris\n" for n in range(1, 101))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with a project of its own that sold something each month, and published it. Nobody changes it."""
    folder = tmp_path_factory.mktemp("published")
    project = folder / "project"
    shutil.copytree(retail.FOLDER, project, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shop = Shop(folder, project)
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", YEAR)
    assert shop.run()["status"] == "published"
    return shop


@pytest.fixture
def sold(published: Shop, tmp_path: Path) -> Shop:
    """A copy of it."""
    return published.copied(tmp_path / "shop")


def tables(report: Mapping[str, Any]) -> dict[str, tuple[int | None, str | None]]:
    """By table: the keys by which it was extended, or why it was built whole."""
    built = (table for table in report["tables"] if table["status"] == "built" and table["layer"] in ("silver", "gold"))
    return {table["table"]: (table["keys"], table["why_full"]) for table in built}


def files(shop: Shop, layer: str, table: str) -> set[str]:
    return {file["name"] for file in shop.release()["tables"][f"{layer}/{table}"]["files"]}


def test_a_new_file_adds_to_the_files_of_its_tables_and_touches_no_other(sold: Shop) -> None:
    before = {layer: files(sold, layer, table) for layer, table in (("silver", "achats"), ("gold", "fact_ventes"))}
    clients = sold.release()["tables"]["silver/clients"]
    sold.put("achats-2.csv", f"{HEADER}1001,1,2025-12-15,10.00,souris\n1002,2,2025-12-16,20.00,souris\n")
    extended = tables(sold.run())
    assert extended["achats"] == (2, None)
    assert extended["fact_ventes"] == (2, None)
    assert extended["kpi_ca_par_jour"] == (2, None)
    assert "clients" not in extended
    assert sold.release()["tables"]["silver/clients"] == clients
    assert before["silver"] < files(sold, "silver", "achats")
    assert before["gold"] < files(sold, "gold", "fact_ventes")


def test_a_change_that_a_model_does_not_read_leaves_its_table_as_it_is(sold: Shop) -> None:
    names = ("fact_ventes", "kpi_volume_par_produit")
    before = [files(sold, "gold", name) for name in names]
    sold.put("clients.csv", CLIENTS.replace("Ada", "Adèle"))
    extended = tables(sold.run())
    assert extended["fact_ventes"] == (0, None)
    assert extended["kpi_volume_par_produit"] == (0, None), "a full model, too, of inputs with the same rows"
    assert [files(sold, "gold", name) for name in names] == before
    assert ("Adèle",) in sold.rows("dim_clients", "nom")


def test_the_successor_of_a_retracted_row_has_its_values(sold: Shop) -> None:
    sold.put("achats-2.csv", f"{HEADER}1,2,2025-12-15,99.00,clavier\n")
    sold.run()
    assert sold.rows("achats", "montant, produit", "silver").count((99, "Clavier")) == 1
    sold.filon("retract", "--yes", "achats-2.csv")
    (sold.sources / "achats-2.csv").unlink()
    sold.put("achats-3.csv", f"{HEADER}1001,1,2025-12-15,10.00,souris\n")
    assert tables(sold.run())["achats"] == (2, None)
    assert sold.rows("achats", "id_achat, id_client, produit", "silver")[0] == (1, 2, "Souris")


def test_a_table_that_is_built_whole_says_why(sold: Shop) -> None:
    sold.put("achats-2.csv", f"{HEADER}1001,1,2025-12-15,10.00,souris\n")
    assert tables(sold.run())["kpi_ca_par_mois"] == (None, "WINDOW_WITHOUT_PARTITION")
    assert tables(sold.run("--force"))["achats"] == (None, "FORCED")
    for name, price in (("achats-3.csv", "11.00"), ("achats-4.csv", "12.00")):
        sold.put(name, YEAR.replace(",10.00,", f",{price},"))
    assert tables(sold.run())["achats"] == (None, "MOST_CHANGED")
    assert sold.project is not None
    contract = sold.project / "sources" / "achats.yaml"
    contract.write_text(contract.read_text().replace("maximum: 10000", "maximum: 9000"))
    assert tables(sold.run())["achats"] == (None, "RECIPE_CHANGED")


def test_superseded_records_can_be_looked_at(sold: Shop) -> None:
    sold.put("achats-2.csv", f"{HEADER}1,2,2025-12-15,99.00,clavier\n")
    sold.run()
    shown = sold.filon("show", "achats", "--layer", "superseded", "--format", "csv")
    assert shown.splitlines()[1:] == ["1,2,2025-02-15,1,1"]
