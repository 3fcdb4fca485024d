"""The directory of routes finds what a router finds that asks one after the other."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from filon.api.routing import Directory, make_router

PATHS = ("/sales/best", "/sales", "/sales/{id}", "/tables/{name}", "/explain/{table}/{key:path}", "/runs/{run}/files")


def routes() -> list[Any]:
    async def endpoint(_request: Request) -> Response:
        return Response()

    router = make_router()
    for path in PATHS:
        router.add_api_route(path, endpoint)
    return list(router.routes)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("root", ["", "/below"])
@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/sales", "/sales"),
        ("/sales/best", "/sales/best"),
        ("/sales/5", "/sales/{id}"),
        ("/sales/é%", "/sales/{id}"),
        ("/sales/", None),
        ("/sales/5/6", None),
        ("//sales", None),
        ("/tables/clients", "/tables/{name}"),
        ("/explain/sales/5", "left to the router"),
        ("/runs/r1/files", "left to the router"),
        ("", None),
        ("/", None),
    ],
)
def test_a_route_is_found_at_once(method: str, root: str, path: str, found: str | None) -> None:
    scope = {"type": "http", "method": method, "path": f"{root}{path}", "root_path": root}
    known = routes()
    match, child = Directory(known).matches(dict(scope))
    asked = [(each.matches(dict(scope))[0], each.path) for each in known]
    first = next((item for item in asked if item[0] is not Match.NONE), (Match.NONE, None))
    if found == "left to the router":
        assert match is Match.NONE
        assert first[0] is not Match.NONE
    else:
        assert (match, child["route"].path if child else None) == first
        assert first[1] == found


def test_other_connections_are_left_to_the_router() -> None:
    assert Directory(routes()).matches({"type": "websocket", "path": "/sales"}) == (Match.NONE, {})
