"""What went wrong, as a problem document (RFC 9457): what it is, where, and what to change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from itertools import islice
from typing import Any
from urllib.parse import quote

import orjson
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from filon.errors import LoadGone, StoreError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
LONGEST_SHOWN = 60
LONGEST_PATH = 2_048
MOST_MISTAKES = 10


@dataclass(frozen=True)
class Mistake:
    """One parameter that cannot be used as given."""

    parameter: str
    detail: str
    fix: str


class HttpProblem(Exception):
    """A request that gets a problem document for an answer. ``kind`` ends the document's type."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Mistake] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        super().__init__(detail)


class MistakeSchema(BaseModel):
    """One parameter that cannot be used as given."""

    parameter: str
    detail: str
    fix: str


class ProblemSchema(BaseModel):
    """A problem document, as OpenAPI describes it."""

    type: str = Field(description="Kind of the problem, a stable URN")
    title: str
    status: int
    detail: str = Field(description="What was wrong, and what to change")
    instance: str = Field(description="Path of the request")
    errors: list[MistakeSchema] = Field(default=[], description="Parameters that cannot be used as given")


DESCRIPTIONS = {
    401: "No API key, or one that is unknown, expired or revoked",
    403: "The API key lacks the scope that this path needs",
    404: "No path, table, row, run or release of this name",
    409: "The table was loaded by another contract, has too many rows to be analysed, or lies in another lake",
    410: "The rows that a cursor belongs to, that were being read, or that are to be explained, are gone",
    413: "The body is too large",
    414: "The path or the parameters are too long",
    422: "A parameter cannot be used as given",
    429: "Too many requests",
    431: "The headers are too large",
    500: "An unexpected error of the server",
    503: "The store does not answer, or holds nothing yet",
}


ALWAYS = (413, 414, 431)
ERRORS = (401, 403, 422, 429, 500, 503)
"""Statuses of what may be wrong with any request for data."""
READING_ERRORS = (*ERRORS, 404, 409, 410)
"""And with one for the rows of a load."""


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI descriptions of these problems, and of those that every path has."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": DESCRIPTIONS[status], "content": {MEDIA_TYPE: schema}}
        for status in sorted({*statuses, *ALWAYS})
    }


def shown(value: str) -> str:
    """Part of a request, safe to repeat wherever a problem may be displayed."""
    text = ascii(value[:LONGEST_SHOWN])[1:-1]
    for mark in "<>&`":
        text = text.replace(mark, f"\\x{ord(mark):02x}")
    return text + ("…" if len(value) > LONGEST_SHOWN else "")


def mistaken(mistakes: Iterable[Mistake], total: int) -> HttpProblem:
    """The refusal of parameters; the first mistakes are named, the others counted."""
    named = list(islice(mistakes, MOST_MISTAKES))
    more = f", and {total - len(named):,} more" if total > len(named) else ""
    names = ", ".join(mistake.parameter for mistake in named)
    return HttpProblem(422, "invalid-parameter", f"Correct these parameters: {names}{more}.", errors=named)


def problem(refusal: HttpProblem, path: str) -> Response:
    """The answer to a request that is refused."""
    document: dict[str, object] = {
        "type": f"urn:filon:problem:{refusal.kind}",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.detail,
        "instance": quote(path[:LONGEST_PATH]),
    }
    if refusal.errors:
        document["errors"] = [asdict(mistake) for mistake in refusal.errors]
    headers = {"Cache-Control": "no-store", **refusal.headers}
    return Response(orjson.dumps(document), refusal.status, headers, MEDIA_TYPE)


def unavailable(detail: str) -> HttpProblem:
    """The store does not answer now; the request can be repeated after ``RETRY_AFTER_S`` seconds."""
    return HttpProblem(503, "store-unavailable", detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def gone() -> HttpProblem:
    """The load that was being read is no longer kept; a request without the cursor is answered from another one."""
    return HttpProblem(410, "release-gone", "The rows that were being read are no longer kept. Start again.")


def defect() -> HttpProblem:
    """An exception that no handler expects; the log has it under the request id."""
    return HttpProblem(
        500, "defect", "The server failed. The log has the reason under the X-Request-ID of this answer."
    )


async def answer_refusal(request: Request, error: Exception) -> Response:
    """Answer what a handler refused."""
    if not isinstance(error, HttpProblem):
        raise error
    return problem(error, request.url.path)


async def answer_store_error(request: Request, error: Exception) -> Response:
    """Answer for a store that does not; its message may name servers, so it stays in the log."""
    if not isinstance(error, StoreError):
        raise error
    request.scope["filon.error"] = str(error)
    return problem(unavailable("The operational store does not answer. Try again soon."), request.url.path)


async def answer_load_gone(request: Request, error: Exception) -> Response:
    """Answer for a load that went while it was read."""
    if not isinstance(error, LoadGone):
        raise error
    request.scope["filon.error"] = str(error)
    return problem(gone(), request.url.path)


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Answer for paths and methods that are not there."""
    if not isinstance(error, HTTPException):
        raise error
    path = shown(request.url.path)
    if error.status_code == HTTPStatus.NOT_FOUND:
        refusal = HttpProblem(404, "unknown-path", f"There is no {path}. See /docs for the paths.")
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        refusal = HttpProblem(
            405, "method-not-allowed", f"{path} is only read: use GET or HEAD.", headers=error.headers
        )
    else:
        refusal = HttpProblem(error.status_code, "http", str(error.detail), headers=error.headers)
    return problem(refusal, request.url.path)


HANDLERS = {
    HttpProblem: answer_refusal,
    LoadGone: answer_load_gone,
    StoreError: answer_store_error,
    HTTPException: answer_http_error,
}
"""Which handler answers which error; any other FilonError is a defect here."""
