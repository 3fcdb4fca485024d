"""Routes of endpoints that read the request themselves and make the response, and how the route of a path is found."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, request_response
from starlette.types import Receive, Scope, Send

PARAMETER = re.compile(r"\{\w+\}")


class DirectRoute(APIRoute):
    """A route that is described like others, and asks its endpoint without reading or spelling anything for it."""

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = request_response(endpoint)


def make_router(**options: Any) -> APIRouter:
    """A router of such routes; the options are those of ``APIRouter``."""
    return APIRouter(route_class=DirectRoute, **options)


class Directory(BaseRoute):
    """Finds the route of most paths at once, where a router asks one route after the other; others are left to it.

    It knows paths without parameters, and those whose last part is their only one.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._whole: dict[str, APIRoute] = {}
        self._below: dict[str, APIRoute] = {}
        for route in routes:
            if isinstance(route, APIRoute):
                folder, _, last = route.path.rpartition("/")
                if "{" not in route.path:
                    self._whole.setdefault(route.path, route)
                elif "{" not in folder and PARAMETER.fullmatch(last):
                    self._below.setdefault(folder, route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """What the route of the path says; no match where it is not known."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        route = self._whole.get(path) or self._below.get(path.rpartition("/")[0])
        return route.matches(scope) if route is not None else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route that was found answer."""
        await scope["route"].handle(scope, receive, send)
