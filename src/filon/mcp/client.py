"""Requests to the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from filon.errors import ApiBusy, ApiError, ApiMissing, ApiRefused, ApiUnreachable

PREFIX = "/api/v1"
TIMEOUT = httpx.Timeout(60.0, connect=3.0)
ERRORS: Mapping[int, type[ApiError]] = {
    401: ApiRefused,
    403: ApiRefused,
    404: ApiMissing,
    410: ApiMissing,
    429: ApiBusy,
    502: ApiUnreachable,
    503: ApiUnreachable,
    504: ApiUnreachable,
}
Value = str | int | float | bool | list[Any] | None
"""The value of a parameter; a list gives it several times."""


@dataclass(frozen=True)
class Answer:
    """An answer of the API: the document, the release it is of, its quality, and the cursor of the next page."""

    document: Any
    release: int | None
    quality: str | None
    cursor: str | None


class Api:
    """The API at an address, asked with a key if there is one."""

    def __init__(self, url: str, key: str | None = None, http: httpx.AsyncClient | None = None) -> None:
        whole = httpx.URL(url.rstrip("/"))
        self.url = str(whole.copy_with(userinfo=b"")).rstrip("/")  # without a password, since answers show it
        self.key = key
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = http or httpx.AsyncClient(base_url=whole, timeout=TIMEOUT)

    def as_caller(self, key: str | None) -> Api:
        """The same API, asked with the key of somebody else."""
        return Api(self.url, key, self._http)

    async def get(self, path: str, parameters: Mapping[str, Value] | None = None) -> Answer:
        """An answer; ApiError says what was wrong, and what to change.

        Args:
            path: relative to ``/api/v1``, or absolute
            parameters: those that are None are left out

        """
        pairs: list[tuple[str, str | int | float | bool | None]] = [
            (name, _text(one)) for name, value in (parameters or {}).items() for one in _values(value)
        ]
        whole = path if path.startswith("/") else f"{PREFIX}/{path}"
        try:
            response = await self._http.get(whole, params=pairs, headers=self._headers)
        except httpx.HTTPError as error:
            what = str(error) or type(error).__name__
            raise ApiUnreachable(f"The API at {self.url} does not answer ({what}). Is `filon api` running?") from error
        if not response.is_success:
            raise ERRORS.get(response.status_code, ApiError)(_reason(response), response.status_code)
        headers, link = response.headers, response.links.get("next", {}).get("url")
        cursors = parse_qs(urlsplit(link).query).get("after") if link else None
        release = headers.get("X-Filon-Release")
        document = json.loads(response.content, parse_float=Decimal)
        return Answer(
            document, int(release) if release else None, headers.get("X-Filon-Quality"), cursors[0] if cursors else None
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _values(value: Value) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reason(response: httpx.Response) -> str:
    """What a problem document says; the status of a response that is none, such as that of a proxy."""
    try:
        problem = json.loads(response.content)
        mistakes = [f"{item['parameter']}: {item['detail']}; {item['fix']}." for item in problem.get("errors", [])]
        return " ".join([problem["detail"], *mistakes])
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{response.url.path}: {response.status_code} {response.reason_phrase}"
