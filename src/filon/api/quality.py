"""How good the served data is: rows and why they were rejected, checks, files in quarantine, rejected rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field, create_model
from starlette.requests import Request
from starlette.responses import Response

from filon.api.history import release_checked_at
from filon.api.parameters import STRICT, WHOLE_NUMBER, Nothing, Parameters, Skip, nearest, refused
from filon.api.problems import ERRORS, HttpProblem, documented
from filon.api.responder import respond
from filon.api.routing import make_router
from filon.api.service import Service
from filon.serving.history import CheckRecord, DatasetRecord, QualityRecord, RefusedFiles, RejectedRow
from filon.serving.state import ServedState

MOST_ROWS = 1_000


class QualityInfo(BaseModel):
    """The quality of the served release."""

    release: int
    run_id: str = Field(description="The run that published the release")
    checked_at: dt.datetime = Field(description="When a run last found the release up to date")
    datasets: list[DatasetRecord]
    checks: list[CheckRecord]
    files: RefusedFiles


class RejectedRows(BaseModel):
    """Rejected rows of the served release, by dataset, file and record."""

    total: int = Field(description="Rows of the sample that meet the filters")
    rejected: int = Field(description="All rejected rows of the dataset and reason, in the sample or not")
    skip: int
    limit: int
    data: list[RejectedRow]


class _RowsAsked(BaseModel):
    model_config = STRICT

    reason: str | None = Field(default=None, description="Only rows with this reason, whatever others they have")
    file: str | None = Field(default=None, description="Only rows of this file, by its path under the sources")
    skip: Skip = Field(default=0, description="Rows left out before the first, 0 or more")
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS), WHOLE_NUMBER] = Field(
        default=100, description=f"Most rows, 1 to {MOST_ROWS}"
    )


def rows_asked(datasets: Iterable[str]) -> type[BaseModel]:
    """The parameters of the list of rejected rows of these datasets."""
    dataset: tuple[Any, Any] = (
        str,
        Field(default=None, description="Only rows of this dataset", json_schema_extra={"enum": list(datasets)}),
    )
    return create_model("RowsAsked", __base__=_RowsAsked, dataset=dataset)


class QualityEndpoints:
    """The endpoints of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._datasets = list(service.project.datasets)
        self._nothing = Parameters(Nothing)
        self.parameters = Parameters(rows_asked(self._datasets))

    async def quality(self, request: Request) -> Response:
        """What the rules and checks said of the served release."""
        self._nothing.read(request)
        state, quality = await self._served()
        checked = await self._service.history.checked()
        document = {
            "release": quality.release,
            "run_id": quality.run_id,
            "checked_at": release_checked_at(state, checked),
            **quality.model_dump(include={"datasets", "checks", "files"}),
        }
        return await respond(request, document, state)

    async def rows(self, request: Request) -> Response:
        """Rejected rows as they arrived."""
        asked: Any = self.parameters.read(request)
        if asked.dataset is not None and asked.dataset not in self._datasets:
            fix = nearest(asked.dataset, self._datasets)
            raise refused("dataset", "no dataset of this name", fix)
        state, quality = await self._served()
        names = [asked.dataset] if asked.dataset is not None else self._datasets
        samples = [await self._service.history.sample(quality.samples[n]) for n in names if n in quality.samples]
        sampled = [row for sample in samples for row in sample if _meets(row, asked.reason, asked.file)]
        rejected = sum(_rejected(line, asked.reason) for line in quality.datasets if line.dataset in names)
        page = sampled[asked.skip : asked.skip + asked.limit]
        document = {
            "total": len(sampled),
            "rejected": rejected,
            "skip": asked.skip,
            "limit": asked.limit,
            "data": [row.model_dump() for row in page],
        }
        return await respond(request, document, state)

    async def _served(self) -> tuple[ServedState, QualityRecord]:
        state = (await self._service.snapshots.choose()).state
        quality = await self._service.history.quality(state.release)
        if quality is None:
            detail = f"The store has no quality of release {state.release} yet. The next `filon run` writes it."
            raise HttpProblem(404, "no-quality", detail)
        return state, quality


def _meets(row: RejectedRow, reason: str | None, file: str | None) -> bool:
    return (reason is None or reason in row.reasons) and (file is None or file == row.file)


def _rejected(line: DatasetRecord, reason: str | None) -> int:
    return line.rejected if reason is None else line.reasons.get(reason, 0)


def quality_router(service: Service, prefix: str) -> APIRouter:
    """The endpoints ``/quality`` and ``/quarantine/rows``."""
    router = make_router(tags=["Quality"])
    endpoints = QualityEndpoints(service)
    router.add_api_route(
        f"{prefix}/quality",
        endpoints.quality,
        response_model=QualityInfo,
        responses=documented(404, *ERRORS),
        summary="How good the data of the served release is",
        operation_id="quality",
    )
    router.add_api_route(
        f"{prefix}/quarantine/rows",
        endpoints.rows,
        response_model=RejectedRows,
        responses=documented(404, *ERRORS),
        openapi_extra=endpoints.parameters.openapi,
        summary="Rejected rows as they arrived",
        description="Raw records may hold anything that a contract would have refused: where API keys are in force, "
        "this needs the scope `admin`.",
        operation_id="quarantine_rows",
    )
    return router
