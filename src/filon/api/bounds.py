"""How much a request may hold. Checked before anything else looks at it, in time that does not depend on its size."""

from __future__ import annotations

from starlette.types import Scope

from filon.api.problems import LONGEST_PATH, HttpProblem

LONGEST_QUERY = 16_384
MOST_PARAMETERS = 1_000
MOST_HEADERS, LONGEST_HEADERS = 100, 32_768
LARGEST_BODY = 16_384
CLOSE = {"Connection": "close"}


def require_bounded(scope: Scope) -> None:
    """Refusal of a request whose path, parameters, headers or body are larger than any that could be answered."""
    if len(scope["raw_path"]) > LONGEST_PATH:
        raise HttpProblem(414, "path-too-long", f"The path has more than {LONGEST_PATH:,} bytes. Shorten it.")
    query = scope["query_string"]
    if len(query) > LONGEST_QUERY:
        raise HttpProblem(414, "query-too-long", f"Parameters of more than {LONGEST_QUERY:,} bytes. Ask for less.")
    if query.count(b"&") >= MOST_PARAMETERS:
        raise HttpProblem(422, "too-many-parameters", f"More than {MOST_PARAMETERS:,} parameters. Ask for less.")
    headers = scope["headers"]
    if len(headers) > MOST_HEADERS or sum(len(name) + len(value) for name, value in headers) > LONGEST_HEADERS:
        detail = f"More than {MOST_HEADERS} headers, or than {LONGEST_HEADERS:,} bytes of them. Send fewer cookies."
        raise HttpProblem(431, "headers-too-large", detail, headers=CLOSE)
    if _body_bytes(headers) > LARGEST_BODY:
        detail = f"The body has more than {LARGEST_BODY:,} bytes. Nothing here needs one."
        raise HttpProblem(413, "body-too-large", detail, headers=CLOSE)


def _body_bytes(headers: list[tuple[bytes, bytes]]) -> int:
    """Length of a body as its sender says; one that comes in chunks is counted where it arrives."""
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < len(str(2**63)) else LARGEST_BODY + 1
    return 0
