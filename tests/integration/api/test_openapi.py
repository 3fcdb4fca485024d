"""The OpenAPI document is what the API does: requests made from it find no other answer."""

from __future__ import annotations

from typing import Any

import schemathesis
from httpx import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.api.conftest import ServedApi

EXAMPLES = 10
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def test_the_document_holds(api: Client, served: ServedApi) -> None:
    operations = list(schemathesis.openapi.from_url(str(api.base_url.join("/openapi.json"))).get_all_operations())
    for found in operations:
        operation: Any = found.ok()  # type: ignore[union-attr]

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def holds(case: Any) -> None:
            case.call_and_validate(checks=CHECKS)

        holds()
    assert len(operations) > 2 * len(served.project.models)


def test_parameters_and_rows_are_typed(api: Client) -> None:
    document = api.get("/openapi.json").json()
    sales = document["paths"]["/api/v1/ventes"]["get"]
    types = {entry["name"]: entry["schema"] for entry in sales["parameters"]}
    assert (types["id_client"]["type"], types["id_client"]["items"]["type"]) == ("array", "integer")
    assert types["date_debut"]["format"] == "date"
    assert types["limit"]["maximum"] == 1000
    assert types["format"]["enum"] == ["json", "csv", "parquet", "arrow"]
    assert all(entry["description"] for entry in sales["parameters"])
    row = document["components"]["schemas"]["FactVentes"]["properties"]
    assert (row["montant"]["type"], row["date_achat"]["format"]) == ("number", "date")
    assert row["montant"]["description"] == "Montant payé, en euros"
    assert {"200", "304", "401", "403", "404", "410", "422", "429", "500", "503"} <= sales["responses"].keys()
    for status in ("422", "503"):
        assert list(sales["responses"][status]["content"]) == ["application/problem+json"]
