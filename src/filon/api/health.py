"""Whether the process is up, and whether it can answer."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from filon.api.clock import now
from filon.api.problems import RETRY_AFTER_S, documented
from filon.api.rendering import JSON_TYPE, json_bytes
from filon.api.routing import make_router
from filon.api.schemas import Health, Liveness
from filon.api.service import Service
from filon.errors import StoreError

EMBEDDED = "sqlite"
NO_STORE = {"Cache-Control": "no-store"}


class HealthEndpoints:
    """Health of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def health(self, request: Request) -> Response:
        """The store and what it serves; 503 when it is out of reach."""
        store = "embedded" if self._service.reader.name == EMBEDDED else "connected"
        release, status = None, 200
        try:
            states = await self._service.reader.states()
            release = states[0].release if states else None
        except StoreError as error:
            request.scope["filon.error"] = str(error)
            store, status = "error: the store does not answer", 503
        document = {
            "status": "degraded" if release is None else "healthy",
            "timestamp": now(),
            "mongodb": store,
            "release": release,
        }
        headers = NO_STORE if status == 200 else {**NO_STORE, "Retry-After": str(RETRY_AFTER_S)}
        return Response(json_bytes(document), status, headers, JSON_TYPE)

    async def live(self, _request: Request) -> Response:
        """The process answers."""
        return Response(b'{"status":"alive"}', headers=NO_STORE, media_type=JSON_TYPE)

    async def ready(self, request: Request) -> Response:
        """The same as health, but 503 as long as nothing is loaded."""
        answer = await self.health(request)
        if b'"status":"degraded"' in answer.body:
            answer.status_code = 503
        return answer


def health_router(service: Service) -> APIRouter:
    """The endpoints under ``/health``."""
    router = make_router(tags=["Health"])
    endpoints = HealthEndpoints(service)
    out = {503: {"model": Health, "description": "The store is out of reach"}, **documented(500)}
    router.add_api_route(
        "/health", endpoints.health, response_model=Health, responses=out, summary="Health", operation_id="health"
    )
    router.add_api_route(
        "/health/live", endpoints.live, response_model=Liveness, summary="The process is up", operation_id="live"
    )
    router.add_api_route(
        "/health/ready",
        endpoints.ready,
        response_model=Health,
        responses={**out, 503: {"model": Health, "description": "Nothing can be read yet"}},
        summary="Rows can be read",
        operation_id="ready",
    )
    return router
