"""Analyses: every measure for any choice of facts, compared with gold's KPIs and with DuckDB over gold's files."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from httpx import Client

from filon.api import create_app
from filon.project.loader import load_project
from filon.projects import retail
from filon.serving import loading
from filon.serving.columns import stored
from filon.serving.query import Query, Row
from filon.serving.sqlite.store import SQLiteStore
from filon.serving.state import LoadId
from filon.serving.stores import open_store
from filon.serving.tables import COLUMNS, StoredTable
from filon.settings import Settings
from tests.integration.api.conftest import ServedApi, answering, exact, until_release
from tests.integration.conftest import ACHATS, Shop

ANALYSE = "/api/v1/aggregations/analyse"
MEASURES = ("ca", "nb_ventes", "nb_clients", "nb_produits")
PERIODS = {"jour": "strftime(date_achat, '%Y-%m-%d')", "mois": "mois", "annee": "CAST(annee AS VARCHAR)"}


@pytest.fixture(scope="module")
def facts(served: ServedApi) -> Iterator[duckdb.DuckDBPyConnection]:
    """Gold's sales with the country of their client, as DuckDB reads them."""
    with duckdb.connect() as connection:
        for table in ("fact_ventes", "dim_clients"):
            build = served.shop.release()["tables"][f"gold/{table}"]
            files = [str(served.shop.lake / "gold" / table / file["name"]) for file in build["files"]]
            connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({files})")
        connection.execute(
            "CREATE TABLE facts AS SELECT f.*, segment_client AS segment, pays FROM fact_ventes AS f "
            "LEFT JOIN dim_clients USING (id_client)"
        )
        yield connection


def analysed(api: Client, **parameters: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = exact(api.get(ANALYSE, params=parameters))["data"]
    return rows


def test_months_agree_with_the_kpi(api: Client, served: ServedApi) -> None:
    rows = analysed(api, by="mois")
    expected = sorted(served.gold("kpi_ca_par_mois"), key=lambda row: row["mois"], reverse=True)
    assert [(row["mois"], row["ca"], row["nb_ventes"], row["nb_clients"]) for row in rows] == [
        (row["mois"], row["ca_total"], row["nb_transactions"], row["nb_clients_uniques"]) for row in expected
    ]


def test_countries_agree_with_the_kpi(api: Client, served: ServedApi) -> None:
    rows = analysed(api, by="pays")
    expected = sorted(served.gold("kpi_ca_par_pays"), key=lambda row: (-row["ca_total"], row["pays"]))
    assert [(row["pays"], row["ca"], row["nb_ventes"], row["nb_clients"]) for row in rows] == [
        (row["pays"], row["ca_total"], row["nb_transactions"], row["nb_clients"]) for row in expected
    ]


def test_products_agree_with_the_kpis(api: Client, served: ServedApi) -> None:
    rows = analysed(api, by="produit", sort="-nb_ventes", stats="ca")
    volumes = sorted(served.gold("kpi_volume_par_produit"), key=lambda row: row["rang"])
    assert [(row["produit"], row["ca"], row["nb_ventes"], row["nb_clients"]) for row in rows] == [
        (row["produit"], row["ca_total"], row["nb_ventes"], row["nb_clients"]) for row in volumes
    ]
    expected = {row.pop("produit"): row for row in served.gold("kpi_stats_distribution")}
    assert {row["produit"]: row["stats"] for row in rows} == expected


def test_the_best_clients_agree_with_the_kpi(api: Client, served: ServedApi) -> None:
    rows = analysed(api, by="id_client", limit=100)
    expected = sorted(served.gold("kpi_top_clients"), key=lambda row: row["rang"])
    assert [(row["id_client"], row["ca"], row["nb_ventes"]) for row in rows] == [
        (row["id_client"], row["total_ca"], row["nb_achats"]) for row in expected
    ]


def test_all_facts_are_one_row_without_by(api: Client, served: ServedApi) -> None:
    sales = served.gold("fact_ventes")
    answer = exact(api.get(ANALYSE))
    assert answer == {
        "by": [],
        "total": 1,
        "data": [
            {
                "ca": sum(row["montant"] for row in sales),
                "nb_ventes": len(sales),
                "nb_clients": len({row["id_client"] for row in sales}),
                "nb_produits": 10,
            }
        ],
    }


@pytest.mark.parametrize("seed", range(40))
def test_any_question_is_answered_as_by_duckdb(
    api: Client, facts: duckdb.DuckDBPyConnection, served: ServedApi, seed: int
) -> None:
    parameters, query = question(random.Random(seed))  # noqa: S311 - no secret
    answer = api.get(ANALYSE, params=parameters)
    body = exact(answer)
    found = [tuple(row[name] for name in (*body["by"], *MEASURES)) for row in body["data"]]
    every = facts.execute(query).fetchall()
    assert found == every[: int(parameters.get("limit", "1000"))], (parameters, query)
    assert body["total"] == len(every)


def question(chance: random.Random) -> tuple[dict[str, Any], str]:
    """Random parameters, and the query that means the same, without its limit."""
    groups = {**PERIODS, **{name: name for name in ("pays", "produit", "segment", "id_client", "id_produit")}}
    by = chance.sample(sorted(groups), chance.choice([0, 1, 1, 2, 2]))
    parameters: dict[str, Any] = {"by": ",".join(by)} if by else {}
    values = {"pays": ["France", "Italie", "Atlantide"], "produit": ["Souris", "Écran", "Webcam"]}
    values["segment"] = ["Gold", "Silver"]
    conditions = ["TRUE"]
    for name in chance.sample(sorted(values), chance.choice([0, 1, 2])):
        parameters[name] = chance.sample(values[name], chance.choice([1, 2]))
        conditions.append(f"{name} IN ({', '.join(repr(value) for value in parameters[name])})")
    for name, operator, day in (("date_debut", ">=", "2024-07-15"), ("date_fin", "<=", "2025-10-05")):
        if chance.random() < 0.4:
            parameters[name] = day
            conditions.append(f"date_achat {operator} DATE '{day}'")
    order = chance.choice([None, "value", "-value", *MEASURES, "-nb_clients"])
    if order:
        parameters["sort"] = order
    if chance.random() < 0.5:
        parameters["limit"] = str(chance.choice([1, 7, 10_000]))
    if order is None:
        order = "-value" if by and by[0] in PERIODS else "-ca"
    name = order.removeprefix("-")
    sort = [f"{by[0] if name == 'value' and by else name} {'DESC' if order.startswith('-') else 'ASC'}"]
    keys = [f"{groups[item]} AS {item}" for item in by]
    measures = "coalesce(sum(montant), 0) AS ca, count(*) AS nb_ventes, count(DISTINCT id_client) AS nb_clients"
    select = f"SELECT {', '.join([*keys, measures, 'count(DISTINCT id_produit) AS nb_produits'])} FROM facts"
    where = f" WHERE {' AND '.join(conditions)}"
    if not by:
        return parameters, select + where
    return (
        parameters,
        f"{select}{where} GROUP BY {', '.join(groups[item] for item in by)} ORDER BY {', '.join([*sort, *by])}",
    )


def test_nothing_chosen_is_nothing_found_or_a_row_of_zeros(api: Client) -> None:
    assert exact(api.get(ANALYSE, params={"pays": "Atlantide", "by": "mois"})) == {
        "by": ["mois"],
        "total": 0,
        "data": [],
    }
    [row] = analysed(api, date_fin="1999-01-01", stats="ca")
    assert row == {"ca": 0, "nb_ventes": 0, "nb_clients": 0, "nb_produits": 0, "stats": None}


def test_an_older_release_is_analysed_as_it_was(api: Client, served: ServedApi) -> None:
    older, newer = (exact(api.get(ANALYSE, params={"release": number}))["data"][0] for number in (1, 2))
    assert older["ca"] == sum(row["montant"] for row in served.gold("fact_ventes", 1))
    assert newer["ca"] == older["ca"] + Decimal("1234.56")
    assert newer["nb_ventes"] == older["nb_ventes"] + 1


def test_an_analysis_says_where_it_comes_from_and_is_not_sent_twice(api: Client) -> None:
    answer = api.get(ANALYSE, params={"by": "jour"})
    assert answer.headers["X-Filon-Release"] == "2"
    assert answer.headers["X-Filon-Quality"] == "passed"
    assert answer.headers["Content-Encoding"] == "gzip"
    held = {"If-None-Match": answer.headers["ETag"]}
    assert api.get(ANALYSE, params={"by": "jour"}, headers=held).status_code == 304


@pytest.mark.parametrize(
    ("query", "parameter", "fix"),
    [
        ("by=paye", "by", "group by jour, mois, annee, pays"),
        ("by=pays,mois,produit", "by", "group by 2 at most"),
        ("by=", "by", "group by"),
        ("sort=-montant", "sort", "choose one of ca"),
        ("stats=nb_ventes", "stats", "choose one of ca"),
        ("limit=0", "limit", "1 to 10000"),
        ("limit=10001", "limit", "1 to 10000"),
        ("limit=1&limit=2", "limit", "give it once"),
        ("by=pays&by=mois", "by", "give it once"),
        ("date_debut=hier", "date_debut", "2026-01-31"),
        ("paye=France", "paye", "did you mean"),
        ("&".join(f"pays=p{number}" for number in range(201)), "pays", "give at most 200"),
    ],
)
def test_a_mistaken_parameter_is_named_with_its_fix(api: Client, query: str, parameter: str, fix: str) -> None:
    answer = api.get(f"{ANALYSE}?{query}")
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["parameter"] == parameter
    assert fix in error["fix"]


def test_the_catalogue_says_what_can_be_asked(api: Client) -> None:
    tables = {entry["name"]: entry["analysis"] for entry in api.get("/api/v1/tables").json()["data"]}
    assert tables["fact_ventes"] == {
        "path": ANALYSE,
        "measures": list(MEASURES),
        "dimensions": ["pays", "produit", "segment"],
        "periods": ["jour", "mois", "annee"],
        "distinct": ["id_client", "id_produit"],
        "time": "date_achat",
        "formats": {"ca": "money", "nb_ventes": "number", "nb_clients": "number", "nb_produits": "number"},
        "sums": ["ca"],
    }
    assert tables["dim_clients"] is None
    assert api.get("/api/v1/tables/_columns_fact_ventes").status_code == 404
    assert api.get("/api/v1/pipeline/refresh-time/_columns_fact_ventes").status_code == 404
    assert "_columns" not in api.get("/api/v1/pipeline/status").text + api.get("/metrics").text


def test_new_releases_are_analysed_from_the_chunks_that_changed(shop: Shop, store_uri: str) -> None:
    selling = replace(shop, extra={"FILON_SERVING": store_uri})
    selling.run()
    settings = Settings(api_keys=shop.folder / "keys.json", api_rate_limit="none")
    app = create_app(load_project(retail.FOLDER), open_store(store_uri), settings)
    with answering(app) as address, Client(base_url=address, timeout=30) as client:
        assert [row["ca"] for row in analysed(client, by="mois")] == [Decimal("250.50"), Decimal("100.00")]
        for number in range(1, 4):
            line = f"3{number},3,2025-0{number}-03,{number}.10,tapis\n"
            selling.put(f"achats_{number}.csv", ACHATS.splitlines()[0] + "\n" + line)
            selling.run()
            until_release(client, number + 1)
            [row] = analysed(client)
            assert row["nb_ventes"] == 3 + number
        assert [row["ca"] for row in analysed(client, by="mois")] == [
            Decimal("3.10"),
            Decimal("252.60"),
            Decimal("101.10"),
        ]
        selling.filon("rollback", "1")
        until_release(client, 5)
        [row] = analysed(client)
        assert row == {"ca": Decimal("350.50"), "nb_ventes": 3, "nb_clients": 2, "nb_produits": 2}


class WatchedStore(SQLiteStore):
    """A store that counts the chunks that are asked for."""

    chunks_read = 0

    async def find(self, load: LoadId, table: StoredTable, query: Query) -> list[Row]:
        """The same rows."""
        found = await super().find(load, table, query)
        if table.name.startswith(COLUMNS) and query.fields is None:
            self.chunks_read += len(found)
        return found


def test_columns_are_read_before_anybody_asks(shop: Shop) -> None:
    path = shop.folder / "serving.db"
    selling = replace(shop, extra={"FILON_SERVING": f"sqlite:///{path}"})
    selling.run()
    store = WatchedStore(path)
    app = create_app(load_project(retail.FOLDER), store, Settings(api_keys=shop.folder / "keys.json"))
    with answering(app) as address, Client(base_url=address, timeout=30) as client:
        end = time.monotonic() + 30
        while store.chunks_read < 2:
            assert time.monotonic() < end, "no chunk was read"
            time.sleep(0.01)
        assert client.get("/health/ready").status_code == 200
        [row] = analysed(client)
        assert row["nb_ventes"] == 3
    assert store.chunks_read == 2, "each once"


def test_too_many_facts_are_refused_with_what_to_ask_instead(
    shop: Shop, store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (loading, stored):
        monkeypatch.setattr(module, "MOST_FACTS", 2)
    selling = replace(shop, extra={"FILON_SERVING": store_uri})
    selling.run()
    settings = Settings(api_keys=shop.folder / "keys.json")
    app = create_app(load_project(retail.FOLDER), open_store(store_uri), settings)
    with answering(app) as address, Client(base_url=address, timeout=30) as client:
        answer = client.get(ANALYSE)
        assert answer.status_code == 409
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "/api/v1/aggregations/ca-par-periode" in json.loads(answer.content)["detail"]
        selling.put("achats.csv", "\n".join(ACHATS.splitlines()[:3]) + "\n")
        selling.run()
        until_release(client, 2)
        [row] = analysed(client)
        assert row["nb_ventes"] == 2
