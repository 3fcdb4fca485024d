"""HEAD: what GET would answer, without its body."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Heads:
    """Asks the application by GET and sends its headers on; what streams ends at its first part."""

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
