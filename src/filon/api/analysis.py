"""Analyses: every measure for any choice of facts, by whatever they can be grouped by, computed from their columns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from filon.api.columns import ColumnCache
from filon.api.parameters import analysis_parameters, read_analysis
from filon.api.problems import READING_ERRORS, HttpProblem, documented
from filon.api.rendering import json_bytes
from filon.api.routing import make_router
from filon.api.schemas import analysis_model
from filon.api.service import Service
from filon.api.snapshot import Remembered, Snapshot
from filon.api.tables import NOT_MODIFIED
from filon.serving.columns.analysing import Question, analyse
from filon.serving.columns.stored import MOST_FACTS, has_columns
from filon.serving.cube import Cube

MOST_ANSWERS = 100


class AnalysisEndpoint:
    """The analyses of one table of facts."""

    def __init__(self, service: Service, library: ColumnCache, cube: Cube, prefix: str) -> None:
        self._service = service
        self._library = library
        self._instead = f"{prefix}/{cube.series.path}"
        self._answers: Remembered[bytes] = Remembered(MOST_ANSWERS)
        self.parameters = analysis_parameters(library.analysis)

    async def answer(self, request: Request) -> Response:
        """A row for each group."""
        analysis, service = self._library.analysis, self._service
        asked = read_analysis(analysis, self.parameters, request)
        snapshot = await service.snapshots.choose(asked.release)
        reply = service.responder.reply(request, snapshot, map(snapshot.table, analysis.inputs))
        if not has_columns(snapshot.table(self._library.name)):
            detail = f"{analysis.table} has more than {MOST_FACTS:,} rows, which are not analysed in memory. "
            raise HttpProblem(409, "too-many-facts", f"{detail}Sums over time are at {self._instead}.")
        if unchanged := reply.unchanged():
            return unchanged
        key = (snapshot.load, asked.question)
        body = await self._answers.get(key, lambda: self._body(snapshot, asked.question))
        return await reply.json(body)

    async def _body(self, snapshot: Snapshot, question: Question) -> bytes:
        columns = await self._library.columns(snapshot)

        def body() -> bytes:
            result = analyse(self._library.analysis, columns, question)
            return json_bytes({"by": question.by, "total": result.total, "data": result.rows})

        return await self._library.compute(body)


class Analyses:
    """The analyses of all tables, and the columns that they are computed from."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._libraries = {
            name: ColumnCache(service.reader, service.snapshots, served.analysis)
            for name, served in service.served.items()
            if served.analysis is not None
        }

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Fetch the columns of new loads in the background, inside the block."""
        tasks = [asyncio.create_task(library.follow()) for library in self._libraries.values()]
        try:
            yield
        finally:
            await _ended(tasks)
            for library in self._libraries.values():
                library.shut()

    def router(self, prefix: str) -> APIRouter:
        """Their endpoints."""
        router = make_router(tags=["Aggregations"])
        for name, library in self._libraries.items():
            cube = self._service.served[name].cube
            if cube is None:
                continue
            endpoint = AnalysisEndpoint(self._service, library, cube, prefix)
            router.add_api_route(
                f"{prefix}/{library.analysis.path}",
                endpoint.answer,
                response_model=analysis_model(library.analysis),
                responses={**NOT_MODIFIED, **documented(*READING_ERRORS)},
                openapi_extra=endpoint.parameters.openapi,
                summary=f"{name}: measures of any choice, by anything",
                operation_id=f"{name}_analysis",
                deprecated=self._service.served[name].is_deprecated,
            )
        return router


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
