"""How the runs of the pipeline went."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from filon.api.parameters import STRICT, WHOLE_NUMBER, Nothing, Parameters, Skip
from filon.api.problems import ERRORS, HttpProblem, documented
from filon.api.responder import respond
from filon.api.routing import make_router
from filon.api.service import Service
from filon.serving.history import MOST_RUNS, RunRecord

ID = {"name": "run_id", "in": "path", "required": True, "description": "Id of a run", "schema": {"type": "string"}}


class RunsAsked(BaseModel):
    """Parameters of the list of runs."""

    model_config = STRICT

    skip: Skip = Field(default=0, description="Runs left out before the first, 0 or more")
    limit: Annotated[int, Field(ge=1, le=100), WHOLE_NUMBER] = Field(default=20, description="Most runs, 1 to 100")


class RunRecords(BaseModel):
    """Runs, newest first."""

    total: int = Field(description=f"Runs that are remembered, {MOST_RUNS} at most")
    skip: int
    limit: int
    data: list[RunRecord]


def runs_router(service: Service, prefix: str) -> APIRouter:
    """The endpoints under ``/runs``."""
    router = make_router(tags=["Pipeline"])
    several, one = Parameters(RunsAsked), Parameters(Nothing, [ID])

    async def runs(request: Request) -> Response:
        asked: Any = several.read(request)
        total = await service.history.count_runs()
        data = await service.history.runs(asked.skip, asked.limit)
        records = [record.model_dump() for record in data]
        return await respond(request, {"total": total, "skip": asked.skip, "limit": asked.limit, "data": records})

    async def run(request: Request) -> Response:
        one.read(request)
        record = await service.history.run(request.path_params["run_id"])
        if record is None:
            raise HttpProblem(404, "unknown-run", f"There is no run of this id. The newest {MOST_RUNS} are remembered.")
        return await respond(request, record.model_dump())

    router.add_api_route(
        f"{prefix}/runs",
        runs,
        response_model=RunRecords,
        responses=documented(*ERRORS),
        openapi_extra=several.openapi,
        summary="How the runs of the pipeline went, newest first",
        operation_id="runs",
    )
    router.add_api_route(
        f"{prefix}/runs/{{run_id}}",
        run,
        response_model=RunRecord,
        responses=documented(404, *ERRORS),
        openapi_extra=one.openapi,
        summary="How one run went",
        operation_id="run",
    )
    return router
