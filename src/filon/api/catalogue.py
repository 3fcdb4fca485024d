"""What there is to read: every table, what its contract says of it, and how fresh it is."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from filon.api.answers import now
from filon.api.parameters import Parameters, ReleaseOnly
from filon.api.problems import documented
from filon.api.rendering import JSON_TYPE, json_bytes
from filon.api.schemas import TableInfos
from filon.api.service import Service
from filon.project.analysis import PERIODS, Analysis
from filon.project.serving import Served
from filon.serving.state import ServedState


def describe(served: Served, prefix: str, state: ServedState) -> dict[str, object]:
    """A table for readers who do not know it."""
    contract, stored = served.contract, served.stored
    known = state.tables.get(served.name)
    quality = None if known is None else "warned" if known.warned else "passed"
    return {
        "name": served.name,
        "path": f"{prefix}/{served.words.path or f'tables/{served.name}'}",
        "description": contract.description,
        "grain": contract.grain,
        "key": stored.key,
        "columns": [
            {
                "name": column.name,
                "type": column.type.kind.value,
                "sql_type": column.type.sql,
                "required": column.required,
                "description": column.description,
            }
            for column in stored.columns
        ],
        "filters": list(served.filters),
        "sort": [f"-{step.column}" if step.descending else step.column for step in stored.whole(stored.sort)],
        "sortable": stored.sortable,
        "rows": known.rows if known else None,
        "release": state.release if known else None,
        "gold_at": known.gold_at if known else None,
        "synced_at": known.synced_at if known else None,
        "age_seconds": max(0, int((now() - known.gold_at).total_seconds())) if known else None,
        "quality": quality,
        "analysis": _analysed(served.analysis, prefix) if served.analysis else None,
    }


def _analysed(analysis: Analysis, prefix: str) -> dict[str, object]:
    return {
        "path": f"{prefix}/{analysis.path}",
        "measures": list(analysis.measures),
        "dimensions": list(analysis.dimensions),
        "periods": list(PERIODS),
        "distinct": list(analysis.distinct),
        "time": analysis.time.name,
    }


def catalogue_router(service: Service, prefix: str) -> APIRouter:
    """The endpoint ``/tables``."""
    router = APIRouter(tags=["Tables"])
    parameters = Parameters(ReleaseOnly)

    async def tables(request: Request) -> Response:
        asked = parameters.read(request)
        snapshot = await service.snapshots.choose(asked.release if isinstance(asked, ReleaseOnly) else None)
        data = [describe(served, prefix, snapshot.state) for served in service.served.values()]
        headers = {"X-Filon-Release": str(snapshot.state.release), "Cache-Control": "no-cache"}
        return Response(json_bytes({"total": len(data), "data": data}), headers=headers, media_type=JSON_TYPE)

    router.add_api_route(
        f"{prefix}/tables",
        tables,
        response_model=TableInfos,
        responses=documented(401, 403, 404, 422, 429, 500, 503),
        openapi_extra=parameters.openapi,
        summary="The tables that are served",
        operation_id="tables",
    )
    return router
