"""What every answer says to browsers, redirects that stay where they are, and HEAD."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""An answer that is a page says its own policy instead."""


class SafeAnswers:
    """Adds the headers to each answer, and makes redirects relative: a proxy may have changed host and scheme."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if "location" in headers:
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
