"""Lists: every endpoint of the specification against gold, and what lists can be asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from httpx import Client

from filon.project.loader import load_project
from filon.projects import retail
from filon.serving.served import served_tables
from filon.serving.stores import open_store
from filon.serving.tables import StoredTable
from tests.integration.api.conftest import ServedApi, exact, ordered, until_release
from tests.integration.conftest import Shop

PAGED = [
    ("clients", "dim_clients", ["id_client"]),
    ("produits", "dim_produits", ["id_produit"]),
    ("ventes", "fact_ventes", ["id_achat"]),
    ("kpis/ca-par-jour", "kpi_ca_par_jour", ["-date"]),
    ("kpis/ca-par-mois", "kpi_ca_par_mois", ["-mois"]),
]
WHOLE = [
    ("kpis/ca-par-pays", "kpi_ca_par_pays", ["-ca_total", "pays"], 100),
    ("kpis/ca-par-pays-historique", "kpi_ca_par_pays_historique", ["-ca_total", "pays"], 100),
    ("kpis/volume-par-produit", "kpi_volume_par_produit", ["-nb_ventes", "produit"], 100),
    ("kpis/top-clients", "kpi_top_clients", ["rang"], 10),
    ("kpis/stats-distribution", "kpi_stats_distribution", ["produit"], 100),
]


@pytest.mark.parametrize(("path", "table", "sort"), PAGED)
def test_a_paged_list_is_gold_field_by_field(
    api: Client, served: ServedApi, path: str, table: str, sort: list[str]
) -> None:
    rows = ordered(served.gold(table), *sort)
    assert exact(api.get(f"/api/v1/{path}")) == {"total": len(rows), "skip": 0, "limit": 100, "data": rows[:100]}
    page = exact(api.get(f"/api/v1/{path}?skip=7&limit=5"))
    assert page == {"total": len(rows), "skip": 7, "limit": 5, "data": rows[7:12]}


@pytest.mark.parametrize(("path", "table", "sort", "limit"), WHOLE)
def test_a_whole_list_is_gold_field_by_field(
    api: Client, served: ServedApi, path: str, table: str, sort: list[str], limit: int
) -> None:
    rows = ordered(served.gold(table), *sort)
    assert exact(api.get(f"/api/v1/{path}")) == {"total": len(rows), "data": rows[:limit]}
    assert api.get(f"/api/v1/{path}?skip=1").status_code == 422


@pytest.mark.parametrize("table", ["dim_temps", "fact_ventes", "kpi_top_clients"])
def test_every_table_is_also_found_by_its_name(api: Client, served: ServedApi, table: str) -> None:
    answer = exact(api.get(f"/api/v1/tables/{table}?limit=3"))
    assert answer["total"] == len(served.gold(table))
    assert list(answer["data"][0]) == list(served.gold(table)[0])


def test_top_clients_takes_at_most_a_hundred(api: Client) -> None:
    assert len(exact(api.get("/api/v1/kpis/top-clients?limit=100"))["data"]) == 100
    [error] = api.get("/api/v1/kpis/top-clients?limit=101").json()["errors"]
    assert error["parameter"] == "limit"
    assert "1 to 100" in error["fix"]


@pytest.mark.parametrize(("path", "table", "key"), [("clients", "dim_clients", "id_client"),
                                                    ("produits", "dim_produits", "id_produit"),
                                                    ("ventes", "fact_ventes", "id_achat")])  # fmt: skip
def test_a_row_is_found_by_its_key(api: Client, served: ServedApi, path: str, table: str, key: str) -> None:
    row = ordered(served.gold(table), key)[3]
    assert exact(api.get(f"/api/v1/{path}/{row[key]}")) == row
    missing = api.get(f"/api/v1/{path}/999999999")
    assert missing.status_code == 404
    assert key in missing.json()["detail"]
    assert api.get(f"/api/v1/{path}/abc").status_code == 422


@pytest.mark.parametrize(
    ("query", "keep"),
    [
        ("pays=France", lambda row: row["pays"] == "France"),
        ("pays=France&segment=Gold", lambda row: row["pays"] == "France" and row["segment"] == "Gold"),
        ("pays=Atlantide", lambda row: row["pays"] == "Atlantide"),
        ("pays=France&pays=Italie", lambda row: row["pays"] in ("France", "Italie")),
        (
            "pays=UK&segment=Gold&pays=UK&segment=Silver",
            lambda row: row["pays"] == "UK" and row["segment"] != "Bronze" and row["segment"] != "Platinum",
        ),
        ("id_client=7&id_client=3&id_client=3", lambda row: row["id_client"] in (3, 7)),
        ("total_ca_min=5000", lambda row: row["total_ca"] >= 5000),
    ],
)
def test_clients_are_filtered(api: Client, served: ServedApi, query: str, keep: Any) -> None:
    rows = [row for row in ordered(served.gold("dim_clients"), "id_client") if keep(row)]
    answer = exact(api.get(f"/api/v1/clients?{query}&limit=1000"))
    assert (answer["total"], answer["data"]) == (len(rows), rows)


@pytest.mark.parametrize(
    ("query", "keep"),
    [
        ("id_client=5", lambda row: row["id_client"] == 5),
        ("produit=Souris", lambda row: row["produit"] == "Souris"),
        ("date_debut=2025-01-01&date_fin=2025-01-31", lambda row: "2025-01-01" <= row["date_achat"] <= "2025-01-31"),
        ("date_achat=2025-12-24", lambda row: row["date_achat"] == "2025-12-24"),
        ("produit=Souris&produit=Webcam&id_client=5&id_client=6", lambda row: row["produit"] in ("Souris", "Webcam")
         and row["id_client"] in (5, 6)),
        ("date_achat=2025-12-24&date_achat=2025-12-23", lambda row: row["date_achat"] in ("2025-12-24", "2025-12-23")),
        ("id_client_min=10&id_client_max=12", lambda row: 10 <= row["id_client"] <= 12),
    ],
)  # fmt: skip
def test_sales_are_filtered(api: Client, served: ServedApi, query: str, keep: Any) -> None:
    rows = [row for row in ordered(served.gold("fact_ventes"), "id_achat") if keep(row)]
    answer = exact(api.get(f"/api/v1/ventes?{query}&limit=1000"))
    assert rows
    assert (answer["total"], answer["data"]) == (len(rows), rows)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "&sort=-date_achat",
        "&sort=produit,-date_achat",
        "&produit=Souris",
        "&produit=Souris&produit=Webcam&sort=-date_achat",
        "&fields=montant",
    ],
)
def test_cursors_walk_over_all_rows_once(api: Client, query: str) -> None:
    every = exact(api.get(f"/api/v1/ventes?limit=1000{query}"))
    rows, response = [], api.get(f"/api/v1/ventes?limit=97{query}")
    rows += exact(response)["data"]
    while "next" in response.links:
        response = api.get(response.links["next"]["url"])
        rows += exact(response)["data"]
    assert len(rows) == every["total"]
    assert rows[:1000] == every["data"]
    if "fields" not in query:
        assert len({row["id_achat"] for row in rows}) == len(rows)


def test_a_cursor_honours_several_values_in_any_order(api: Client) -> None:
    url = api.get("/api/v1/ventes?produit=Souris&produit=Webcam&limit=2").links["next"]["url"]
    cursor = url.partition("after=")[2]
    other = api.get(f"/api/v1/ventes?produit=Webcam&limit=2&produit=Souris&after={cursor}")
    assert other.json() == api.get(url).json()
    assert api.get(f"/api/v1/ventes?produit=Souris&limit=2&after={cursor}").status_code == 422


def test_clients_are_sorted_by_what_they_bought(api: Client, served: ServedApi) -> None:
    answer = exact(api.get("/api/v1/clients?sort=-total_ca&limit=50&pays=France&pays=UK"))
    rows = [
        row for row in ordered(served.gold("dim_clients"), "-total_ca", "id_client") if row["pays"] in ("France", "UK")
    ]
    assert answer["data"] == rows[:50]


def test_at_most_two_hundred_values_of_a_filter_are_taken(api: Client) -> None:
    values = [f"id_client={number}" for number in range(1, 202)]
    assert api.get(f"/api/v1/clients?{'&'.join(values[:200])}").json()["total"] == 200
    answer = api.get(f"/api/v1/clients?{'&'.join(values)}")
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["parameter"], error["fix"]) == ("id_client", "give at most 200")


def test_a_cursor_stays_with_its_load_and_is_checked(api: Client) -> None:
    url = api.get("/api/v1/ventes?limit=2&release=1").links["next"]["url"]
    assert api.get(url).headers["X-Filon-Release"] == "1"
    base, cursor = url.split("after=")
    for wrong in (cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB"), "", "x", "é" * 9, cursor[:20]):
        assert api.get(f"{base}after={wrong}").status_code == 422
    assert api.get(f"/api/v1/clients?after={cursor}").status_code == 422
    assert api.get(f"{url}&produit=Souris").status_code == 422
    assert api.get(f"{url}&release=2").status_code == 422
    assert api.get(f"{url}&skip=1").status_code == 422
    assert api.get(f"{url}&sort=produit").status_code == 422
    assert api.get(f"{url}&sort=id_achat").status_code == 200


def test_sort_and_fields(api: Client, served: ServedApi) -> None:
    rows = ordered(served.gold("dim_clients"), "pays", "-id_client")
    answer = exact(api.get("/api/v1/clients?sort=pays,-id_client&fields=pays,id_client&limit=50"))["data"]
    assert answer == [{"pays": row["pays"], "id_client": row["id_client"]} for row in rows[:50]]
    assert list(answer[0]) == ["pays", "id_client"]
    [error] = api.get("/api/v1/clients?sort=nom").json()["errors"]
    assert error == {
        "parameter": "sort",
        "detail": "cannot sort by nom",
        "fix": "sort by id_client, pays, segment, total_ca",
    }
    [error] = api.get("/api/v1/clients?fields=nom,pay").json()["errors"]
    assert error["fix"] == "did you mean pays?"


def test_skip_behind_the_end_is_an_empty_page(api: Client) -> None:
    assert exact(api.get("/api/v1/clients?skip=9007199254740991"))["data"] == []
    assert exact(api.get("/api/v1/clients?skip=9999&pays=France"))["data"] == []


def test_an_older_release_is_answered_as_it_was(api: Client, served: ServedApi) -> None:
    for release in (1, 2):
        rows = served.gold("fact_ventes", release)
        response = api.get(f"/api/v1/ventes?release={release}&limit=1")
        assert (exact(response)["total"], response.headers["X-Filon-Release"]) == (len(rows), str(release))
        total = exact(api.get(f"/api/v1/aggregations/ca-total?release={release}"))
        assert total["ca_total"] == sum((row["montant"] for row in rows), Decimal(0))
    assert api.get("/api/v1/ventes/900001?release=1").status_code == 404
    assert api.get("/api/v1/ventes/900001").status_code == 200
    refused = api.get("/api/v1/ventes?release=77")
    assert refused.status_code == 404
    assert "2, 1" in refused.json()["detail"]


@pytest.mark.parametrize("path", ["ventes", "tables/kpi_ca_par_jour"])
@pytest.mark.parametrize("skip", [1, 99, 100, 101, 250, 399])
def test_a_jump_lands_where_counting_would(api: Client, served: ServedApi, path: str, skip: int) -> None:
    table, sort = ("fact_ventes", "id_achat") if path == "ventes" else ("kpi_ca_par_jour", "-date")
    stored = served_tables(served.project)[table].stored
    assert asyncio.run(_has_page_index(served.uri, stored))
    rows = ordered(served.gold(table), sort)
    assert exact(api.get(f"/api/v1/{path}?skip={skip}&limit=150"))["data"] == rows[skip : skip + 150]


async def _has_page_index(uri: str, table: StoredTable) -> bool:
    store = open_store(uri)
    found = await store.page_index((await store.states())[0].id, table)
    await store.shut_readers()
    store.shut()
    return found is not None


def test_paging_goes_on_in_its_load_until_that_is_swept_away(shop: Shop, store_uri: str) -> None:
    moving = replace(shop, extra={"FILON_SERVING": store_uri, "FILON_SERVING_KEEP": "1"})
    moving.run()
    served = ServedApi(moving, store_uri, load_project(retail.FOLDER))
    with served.client() as client:
        first = client.get("/api/v1/ventes?limit=1")
        before = exact(client.get("/api/v1/ventes"))["data"]
        _publish_one_more(moving, 1)
        until_release(client, 2)
        assert client.get(first.links["next"]["url"]).headers["X-Filon-Release"] == "1"
        second = client.get(first.links["next"]["url"])
        assert exact(first)["data"] + exact(second)["data"] == before[:2]
        for number in (2, 3):
            _publish_one_more(moving, number)
        until_release(client, 4)
        gone = client.get(first.links["next"]["url"])
        assert gone.status_code == 410
        assert "Start again" in gone.json()["detail"]
        assert len(exact(client.get("/api/v1/ventes"))["data"]) == len(before) + 3


def _publish_one_more(shop: Shop, number: int) -> None:
    head = "id_achat,id_client,date_achat,montant,produit"
    shop.put(f"achats_{number}.csv", f"{head}\n{number},1,2025-06-01,10.00,souris\n")
    shop.run()
