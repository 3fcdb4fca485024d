"""The dashboard's client of the API, with a cache of responses."""

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
TIMEOUT = httpx.Timeout(40.0, connect=2.0)
EXPLAINING = httpx.Timeout(100.0, connect=2.0)
"""For explanations: the first of a release opens the tables of the lake."""
MOST_CACHED = 500
LARGEST_CACHED, CACHE_BYTES = 2_000_000, 50_000_000
"""The most bytes of a cached response, and of all; parsed they take about ten times as much memory."""
HEALTH_FRESH_S = 1.0
RECENT_S = 2.0
"""Seconds for which answers about the pipeline are used again; a failed run or another page is seen no later."""
AT_ONCE = 8
CONNECTIONS = httpx.Limits(max_connections=32, max_keepalive_connections=16)

Parameters = Sequence[tuple[str, str]]
Row = dict[str, Any]
"""A row of a response: decimals are Decimal, dates and timestamps are ISO 8601 text."""


@dataclass(frozen=True)
class ApiResponse:
    """A response of the API.

    Attributes:
        data: the JSON document
        release: the release that it is of
        quality: ``passed`` or ``warned``
        cursor: leads to the next page; None on the last one

    """

    data: Any
    release: int | None
    quality: str | None
    cursor: str | None


class ApiClient:
    """A client of the API that all users of a dashboard share; responses of a release are cached.

    Args:
        url: address of the API, without ``/api/v1``
        key: API key
        cache_bytes: the most bytes of all cached responses, as received

    """

    def __init__(self, url: str, key: str | None = None, *, cache_bytes: int = CACHE_BYTES) -> None:
        whole = httpx.URL(url.rstrip("/"))
        self.url = str(whole.copy_with(userinfo=b"")).rstrip("/")  # without a password, since pages show it
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=whole, headers=headers, timeout=TIMEOUT, limits=CONNECTIONS)
        self._cache_bytes = cache_bytes
        self._cached: OrderedDict[str, Future[ApiResponse]] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(AT_ONCE, "api")
        self._health: tuple[float, int] | None = None
        self._recent: dict[str, tuple[float, ApiResponse]] = {}

    def release(self) -> int:
        """The release that is served now, cached for a second; ApiEmpty when nothing is loaded."""
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

    def newest_run(self) -> Row:
        """The run that ended last; empty when there is none."""
        newest: list[Row] = self.recent("runs", [("limit", "1")]).data["data"]
        return newest[0] if newest else {}

    def recent(self, path: str, parameters: Parameters = ()) -> ApiResponse:
        """A response that is ``RECENT_S`` old at most, whoever asked for it; failures are not cached."""
        key, now = f"{path}?{urlencode(parameters)}", time.monotonic()
        with self._lock:
            until, known = self._recent.get(key, (0.0, None))
            if known is not None and now < until:
                return known
            self._recent = {name: item for name, item in self._recent.items() if now < item[0]}
        response = self.get(path, parameters)
        with self._lock:
            self._recent[key] = (time.monotonic() + RECENT_S, response)
        return response

    def get(self, path: str, parameters: Parameters = ()) -> ApiResponse:
        """A response that is not cached; ``path`` is relative to ``/api/v1``, or an absolute path from the API."""
        response = self._request(_absolute_path(path), parameters)
        return _parse_response(response)

    def get_of_release(
        self, release: int, path: str, parameters: Parameters = (), stamp: str = "", timeout: httpx.Timeout = TIMEOUT
    ) -> ApiResponse:
        """A response from a release, requested once even when several users need it at the same time.

        Args:
            release: the release
            path: relative to ``/api/v1``, or an absolute path from the API
            parameters: the query, without ``release``
            stamp: part of the cache key; differs between loads of the same release
            timeout: how long the answer may take

        Raises:
            ApiError: the request failed; this is not cached

        """
        pairs = (*parameters, ("release", str(release)))
        key = f"{stamp} {_absolute_path(path)}?{urlencode(pairs)}"
        with self._lock:
            cached = self._cached.get(key)
            future = cached or Future[ApiResponse]()
            self._cached[key] = future
            self._cached.move_to_end(key)
            if len(self._cached) > MOST_CACHED:
                self._evict(next(iter(self._cached)))
        if cached is None:
            self._fetch(future, key, path, pairs, timeout)
        return future.result()

    def _fetch(
        self, future: Future[ApiResponse], key: str, path: str, pairs: Parameters, timeout: httpx.Timeout
    ) -> None:
        """Request, and complete the future that others wait for; failures and large responses are not cached."""
        size = LARGEST_CACHED + 1
        try:
            response = self._request(_absolute_path(path), pairs, timeout)
            future.set_result(_parse_response(response))
            size = len(response.content)
        except BaseException as error:
            future.set_exception(error)
            raise
        finally:
            with self._lock:
                self._cache(key, future, size)

    def _cache(self, key: str, future: Future[ApiResponse], size: int) -> None:
        """Cache a response, unless it is large or was replaced; the least recently used ones are evicted."""
        if self._cached.get(key) is not future:
            return
        if size > LARGEST_CACHED:
            self._evict(key)
            return
        self._sizes[key] = size
        for oldest in list(self._cached):
            if sum(self._sizes.values()) <= self._cache_bytes:
                return
            self._evict(oldest)

    def _evict(self, key: str) -> None:
        self._cached.pop(key, None)
        self._sizes.pop(key, None)

    def stream(self, path: str, parameters: Parameters = ()) -> Iterator[bytes]:
        """Stream the bytes of a file of rows."""
        with _translated(self.url), self._http.stream("GET", _absolute_path(path), params=list(parameters)) as response:
            if response.status_code != httpx.codes.OK:
                response.read()
                _require_success(response)
            yield from response.iter_bytes()

    def together(self, *requests: Callable[[], Any]) -> list[Any]:
        """Call functions in parallel; returns their results in order, or raises the first error."""
        return list(self._threads.map(lambda request: request(), requests))

    def prefetch(self, request: Callable[[], Any]) -> None:
        """Start a request whose response will be needed later; an error is raised where it is needed."""
        self._threads.submit(request)

    def close(self) -> None:
        """Close threads and connections."""
        self._threads.shutdown()
        self._http.close()

    def _request(
        self, path: str, parameters: Iterable[tuple[str, str]], timeout: httpx.Timeout = TIMEOUT
    ) -> httpx.Response:
        with _translated(self.url):
            return self._http.get(path, params=list(parameters), timeout=timeout)


def _absolute_path(path: str) -> str:
    return path if path.startswith("/") else f"{PREFIX}/{path}"


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        raise ApiUnreachable(f"{url}: {str(error) or type(error).__name__}") from error


def _parse_response(response: httpx.Response) -> ApiResponse:
    _require_success(response)
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


def _require_success(response: httpx.Response) -> None:
    if response.is_success:
        return
    error = ERRORS.get(response.status_code, ApiError)
    detail, kind = _reason(response)
    raise error(detail, response.status_code, kind)


def _reason(response: httpx.Response) -> tuple[str, str]:
    """The detail of a problem document and its kind; the status where a response is none, such as that of a proxy."""
    try:
        problem = json.loads(response.content)
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or "detail" not in problem:
        return f"{response.url.path}: {response.status_code} {response.reason_phrase}", ""
    mistakes = [f"{item['parameter']}: {item['detail']}; {item['fix']}" for item in problem.get("errors", [])]
    return " ".join([problem["detail"], *mistakes]), str(problem.get("type", "")).rpartition(":")[2]
