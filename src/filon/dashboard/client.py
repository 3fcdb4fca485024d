"""The API as the dashboard asks it."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from filon.errors import ApiBusy, ApiEmpty, ApiError, ApiMissing, ApiRefused, ApiUnreachable

PREFIX = "/api/v1"
PATIENCE = httpx.Timeout(40.0, connect=2.0)
MOST_REMEMBERED = 500
LARGEST_REMEMBERED, ALL_REMEMBERED = 2_000_000, 50_000_000
"""Bytes of an answer, and of all; in memory they take about ten times as much."""
HEALTH_FRESH_S = 1.0
AT_ONCE = 8
CONNECTIONS = httpx.Limits(max_connections=32, max_keepalive_connections=16)

Parameters = Sequence[tuple[str, str]]
Row = dict[str, Any]
"""A row as the API gives it: decimals are Decimal, dates and timestamps are texts of ISO 8601."""


@dataclass(frozen=True)
class ApiResponse:
    """What the API said, and what it said of it. ``cursor`` leads to the next page, if there is one."""

    data: Any
    release: int | None
    quality: str | None
    cursor: str | None


class ApiClient:
    """Asks the API; one for all users of a dashboard. What belongs to a release never changes, so it is kept."""

    def __init__(self, url: str, key: str | None = None) -> None:
        whole = httpx.URL(url.rstrip("/"))
        self.url = str(whole.copy_with(userinfo=b"")).rstrip("/")  # as pages may show it: without a password
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=whole, headers=headers, timeout=PATIENCE, limits=CONNECTIONS)
        self._kept: OrderedDict[str, Future[ApiResponse]] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(AT_ONCE, "asking")
        self._health: tuple[float, int] | None = None

    def release(self) -> int:
        """The release that is served now; ApiEmpty when nothing is loaded."""
        with self._lock:
            if self._health is not None and time.monotonic() < self._health[0]:
                return self._health[1]
        response = self._request("/health", ())
        document = _document(response)
        if response.status_code != httpx.codes.OK:
            raise ApiUnreachable(f"{self.url}: {document.get('mongodb', response.reason_phrase)}", response.status_code)
        if document.get("release") is None:
            raise ApiEmpty("nothing is loaded yet", response.status_code)
        release = int(document["release"])
        with self._lock:
            self._health = (time.monotonic() + HEALTH_FRESH_S, release)
        return release

    def newest_run(self) -> str:
        """The id of the run that ended last; empty when there was none."""
        newest = self.get("runs", [("limit", "1")]).data["data"]
        return str(newest[0]["run_id"]) if newest else ""

    def get(self, path: str, parameters: Parameters = ()) -> ApiResponse:
        """An answer of this moment; ``path`` lies under ``/api/v1``, or is a whole path that the API gave."""
        response = self._request(_absolute_path(path), parameters)
        return _answer(response)

    def get_of_release(self, release: int, path: str, parameters: Parameters = (), stamp: str = "") -> ApiResponse:
        """An answer from one release; asked once, also when several users want it at the same time.

        ``stamp`` tells apart what would be answered by the same release at other times.
        """
        pairs = (*parameters, ("release", str(release)))
        key = f"{stamp} {_absolute_path(path)}?{urlencode(pairs)}"
        with self._lock:
            cached = self._kept.get(key)
            future = cached or Future[ApiResponse]()
            self._kept[key] = future
            self._kept.move_to_end(key)
            if len(self._kept) > MOST_REMEMBERED:
                self._forget(next(iter(self._kept)))
        if cached is None:
            self._ask(future, key, path, pairs)
        return future.result()

    def _ask(self, future: Future[ApiResponse], key: str, path: str, pairs: Parameters) -> None:
        """Ask, and tell all who wait; what failed or is large is not kept."""
        size = LARGEST_REMEMBERED + 1
        try:
            response = self._request(_absolute_path(path), pairs)
            future.set_result(_answer(response))
            size = len(response.content)
        except BaseException as error:
            future.set_exception(error)
            raise
        finally:
            with self._lock:
                self._weigh(key, future, size)

    def _weigh(self, key: str, future: Future[ApiResponse], size: int) -> None:
        """Keep an answer, unless it is large or another took its place; those that nobody asked for lately go."""
        if self._kept.get(key) is not future:
            return
        if size > LARGEST_REMEMBERED:
            self._forget(key)
            return
        self._sizes[key] = size
        for oldest in list(self._kept):
            if sum(self._sizes.values()) <= ALL_REMEMBERED:
                return
            self._forget(oldest)

    def _forget(self, key: str) -> None:
        self._kept.pop(key, None)
        self._sizes.pop(key, None)

    def stream(self, path: str, parameters: Parameters = ()) -> Iterator[bytes]:
        """The bytes of a file of rows, as they come."""
        with _translated(self.url), self._http.stream("GET", _absolute_path(path), params=list(parameters)) as response:
            if response.status_code != httpx.codes.OK:
                response.read()
                _require_good(response)
            yield from response.iter_bytes()

    def together(self, *questions: Callable[[], Any]) -> list[Any]:
        """Answers to questions that are asked at once, in their order; the first error among them is raised."""
        return list(self._threads.map(lambda question: question(), questions))

    def ahead(self, question: Callable[[], Any]) -> None:
        """Begin to ask what will be needed later; whoever needs it then is told when it fails."""
        self._threads.submit(question)

    def close(self) -> None:
        """Give back the connections."""
        self._threads.shutdown()
        self._http.close()

    def _request(self, path: str, parameters: Iterable[tuple[str, str]]) -> httpx.Response:
        with _translated(self.url):
            return self._http.get(path, params=list(parameters))


def _absolute_path(path: str) -> str:
    return path if path.startswith("/") else f"{PREFIX}/{path}"


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        raise ApiUnreachable(f"{url}: {str(error) or type(error).__name__}") from error


def _answer(response: httpx.Response) -> ApiResponse:
    _require_good(response)
    headers = response.headers
    release = headers.get("X-Filon-Release")
    return ApiResponse(
        _document(response),
        int(release) if release else None,
        headers.get("X-Filon-Quality"),
        _cursor(response.links.get("next", {}).get("url")),
    )


def _document(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content, parse_float=Decimal)
    except ValueError as error:
        address = response.url.copy_with(userinfo=b"")
        raise ApiUnreachable(f"{address}: no JSON came back. Is this the address of the API?") from error


def _cursor(link: str | None) -> str | None:
    values = parse_qs(urlsplit(link).query).get("after") if link else None
    return values[0] if values else None


ERRORS: dict[int, type[ApiError]] = {
    401: ApiRefused,
    403: ApiRefused,
    404: ApiMissing,
    410: ApiMissing,
    429: ApiBusy,
    502: ApiUnreachable,
    503: ApiUnreachable,
    504: ApiUnreachable,
}


def _require_good(response: httpx.Response) -> None:
    if response.is_success:
        return
    kind = ERRORS.get(response.status_code, ApiError)
    raise kind(_reason(response), response.status_code)


def _reason(response: httpx.Response) -> str:
    """What the API says of an error; where a proxy answered in its own words, the status."""
    try:
        problem = json.loads(response.content)
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or "detail" not in problem:
        return f"{response.url.path}: {response.status_code} {response.reason_phrase}"
    mistakes = [f"{item['parameter']}: {item['detail']}; {item['fix']}" for item in problem.get("errors", [])]
    return " ".join([problem["detail"], *mistakes])
