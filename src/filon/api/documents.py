"""Answers about the pipeline itself: they are small, may change between two requests, and belong to no page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from filon.api.answers import CONSTANT, SMALLEST_COMPRESSED, accepts_gzip, compressed
from filon.api.rendering import JSON_TYPE, json_bytes_beside
from filon.serving.state import ServedState

ERRORS = (401, 403, 422, 429, 500, 503)


async def answer(request: Request, document: object, state: ServedState | None = None) -> Response:
    """A document as JSON; ``state``: the load that it speaks of."""
    headers = dict(CONSTANT)
    if state is not None:
        headers["X-Filon-Release"] = str(state.release)
    body = await json_bytes_beside(document)
    if len(body) >= SMALLEST_COMPRESSED and accepts_gzip(request):
        body = await compressed(body)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type=JSON_TYPE)
