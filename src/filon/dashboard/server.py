"""The ASGI application around the script: checks hosts, adds headers, completes the page, and logs errors."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.starlette import App

from filon.dashboard.language import Code, Language
from filon.dashboard.launch import SCRIPT, read_secrets
from filon.dashboard.markup import language_script
from filon.dashboard.states import show_defect
from filon.hosts import AllowedHosts, HostCheck, names_of, read_hosts
from filon.settings import Settings, read_settings

LOGGER = logging.getLogger("filon.dashboard")
# without it, Streamlit's page tries paths below its own first, and each failure is an error in the browser's console
WHERE = b"<script>window.__streamlit = {BACKEND_BASE_URL: window.location.origin}</script>"
FOLDER = Path(__file__).parent
SCRIPTS = [b"<script>%s</script>" % (FOLDER / name).read_bytes() for name in ("page.js", "clicks.js", "widgets.js")]
STYLE = b"<style>%s</style>" % (FOLDER / "page.css").read_bytes()
HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "same-origin"}
INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'{scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; frame-ancestors 'self'"
)
"""Allows nothing from other servers, and only scripts of the page; Streamlit adds styles at run time."""
LATER = [language_script(code).encode() for code in Code]
"""Scripts that are added to the page after it is loaded."""


class Frame:
    """ASGI middleware that adds the server's address, scripts and style to Streamlit's page, and security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and complete the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "//" in scope["path"]:  # the browser would take what follows for the name of a server, and show nothing
            path = re.sub("/{2,}", "/", scope["path"])
            query = scope["query_string"].decode("latin-1")
            await RedirectResponse(f"{quote(path)}?{query}" if query else quote(path))(scope, receive, send)
            return
        start: Message = {}
        body = bytearray()
        folder, _, name = scope["path"].rpartition("/")

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if headers.get("content-type", "").startswith("text/html"):
                    start.update(message)
                    if folder:  # pages have no folders, and would look for their scripts in them
                        await RedirectResponse(f"/{quote(name)}")(scope, receive, send)
                    return
            if not start:
                await send(message)
                return
            if folder:
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                page = bytes(body).replace(b"<head>", b"<head>" + b"".join([WHERE, *SCRIPTS, STYLE]), 1)
                headers = MutableHeaders(scope=start)
                headers["Content-Length"] = str(len(page))
                headers["Content-Security-Policy"] = policy_of(page)
                await send(start)
                await send({"type": "http.response.body", "body": page})

        # a compressed page, or one that the browser has cached, could not be completed
        headers = [(name, value) for name, value in scope["headers"] if not _is_shortcut(scope["path"], name)]
        await self._app({**scope, "headers": headers}, receive, send_on)


def policy_of(page: bytes) -> str:
    """The content security policy of a page, which allows its inline scripts by their hashes."""
    scripts = [*INLINE_SCRIPT.findall(page), *LATER]
    hashes = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts]
    return POLICY.format(scripts="".join(f" 'sha256-{digest}'" for digest in hashes))


def _is_shortcut(path: str, name: bytes) -> bool:
    is_page = "." not in path.rpartition("/")[2]
    return is_page and name in (b"accept-encoding", b"if-none-match", b"if-modified-since")


def on_error(error: Exception) -> bool:
    """Log an unexpected error, and show a message without its details on the page."""
    LOGGER.error("the page failed", exc_info=error)
    show_defect(Language(Code(st.session_state.get("lang", Code.FRENCH))))
    return True


def hosts_of(settings: Settings, secrets: Mapping[str, Any]) -> AllowedHosts:
    """The allowed hosts: those of the settings, and that of the redirect after sign-in."""
    own_names = names_of(settings.dashboard_host, settings.dashboard_url, secrets.get("auth", {}).get("redirect_uri"))
    return AllowedHosts(own_names | read_hosts(settings.allowed_hosts or ""))


SETTINGS = read_settings()
SECRETS = read_secrets(SETTINGS)
CHECK = Middleware(HostCheck, hosts=hosts_of(SETTINGS, SECRETS), logger=LOGGER)
# Streamlit detects this assignment; without it, it would run this file as a page, without middleware
app = App(SCRIPT, secrets=SECRETS, middleware=[CHECK, Middleware(Frame)], on_script_error=on_error)
