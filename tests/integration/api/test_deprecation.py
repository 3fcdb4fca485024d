"""Endpoints of deprecated tables say so, in every answer and in OpenAPI; others say nothing of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import pytest
from httpx import Client

from filon.project import Project
from filon.project.vocabulary import DeprecatedSpec
from tests.integration.api.conftest import ServedApi

SAID = {
    "kpi_ca_par_pays": DeprecatedSpec(
        since=dt.date(2026, 10, 1),
        sunset=dt.date(2027, 1, 31),
        successor="kpi_ca_par_pays_historique",
        link="https://example.org/pays",
    ),
    "fact_ventes": DeprecatedSpec(since=dt.date(2026, 10, 1), successor="dim_clients"),
    "dim_produits": DeprecatedSpec(since=dt.date(2030, 1, 1)),
}
DEPRECATION = "@1790812800"
"""The first of October 2026, in seconds since 1970."""


def deprecating(project: Project) -> Project:
    models = {
        name: replace(model, contract=replace(model.contract, deprecated=SAID.get(name)))
        for name, model in project.models.items()
    }
    return replace(project, models=models)


@pytest.fixture(scope="module")
def api(served_from_sqlite: ServedApi) -> Iterator[Client]:
    with replace(served_from_sqlite, project=deprecating(served_from_sqlite.project)).client() as client:
        yield client


def links(api: Client, path: str) -> list[str]:
    return api.get(path).headers.get_list("link")


@pytest.mark.parametrize("path", ["/api/v1/kpis/ca-par-pays", "/api/v1/tables/kpi_ca_par_pays"])
def test_an_endpoint_says_since_when_until_when_and_what_replaces_it(api: Client, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 200
    assert answer.headers["Deprecation"] == DEPRECATION
    assert answer.headers["Sunset"] == "Sun, 31 Jan 2027 00:00:00 GMT"
    assert answer.headers.get_list("link") == [
        '</api/v1/kpis/ca-par-pays-historique>; rel="successor-version"',
        '<https://example.org/pays>; rel="deprecation"; type="text/html"',
    ]


def test_the_next_page_stands_beside_the_successor(api: Client) -> None:
    first, second = links(api, "/api/v1/ventes?limit=2")
    assert first.endswith('rel="next"')
    assert second == '</api/v1/clients>; rel="successor-version"'


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/ventes/1",
        "/api/v1/ventes/999999999",
        "/api/v1/ventes?nothing=1",
        "/api/v1/aggregations/ca-total",
        "/api/v1/aggregations/ca-par-periode",
        "/api/v1/aggregations/analyse?by=produit",
    ],
)
def test_rows_sums_and_errors_say_it_too(api: Client, path: str) -> None:
    answer = api.get(path)
    assert answer.headers["Deprecation"] == DEPRECATION
    assert "Sunset" not in answer.headers
    assert '</api/v1/clients>; rel="successor-version"' in answer.headers.get_list("link")


def test_an_answer_that_is_known_and_one_without_a_body_say_it_too(api: Client) -> None:
    tag = api.get("/api/v1/kpis/ca-par-pays").headers["ETag"]
    known = api.get("/api/v1/kpis/ca-par-pays", headers={"If-None-Match": tag})
    assert (known.status_code, known.headers["Deprecation"]) == (304, DEPRECATION)
    head = api.head("/api/v1/kpis/ca-par-pays")
    assert (head.status_code, head.headers["Deprecation"], head.content) == (200, DEPRECATION, b"")


def test_a_deprecation_may_lie_in_the_future(api: Client) -> None:
    assert api.get("/api/v1/produits").headers["Deprecation"] == "@1893456000"


@pytest.mark.parametrize("path", ["/api/v1/clients", "/api/v1/kpis/top-clients", "/api/v1/tables", "/health"])
def test_other_endpoints_say_nothing_of_it(api: Client, path: str) -> None:
    headers = api.get(path).headers
    assert not {"deprecation", "sunset"} & set(headers)
    assert "successor" not in headers.get("Link", "")


def test_openapi_marks_them(api: Client) -> None:
    document = api.get("/openapi.json").json()
    marked = {path for path, methods in document["paths"].items() if methods["get"].get("deprecated")}
    assert marked == {
        "/api/v1/kpis/ca-par-pays",
        "/api/v1/tables/kpi_ca_par_pays",
        "/api/v1/produits",
        "/api/v1/produits/{id}",
        "/api/v1/tables/dim_produits",
        "/api/v1/ventes",
        "/api/v1/ventes/{id}",
        "/api/v1/tables/fact_ventes",
        "/api/v1/aggregations/ca-total",
        "/api/v1/aggregations/ca-par-periode",
        "/api/v1/aggregations/analyse",
    }


def test_the_catalogue_tells_of_it(api: Client) -> None:
    described = {table["name"]: table["deprecated"] for table in api.get("/api/v1/tables").json()["data"]}
    assert described["kpi_ca_par_pays"] == {
        "since": "2026-10-01",
        "sunset": "2027-01-31",
        "successor": "kpi_ca_par_pays_historique",
        "link": "https://example.org/pays",
    }
    assert described["dim_clients"] is None
