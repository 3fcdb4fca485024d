"""What answers carry: origin, ETag, compression, formats; and what refused ones look like."""

from __future__ import annotations

import csv
import gzip
import io

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from httpx import Client
from pyarrow import parquet

from filon.api.responder import SMALLEST_COMPRESSED
from tests.integration.api.conftest import ServedApi, exact, ordered

PLAIN = {"Accept-Encoding": "identity"}


def test_an_answer_says_where_it_comes_from(api: Client) -> None:
    headers = api.get("/api/v1/clients").headers
    assert headers["X-Filon-Release"] == "2"
    assert int(headers["X-Filon-Age"]) >= 0
    assert headers["X-Filon-Quality"] == "passed"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path", ["clients?limit=2", "clients/3", "aggregations/ca-total", "ventes?format=csv", "clients"]
)
def test_what_the_client_holds_is_not_sent_again(api: Client, path: str) -> None:
    for encoding in ("identity", "gzip"):
        first = api.get(f"/api/v1/{path}", headers={"Accept-Encoding": encoding})
        etag = first.headers["ETag"]
        assert etag.startswith('"')
        held = {"Accept-Encoding": encoding, "If-None-Match": f'"other", {etag}'}
        again = api.get(f"/api/v1/{path}", headers=held)
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
        assert again.headers["X-Filon-Release"] == "2"
        assert api.get(f"/api/v1/{path}", headers={"If-None-Match": '"other"'}).status_code == 200


def test_representations_differ_in_their_etag(api: Client) -> None:
    tags = [
        api.get(f"/api/v1/clients?{query}", headers={"Accept-Encoding": encoding}).headers["ETag"]
        for query in ("", "limit=99", "release=1", "format=csv")
        for encoding in ("identity", "gzip")
    ]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("path", ["tables", "pipeline/status", "pipeline/refresh-times", "runs", "quality", "lineage"])
def test_what_the_pipeline_says_is_compressed_by_the_same_rule(api: Client, path: str) -> None:
    plain = api.get(f"/api/v1/{path}", headers=PLAIN)
    packed = api.get(f"/api/v1/{path}", headers={"Accept-Encoding": "gzip"})
    assert (packed.headers.get("Content-Encoding") == "gzip") == (len(plain.content) >= SMALLEST_COMPRESSED)
    for answer in (plain, packed):
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers.get("X-Filon-Release") == (None if path in ("runs", "lineage") else "2")
    assert len(packed.json()) == len(plain.json()) > 0


def test_compressed_is_the_same_and_small_is_left_alone(api: Client) -> None:
    with api.stream("GET", "/api/v1/clients", headers={"Accept-Encoding": "gzip"}) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(b"".join(response.iter_raw())) == api.get("/api/v1/clients", headers=PLAIN).content
    assert "Content-Encoding" not in api.get("/api/v1/clients/1", headers={"Accept-Encoding": "gzip"}).headers
    refused = api.get("/api/v1/clients", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers


def test_csv_holds_every_row(api: Client, served: ServedApi) -> None:
    response = api.get("/api/v1/ventes?format=csv")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="fact_ventes-2.csv"' in response.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    expected = ordered(served.gold("fact_ventes"), "id_achat")
    assert rows == [{name: str(value) for name, value in row.items()} for row in expected]


def test_parquet_and_arrow_hold_every_row_with_its_types(api: Client, served: ServedApi) -> None:
    expected = sorted(served.gold("fact_ventes"), key=lambda row: int(row["id_achat"]))
    table = parquet.read_table(io.BytesIO(api.get("/api/v1/ventes?format=parquet").content))
    assert table.to_pylist() == expected
    assert table.schema.field("montant").type == pa.decimal128(12, 2)
    stream = pa.ipc.open_stream(api.get("/api/v1/ventes?format=arrow&produit=Souris&fields=montant,produit").content)
    assert stream.read_all().to_pylist() == [
        {"montant": row["montant"], "produit": "Souris"} for row in expected if row["produit"] == "Souris"
    ]


def test_a_file_of_nothing_still_has_its_columns(api: Client) -> None:
    assert api.get("/api/v1/clients?format=csv&pays=X&fields=nom,pays").text == "nom,pays\r\n"
    assert parquet.read_table(io.BytesIO(api.get("/api/v1/clients?format=parquet&pays=X").content)).num_rows == 0


def test_a_file_takes_limit_and_skip(api: Client) -> None:
    text = api.get("/api/v1/clients?format=csv&skip=1&limit=2&fields=id_client").text
    assert text == "id_client\r\n2\r\n3\r\n"


@pytest.mark.parametrize(
    ("path", "parameter", "fix"),
    [
        ("clients?limt=3", "limt", "did you mean limit?"),
        ("clients?skip=-1", "skip", "0 or more"),
        ("clients?limit=0", "limit", "1 to 1000"),
        ("clients?limit=1001", "limit", "1 to 1000"),
        ("clients?limit=ten", "limit", "digits"),
        ("clients?limit=1&limit=2", "limit", "once"),
        ("clients?release=0", "release", "release"),
        ("clients?format=xml", "format", "csv"),
        ("ventes?date_debut=20250101", "date_debut", "2026-01-31"),
        ("ventes?date_debut=2025-02-30", "date_debut", ""),
        ("ventes?id_client=99999999999999999999", "id_client", "digits"),
        ("ventes?id_client=9999999999999999999", "id_client", ""),
        ("tables/dim_temps?annee=", "annee", "digits"),
        ("aggregations/ca-par-periode?periode=semaine", "periode", "mois"),
        ("aggregations/ca-total?periode=mois", "periode", "use one of"),
        ("pipeline/status?x=1", "x", ""),
    ],
)
def test_a_mistaken_parameter_is_named_with_its_fix(api: Client, path: str, parameter: str, fix: str) -> None:
    response = api.get(f"/api/v1/{path}")
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["instance"] == f"/api/v1/{path.split('?')[0]}"
    [error] = problem["errors"]
    assert error["parameter"] == parameter
    assert fix in error["fix"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/v1/nothing", 404), ("POST", "/api/v1/clients", 405), ("GET", "/x", 404)],
)
def test_every_refusal_is_a_problem_document(api: Client, method: str, path: str, status: int) -> None:
    response = api.request(method, path)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance"} <= response.json().keys()


def test_nothing_that_was_asked_comes_back_as_markup(api: Client) -> None:
    for path in ("/<script>alert(1)</script>", "/api/v1/clients?<script>=1", "/api/v1/clients?sort=<b>"):
        assert "<" not in api.get(path).text


def test_an_unknown_table_gets_the_nearest_name(api: Client) -> None:
    assert "did you mean fact_ventes?" in api.get("/api/v1/tables/fact_vente").json()["detail"]


def test_request_ids_are_taken_if_sane(api: Client) -> None:
    assert api.get("/health", headers={"X-Request-ID": "a-1.b_2"}).headers["X-Request-ID"] == "a-1.b_2"
    for wrong in ("a b", "x" * 65, '"'):
        assert api.get("/health", headers={"X-Request-ID": wrong}).headers["X-Request-ID"] != wrong


def test_decimals_are_numbers_with_all_their_digits(api: Client, served: ServedApi) -> None:
    [row] = [row for row in served.gold("fact_ventes") if row["id_achat"] == 900001]
    assert exact(api.get("/api/v1/ventes/900001"))["montant"] == row["montant"]
    assert b'"montant":1234.56' in api.get("/api/v1/ventes/900001").content
