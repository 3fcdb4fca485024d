"""How much a request may ask for, and what is said of more; who counts as one client."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import Client

from filon.api.middleware import LONGEST_QUERY, MOST_PARAMETERS
from filon.api.problems import LONGEST_PATH, MOST_MISTAKES
from tests.integration.api.conftest import ServedApi

VENTES = "/api/v1/ventes"
SHORT = 8_000
"""Bytes that no answer to a mistake exceeds."""


def raw(client: Client, target: str, *headers: str, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of the answer to a request that a client library would not send."""
    address = client.base_url
    head = "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {address.host}", "Connection: close", *headers])
    received = bytearray()
    # the server may close what it would not read to the end
    with (
        socket.create_connection((address.host, address.port or 80), timeout=30) as connection,
        suppress(ConnectionError),
    ):
        connection.sendall(f"{head}\r\n\r\n".encode() + body)
        while part := connection.recv(65536):
            received += part
    start, _, content = bytes(received).partition(b"\r\n\r\n")
    return int(start.split()[1]), content


sqlite_only = pytest.mark.parametrize("served", ["sqlite"], indirect=True)


@sqlite_only
@pytest.mark.parametrize(
    ("target", "status"),
    [
        (f"{VENTES}?{'&'.join(f'x{number}' for number in range(10_000))}", 414),
        (f"{VENTES}?{'&' * (MOST_PARAMETERS + 1)}", 422),
        (f"{VENTES}?{'x' * 60_000}", 414),
        (f"{VENTES}?produit={'%' * 60_000}", 414),
        (f"{VENTES}?fields={',' * 15_000}", 422),
        (f"{VENTES}?sort={',' * 15_000}", 422),
        (f"{VENTES}?{'[' * 8_000}{']' * 8_000}", 422),
        (f"{VENTES}?produit={'%CC%81' * 2_000}", 422),
        (f"/api/v1/aggregations/analyse?by={','.join(['pays'] * 10_000)}", 414),
        (f"/api/v1/{'x' * 60_000}", 414),
        (f"/api/v1/clients/{'9' * (LONGEST_PATH - 20)}", 422),
        (f"/api/v1/tables/{'fact_ventes' * 150}", 404),
        ("/" * 60_000, 414),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_too_long_is_refused_in_few_words(api: Client, target: str, status: int) -> None:
    found, body = raw(api, target)
    assert found == status
    assert len(body) < SHORT
    assert json.loads(body)["status"] == status


@sqlite_only
@pytest.mark.parametrize(
    "headers", [[f"Cookie: {'a=b;' * 15_000}"], [f"X-{n}: 1" for n in range(150)], [f"If-None-Match: {'a,' * 30_000}"]]
)
def test_headers_are_bounded(api: Client, headers: list[str]) -> None:
    assert raw(api, VENTES, *headers)[0] == 431


@sqlite_only
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("length", ["1000000", "9" * 15])
def test_bodies_are_bounded(api: Client, method: str, length: str) -> None:
    assert raw(api, VENTES, f"Content-Length: {length}", method=method)[0] == 413


@sqlite_only
@pytest.mark.parametrize("query", ["&".join(f"x{n}=1" for n in range(900)), "&".join(f"x{n // 2}" for n in range(900))])
def test_ten_mistakes_are_named_and_the_others_counted(api: Client, query: str) -> None:
    answer = api.get(f"{VENTES}?{query}")
    assert answer.status_code == 422
    problem = answer.json()
    assert len(problem["errors"]) == MOST_MISTAKES
    assert problem["detail"].endswith(" more.")
    assert len(answer.content) < SHORT


@sqlite_only
def test_what_the_documentation_allows_fits(api: Client) -> None:
    values = [("produit", f"Pays numéro {number}") for number in range(200)]
    assert api.get(VENTES, params=[*values, ("sort", "-date_achat")]).status_code == 200
    assert api.get(VENTES, params=[("produit", "é" * 1_000)]).status_code == 200
    assert api.get(VENTES, params=[("produit", "é" * 1_001)]).status_code == 422
    assert api.get(f"{VENTES}?produit={'a' * (LONGEST_QUERY - len('produit='))}").status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        f"limit={'9' * 10_000}",
        f"skip={'9' * 19}",
        f"release={'9' * 40}",
        "montant_min=1e999999999",
        "montant_min=1e-999",
        f"montant_min=1.{'2' * 39}",
        f"montant_max=0.{'0' * 39}1",
        "date_debut=99999999-01-01",
        "date_debut=0000-00-00",
        "produit=%00",
        "produit=%ED%A0%80",
        "produit=%ff%fe",
        "after=" + "A" * 3_000,
    ],
)
def test_no_value_is_a_defect_of_the_server(api: Client, query: str) -> None:
    assert api.get(f"{VENTES}?{query}").status_code in (200, 422)


@sqlite_only
@pytest.mark.parametrize("path", [VENTES, f"{VENTES}?format=csv", "/health", "/api/v1/clients/1", "/api/v1/nothing"])
def test_head_is_get_without_a_body(api: Client, path: str) -> None:
    got, head = api.get(path), api.head(path)
    assert head.status_code == got.status_code
    assert head.content == b""
    for name in ("Content-Type", "ETag", "Content-Length", "X-Filon-Release"):
        assert head.headers.get(name) == got.headers.get(name)
    assert api.get("/health/live").status_code == 200


@pytest.fixture
def limited(served: ServedApi, tmp_path: Path) -> dict[str, Any]:
    """Settings of an API that answers a client four times."""
    return {"api_keys": tmp_path / "keys.json", "api_rate_limit": "4/minute"}


@sqlite_only
def test_no_header_makes_another_client_unless_its_proxy_is_named(served: ServedApi, limited: dict[str, Any]) -> None:
    with served.client(**limited) as client:
        found = [client.get(VENTES, headers={"X-Forwarded-For": f"10.0.0.{n}"}).status_code for n in range(6)]
    assert found == [200] * 4 + [429] * 2


@sqlite_only
def test_behind_a_proxy_the_last_address_that_is_not_a_proxy_counts(served: ServedApi, limited: dict[str, Any]) -> None:
    with served.client(**limited, trusted_proxies="127.0.0.1, 10.9.0.0/16") as client:

        def asked(*forwarded: str) -> list[int]:
            return [client.get(VENTES, headers={"X-Forwarded-For": text}).status_code for text in forwarded]

        assert asked(*(f"10.0.0.{n}, 192.0.2.1" for n in range(6))) == [200] * 4 + [429] * 2
        assert asked(*(f"192.0.2.{n + 2}, 10.9.0.1" for n in range(6))) == [200] * 6
        assert asked(*(f"2001:db8::{n:x}" for n in range(6))) == [200] * 4 + [429] * 2, "one site of IPv6"
        assert asked("2001:db8:0:1::1") == [200]


@pytest.fixture
def cursor(api: Client) -> str:
    """The cursor behind the first page of sales."""
    link = api.get(f"{VENTES}?limit=5").links["next"]["url"]
    return parse_qs(urlsplit(link).query)["after"][0]


@sqlite_only
def test_a_cursor_holds_for_every_worker_and_after_a_restart(served: ServedApi, cursor: str) -> None:
    with served.client() as worker, served.client() as other:
        pages = [client.get(VENTES, params={"after": cursor, "limit": 5}).json()["data"] for client in (worker, other)]
    assert pages[0] == pages[1] != []


@sqlite_only
def test_a_cursor_of_another_secret_or_table_is_refused(served: ServedApi, api: Client, cursor: str) -> None:
    with served.client(api_secret="the secret of another shop") as client:
        assert client.get(VENTES, params={"after": cursor}).status_code == 422
    assert api.get("/api/v1/clients", params={"after": cursor}).status_code == 422
    assert api.get(VENTES, params={"after": cursor, "sort": "-montant"}).status_code == 422
    assert api.get(VENTES, params={"after": cursor[:-4] + "AAAA"}).status_code == 422
