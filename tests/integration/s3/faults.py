"""A proxy in front of an object store that injects faults: refusals, slow answers, lies, and a moment to act at."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

BUSY = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
BROKEN = b"<Error><Code>InternalError</Code><Message>Please try again.</Message></Error>"
DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
REFUSED, LOST = "refused", "lost"
GROUPING_KEY = (httpx.TransportError,)


@dataclass
class Faults:
    """What goes wrong on the way: shares of requests between 0 and 1, and things to do when a request comes by."""

    refused: float = 0.0
    slow: float = 0.0
    slow_s: float = 1.0
    forgets_conditions: bool = False
    loses_answer_to: str | None = None
    denied: str | None = None
    broken_until: float = 0.0
    """A point in time of ``time.monotonic``; all requests before it are answered by an error of the server."""
    strikes: Callable[[int], str | None] = lambda _number: None
    """What happens to the n-th write when it first comes: ``REFUSED``, ``LOST`` (done, but not answered), nothing."""
    writes: list[str] = field(default_factory=list)
    watchers: list[Callable[[str, str], None]] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    queries: set[str] = field(default_factory=set)
    injected: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 (faults, no secrets)

    def error_instead(self, method: str, path: str) -> Response | None:
        """The answer while the server is broken, or for what is denied."""
        if time.monotonic() < self.broken_until:
            self.injected += 1
            return Response(BROKEN, 500)
        if self.denied is not None and method == "GET" and path.endswith(self.denied):
            return Response(DENIED, 403)
        return None

    def strike(self, method: str, path: str, query: str) -> str | None:
        """What happens to this request, if it is a write that comes by for the first time."""
        write = f"{method} {path}?{query}"
        if method in ("GET", "HEAD") or write in self.writes:
            return None
        self.writes.append(write)
        what = self.strikes(len(self.writes))
        self.injected += what is not None
        return what

    def loses(self, method: str, path: str) -> bool:
        """Whether the answer to this request is lost; only the first one is."""
        hit = self.loses_answer_to is not None and method == "PUT" and self.loses_answer_to in path
        if hit:
            self.loses_answer_to = None
            self.injected += 1
        return hit

    def at(self, method: str, part: str, act: Callable[[], None]) -> None:
        """Do something once, when the first request with this method and this part in its path comes by."""
        done: list[str] = []

        def watch(found: str, path: str) -> None:
            if not done and found == method and part in path:
                done.append(path)
                act()

        self.watchers.append(watch)

    def draw(self, share: float) -> bool:
        """Whether this request is one of the share."""
        hit = self.chance.random() < share
        self.injected += hit
        return hit


def proxy(target: str, faults: Faults) -> FastAPI:
    """An application that hands every request on as it is, so that signatures stay valid, but for the faults."""
    client = httpx.AsyncClient(base_url=target, timeout=60)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await client.aclose()

    async def forward(request: Request) -> Response:
        faults.paths.add(request.url.path)
        faults.queries.add(request.url.query)
        for watch in faults.watchers:
            await asyncio.to_thread(watch, request.method, request.url.path)
        if error := faults.error_instead(request.method, request.url.path):
            return error
        strike = faults.strike(request.method, request.url.path, request.url.query)
        if strike == REFUSED or faults.draw(faults.refused):
            return Response(BUSY, 503)
        if faults.draw(faults.slow):
            await asyncio.sleep(faults.slow_s)
        try:
            answer = await client.send(_copied(client, request), stream=True)
        except GROUPING_KEY:
            return Response(b"", 502)
        if strike == LOST or faults.loses(request.method, request.url.path):
            await answer.aread()
            return Response(BUSY, 503)
        if faults.forgets_conditions and answer.status_code == 412:
            await answer.aclose()
            return Response(b"", 200, {"ETag": '"made-up"'})
        headers = {name: value for name, value in answer.headers.items() if name != "transfer-encoding"}
        return StreamingResponse(_body(answer), answer.status_code, headers)

    app = FastAPI(lifespan=lifespan)
    app.add_route("/{path:path}", forward, methods=["GET", "HEAD", "PUT", "POST", "DELETE"])
    return app


def _copied(client: httpx.AsyncClient, request: Request) -> httpx.Request:
    query = request.scope["query_string"]
    raw = request.scope["raw_path"] + (b"?" + query if query else b"")
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    return client.build_request(
        request.method,
        client.base_url.copy_with(raw_path=raw),
        headers=request.headers.raw,
        content=request.stream() if has_body else None,
    )


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for part in answer.aiter_raw():
            yield part
    finally:
        await answer.aclose()
