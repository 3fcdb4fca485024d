"""Routes of endpoints that read the request themselves and make the response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response


class DirectRoute(APIRoute):
    """A route that is described like others, and asks its endpoint without reading or spelling anything for it."""

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = request_response(endpoint)


def make_router(**options: Any) -> APIRouter:
    """A router of such routes; the options are those of ``APIRouter``."""
    return APIRouter(route_class=DirectRoute, **options)
