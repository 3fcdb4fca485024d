"""Answers that say where they come from: release, age, quality, and a strong ETag; compressed when that is accepted."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import hashlib
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from filon.api.rendering import JSON_TYPE
from filon.api.snapshot import Snapshot
from filon.serving.state import TableState

SMALLEST_COMPRESSED = 1_400
LARGEST_AT_ONCE = 32_768
"""Bytes that are compressed inside the event loop; more take so long that other requests would wait."""
COMPRESSION_LEVEL = 4
CONSTANT = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
NO_TIME = 0


def now() -> dt.datetime:
    """The clock of the server."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Origin:
    """What an answer was made from."""

    snapshot: Snapshot
    tables: tuple[TableState, ...]

    def headers(self) -> dict[str, str]:
        """Release, age in seconds of the oldest table, and whether a check warned."""
        oldest = min(table.gold_at for table in self.tables)
        warned = any(table.warned for table in self.tables)
        return {
            "X-Filon-Release": str(self.snapshot.state.release),
            "X-Filon-Age": str(max(0, int((now() - oldest).total_seconds()))),
            "X-Filon-Quality": "warned" if warned else "passed",
            **CONSTANT,
        }


class Answering:
    """Makes answers. ``salt`` changes whenever the same data would be written in another way."""

    def __init__(self, salt: str) -> None:
        self._salt = salt.encode()

    def tag(self, request: Request, snapshot: Snapshot) -> str:
        """The ETag of the uncompressed answer to a request from a load."""
        scope = request.scope
        # the same parameters in another order are another request: that costs a cache an entry, never a wrong answer
        load = b"%s/%d/%s" % (snapshot.load.store.encode(), snapshot.load.number, snapshot.load.token.encode())
        text = b"\0".join((self._salt, load, scope["path"].encode(), scope["query_string"]))
        return hashlib.blake2b(text, digest_size=12).hexdigest()

    def unchanged(self, request: Request, origin: Origin, tag: str) -> Response | None:
        """The answer 304, if the client holds this one already."""
        held = request.headers.get("if-none-match")
        if held is None:
            return None
        known = {f'"{tag}"', f'"{tag}-gzip"'} if accepts_gzip(request) else {f'"{tag}"'}
        for given in (part.strip().removeprefix("W/") for part in held.split(",")):
            if given in known or given == "*":
                etag = f'"{tag}"' if given == "*" else given
                return Response(status_code=304, headers={**origin.headers(), "ETag": etag})
        return None

    async def complete(
        self, request: Request, origin: Origin, tag: str, body: bytes, headers: dict[str, str] | None = None
    ) -> Response:
        """JSON, compressed if it is worth it."""
        found = {**origin.headers(), **(headers or {})}
        if len(body) >= SMALLEST_COMPRESSED and accepts_gzip(request):
            body = await compressed(body)
            found["Content-Encoding"] = "gzip"
            tag = f"{tag}-gzip"
        found["ETag"] = f'"{tag}"'
        return Response(body, headers=found, media_type=JSON_TYPE)

    def streamed(
        self,
        request: Request,
        origin: Origin,
        tag: str,
        chunks: AsyncIterator[bytes],
        headers: dict[str, str],
        *,
        compressible: bool,
    ) -> Response:
        """A stream; ``headers`` has its type."""
        found = {**origin.headers(), **headers}
        if compressible and accepts_gzip(request):
            chunks = _compressed(chunks)
            found["Content-Encoding"] = "gzip"
            tag = f"{tag}-gzip"
        found["ETag"] = f'"{tag}"'
        return StreamingResponse(chunks, headers=found)


async def compressed(body: bytes) -> bytes:
    """A body in gzip; a large one is compressed beside the event loop."""
    if len(body) <= LARGEST_AT_ONCE:
        return gzip.compress(body, COMPRESSION_LEVEL, mtime=NO_TIME)
    return await asyncio.to_thread(gzip.compress, body, COMPRESSION_LEVEL, mtime=NO_TIME)


def accepts_gzip(request: Request) -> bool:
    """Whether the client takes gzip."""
    for part in request.headers.get("accept-encoding", "").split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


async def _compressed(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    machine = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    async for chunk in chunks:
        if part := await asyncio.to_thread(machine.compress, chunk):
            yield part
    yield machine.flush()
