"""The page ``/docs``: Swagger UI, served from an installed package. It asks no other server for anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from filon.api.routing import make_router

PACKAGE = "fastapi_offline"
STATIC = "static"
FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")
PATH = "/docs"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI writes styles into its elements; scripts come from files alone."""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="docs/favicon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
  validatorUrl: null,
});
"""
"""Without a validator: it would send the address of the API to another server."""
FRESH = {"Cache-Control": "max-age=3600"}


def page_router(title: str) -> APIRouter:
    """The page and its files. Addresses in it are relative, so that it works below a path of a proxy."""
    router = make_router(include_in_schema=False)
    page = PAGE.format(title=escape(title))

    async def show(_request: Request) -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})

    async def start(_request: Request) -> Response:
        return Response(START, media_type="text/javascript", headers=FRESH)

    router.add_api_route(PATH, show)
    router.add_api_route(f"{PATH}/start.js", start)
    folder = Path(str(files(PACKAGE))) / STATIC
    for name in FILES:
        router.add_api_route(f"{PATH}/{name}", _sender(folder / name))
    return router


def _sender(file: Path) -> Callable[[Request], Awaitable[Response]]:
    async def send(_request: Request) -> Response:
        return FileResponse(file, headers=FRESH)

    return send
