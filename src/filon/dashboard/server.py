"""The web application around the script: what went wrong is logged, and every page knows where its server is."""

from __future__ import annotations

import logging

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.starlette import App

from filon.dashboard.language import Code, Language
from filon.dashboard.launch import SCRIPT, read_secrets
from filon.dashboard.states import show_defect
from filon.settings import read_settings

LOGGER = logging.getLogger("filon.dashboard")
# Streamlit's page looks for its server below its own address first, and each miss is an error in the browser's console
WHERE = b"<script>window.__streamlit = {BACKEND_BASE_URL: window.location.origin}</script>"
HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "same-origin"}


class Frame:
    """Completes the page that Streamlit ships: the address of its server, and safe headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start: Message = {}
        body = bytearray()

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if headers.get("content-type", "").startswith("text/html"):
                    start.update(message)
                    return
            if not start:
                await send(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                page = bytes(body).replace(b"<head>", b"<head>" + WHERE, 1)
                headers = MutableHeaders(scope=start)
                headers["Content-Length"] = str(len(page))
                await send(start)
                await send({"type": "http.response.body", "body": page})

        # a page that is compressed already, or that the browser holds already, could not be completed
        wanted = [(name, value) for name, value in scope["headers"] if not _is_shortcut(scope["path"], name)]
        await self._app({**scope, "headers": wanted}, receive, send_on)


def _is_shortcut(path: str, name: bytes) -> bool:
    is_page = "." not in path.rpartition("/")[2]
    return is_page and name in (b"accept-encoding", b"if-none-match", b"if-modified-since")


def on_error(error: Exception) -> bool:
    """Log what nobody foresaw, and say so on the page without its details."""
    LOGGER.error("the page failed", exc_info=error)
    show_defect(Language(Code(st.session_state.get("lang", Code.FRENCH))))
    return True


app = App(SCRIPT, secrets=read_secrets(read_settings()), middleware=[Middleware(Frame)], on_script_error=on_error)
