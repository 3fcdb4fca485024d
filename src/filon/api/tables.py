"""Lists and single rows of tables, whatever their contracts say they hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from filon.api.cursor import behind, read_cursor, write_cursor
from filon.api.parameters import (
    Format,
    KeyReader,
    ListRequest,
    ReleaseOnly,
    item_parameters,
    list_parameters,
    nearest,
    read_list,
    refused,
)
from filon.api.problems import READING_ERRORS, HttpProblem, documented
from filon.api.rendering import MEDIA_TYPES, Writer, json_bytes, json_bytes_beside, make_writer
from filon.api.responder import Reply
from filon.api.routing import make_router
from filon.api.schemas import list_model, row_model
from filon.api.service import Service
from filon.api.snapshot import Snapshot
from filon.project import Column
from filon.project.serving import Operator
from filon.serving.query import Condition, Query, Row, Value
from filon.serving.served import ServedTable
from filon.serving.tables import Order

BATCH = 5_000
FEW_ROWS = 200
"""Rows that are spelled inside the event loop; to go beside it takes longer."""
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The client holds this answer already"}}


@dataclass(frozen=True)
class Page:
    """Rows that are asked for: where they begin, in which order, and how many there are at most (None: all)."""

    snapshot: Snapshot
    sort: tuple[Order, ...]
    conditions: tuple[Condition, ...]
    skip: int
    limit: int | None
    after: tuple[Value, ...] | None
    total: int


class ListEndpoint:
    """The list of one table."""

    def __init__(self, service: Service, served: ServedTable) -> None:
        self._service = service
        self._served = served
        self._stored = served.stored
        self._sort = served.stored.total_order(served.stored.sort)
        self.parameters = list_parameters(served)

    async def answer(self, request: Request) -> Response:
        """One page, or a file of rows."""
        asked = read_list(self._served, self.parameters, request)
        cursor = None
        if asked.after is not None:
            cursor = read_cursor(asked.after, self._stored, asked.conditions, self._service.secret())
        if cursor is not None and asked.sort is not None and self._stored.total_order(asked.sort) != cursor.sort:
            raise refused("sort", "the cursor belongs to another order", "leave sort out, or begin without a cursor")
        snapshot = await self._service.snapshots.choose(asked.release, cursor.load if cursor else None)
        reply = self._service.responder.reply(request, snapshot, [snapshot.table(self._served.name)])
        if unchanged := reply.unchanged():
            return unchanged
        sort = cursor.sort if cursor else self._stored.total_order(asked.sort) if asked.sort else self._sort
        page = Page(
            snapshot,
            sort,
            asked.conditions,
            asked.skip,
            self._limit(asked),
            cursor.place if cursor else None,
            await self._total(snapshot, asked.conditions),
        )
        if asked.format is Format.JSON:
            return await self._page(reply, page, asked)
        return await self._file(reply, page, asked)

    def _limit(self, asked: ListRequest) -> int | None:
        if asked.limit is None and asked.format is Format.JSON:
            return self._served.spec.default_limit
        return asked.limit

    async def _total(self, snapshot: Snapshot, conditions: tuple[Condition, ...]) -> int:
        if not conditions:
            return snapshot.table(self._served.name).rows
        return await self._service.reader.count(snapshot.load, self._stored, conditions)

    async def _page(self, reply: Reply, page: Page, asked: ListRequest) -> Response:
        limit = page.limit or 0
        rows = await self._find(page, limit + 1, _wanted(page.sort, asked.fields))
        headers = {}
        if len(rows) > limit:
            rows = rows[:limit]
            place = behind(page.snapshot.load, page.sort, rows[-1])
            cursor = write_cursor(place, self._stored, page.conditions, self._service.secret())
            headers["Link"] = f'<{_next(reply.request, cursor)}>; rel="next"'
        if asked.fields is not None:
            rows = [{name: row[name] for name in asked.fields} for row in rows]
        body: dict[str, object] = {"total": page.total, "data": rows}
        if self._served.spec.paged:
            body = {"total": page.total, "skip": page.skip, "limit": limit, "data": rows}
        text = await json_bytes_beside(body) if len(rows) > FEW_ROWS else json_bytes(body)
        return await reply.json(text, headers)

    async def _file(self, reply: Reply, page: Page, asked: ListRequest) -> Response:
        columns = self._columns(asked.fields)
        # the first batch is read before the status is sent, so that a store out of reach is a problem document
        first = await self._find(page, _most(page.limit, 0), _wanted(page.sort, asked.fields))
        name = f"{self._served.name}-{page.snapshot.state.release}.{asked.format.value}"
        headers = {
            "Content-Type": MEDIA_TYPES[asked.format],
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        chunks = self._chunks(make_writer(asked.format, columns), page, first, asked.fields)
        return reply.stream(chunks, headers, compressible=asked.format is not Format.PARQUET)

    async def _chunks(
        self, writer: Writer, page: Page, batch: list[Row], fields: tuple[str, ...] | None
    ) -> AsyncIterator[bytes]:
        wanted = _wanted(page.sort, fields)
        sent = 0
        while batch:
            yield await asyncio.to_thread(writer.rows, batch)
            sent += len(batch)
            if len(batch) < BATCH or sent == page.limit:
                break
            query = Query(
                page.sort,
                page.conditions,
                after=tuple(batch[-1][step.column] for step in page.sort),
                limit=_most(page.limit, sent),
                fields=wanted,
            )
            batch = await self._service.reader.find(page.snapshot.load, self._stored, query)
        yield await asyncio.to_thread(writer.end)

    async def _find(self, page: Page, limit: int, fields: tuple[str, ...] | None) -> list[Row]:
        if page.skip >= page.total:
            return []
        skip, at = page.skip, None
        if skip and not page.conditions and page.sort == self._sort:
            skip, at = await self._jump(page)
        query = Query(page.sort, page.conditions, at=at, after=page.after, skip=skip, limit=limit, fields=fields)
        return await self._service.reader.find(page.snapshot.load, self._stored, query)

    async def _jump(self, page: Page) -> tuple[int, tuple[Value, ...] | None]:
        """Where to begin so that few rows are left out, and how many still are."""
        page_index = await self._service.reader.page_index(page.snapshot.load, self._stored)
        if page_index is None:
            return page.skip, None
        before, place = page_index.find(page.skip, self._stored)
        return page.skip - before, place

    def _columns(self, fields: tuple[str, ...] | None) -> Sequence[Column]:
        return self._stored.columns if fields is None else [self._stored.column(name) for name in fields]


class ItemEndpoint:
    """One row of a table, by its key."""

    def __init__(self, service: Service, served: ServedTable) -> None:
        self._service = service
        self._served = served
        key = served.stored.column(served.stored.key[0])
        self._key = key.name
        self._sort = (Order(key.name),)
        self._reader = KeyReader(key)
        self.parameters = item_parameters(key)

    async def answer(self, request: Request) -> Response:
        """The row, or 404."""
        release = None
        if request.scope["query_string"]:
            asked = self.parameters.read(request)
            release = asked.release if isinstance(asked, ReleaseOnly) else None
        key = self._reader.read(request.path_params["id"])
        service = self._service
        snapshot = await service.snapshots.choose(release)
        reply = service.responder.reply(request, snapshot, [snapshot.table(self._served.name)])
        if unchanged := reply.unchanged():
            return unchanged
        query = Query(self._sort, (Condition(self._key, Operator.EQUAL, key),), limit=1)
        rows = await service.reader.find(snapshot.load, self._served.stored, query)
        if not rows:
            detail = f"{self._served.name} has no row with this {self._key} in release {snapshot.state.release}."
            raise HttpProblem(404, "no-such-row", detail)
        return await reply.json(json_bytes(rows[0]))


def table_router(service: Service, prefix: str) -> APIRouter:
    """The lists and rows of every table that is served."""
    router = make_router()
    for served in service.served.values():
        endpoint, model = ListEndpoint(service, served), list_model(served)
        paths = [f"{prefix}/tables/{served.name}"]
        if served.spec.path:
            paths.insert(0, f"{prefix}/{served.spec.path}")
        for path in paths:
            _add_list(router, path, served, endpoint, model)
        if served.spec.path and served.spec.item:
            item = ItemEndpoint(service, served)
            router.add_api_route(
                f"{prefix}/{served.spec.path}/{{id}}",
                item.answer,
                response_model=row_model(served),
                responses={**NOT_MODIFIED, **documented(*READING_ERRORS)},
                openapi_extra=item.parameters.openapi,
                summary=f"{served.name}: one row",
                tags=[served.spec.tag],
                operation_id=f"{served.name}_item",
                deprecated=served.is_deprecated,
            )
    router.add_api_route(f"{prefix}/tables/{{name}}", _unknown_table(service), include_in_schema=False)
    return router


def _add_list(router: APIRouter, path: str, served: ServedTable, endpoint: ListEndpoint, model: Any) -> None:
    is_generic = "/tables/" in path
    files: dict[int | str, dict[str, Any]] = {
        200: {"content": {kind.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}} for kind in FILES}}
    }
    router.add_api_route(
        path,
        endpoint.answer,
        response_model=model,
        responses={**files, **NOT_MODIFIED, **documented(*READING_ERRORS)},
        openapi_extra=endpoint.parameters.openapi,
        summary=f"{served.name}: rows",
        description=served.contract.description or served.contract.grain,
        tags=["Tables" if is_generic else served.spec.tag],
        operation_id=f"table_{served.name}" if is_generic else f"{served.name}_list",
        deprecated=served.is_deprecated,
    )


FILES = tuple(MEDIA_TYPES.values())


def _unknown_table(service: Service) -> Any:
    async def answer(request: Request) -> Response:
        fix = nearest(request.path_params["name"], service.served)
        raise HttpProblem(404, "unknown-table", f"There is no table of this name: {fix}")

    return answer


def _wanted(sort: tuple[Order, ...], fields: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Columns to fetch: those that are asked for, and those that say where the next page begins."""
    if fields is None:
        return None
    return tuple(dict.fromkeys((*fields, *(step.column for step in sort))))


def _most(limit: int | None, sent: int) -> int:
    return BATCH if limit is None else min(BATCH, limit - sent)


def _next(request: Request, cursor: str) -> str:
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name not in ("skip", "after", "release")]
    return f"{request.url.path}?{urlencode([*kept, ('after', cursor)])}"
