"""How the API answers: which release an answer comes from, how old and how good that is, compression and ETags.

Every answer that shows data passes here: what belongs to a load is a ``Reply`` with an ETag; what the pipeline says of
itself, which may change within a load, is ``respond``.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import hashlib
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from filon.api.clock import now
from filon.api.rendering import JSON_TYPE, json_bytes_beside
from filon.api.snapshot import Snapshot
from filon.serving.state import ServedState, TableState

SMALLEST_COMPRESSED = 1_400
"""Bytes of a body from which on it is compressed; fewer fit into one packet."""
LARGEST_AT_ONCE = 32_768
"""Bytes that are compressed inside the event loop; more take so long that other requests would wait."""
COMPRESSION_LEVEL = 4
CONSTANT = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
NO_TIME = 0


def quality_of(tables: Iterable[TableState]) -> str:
    """``warned`` when a check of one of these tables did not pass, else ``passed``."""
    return "warned" if any(table.warned for table in tables) else "passed"


def age_s(table: TableState, at: dt.datetime) -> int:
    """Whole seconds since a table was computed; 0 when a clock was set back meanwhile."""
    return max(0, int((at - table.gold_at).total_seconds()))


def origin_headers(state: ServedState | None, tables: Iterable[TableState] = ()) -> dict[str, str]:
    """The headers that say where an answer comes from.

    ``X-Filon-Release`` is the release of a load, if there is one; ``X-Filon-Age`` (seconds) is the age of the oldest of
    the tables that were read, ``X-Filon-Quality`` whether a check of one warned.
    """
    headers = dict(CONSTANT)
    if state is not None:
        headers["X-Filon-Release"] = str(state.release)
    if read := tuple(tables):
        at = now()
        headers["X-Filon-Age"] = str(max(age_s(table, at) for table in read))
        headers["X-Filon-Quality"] = quality_of(read)
    return headers


@dataclass(frozen=True)
class Reply:
    """The reply to one request, from one load. ``tag`` is the ETag of the uncompressed body."""

    request: Request
    snapshot: Snapshot
    tables: tuple[TableState, ...]
    tag: str

    def unchanged(self) -> Response | None:
        """The answer 304, if the client holds this one already."""
        held = self.request.headers.get("if-none-match")
        if held is None:
            return None
        known = {_quoted(self.tag)}
        if accepts_gzip(self.request):
            known.add(_quoted(f"{self.tag}-gzip"))
        for given in (part.strip().removeprefix("W/") for part in held.split(",")):
            if given in known or given == "*":
                etag = _quoted(self.tag) if given == "*" else given
                return Response(status_code=304, headers={**self._headers(), "ETag": etag})
        return None

    async def json(self, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        """JSON, compressed if it is worth it; ``headers`` are added."""
        all_headers = {**self._headers(), **(headers or {})}
        body, is_compressed = await _compress_if_worth_it(self.request, body, all_headers)
        all_headers["ETag"] = _quoted(f"{self.tag}-gzip" if is_compressed else self.tag)
        return Response(body, headers=all_headers, media_type=JSON_TYPE)

    def stream(self, chunks: AsyncIterator[bytes], headers: Mapping[str, str], *, compressible: bool) -> Response:
        """A stream of chunks; ``headers`` has its type."""
        all_headers, tag = {**self._headers(), **headers}, self.tag
        if compressible and accepts_gzip(self.request):
            chunks = _compressed_stream(chunks)
            all_headers["Content-Encoding"] = "gzip"
            tag = f"{tag}-gzip"
        all_headers["ETag"] = _quoted(tag)
        return StreamingResponse(chunks, headers=all_headers)

    def _headers(self) -> dict[str, str]:
        return origin_headers(self.snapshot.state, self.tables)


class Responder:
    """Makes replies. ``salt`` changes whenever the same data would be written in another way."""

    def __init__(self, salt: str) -> None:
        self._salt = salt.encode()

    def reply(self, request: Request, snapshot: Snapshot, tables: Iterable[TableState]) -> Reply:
        """The reply to a request from these tables of a load."""
        scope = request.scope
        # the same parameters in another order are another request: that costs a cache an entry, never a wrong answer
        load = b"%s/%d/%s" % (snapshot.load.store.encode(), snapshot.load.number, snapshot.load.token.encode())
        text = b"\0".join((self._salt, load, scope["path"].encode(), scope["query_string"]))
        return Reply(request, snapshot, tuple(tables), hashlib.blake2b(text, digest_size=12).hexdigest())


async def respond(request: Request, document: object, state: ServedState | None = None) -> Response:
    """A document about the pipeline as JSON, without an ETag; ``state`` is the load that it speaks of."""
    headers = origin_headers(state)
    body, _ = await _compress_if_worth_it(request, await json_bytes_beside(document), headers)
    return Response(body, headers=headers, media_type=JSON_TYPE)


async def _compress_if_worth_it(request: Request, body: bytes, headers: dict[str, str]) -> tuple[bytes, bool]:
    """A body as it is sent, and whether it is compressed, which ``headers`` then say."""
    if len(body) < SMALLEST_COMPRESSED or not accepts_gzip(request):
        return body, False
    headers["Content-Encoding"] = "gzip"
    return await _compress(body), True


def _quoted(tag: str) -> str:
    return f'"{tag}"'


async def _compress(body: bytes) -> bytes:
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


async def _compressed_stream(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    compressor = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    async for chunk in chunks:
        if part := await asyncio.to_thread(compressor.compress, chunk):
            yield part
    yield compressor.flush()
