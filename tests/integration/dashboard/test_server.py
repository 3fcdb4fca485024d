"""The process that serves the dashboard: its limits, and its websocket."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.integration.conftest import free_ports
from tests.integration.connections import HALF, answer, connecting, is_closed
from tests.integration.polling import until

HEALTH = b"/_stcore/health"
PATIENCE_S = 1
LARGEST = 1_000_000


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a dashboard whose clients have three places each; it needs no API to listen."""
    [free] = free_ports(1)
    variables = {"FILON_DASHBOARD_PORT": free, "FILON_REQUEST_TIMEOUT_S": PATIENCE_S, "FILON_CONNECTIONS_PER_CLIENT": 3}
    plain = {name: value for name, value in os.environ.items() if not name.startswith("FILON_")}
    folder: Path = tmp_path_factory.mktemp("dashboard")
    with subprocess.Popen(
        [sys.executable, "-m", "filon.dashboard"],
        cwd=folder,
        env={**plain, **{name: str(value) for name, value in variables.items()}},
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            with connecting(free) as connection:
                until(lambda: process.poll() is None and answer(connection, "127.0.0.1", HEALTH) == 200, "an answer")
            yield free
        finally:
            process.terminate()


def websocket(port: int) -> ClientConnection:
    """What a page keeps open to its server."""
    origin = f"http://127.0.0.1:{port}"
    return connect(f"ws://127.0.0.1:{port}/_stcore/stream", origin=origin, subprotocols=["streamlit"])  # type: ignore[arg-type, list-item]


def test_half_requests_to_the_dashboard_leave_places_for_others(port: int) -> None:
    with connecting(port) as connection:
        held = [connection("127.0.0.2", HALF) for _ in range(20)]
        assert answer(connection, "127.0.0.3", HEALTH) == 200
        assert all(map(is_closed, held))
        until(lambda: answer(connection, "127.0.0.2", HEALTH) == 200, "an answer")


def test_a_page_stays_open_and_gives_its_place_back(port: int) -> None:
    for _ in range(5):  # more than a client has places
        with websocket(port) as page:
            page.ping().wait()
    with websocket(port) as page:
        end = time.monotonic() + 2 * PATIENCE_S
        while time.monotonic() < end:
            assert page.ping().wait(30)


def test_a_message_may_not_be_of_any_length(port: int) -> None:
    with websocket(port) as page:
        page.send(bytes(LARGEST + 1))
        with pytest.raises(ConnectionClosed) as closed:
            list(iter(lambda: page.recv(30), b""))
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
