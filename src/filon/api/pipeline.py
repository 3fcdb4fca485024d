"""How fresh the served tables are, and how long they took from gold to the store."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from filon.api.parameters import Nothing, Parameters, nearest
from filon.api.problems import ERRORS, HttpProblem, documented
from filon.api.responder import respond
from filon.api.routing import make_router
from filon.api.schemas import PipelineStatus, RefreshTime
from filon.api.service import Service
from filon.serving.state import ServedState, TableState

NAME = {"name": "collection", "in": "path", "required": True, "description": "Name of a table"}
PARAMETERS = Parameters(Nothing)
ONE = Parameters(Nothing, [{**NAME, "schema": {"type": "string"}}])


def human(seconds: float) -> str:
    """A duration for people, such as ``1 min 5 s``."""
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount)


def refresh_time(table: TableState) -> dict[str, object]:
    """How long a table took from gold to the store."""
    seconds = table.refresh_seconds
    return {
        "collection_name": table.table,
        "gold_processed_at": table.gold_at,
        "mongo_synced_at": table.synced_at,
        "refresh_time_seconds": round(seconds, 3),
        "refresh_time_human": human(seconds),
    }


class PipelineEndpoints:
    """The endpoints of the current load."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def status(self, request: Request) -> Response:
        """Every table that the project serves, loaded or not."""
        PARAMETERS.read(request)
        state = await self._state(empty=True)
        known = self._known(state)
        collections = [
            {
                "name": name,
                "synced": name in known,
                "last_sync": known[name].synced_at if name in known else None,
                "row_count": known[name].rows if name in known else 0,
            }
            for name in self._service.served
        ]
        times = [table.refresh_seconds for table in known.values()]
        document = {
            "total_collections": len(collections),
            "synced_collections": len(known),
            "collections": collections,
            "average_refresh_time_seconds": round(sum(times) / len(times), 3) if times else None,
        }
        return await respond(request, document, state)

    async def refresh_times(self, request: Request) -> Response:
        """Every table that is loaded."""
        PARAMETERS.read(request)
        state = await self._state()
        times = [refresh_time(table) for table in self._known(state).values()]
        return await respond(request, times, state)

    async def refresh_time(self, request: Request) -> Response:
        """One table, or 404."""
        PARAMETERS.read(request)
        state = await self._state()
        known, name = self._known(state), request.path_params["collection"]
        if name not in known:
            fix = nearest(name, known)
            raise HttpProblem(404, "unknown-collection", f"There is no collection of this name: {fix}")
        return await respond(request, refresh_time(known[name]), state)

    async def _state(self, *, empty: bool = False) -> ServedState | None:
        if empty and not await self._service.snapshots.known():
            return None
        return (await self._service.snapshots.choose()).state

    def _known(self, state: ServedState | None) -> dict[str, TableState]:
        if state is None:
            return {}
        snapshot = self._service.snapshots.of(state)
        known = {name: snapshot.known(name) for name in self._service.served}
        return {name: table for name, table in known.items() if table is not None}


def pipeline_router(service: Service, prefix: str) -> APIRouter:
    """The endpoints under ``/pipeline``."""
    router = make_router(tags=["Pipeline"])
    endpoints = PipelineEndpoints(service)
    router.add_api_route(
        f"{prefix}/pipeline/status",
        endpoints.status,
        response_model=PipelineStatus,
        responses=documented(*ERRORS),
        summary="Which collections are loaded",
        operation_id="pipeline_status",
    )
    router.add_api_route(
        f"{prefix}/pipeline/refresh-times",
        endpoints.refresh_times,
        response_model=list[RefreshTime],
        responses=documented(*ERRORS),
        summary="How long each collection took from gold to the store",
        operation_id="refresh_times",
    )
    router.add_api_route(
        f"{prefix}/pipeline/refresh-time/{{collection}}",
        endpoints.refresh_time,
        response_model=RefreshTime,
        responses=documented(404, *ERRORS),
        openapi_extra=ONE.openapi,
        summary="How long one collection took from gold to the store",
        operation_id="refresh_time",
    )
    return router
