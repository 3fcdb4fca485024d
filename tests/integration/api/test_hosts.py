"""A request for another host than the API's own is refused before anything else, and redirects name no host."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from httpx import Client

from tests.integration.api.conftest import ServedApi

FOREIGN = {"Host": "evil.example"}
PATHS = ["/health", "/health/live", "/docs", "/docs/swagger-ui.css", "/openapi.json", "/metrics", "/nowhere"]
PATHS += ["/api/v1/clients", "/api/v1/clients/", "/api/v1/quarantine/rows"]

pytestmark = pytest.mark.parametrize("served", ["sqlite"], indirect=True)  # whatever the store is


@pytest.mark.parametrize("path", PATHS)
def test_another_host_is_misdirected_whatever_is_asked(api: Client, path: str) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "POST"):
        answer = api.request(method, path, headers={**FOREIGN, "X-Forwarded-Host": "localhost"})
        assert answer.status_code == 421
        assert "Location" not in answer.headers
    document = api.get(path, headers=FOREIGN).json()
    assert (document["type"], document["status"]) == ("urn:filon:problem:host-unknown", 421)
    assert (document["instance"], "FILON_ALLOWED_HOSTS" in document["detail"]) == (path, True)


def test_keys_and_cors_come_after_the_host(served: ServedApi, tmp_path: Path) -> None:
    shop = replace(served.shop, folder=tmp_path, extra={"FILON_API_KEYS": str(tmp_path / "keys.json")})
    key = shop.json("apikey", "create", "reader")["key"]
    with served.client(api_keys=tmp_path / "keys.json", api_cors="https://bi.example") as client:
        for headers in (
            {},
            {"X-API-Key": key},
            {"Origin": "https://bi.example", "Access-Control-Request-Method": "GET"},
        ):
            assert client.get("/api/v1/clients", headers={**FOREIGN, **headers}).status_code == 421
            assert client.options("/api/v1/clients", headers={**FOREIGN, **headers}).status_code == 421


def test_hosts_can_be_given(served: ServedApi) -> None:
    with served.client(allowed_hosts="api, BI.example", api_url="https://figures.example/filon") as client:
        for host in ("api:8000", "bi.example", "figures.example:443", "localhost"):
            assert client.get("/health", headers={"Host": host}).status_code == 200
        assert client.get("/health", headers={"Host": "x.bi.example"}).status_code == 421


@pytest.mark.parametrize(
    ("request_head", "expected"),
    [
        ("GET /health/live HTTP/1.0\r\n\r\n", 400),
        ("GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n", 200),
        ("GET /health/live HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400),
        ("GET /health/live HTTP/1.1\r\nHost: localhost@evil.example\r\nConnection: close\r\n\r\n", 400),
        ("GET http://localhost/health/live HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 421),
        ("GET //evil.example/api/v1/clients/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        ("CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n\r\n", 400),
    ],
)
def test_requests_that_no_client_library_sends(api: Client, request_head: str, expected: int) -> None:
    with socket.create_connection((api.base_url.host, api.base_url.port or 80), timeout=20) as connection:
        connection.sendall(request_head.encode())
        assert connection.makefile("rb").readline().split()[1] == str(expected).encode()


def test_a_websocket_for_another_host_is_refused_too(api: Client) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
    assert api.get("/api/v1/clients", headers={**FOREIGN, **upgrade}).status_code == 421


def test_a_redirect_stays_where_it_is(api: Client) -> None:
    for host in ("localhost:1", "shop.localhost"):
        answer = api.get("/api/v1/clients/?limit=1", headers={"Host": host})
        assert (answer.status_code, answer.headers["Location"]) == (307, "/api/v1/clients?limit=1")
    assert api.get("/api/v1/clients/?limit=1", follow_redirects=True).json()["limit"] == 1


@pytest.mark.parametrize(
    "path", ["/health", "/api/v1/clients?limit=1", "/api/v1/clients?nothing=1", "/nowhere", "/docs"]
)
def test_every_answer_keeps_browsers_from_misusing_it(api: Client, path: str) -> None:
    headers: Any = api.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
