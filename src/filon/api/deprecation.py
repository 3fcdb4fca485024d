"""What endpoints of deprecated tables say: ``Deprecation`` (RFC 9745), ``Sunset`` (RFC 8594) and ``Link``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from email.utils import format_datetime

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filon.project.vocabulary import DeprecatedSpec
from filon.serving.served import ServedTable

Headers = tuple[tuple[str, str], ...]
LIST, TOTAL, SERIES, ANALYSIS = "list", "total", "series", "analysis"


class Announcements:
    """Adds the headers to what the routes of deprecated tables answer, errors included; ``headers`` are by route."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, Headers]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "")
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.get(route, ()):
                    headers.append(name, value)
            await send(message)

        await self._app(scope, receive, send_on)


def announcements(served: Mapping[str, ServedTable], prefix: str) -> dict[str, Headers]:
    """The headers of each route of a deprecated table."""
    found: dict[str, Headers] = {}
    for table in served.values():
        said = table.contract.deprecated
        if said is None:
            continue
        replacing = served.get(said.successor or "")
        successor = dict(_routes(replacing, prefix)) if replacing is not None else {}
        for kind, path in _routes(table, prefix):
            found[path] = _headers(said, successor.get(kind) or successor.get(LIST))
        found[f"{prefix}/tables/{table.name}"] = _headers(said, successor.get(LIST))
        if table.spec.path and table.spec.item:
            found[f"{prefix}/{table.spec.path}/{{id}}"] = _headers(said, successor.get(LIST))
    return found


def _routes(served: ServedTable, prefix: str) -> Iterator[tuple[str, str]]:
    """What a table answers, and where."""
    yield LIST, f"{prefix}/{served.spec.path or f'tables/{served.name}'}"
    if served.cube is not None:
        yield TOTAL, f"{prefix}/{served.cube.total.path}"
        yield SERIES, f"{prefix}/{served.cube.series.path}"
    if served.analysis is not None:
        yield ANALYSIS, f"{prefix}/{served.analysis.path}"


def _headers(said: DeprecatedSpec, successor: str | None) -> Headers:
    headers = [("Deprecation", f"@{int(_midnight(said.since).timestamp())}")]
    if said.sunset is not None:
        headers.append(("Sunset", format_datetime(_midnight(said.sunset), usegmt=True)))
    if successor is not None:
        headers.append(("Link", f'<{successor}>; rel="successor-version"'))
    if said.link is not None:
        headers.append(("Link", f'<{said.link}>; rel="deprecation"; type="text/html"'))
    return tuple(headers)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
