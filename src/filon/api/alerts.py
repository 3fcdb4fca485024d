"""Which alerts of the project hold, as the last run, or `filon alerts`, found."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from filon.api.parameters import Nothing, Parameters
from filon.api.problems import ERRORS, documented
from filon.api.responder import respond
from filon.api.routing import make_router
from filon.api.service import Service
from filon.serving.history import AlertRecord


class AlertsInfo(BaseModel):
    """The alerts of the project, those that hold first."""

    at: dt.datetime | None = Field(description="When they were last looked at; null when nobody did")
    data: list[AlertRecord]


def alerts_router(service: Service, prefix: str) -> APIRouter:
    """The endpoint ``/alerts``."""
    router, parameters = make_router(tags=["Pipeline"]), Parameters(Nothing)

    async def alerts(request: Request) -> Response:
        parameters.read(request)
        found = await service.history.alerts()
        known = sorted(found.alerts, key=lambda alert: not alert.is_on) if found is not None else []
        document = {"at": found.at if found is not None else None, "data": [alert.model_dump() for alert in known]}
        return await respond(request, document)

    router.add_api_route(
        f"{prefix}/alerts",
        alerts,
        response_model=AlertsInfo,
        responses=documented(*ERRORS),
        summary="Which alerts of the project hold",
        operation_id="alerts",
    )
    return router
