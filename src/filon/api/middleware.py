"""The middleware around all endpoints: every request passes it once, and every answer.

In: size of the request, request id, API key, rate limit. Out: headers, metrics, one line of log. An exception that no
handler expects becomes a problem document.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filon.api.clock import now
from filon.api.logs import LOGGER, log_request, masked, request_id
from filon.api.metrics import Metrics
from filon.api.problems import LONGEST_PATH, RETRY_AFTER_S, HttpProblem, defect, problem
from filon.api.rates import Allowance, Rates
from filon.api.security import CALLER, ApiKey, Caller, Guard
from filon.api.security import Scope as KeyScope
from filon.api.service import PREFIX
from filon.errors import ConfigError
from filon.web.clients import Network, client_of

METRICS_PATH = "/metrics"
QUARANTINE_PATH = f"{PREFIX}/quarantine/"
UNMATCHED = "unmatched"
LONGEST_QUERY = 16_384
MOST_PARAMETERS = 1_000
MOST_HEADERS, LONGEST_HEADERS = 100, 32_768
LARGEST_BODY = 16_384
CLOSE = {"Connection": "close"}


@dataclass
class RequestContext:
    """What is known of one request so far."""

    id: str
    started: float
    status: int = 500
    is_answered: bool = False
    key: ApiKey | None = None
    allowance: Allowance | None = None

    def headers(self) -> Iterator[tuple[bytes, bytes]]:
        """What every answer says of the request."""
        yield b"x-request-id", self.id.encode()
        if self.allowance is not None:
            yield from self.allowance.headers


class RequestMiddleware:
    """The middleware around all endpoints, as plain ASGI."""

    def __init__(
        self, app: ASGIApp, guard: Guard, rates: Rates, metrics: Metrics, trusted: Sequence[Network] = ()
    ) -> None:
        self._app = app
        self._guard = guard
        self._rates = rates
        self._metrics = metrics
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        context = RequestContext(request_id(headers.get("x-request-id")), time.perf_counter())

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                context.is_answered = True
                message["headers"] = [*message["headers"], *context.headers()]
            await send(message)

        try:
            require_bounded(scope)
            if _is_guarded(scope["path"]):
                await self._guard.prepare()
            scope[CALLER] = self._admit(scope["path"], self._client(scope, headers), headers, context)
            await self._app(scope, receive, send_on)
        except HttpProblem as refusal:
            await self._refuse(refusal, context, scope, receive, send_on)
        except Exception as error:
            LOGGER.exception("request failed", extra={"facts": {"request_id": context.id}})
            if context.is_answered:
                raise  # too late for another answer: the server breaks the connection, so the client knows
            scope["filon.error"] = type(error).__name__
            await self._refuse(defect(), context, scope, receive, send_on)
        finally:
            self._record(scope, context)

    def _admit(self, path: str, client: str, headers: Headers, context: RequestContext) -> Caller:
        """Who asks; HttpProblem when the request may not be answered."""
        if not _is_guarded(path):
            return Caller(f"address:{client}", None)
        scope = KeyScope.ADMIN if path == METRICS_PATH or path.startswith(QUARANTINE_PATH) else KeyScope.READ
        try:
            context.key = self._guard.admit(headers, scope, now())
        except ConfigError as error:
            LOGGER.error("API keys cannot be read: %s", error)
            detail = "API keys cannot be checked now. Try again soon."
            raise HttpProblem(503, "keys-unreadable", detail, headers={"Retry-After": str(RETRY_AFTER_S)}) from None
        except HttpProblem:
            self._limit(f"address:{client}", context, has_key=True)
            raise
        who = f"key:{context.key.id}" if context.key else f"address:{client}"
        self._limit(who, context, has_key=context.key is not None)
        return Caller(who, context.key)

    def _client(self, scope: Scope, headers: Headers) -> str:
        peer = scope.get("client")
        forwarded = [part for value in headers.getlist("x-forwarded-for") for part in value.split(",")]
        return client_of(peer[0] if peer else "", forwarded, self._trusted)

    def _limit(self, who: str, context: RequestContext, *, has_key: bool) -> None:
        context.allowance = self._rates.hit(who, has_key=has_key)
        if context.allowance is not None and context.allowance.is_exceeded:
            reset = str(context.allowance.reset_s)
            detail = f"More than {context.allowance.limit} requests. Try again in {reset} s."
            raise HttpProblem(429, "too-many-requests", detail, headers={"Retry-After": reset})

    @staticmethod
    async def _refuse(
        refusal: HttpProblem, context: RequestContext, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if context.is_answered:
            raise refusal
        await problem(refusal, Request(scope).url.path)(scope, receive, send)

    def _record(self, scope: Scope, context: RequestContext) -> None:
        seconds = time.perf_counter() - context.started
        route = getattr(scope.get("route"), "path", UNMATCHED)
        self._metrics.count(route, scope["method"], context.status, seconds)
        facts = {
            "request_id": context.id,
            "method": scope["method"],
            "path": scope["path"][:LONGEST_PATH],
            "route": route,
            "status": context.status,
            "duration_ms": round(seconds * 1000, 2),
        }
        if context.key is not None:
            facts["key"] = context.key.id
        if error := scope.get("filon.error"):
            facts["error"] = masked(error)
        log_request(facts)


def _is_guarded(path: str) -> bool:
    return path.startswith(PREFIX) or path == METRICS_PATH


def require_bounded(scope: Scope) -> None:
    """HttpProblem of a request whose path, parameters, headers or body are larger than any that could be answered."""
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
