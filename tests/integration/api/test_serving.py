"""``filon api`` as a process: where it listens, what it refuses, how it ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.integration.api.conftest import ServedApi

pytestmark = pytest.mark.parametrize("served", ["sqlite"], indirect=True)  # whatever the store is


@pytest.fixture
def local(served: ServedApi, tmp_path: Path) -> ServedApi:
    """The shop with a folder of its own for what the process writes."""
    extra = {**served.shop.extra, "FILON_API_KEYS": str(tmp_path / "keys.json")}
    return replace(served, shop=replace(served.shop, folder=tmp_path, extra=extra))


def make_key(served: ServedApi) -> str:
    """A key that the store is not told of, since other tests ask the same store without one."""
    apart = {**served.shop.extra, "FILON_SERVING": "none"}
    return str(replace(served.shop, extra=apart).json("apikey", "create", "reader")["key"])


@contextmanager
def started(served: ServedApi, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that answers, and its address."""
    process = served.shop.start("api", "--port", "0", *options)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+(?=,)", line := process.stdout.readline())
        assert found, line
        address = found[0].replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        for _ in range(200):
            try:
                httpx.get(f"{address}/health/live", timeout=5)
                break
            except httpx.HTTPError:
                time.sleep(0.05)
        yield process, address
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_it_answers_and_ends_in_order_when_told_to(local: ServedApi, served: ServedApi) -> None:
    with started(local) as (process, address):
        assert address.startswith("http://127.0.0.1:")
        with httpx.stream("GET", f"{address}/api/v1/ventes?format=csv", timeout=20) as response:
            process.send_signal(signal.SIGTERM)
            lines = list(response.iter_lines())
        assert len(lines) == len(served.gold("fact_ventes")) + 1
        assert process.wait(timeout=20) == 0
        assert process.stdout is not None
        logged = [json.loads(line) for line in process.stdout.read().splitlines()]
        assert [line["status"] for line in logged if line.get("route") == "/api/v1/ventes"] == [200]


def test_workers_share_limits_and_count_together(local: ServedApi) -> None:
    limited = replace(local, shop=replace(local.shop, extra={**local.shop.extra, "FILON_API_RATE_LIMIT": "20/minute"}))
    with started(limited, "--workers", "2") as (process, address):
        statuses = [httpx.get(f"{address}/api/v1/clients/1", timeout=20).status_code for _ in range(25)]
        assert statuses == [200] * 20 + [429] * 5
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_other_machines_are_refused_without_keys(local: ServedApi) -> None:
    message = local.shop.filon("api", "--host", "0.0.0.0", "--port", "0", exit_code=2)  # noqa: S104
    assert "filon apikey create" in message
    make_key(local)
    with started(local, "--host", "0.0.0.0") as (_, address):  # noqa: S104
        assert httpx.get(f"{address}/api/v1/clients").status_code == 401


def test_insecure_must_be_said(local: ServedApi) -> None:
    with started(local, "--host", "0.0.0.0", "--insecure") as (_, address):  # noqa: S104
        assert httpx.get(f"{address}/api/v1/clients").status_code == 200


def test_a_port_in_use_is_one_line(local: ServedApi) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        message = local.shop.filon("api", "--port", str(taken.getsockname()[1]), exit_code=2)
    assert len(message.strip().splitlines()) == 1
    assert "--port" in message


def test_an_api_needs_a_store(local: ServedApi) -> None:
    assert "needs a store" in local.shop.filon("api", "--serving", "none", "--port", "0", exit_code=2)
