"""The dashboard as a process: which hosts and which pages it answers, over HTTP and by its websocket."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from filon.cli.dashboard import dashboard_server
from filon.cli.processes import Group
from filon.settings import read_settings
from tests.integration.conftest import free_ports, surroundings

PATHS = ["/", "/Qualité", "/_stcore/health", "/_stcore/host-config", "/_stcore/stream", "/favicon.png", "/static/x.js"]
PATHS += ["/_stcore/agent/openapi.json", "/_stcore/script-health-check", "/media/x", "/auth/login", "/oauth2callback"]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a dashboard, over no API."""
    api_port, port = free_ports(2)
    group = Group()
    with surroundings({"FILON_ALLOWED_HOSTS": "dash.example.com", "FILON_DASHBOARD_URL": "https://figures.example/x"}):
        settings = read_settings(dashboard_port=port, api_url=f"http://127.0.0.1:{api_port}")
        try:
            group.start(dashboard_server(settings))
            yield port
        finally:
            group.stop()


@pytest.mark.parametrize("path", PATHS)
def test_other_hosts_are_refused_whatever_is_asked(port: int, path: str) -> None:
    for method in ("GET", "POST", "PUT"):
        foreign = {"Host": f"evil.example:{port}", "X-Forwarded-Host": "localhost"}
        answer = httpx.request(method, f"http://127.0.0.1:{port}{path}", headers=foreign, timeout=30)
        assert answer.status_code == 421
        assert answer.json()["type"] == "urn:filon:problem:host-unknown"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "dash.example.com", "figures.example"])
def test_known_hosts_are_answered(port: int, host: str) -> None:
    answer = httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": host}, timeout=30)
    assert answer.status_code == 200
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    assert "'sha256-" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


def opened(port: int, host: str, origin: str | None) -> int:
    """How the websocket of the pages answers; 101 when it is opened."""
    given = None if origin is None else Origin(origin)
    streamlit = [Subprotocol("streamlit")]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        try:
            with connect(f"ws://{host}/_stcore/stream", sock=connection, origin=given, subprotocols=streamlit):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code


def test_the_websocket_is_for_pages_of_the_dashboard_only(port: int) -> None:
    own = f"localhost:{port}"
    assert opened(port, own, f"http://{own}") == 101
    assert opened(port, own, None) == 101
    assert opened(port, "dash.example.com", "https://dash.example.com") == 101
    assert opened(port, f"evil.example:{port}", f"http://evil.example:{port}") == 421
    for origin in ("https://evil.example", "http://localhost:3000", f"http://127.0.0.1:{port}", "null"):
        assert opened(port, own, origin) == 403
