"""What every answer says to browsers, redirects that stay where they are, and HEAD."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
"""An answer that is a page says its own policy instead."""


class SafeAnswers:
    """Adds the headers to each answer, and makes redirects relative: a proxy may have changed host and scheme."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message["headers"]
                names = {name for name, _ in given}
                message["headers"] = [*given, *(header for header in HEADERS if header[0] not in names)]
                if b"location" in names:
                    headers = MutableHeaders(scope=message)
                    headers["Location"] = _relative(headers["Location"])
            await send(message)

        await self._app(scope, receive, send_on)


def _relative(address: str) -> str:
    """The path and the query of an address; two slashes at its beginning would name a host."""
    parts = urlsplit(address)
    return parts._replace(scheme="", netloc="", path=f"/{parts.path.lstrip('/')}").geturl()


class Heads:
    """Answers HEAD: the application is asked by GET, and its headers are sent without the body.

    A stream ends at its first part.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        is_ended = False

        async def send_on(message: Message) -> None:
            nonlocal is_ended
            if message["type"] == "http.response.start":
                await send(message)
            elif not is_ended:
                is_ended = True
                await send({"type": "http.response.body", "body": b""})

        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, send_on)
        finally:
            scope.update({name: asked[name] for name in ("route", "filon.error") if name in asked})
