"""API keys, scopes, rate limits, CORS, and what must not be seen in logs."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from httpx import Client

from filon.api.logs import JsonLines
from tests.integration.api.conftest import ServedApi
from tests.integration.polling import until

pytestmark = pytest.mark.parametrize("served", ["sqlite"], indirect=True)  # whatever the store is


@pytest.fixture
def guarded(served: ServedApi, tmp_path: Path) -> ServedApi:
    """The same shop, with a folder of its own for keys."""
    extra = {"FILON_API_KEYS": str(tmp_path / "keys.json")}
    return replace(served, shop=replace(served.shop, folder=tmp_path, extra=extra))


@pytest.fixture
def client(guarded: ServedApi, tmp_path: Path) -> Iterator[Client]:
    with guarded.client(api_keys=tmp_path / "keys.json") as client:
        yield client


def make(served: ServedApi, *arguments: str) -> dict[str, Any]:
    """Make a key on the command line."""
    found: dict[str, Any] = json.loads(served.shop.filon("apikey", "create", *arguments, "--json"))
    return found


def bearer(key: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {key['key']}"}


def test_the_first_key_closes_a_running_api(client: Client, guarded: ServedApi) -> None:
    assert client.get("/api/v1/clients").status_code == 200
    key = make(guarded, "dashboard")
    refused = client.get("/api/v1/clients")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert refused.headers["Content-Type"] == "application/problem+json"
    for headers in (bearer(key), {"X-API-Key": key["key"]}):
        assert client.get("/api/v1/clients", headers=headers).status_code == 200
    for wrong in ({"Authorization": "Bearer filon_x"}, {"X-API-Key": "filon_"}, {"Authorization": "Basic x"}):
        assert client.get("/api/v1/tables", headers=wrong).status_code == 401
    for path in ("/health", "/health/live", "/health/ready"):
        assert client.get(path).status_code == 200


def test_metrics_need_the_scope_admin(client: Client, guarded: ServedApi) -> None:
    reader, admin = make(guarded, "reader"), make(guarded, "operator", "--scope", "admin")
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers=bearer(reader)).status_code == 403
    assert client.get("/metrics", headers=bearer(admin)).status_code == 200
    assert client.get("/api/v1/clients", headers=bearer(admin)).status_code == 200


def test_a_key_that_is_over_is_refused_and_keys_stay_required(
    client: Client, guarded: ServedApi, tmp_path: Path
) -> None:
    key = make(guarded, "reader")
    assert client.get("/api/v1/clients", headers=bearer(key)).status_code == 200
    guarded.shop.filon("apikey", "revoke", "reader")
    assert client.get("/api/v1/clients", headers=bearer(key)).status_code == 401
    later = make(guarded, "guest", "--expires", "2999-01-01")
    assert client.get("/api/v1/clients", headers=bearer(later)).status_code == 200
    path = tmp_path / "keys.json"
    path.write_text(path.read_text().replace("2999", "2001"))
    assert client.get("/api/v1/clients", headers=bearer(later)).status_code == 401
    path.unlink()
    assert client.get("/api/v1/clients").status_code == 401


def test_a_file_of_keys_that_cannot_be_read_lets_nobody_in(client: Client, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{")
    answer = client.get("/api/v1/clients")
    assert answer.status_code == 503
    assert str(tmp_path) not in answer.text


def test_the_file_holds_no_key_and_is_private(guarded: ServedApi, tmp_path: Path) -> None:
    key = make(guarded, "reader")
    path = tmp_path / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key["key"].startswith("filon_")
    assert len(key["key"]) == len("filon_") + 43
    assert key["key"] not in path.read_text()
    listed = guarded.shop.filon("apikey", "list")
    assert "reader" in listed
    assert key["key"] not in listed
    assert [entry["state"] for entry in guarded.shop.json("apikey", "list")] == ["valid"]


def test_mistakes_with_keys_are_one_line(guarded: ServedApi) -> None:
    make(guarded, "reader")
    assert "exists" in guarded.shop.filon("apikey", "create", "reader", exit_code=2)
    assert "neither" in guarded.shop.filon("apikey", "create", "x", "--scope", "root", exit_code=2)
    assert "no date" in guarded.shop.filon("apikey", "create", "x", "--expires", "soon", exit_code=2)
    assert "is over" in guarded.shop.filon("apikey", "create", "x", "--expires", "2001-01-01", exit_code=2)
    assert "no key" in guarded.shop.filon("apikey", "revoke", "nobody", exit_code=1)


def test_keys_can_be_required_before_there_is_one(guarded: ServedApi, tmp_path: Path) -> None:
    with guarded.client(api_keys=tmp_path / "keys.json", api_auth="required") as client:
        assert client.get("/api/v1/clients").status_code == 401


def test_clients_are_limited_one_by_one_and_workers_count_together(guarded: ServedApi, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"api_keys": tmp_path / "keys.json", "api_rate_limit": "4/minute"}
    one, two = make(guarded, "one"), make(guarded, "two")
    with guarded.client(**settings) as first, guarded.client(**settings) as second:
        answers = [worker.get("/api/v1/clients/1", headers=bearer(one)) for worker in (first, second) for _ in range(2)]
        assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["3", "2", "1", "0"]
        refused = second.get("/api/v1/clients/1", headers=bearer(one))
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["RateLimit-Limit"] == "4"
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert first.get("/api/v1/clients/1", headers=bearer(two)).status_code == 200
        assert [first.get("/api/v1/clients/1").status_code for _ in range(5)] == [401] * 4 + [429]
        assert second.get("/health").status_code == 200


def test_without_keys_nobody_is_limited_unless_asked(client: Client) -> None:
    assert "RateLimit-Limit" not in client.get("/api/v1/clients/1").headers


def test_pages_of_other_origins_are_kept_out_unless_listed(client: Client, guarded: ServedApi) -> None:
    asking = {"Origin": "https://tableau.example"}
    assert "Access-Control-Allow-Origin" not in client.get("/api/v1/clients", headers=asking).headers
    with guarded.client(api_cors="https://tableau.example, https://b.example") as open_client:
        answer = open_client.get("/api/v1/clients", headers=asking)
        assert answer.headers["Access-Control-Allow-Origin"] == "https://tableau.example"
        other = open_client.get("/api/v1/clients", headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in other.headers


def test_logs_name_requests_but_no_secret(client: Client, guarded: ServedApi, caplog: pytest.LogCaptureFixture) -> None:
    key = make(guarded, "reader")
    logging.getLogger("filon.api").propagate = True
    with caplog.at_level(logging.INFO, "filon.api"):
        client.get("/api/v1/clients?pays=Secret", headers={**bearer(key), "X-Request-ID": "trace-1"})
        record = _logged(caplog, "request")  # it is written once the answer is sent
    line = json.loads(JsonLines().format(record))
    assert (line["request_id"], line["status"], line["route"]) == ("trace-1", 200, "/api/v1/clients")
    assert (line["method"], line["path"], line["key"]) == ("GET", "/api/v1/clients", key["id"])
    assert line["duration_ms"] >= 0
    assert key["key"] not in json.dumps(line)
    assert "Secret" not in json.dumps(line)


def _logged(caplog: pytest.LogCaptureFixture, message: str) -> logging.LogRecord:
    """The only record with that message, as soon as it is there."""

    def records() -> list[logging.LogRecord]:
        return [record for record in caplog.records if record.getMessage() == message]

    until(records, f"the log of {message}")
    [record] = records()
    return record
