"""The client caches responses and distinguishes errors; against a real server on loopback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from filon.dashboard.client import RECENT_S, ApiClient
from filon.errors import ApiBusy, ApiEmpty, ApiError, ApiMissing, ApiRefused, ApiUnreachable

HELD_S = 30
"""The most seconds for which the server holds a response back."""


@dataclass
class Scripted:
    """The next response of the server, and the paths that it was asked for."""

    status: int = 200
    body: str = '{"data": [1.10]}'
    headers: dict[str, str] = field(default_factory=dict)
    held: threading.Event | None = None
    asked: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def server() -> Iterator[Scripted]:
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script.asked.append(self.path)
            if script.held is not None:
                script.held.wait(HELD_S)
            self.send_response(script.status)
            for name, value in script.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(script.body.encode())))
            self.end_headers()
            self.wfile.write(script.body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name of the base class)
            """Keep quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = False
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    script.url = f"http://127.0.0.1:{http.server_port}"
    yield script
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def client(server: Scripted) -> Iterator[ApiClient]:
    api = ApiClient(server.url, "filon_key")
    yield api
    api.close()


def test_what_belongs_to_a_release_is_asked_once(client: ApiClient, server: Scripted) -> None:
    server.headers = {"X-Filon-Release": "7", "Link": '</api/v1/clients?after=abc%3D>; rel="next"'}
    answer = client.get_of_release(7, "clients", [("pays", "France")])
    assert (answer.release, answer.cursor, str(answer.data["data"][0])) == (7, "abc=", "1.10")
    assert client.get_of_release(7, "clients", [("pays", "France")]) is answer
    assert client.get_of_release(8, "clients", [("pays", "France")]) is not answer
    assert server.asked == ["/api/v1/clients?pays=France&release=7", "/api/v1/clients?pays=France&release=8"]


def test_what_the_pipeline_says_is_asked_every_few_seconds(
    client: ApiClient, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.status = 503
    with pytest.raises(ApiUnreachable):
        client.newest_run()
    server.status, server.body = 200, '{"data": [{"status": "failed"}]}'
    assert [client.newest_run()["status"] for _ in range(3)] == ["failed"] * 3
    assert len(server.asked) == 2, "a failure is not remembered"
    server.body = '{"data": []}'
    later = time.monotonic() + RECENT_S
    monkeypatch.setattr("filon.dashboard.client.time.monotonic", lambda: later)
    assert client.newest_run() == {}


def test_users_who_want_the_same_at_once_wait_for_one_answer(client: ApiClient, server: Scripted) -> None:
    server.held = threading.Event()
    requests = [lambda: client.get_of_release(1, "ventes") for _ in range(6)]
    *answers, _ = client.together(*requests, server.held.set)
    assert len(server.asked) == 1
    assert all(answer is answers[0] for answer in answers)


def test_what_failed_is_asked_again(client: ApiClient, server: Scripted) -> None:
    server.status = 503
    with pytest.raises(ApiUnreachable):
        client.get_of_release(1, "ventes")
    server.status = 200
    assert client.get_of_release(1, "ventes").data == {"data": [Decimal("1.10")]}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, ApiRefused),
        (403, ApiRefused),
        (404, ApiMissing),
        (410, ApiMissing),
        (429, ApiBusy),
        (500, ApiError),
        (502, ApiUnreachable),
        (503, ApiUnreachable),
    ],
)
def test_errors_are_told_apart_by_their_status(
    client: ApiClient, server: Scripted, status: int, kind: type[ApiError]
) -> None:
    server.status, server.body = status, json.dumps({"detail": "what it was", "errors": []})
    with pytest.raises(kind, match="what it was") as caught:
        client.get("ventes")
    assert type(caught.value) is kind
    assert caught.value.status == status


def test_mistaken_parameters_are_said_one_by_one(client: ApiClient, server: Scripted) -> None:
    mistake = {"parameter": "montant_min", "detail": "no number", "fix": "write digits"}
    server.status, server.body = 422, json.dumps({"detail": "Correct these parameters.", "errors": [mistake]})
    with pytest.raises(ApiError, match="montant_min: no number; write digits"):
        client.get("ventes")


def test_a_proxy_that_answers_in_its_own_words_is_no_traceback(client: ApiClient, server: Scripted) -> None:
    server.status, server.body = 502, "<html>Bad gateway</html>"
    with pytest.raises(ApiUnreachable, match="502"):
        client.get("ventes")
    server.status = 200
    with pytest.raises(ApiUnreachable, match="Is this the address of the API"):
        client.get("ventes")


def test_a_server_that_is_not_there_is_unreachable() -> None:
    client = ApiClient("http://127.0.0.1:1")
    with pytest.raises(ApiUnreachable, match=r"127\.0\.0\.1:1"):
        client.get("ventes")
    client.close()


def test_a_store_without_a_release_is_empty(client: ApiClient, server: Scripted) -> None:
    server.body = '{"status": "degraded", "release": null, "mongodb": "embedded"}'
    with pytest.raises(ApiEmpty):
        client.release()
    server.body = '{"status": "healthy", "release": 3, "mongodb": "embedded"}'
    assert client.release() == 3
    server.status = 503
    assert client.release() == 3, "believed for a moment, so that a thousand users do not ask a thousand times"


def test_the_address_that_pages_show_has_no_password() -> None:
    client = ApiClient("http://ada:secret@127.0.0.1:9/")
    assert client.url == "http://127.0.0.1:9"
    with pytest.raises(ApiUnreachable) as error:
        client.get("project")
    assert "secret" not in str(error.value)
    client.close()


def test_another_load_of_a_release_is_asked_anew(client: ApiClient, server: Scripted) -> None:
    client.get_of_release(1, "ventes", stamp="a")
    client.get_of_release(1, "ventes", stamp="b")
    assert len(server.asked) == 2


def test_answers_that_nobody_asked_for_lately_make_room(server: Scripted) -> None:
    client = ApiClient(server.url, cache_bytes=2 * len(server.body))
    for release in (1, 2, 1, 3, 1, 2):
        client.get_of_release(release, "ventes")
    assert [path[-1] for path in server.asked] == ["1", "2", "3", "2"]
    client.close()
