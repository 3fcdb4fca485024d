"""The web application around the script: what went wrong is logged, and every page knows where its server is."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Mapping
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.starlette import App

from filon.dashboard.language import Code, Language
from filon.dashboard.launch import SCRIPT, read_secrets
from filon.dashboard.markup import naming_language
from filon.dashboard.states import show_defect
from filon.hosts import AllowedHosts, HostCheck, names_of, read_hosts
from filon.settings import Settings, read_settings

LOGGER = logging.getLogger("filon.dashboard")
# Streamlit's page looks for its server below its own address first, and each miss is an error in the browser's console
WHERE = b"<script>window.__streamlit = {BACKEND_BASE_URL: window.location.origin}</script>"
HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "same-origin"}
INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'{scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; frame-ancestors 'self'"
)
"""Nothing from other servers, and no script that did not come with the page; Streamlit writes styles as it goes."""
LATER = [naming_language(code).encode() for code in Code]
"""Scripts that the page gets once it is drawn."""


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
                headers["Content-Security-Policy"] = policy_of(page)
                await send(start)
                await send({"type": "http.response.body", "body": page})

        # a page that is compressed already, or that the browser holds already, could not be completed
        headers = [(name, value) for name, value in scope["headers"] if not _is_shortcut(scope["path"], name)]
        await self._app({**scope, "headers": headers}, receive, send_on)


def policy_of(page: bytes) -> str:
    """The policy of a page: scripts that stand in it are allowed one by one, by their hashes."""
    scripts = [*INLINE_SCRIPT.findall(page), *LATER]
    hashes = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts]
    return POLICY.format(scripts="".join(f" 'sha256-{digest}'" for digest in hashes))


def _is_shortcut(path: str, name: bytes) -> bool:
    is_page = "." not in path.rpartition("/")[2]
    return is_page and name in (b"accept-encoding", b"if-none-match", b"if-modified-since")


def on_error(error: Exception) -> bool:
    """Log what nobody foresaw, and say so on the page without its details."""
    LOGGER.error("the page failed", exc_info=error)
    show_defect(Language(Code(st.session_state.get("lang", Code.FRENCH))))
    return True


def hosts_of(settings: Settings, secrets: Mapping[str, Any]) -> AllowedHosts:
    """The hosts that the settings name; one of them is where the provider sends back those who signed in."""
    found_at = names_of(settings.dashboard_host, settings.dashboard_url, secrets.get("auth", {}).get("redirect_uri"))
    return AllowedHosts(found_at | read_hosts(settings.allowed_hosts or ""))


SETTINGS = read_settings()
SECRETS = read_secrets(SETTINGS)
CHECK = Middleware(HostCheck, hosts=hosts_of(SETTINGS, SECRETS), logger=LOGGER)
# Streamlit looks for this very assignment; without it, it would run this file as a page, and without any middleware
app = App(SCRIPT, secrets=SECRETS, middleware=[CHECK, Middleware(Frame)], on_script_error=on_error)
