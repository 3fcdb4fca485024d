"""Sums over time, read from the cube that was stored with the facts."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Iterable, Mapping
from decimal import Decimal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from filon.api.parameters import AggregationRequest, aggregation_parameters, read_aggregation
from filon.api.problems import READING_ERRORS, documented
from filon.api.rendering import json_bytes
from filon.api.routing import make_router
from filon.api.schemas import series_model, total_model
from filon.api.service import Service
from filon.api.snapshot import Remembered, Snapshot
from filon.api.tables import BATCH, NOT_MODIFIED
from filon.project import Kind
from filon.project.serving import Operator
from filon.project.values import EXACT
from filon.project.vocabulary import EndpointSpec, Period
from filon.serving.cube import GROUPING_KEY, Cube, grouping_key
from filon.serving.query import Condition, Query, Row, Value
from filon.serving.served import ServedTable
from filon.serving.tables import Order

LENGTHS = {Period.DAY: 10, Period.MONTH: 7, Period.YEAR: 4}
Number = int | Decimal
MOST_ANSWERS = 200


class AggregationEndpoint:
    """One answer of a cube: a total, or one per period."""

    def __init__(self, service: Service, served: ServedTable, cube: Cube, *, series: bool) -> None:
        self._service = service
        self._served = served
        self._cube = cube
        self._answer: EndpointSpec = cube.series if series else cube.total
        self._series = series
        self._sort = (Order(cube.time.name, descending=True), Order(GROUPING_KEY))
        self._answers: Remembered[bytes] = Remembered(MOST_ANSWERS)
        self.parameters = aggregation_parameters(cube, series=series)

    async def answer(self, request: Request) -> Response:
        """The sums."""
        asked = read_aggregation(self._cube, self.parameters, request)
        service = self._service
        snapshot = await service.snapshots.choose(asked.release)
        reply = service.responder.reply(request, snapshot, map(snapshot.table, self._cube.inputs))
        if unchanged := reply.unchanged():
            return unchanged
        key = (snapshot.load, *sorted(asked.choice.items()), asked.first, asked.last, asked.period)
        body = await self._answers.get(key, lambda: self._body(snapshot, asked))
        return await reply.json(body)

    async def _body(self, snapshot: Snapshot, asked: AggregationRequest) -> bytes:
        days = [row async for row in self._days(snapshot, asked)]

        def body() -> bytes:
            return json_bytes(self._periods(days, asked.period) if self._series else self._sums(days))

        return await asyncio.to_thread(body)

    async def _days(self, snapshot: Snapshot, asked: AggregationRequest) -> AsyncIterator[Row]:
        """The sums of every day in the range, newest first; the load's cube has one row per day and choice."""
        snapshot.table(self._cube.stored.name)
        time = self._cube.time.name
        conditions = [Condition(GROUPING_KEY, Operator.EQUAL, grouping_key(asked.choice))]
        if asked.first is not None:
            conditions.append(Condition(time, Operator.AT_LEAST, asked.first))
        if asked.last is not None:
            conditions.append(Condition(time, Operator.AT_MOST, asked.last))
        after: tuple[Value, ...] | None = None
        while True:
            query = Query(self._sort, tuple(conditions), after=after, limit=BATCH)
            rows = await self._service.reader.find(snapshot.load, self._cube.stored, query)
            for row in rows:
                yield row
            if len(rows) < BATCH:
                return
            after = tuple(rows[-1][step.column] for step in self._sort)

    def _sums(self, rows: Iterable[Row]) -> dict[str, Number]:
        sums = self._zeros()
        for row in rows:
            self._add(sums, row)
        return sums

    def _periods(self, rows: Iterable[Row], period: Period) -> dict[str, object]:
        sums_of: dict[str, dict[str, Number]] = {}
        for row in rows:
            name = _period(row[self._cube.time.name], period)
            if name not in sums_of:
                sums_of[name] = self._zeros()
            self._add(sums_of[name], row)
        words = self._cube.words
        data = [{words.period: name, **sums} for name, sums in sums_of.items()]
        [granularity] = [name for name, known in words.periods.items() if known is period]
        return {words.granularity: granularity, "total": len(data), "data": data}

    def _zeros(self) -> dict[str, Number]:
        columns = {shown: self._cube.measures[measure] for shown, measure in self._answer.measures.items()}
        return {
            shown: 0 if column is None or column.type.kind is Kind.INTEGER else Decimal(0).scaleb(-column.type.scale)
            for shown, column in columns.items()
        }

    def _add(self, sums: dict[str, Number], row: Mapping[str, Value]) -> None:
        for shown, measure in self._answer.measures.items():
            value = row[measure]
            if isinstance(value, (int, Decimal)):
                sums[shown] = _sum(sums[shown], value)


def _sum(one: Number, other: Number) -> Number:
    """The exact sum; Python's default context would round decimals to 28 digits."""
    return one + other if isinstance(one, int) and isinstance(other, int) else EXACT.add(one, other)


def _period(day: Value, period: Period) -> str:
    return day.isoformat()[: LENGTHS[period]] if isinstance(day, dt.date) else str(day)


def aggregation_router(service: Service, prefix: str) -> APIRouter:
    """The endpoints of every cube."""
    router = make_router(tags=["Aggregations"])
    for served in service.served.values():
        cube = served.cube
        if cube is None:
            continue
        for series, answer, model in ((False, cube.total, total_model(cube)), (True, cube.series, series_model(cube))):
            endpoint = AggregationEndpoint(service, served, cube, series=series)
            router.add_api_route(
                f"{prefix}/{answer.path}",
                endpoint.answer,
                response_model=model,
                responses={**NOT_MODIFIED, **documented(*READING_ERRORS)},
                openapi_extra=endpoint.parameters.openapi,
                summary=f"{served.name}: {'sums per period' if series else 'sums'}",
                operation_id=f"{served.name}_{'series' if series else 'total'}",
                deprecated=served.is_deprecated,
            )
    return router
