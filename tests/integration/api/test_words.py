"""The API's names for time are those of the project; a project that gives none has the English ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from httpx import Client

from filon.project.vocabulary import ApiSpec
from tests.integration.api.conftest import ServedApi, exact

SERIES, ANALYSIS = "/api/v1/aggregations/ca-par-periode", "/api/v1/aggregations/analyse"
FRENCH = {"day": "jour", "month": "mois", "year": "annee"}


@pytest.fixture(scope="module")
def english(served: ServedApi) -> Iterator[Client]:
    """The API of the same project and store without words of its own."""
    other = replace(served, project=replace(served.project, api=ApiSpec()))
    with other.client() as client:
        yield client


@pytest.mark.parametrize("period", FRENCH)
def test_a_series_has_the_names_of_the_project(api: Client, english: Client, period: str) -> None:
    asked = {"periode": FRENCH[period], "date_debut": "2025-03-01", "date_fin": "2025-06-30", "pays": "France"}
    french = exact(api.get(SERIES, params=asked))
    found = exact(
        english.get(
            SERIES, params={"period": period, "date_from": "2025-03-01", "date_to": "2025-06-30", "pays": "France"}
        )
    )
    assert found["granularity"] == period
    assert found["total"] == french["total"] > 0
    assert found["data"] == [_renamed(row, {"periode": "period"}) for row in french["data"]]


@pytest.mark.parametrize("period", FRENCH)
def test_an_analysis_has_the_names_of_the_project(api: Client, english: Client, period: str) -> None:
    french = exact(
        api.get(ANALYSIS, params={"by": f"pays,{FRENCH[period]}", "date_fin": "2025-06-30", "sort": "value"})
    )
    found = exact(english.get(ANALYSIS, params={"by": f"pays,{period}", "date_to": "2025-06-30", "sort": "value"}))
    assert found["by"] == ["pays", period]
    assert found["data"] == [_renamed(row, {FRENCH[period]: period}) for row in french["data"]]


def test_names_of_another_project_are_refused(english: Client) -> None:
    for parameter, value in (("periode", "mois"), ("period", "mois"), ("date_debut", "2025-01-01")):
        assert english.get(SERIES, params={parameter: value}).status_code == 422
    assert english.get(ANALYSIS, params={"by": "jour"}).status_code == 422


def test_the_catalogue_and_openapi_have_the_names_of_the_project(english: Client) -> None:
    tables = {table["name"]: table for table in english.get("/api/v1/tables").json()["data"]}
    assert tables["fact_ventes"]["analysis"]["periods"] == ["day", "month", "year"]
    document = english.get("/openapi.json").json()
    parameters = {item["name"]: item["schema"] for item in document["paths"][SERIES]["get"]["parameters"]}
    assert parameters["period"]["enum"] == ["day", "month", "year"]
    assert parameters["period"]["default"] == "month"
    assert {"date_from", "date_to"} <= parameters.keys()
    schemas = document["components"]["schemas"]
    assert schemas["FactVentesSeries"]["properties"].keys() == {"granularity", "total", "data"}
    assert "period" in schemas["FactVentesPeriod"]["properties"]
    assert schemas["FactVentesGroup"]["properties"].keys() >= {"day", "month", "year"}


def _renamed(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in row.items()}
