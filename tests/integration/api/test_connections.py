"""Connections that are held without being used: by half a request, by an answer that nobody reads, by many at once."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.responses import Response, StreamingResponse

from filon.settings import Settings
from filon.web.connections import raise_descriptors
from tests.integration.api.conftest import ServedApi, answering
from tests.integration.connections import (
    DEADLINE_S,
    HALF,
    Connect,
    answer,
    asking,
    connecting,
    is_closed,
    status,
)
from tests.integration.polling import until

WHOLE = HALF + b"\r\n"
PATIENCE_S = 1.0


def small() -> FastAPI:
    """An application that answers in a word, or without end."""
    app = FastAPI()

    async def live() -> Response:
        return Response(b"yes")

    async def endless() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0)  # as what is fetched from a store does, so that the end of the reader is noticed
                yield bytes(100_000)

        return StreamingResponse(parts())

    app.add_api_route("/live", live)
    app.add_api_route("/endless", endless)
    return app


@contextmanager
def listening(**limits: Any) -> Iterator[Connect]:
    """A server under these limits; gives what connects to it, from any address of loopback."""
    settings = Settings(request_timeout_s=PATIENCE_S, **limits)
    with answering(small(), settings) as address, connecting(int(address.rpartition(":")[2])) as connect:
        yield connect


def test_a_client_that_takes_all_it_can_leaves_places_for_others() -> None:
    with listening(connections=40, connections_per_client=10) as connect:
        held = [connect("127.0.0.2", HALF) for _ in range(60)]
        assert answer(connect, "127.0.0.3") == 200
        assert answer(connect, "127.0.0.1") == 200
        for connection in held:
            assert is_closed(connection)
        until(lambda: answer(connect, "127.0.0.2") == 200, "an answer")


def test_there_are_fewer_places_than_connections_wanted() -> None:
    with listening(connections=3, connections_per_client=3) as connect:
        held = [connect(f"127.0.0.{number}", HALF) for number in (2, 3, 4)]
        refused = connect("127.0.0.5")
        assert status(refused) in (0, 503)
        for connection in held:
            connection.close()
        refused.close()
        until(lambda: answer(connect, "127.0.0.5") == 200, "an answer")


def test_a_proxy_that_is_trusted_may_have_all_places() -> None:
    with listening(connections=20, connections_per_client=2, trusted_proxies="127.0.0.9") as connect:
        held = [connect("127.0.0.9", HALF) for _ in range(10)]
        assert answer(connect, "127.0.0.9") == 200
        assert is_closed(held[0])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HALF,
        b"\r\n\r\n",
        WHOLE + HALF,
        b"POST /live HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nhalf",
        b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf",
    ],
)
def test_what_does_not_arrive_whole_is_not_waited_for(data: bytes) -> None:
    with listening() as connect, connect("127.0.0.1", data) as connection:
        assert is_closed(connection)


@pytest.mark.parametrize(("begin", "drop"), [(HALF, b"a: b\r\n"), (WHOLE, b"\r\n"), (b"", b"\r\n")])
def test_what_arrives_drop_by_drop_has_no_more_time(begin: bytes, drop: bytes) -> None:
    with listening() as connect, connect("127.0.0.1", begin) as connection:
        connection.settimeout(0.1)
        end = time.monotonic() + DEADLINE_S
        is_open = True
        while is_open:
            assert time.monotonic() < end
            try:
                connection.sendall(drop)
                is_open = bool(connection.recv(65536))
            except TimeoutError:
                continue
            except ConnectionError:
                break


@pytest.mark.parametrize(
    "data",
    [
        b"GET /" + b"x" * 100_000,
        HALF + b"".join(b"x-%d: 1\r\n" % number for number in range(300)) + b"\r\n",
        b"POST /live HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + bytes(2_000_000),
    ],
)
def test_what_never_ends_is_not_read(data: bytes) -> None:
    with listening() as connect:
        connection = connect("127.0.0.1")
        with suppress(ConnectionError):
            connection.sendall(data)
        assert is_closed(connection)
        assert answer(connect, "127.0.0.1") == 200


def test_few_requests_may_wait_for_the_answers_before_them() -> None:
    with listening() as connect:
        assert is_closed(connect("127.0.0.1", WHOLE * 5_000))
        several = connect("127.0.0.1", WHOLE * 5)
        received = b""
        while received.count(b"HTTP/1.1 200") < 5:
            received += several.recv(65536)


def test_a_reader_that_does_not_read_loses_its_place() -> None:
    with listening(connections=10, connections_per_client=1) as connect:
        lazy = connect("127.0.0.2", asking(b"/endless"))
        assert answer(connect, "127.0.0.2") in (0, 503)
        assert answer(connect, "127.0.0.3") == 200
        until(lambda: answer(connect, "127.0.0.2") == 200, "an answer")
        assert is_closed(lazy)


def test_a_reader_that_reads_slowly_keeps_its_place() -> None:
    with listening() as connect, connect("127.0.0.1", asking(b"/endless")) as slow:
        end = time.monotonic() + 3 * PATIENCE_S
        while time.monotonic() < end:
            assert slow.recv(500_000)
            time.sleep(0.01)


@pytest.mark.parametrize("served", ["sqlite"], indirect=True)
def test_half_requests_do_not_take_the_descriptors_of_a_server(served: ServedApi) -> None:
    raise_descriptors()  # of this process, which holds the other ends
    limited = ["/bin/sh", "-c", 'ulimit -n 1024 && exec "$@"', "sh"]
    command = [*limited, sys.executable, "-m", "filon", "api", "--port", "0"]
    environment = {**served.shop.environment(), "FILON_API_KEYS": str(served.shop.folder / "apikeys.json")}
    with subprocess.Popen(
        command, cwd=served.shop.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = re.search(r":(\d+),", process.stdout.readline())
            assert port is not None
            with connecting(int(port.group(1))) as connect:
                assert answer(connect, "127.0.0.3", b"/health/live") == 200
                for _ in range(1_100):
                    connect("127.0.0.2", HALF)
                assert answer(connect, "127.0.0.3", b"/health/live") == 200
                assert len(list(Path(f"/proc/{process.pid}/fd").iterdir())) < 512
        finally:
            process.terminate()
