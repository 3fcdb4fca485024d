"""Health, freshness, the catalogue and metrics."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from httpx import Client

from filon.serving.stores import open_store
from tests.integration.api.conftest import ServedApi

TABLES = {
    "dim_clients", "dim_produits", "dim_temps", "fact_ventes", "kpi_ca_par_jour", "kpi_ca_par_mois", "kpi_ca_par_pays",
    "kpi_ca_par_pays_historique", "kpi_volume_par_produit", "kpi_top_clients", "kpi_stats_distribution",
}  # fmt: skip


def test_health(api: Client, served: ServedApi) -> None:
    answer = api.get("/health")
    assert answer.status_code == 200
    assert answer.json().keys() == {"status", "timestamp", "mongodb", "release"}
    assert (answer.json()["status"], answer.json()["release"]) == ("healthy", 2)
    assert answer.json()["mongodb"] == ("embedded" if served.uri.startswith("sqlite") else "connected")
    assert dt.datetime.fromisoformat(answer.json()["timestamp"]).tzinfo is not None
    assert api.get("/health/live").status_code == api.get("/health/ready").status_code == 200


def test_nothing_is_loaded_yet(served: ServedApi, tmp_path: Path) -> None:
    empty = ServedApi(served.shop, f"sqlite:///{tmp_path / 'none.db'}", served.project)
    with empty.client() as client:
        health = client.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 503
        answer = client.get("/api/v1/clients")
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
        status = client.get("/api/v1/pipeline/status").json()
        assert (status["total_collections"], status["synced_collections"]) == (len(TABLES), 0)
        assert status["average_refresh_time_seconds"] is None


def test_a_store_that_cannot_be_read_is_503_and_recovers(served: ServedApi, tmp_path: Path) -> None:
    path = tmp_path / "serving.db"
    path.write_bytes(b"this is no database at all, not even a small one" * 100)
    broken = ServedApi(served.shop, f"sqlite:///{path}", served.project)
    with broken.client() as client:
        answer = client.get("/api/v1/clients")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert str(tmp_path) not in answer.text
        health = client.get("/health")
        assert (health.status_code, health.json()["status"]) == (503, "degraded")
        assert health.json()["mongodb"].startswith("error: ")
        path.unlink()
        assert client.get("/health").status_code == 200


def test_pipeline_status(api: Client, served: ServedApi) -> None:
    status = api.get("/api/v1/pipeline/status").json()
    assert status.keys() == {
        "total_collections", "synced_collections", "collections", "average_refresh_time_seconds",
    }  # fmt: skip
    assert status["total_collections"] == status["synced_collections"] == len(TABLES)
    assert {entry["name"] for entry in status["collections"]} == TABLES
    for entry in status["collections"]:
        assert entry.keys() == {"name", "synced", "last_sync", "row_count"}
        assert entry["synced"] is True
        assert entry["row_count"] == len(served.gold(entry["name"]))
    assert status["average_refresh_time_seconds"] > 0


def test_refresh_times(api: Client, served: ServedApi) -> None:
    store = open_store(served.uri)
    state = store.state()
    store.shut()
    assert state is not None
    times = api.get("/api/v1/pipeline/refresh-times").json()
    assert {entry["collection_name"] for entry in times} == TABLES
    for entry in times:
        table = state.tables[entry["collection_name"]]
        assert dt.datetime.fromisoformat(entry["gold_processed_at"]) == table.gold_at
        assert dt.datetime.fromisoformat(entry["mongo_synced_at"]) == table.synced_at
        seconds = (table.synced_at - table.gold_at).total_seconds()
        assert entry["refresh_time_seconds"] == pytest.approx(seconds, abs=0.001)
        assert entry["refresh_time_human"].endswith("s")
        assert api.get(f"/api/v1/pipeline/refresh-time/{entry['collection_name']}").json() == entry
    assert api.get("/api/v1/pipeline/refresh-time/dim_client").status_code == 404
    assert api.get("/api/v1/pipeline/refresh-time/_cube_fact_ventes").status_code == 404


def test_the_catalogue_describes_every_table(api: Client, served: ServedApi) -> None:
    answer = api.get("/api/v1/tables").json()
    assert answer["total"] == len(TABLES)
    tables = {entry["name"]: entry for entry in answer["data"]}
    sales = tables["fact_ventes"]
    assert sales["path"] == "/api/v1/ventes"
    assert (sales["grain"], sales["key"], sales["sort"]) == ("Un achat", ["id_achat"], ["id_achat"])
    assert (sales["rows"], sales["release"]) == (len(served.gold("fact_ventes")), 2)
    assert {"date_debut", "date_fin", "produit"} <= set(sales["filters"])
    amount = next(column for column in sales["columns"] if column["name"] == "montant")
    assert (amount["type"], amount["sql_type"], amount["required"]) == ("decimal", "DECIMAL(12,2)", True)
    for entry in tables.values():
        assert api.get(entry["path"]).status_code == 200
        assert entry["age_seconds"] >= 0
        assert entry["quality"] == "passed"


def test_metrics_count_requests_and_rows(served: ServedApi) -> None:
    with served.client() as client:
        client.get("/api/v1/clients/1")
        client.get("/api/v1/clients/abc")
        text = client.get("/metrics").text
    assert 'filon_api_requests_total{method="GET",route="/api/v1/clients/{id}",status="200"} 1.0' in text
    assert 'filon_api_requests_total{method="GET",route="/api/v1/clients/{id}",status="422"} 1.0' in text
    assert 'filon_api_request_seconds_count{route="/api/v1/clients/{id}"} 2.0' in text
    assert "filon_release 2" in text
    assert "filon_release_age_seconds " in text
    assert f'filon_table_rows{{table="dim_clients"}} {len(served.gold("dim_clients"))}' in text
    assert "_cube" not in text
