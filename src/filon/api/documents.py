"""Answers about the line itself: they are small, may change between two requests, and belong to no page."""

from __future__ import annotations

import gzip

from starlette.requests import Request
from starlette.responses import Response

from filon.api.answers import COMPRESSION_LEVEL, CONSTANT, NO_TIME, SMALLEST_COMPRESSED, accepts_gzip
from filon.api.rendering import JSON_TYPE, json_bytes
from filon.serving.state import ServedState

ERRORS = (401, 403, 422, 429, 500, 503)


def answer(request: Request, document: object, state: ServedState | None = None) -> Response:
    """A document as JSON; ``state``: the load that it speaks of."""
    headers = dict(CONSTANT)
    if state is not None:
        headers["X-Filon-Release"] = str(state.release)
    body = json_bytes(document)
    if len(body) >= SMALLEST_COMPRESSED and accepts_gzip(request):
        body = gzip.compress(body, COMPRESSION_LEVEL, mtime=NO_TIME)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type=JSON_TYPE)
