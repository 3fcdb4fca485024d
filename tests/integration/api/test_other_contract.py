"""A store that was loaded when contracts were others than those that the API reads."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from httpx import Client, Response

from filon.project.loader import load_project
from filon.projects import retail
from tests.integration.api.conftest import ServedApi
from tests.integration.conftest import Shop
from tests.integration.polling import until

CLIENTS = "id_client,nom,email,date_inscription,pays\n1,Ann,a@x.fr,2024-01-01,France\n"
SALES = "id_achat,id_client,date_achat,montant,produit\n1,1,2025-01-01,10.00,Souris\n"


@pytest.fixture
def shop(store_uri: str, tmp_path: Path) -> Shop:
    """One sale, loaded."""
    project = tmp_path / "project"
    shutil.copytree(retail.FOLDER, project, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    found = Shop(tmp_path / "shop", project, {"FILON_SERVING": store_uri})
    found.put("clients.csv", CLIENTS)
    found.put("achats.csv", SALES)
    found.run()
    return found


def _change(shop: Shop, table: str, what: str, into: str) -> ServedApi:
    assert shop.project is not None
    for end in ("sql", "yaml"):
        file = shop.project / "gold" / f"{table}.{end}"
        file.write_text(file.read_text().replace(what, into))
    return ServedApi(shop, shop.extra["FILON_SERVING"], load_project(shop.project))


def test_a_new_column_is_refused_until_it_is_loaded(shop: Shop) -> None:
    with _change(shop, "dim_produits", "nb_ventes", "ventes").client() as client:
        _refused(client, "produits", "dim_produits")
        _refused(client, "produits?format=csv", "dim_produits")
        assert client.get("/api/v1/clients").status_code == 200
        tables = {table["name"]: table for table in client.get("/api/v1/tables").json()["data"]}
        assert tables["dim_produits"]["rows"] is None
        assert tables["dim_clients"]["rows"] == 1
        assert client.get("/api/v1/pipeline/status").json()["synced_collections"] == len(tables) - 1
        shop.run()
        _followed(client, "produits")


def test_sums_that_mean_something_else_are_refused_until_they_are_loaded(shop: Shop) -> None:
    changed = _change(shop, "fact_ventes", "nb_produits: {distinct: id_produit}", "autres: {sum: id_client}")
    with changed.client() as client:
        _refused(client, "aggregations/ca-total", "fact_ventes")
        _refused(client, "aggregations/analyse?by=pays", "fact_ventes")
        assert client.get("/api/v1/ventes").status_code == 200
        tables = {table["name"]: table for table in client.get("/api/v1/tables").json()["data"]}
        assert tables["fact_ventes"]["rows"] == 1
        assert tables["fact_ventes"]["analysis"] is None
        shop.run()
        assert _followed(client, "aggregations/analyse").json()["data"][0]["autres"] == 1


def _refused(client: Client, path: str, table: str) -> None:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:filon:problem:other-contract"
    assert table in answer.json()["detail"]
    assert "filon run" in answer.json()["detail"]


def _followed(client: Client, path: str) -> Response:
    """The answer once the API, which looks for loads now and then, has seen the new one."""
    until(lambda: client.get(f"/api/v1/{path}").status_code == 200, f"an answer of {path}")
    return client.get(f"/api/v1/{path}")
