"""What there is to read: every table, what its contract says of it, and how fresh it is."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from filon.api.clock import now
from filon.api.history import table_checked_at
from filon.api.parameters import Parameters, ReleaseOnly
from filon.api.problems import ERRORS, documented
from filon.api.responder import age_s, quality_of, respond
from filon.api.routing import make_router
from filon.api.schemas import TableInfos, column_info, measure_format
from filon.api.service import Service
from filon.api.snapshot import Snapshot
from filon.serving.analysis import Analysis, Operation
from filon.serving.columns.stored import chunk_table, has_columns
from filon.serving.history import CheckedRecord
from filon.serving.served import ServedTable


def describe(served: ServedTable, prefix: str, snapshot: Snapshot) -> dict[str, object]:
    """A table for readers who do not know it."""
    contract, stored = served.contract, served.stored
    state, known = snapshot.state, snapshot.known(served.name)
    return {
        "name": served.name,
        "path": f"{prefix}/{served.spec.path or f'tables/{served.name}'}",
        "description": contract.description,
        "grain": contract.grain,
        "key": stored.key,
        "columns": [column_info(column, is_key=column.name in stored.key) for column in stored.columns],
        "filters": list(served.filters),
        "sort": [str(step) for step in stored.total_order(stored.sort)],
        "sortable": stored.sortable,
        "maximum_limit": served.spec.maximum_limit,
        "rows": known.rows if known else None,
        "release": state.release if known else None,
        "gold_at": known.gold_at if known else None,
        "synced_at": known.synced_at if known else None,
        "age_seconds": age_s(known, now()) if known else None,
        "quality": quality_of([known]) if known else None,
        "counts_forgotten": known.counts_forgotten if known else None,
        "analysis": _analysed(served.analysis, prefix) if served.analysis and _is_analysed(served, snapshot) else None,
        "chart": served.chart.model_dump() if served.chart else None,
        "deprecated": contract.deprecated.model_dump() if contract.deprecated else None,
    }


def freshness(served: ServedTable, snapshot: Snapshot, checked: CheckedRecord | None) -> dict[str, object]:
    """What a table promises, when it was last found up to date, and whether the promise is kept."""
    known, promise = snapshot.known(served.name), served.latency
    checked_at = table_checked_at(snapshot.state, known, checked) if known else None
    return {
        "latency_seconds": int(promise.total_seconds()) if promise else None,
        "checked_at": checked_at,
        "fresh": now() - checked_at <= promise if promise and checked_at else None,
    }


def _analysed(analysis: Analysis, prefix: str) -> dict[str, object]:
    return {
        "path": f"{prefix}/{analysis.path}",
        "measures": list(analysis.measures),
        "dimensions": list(analysis.dimensions),
        "periods": list(analysis.periods),
        "distinct": list(analysis.distinct),
        "formats": {name: measure_format(item) for name, item in analysis.measures.items()},
        "sums": [name for name, item in analysis.measures.items() if item.operation is Operation.SUM],
        "time": analysis.time.name,
    }


def _is_analysed(served: ServedTable, snapshot: Snapshot) -> bool:
    """Whether the load holds the columns that analyses are computed from."""
    if served.analysis is None:
        return False
    columns = snapshot.known(chunk_table(served.analysis).name)
    return columns is not None and has_columns(columns) and all(map(snapshot.known, served.analysis.inputs))


def catalogue_router(service: Service, prefix: str) -> APIRouter:
    """The endpoint ``/tables``."""
    router = make_router(tags=["Tables"])
    parameters = Parameters(ReleaseOnly)

    async def tables(request: Request) -> Response:
        asked = parameters.read(request)
        snapshot = await service.snapshots.choose(asked.release if isinstance(asked, ReleaseOnly) else None)
        checked = await service.history.checked()
        data = [
            {**describe(served, prefix, snapshot), **freshness(served, snapshot, checked)}
            for served in service.served.values()
        ]
        return await respond(request, {"total": len(data), "data": data}, snapshot.state)

    router.add_api_route(
        f"{prefix}/tables",
        tables,
        response_model=TableInfos,
        responses=documented(404, *ERRORS),
        openapi_extra=parameters.openapi,
        summary="The tables that are served",
        operation_id="tables",
    )
    return router
