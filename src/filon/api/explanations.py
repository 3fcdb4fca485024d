"""Why a figure is what it is: the rows, files and records behind a row of a table, or behind a cell of an analysis.

The API reads no lake: a process of its own does (``filon.api.explainer``), and is asked for the release that answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from filon.api.explainer import ExplainerProcess
from filon.api.parameters import (
    PageAsked,
    Parameters,
    cell_of,
    cell_parameters,
    nearest,
    read_key,
    require_table,
)
from filon.api.problems import READING_ERRORS, HttpProblem, documented
from filon.api.responder import respond
from filon.api.routing import make_router
from filon.api.security import CALLER, Caller
from filon.api.service import Service
from filon.api.snapshot import Remembered, Snapshot
from filon.explain.question import Cell, Question
from filon.explain.report import OBSTACLES, Obstacle
from filon.serving.analysis import Analysis
from filon.serving.served import ServedTable

Row = dict[str, Any]
MOST_ANSWERS = 200
PATH = [
    {
        "name": "table",
        "in": "path",
        "required": True,
        "description": "A table of the project",
        "schema": {"type": "string"},
    },
    {
        "name": "key",
        "in": "path",
        "required": True,
        "description": "The values of its key, in the order of the contract, a slash between (%2F in a value)",
        "schema": {"type": "string"},
    },
]


class RecordInfo(BaseModel):
    """A record of a file as received."""

    file: str = Field(description="Path under the sources")
    version: int = Field(description="Number of the file version")
    sha256: str = Field(description="Hash of the file version")
    record: int = Field(description="Number of the record in the file, from 1")
    fields: dict[str, str | None] | None = Field(description="Texts of the columns; null when they are withheld")
    text: str | None = Field(description="The record as CSV; null when it is withheld")


class OtherRecordInfo(BaseModel):
    """A record that has the same key and is not the row."""

    table: str
    state: Literal["rejected", "superseded"]
    reasons: dict[str, str] = Field(description="Why it was rejected: reasons, each with what the contract demands")
    record: RecordInfo


class ContributionInfo(BaseModel):
    """Rows of a table that the figure was computed from."""

    table: str
    read_by: str | None = Field(description="Model that read them; null for the facts of a cell, or the row itself")
    rows: int = Field(description="How many there are")
    exact: bool = Field(description="Whether all of them were used; else the used ones are among them")
    of_shown: bool = Field(description="Whether these are only the rows behind those that are shown of a table above")
    condition: str | None = Field(description="SQL that these rows meet; null when it is withheld")
    skip: int = Field(description="Rows left out before the first")
    data: list[Row] = Field(description="Rows that are shown; none when they are withheld")
    records: list[RecordInfo] = Field(description="Records of these rows, in the same order, of tables of sources")


class NotFollowedInfo(BaseModel):
    """A table that was read too, and why its rows are not told."""

    table: str
    read_by: str
    code: Obstacle
    reason: str = Field(description="The same in words")


class ExplanationInfo(BaseModel):
    """Where a figure comes from."""

    table: str
    release: int
    state: Literal["found", "rejected", "superseded", "left_out"] = Field(
        description="found; of a row that is not there: its records were rejected, or are not the row of their key, "
        "or the model leaves it out"
    )
    row: Row | None = Field(description="The row, or the measure of a cell")
    sql: str | None = Field(description="The SELECT behind it; null for a table of a source")
    inputs: list[str] = Field(description="Tables that the SELECT reads")
    contributions: list[ContributionInfo] = Field(description="The rows behind it, the nearest tables first")
    not_followed: list[NotFollowedInfo]
    others: list[OtherRecordInfo] = Field(description="Records of the same key that are not the row, the first ones")
    others_total: int
    counts_forgotten: int = Field(
        description="Rows of the table whose figures were published before a person was erased, and count them"
    )
    withheld: bool = Field(description="Whether raw records and tables that are not served were left out")


@dataclass(frozen=True)
class View:
    """What a caller may see: everything, or what the tables show that are served whole."""

    everything: bool
    served: Mapping[str, ServedTable]

    def shows(self, table: str) -> bool:
        """Whether the rows of a table may be shown."""
        return self.everything or (table in self.served and self.served[table].window is None)

    def explanation(self, found: Mapping[str, Any]) -> Row:
        """An explanation as the caller may see it."""
        copied = ("table", "release", "sql", "inputs", "others_total", "counts_forgotten")
        return {
            **{name: found[name] for name in copied},
            "state": _state(found),
            "row": found["row"] or None,
            "contributions": [self._contribution(part) for part in found["contributions"]],
            "not_followed": [_not_followed(part) for part in found["not_followed"]],
            "others": [self._other(other) for other in found["others"]],
            "withheld": not self.everything,
        }

    def _contribution(self, part: Mapping[str, Any]) -> Row:
        copied = ("table", "read_by", "rows", "exact", "of_shown", "skip")
        shows = self.shows(part["table"])
        return {
            **{name: part[name] for name in copied},
            "condition": part["condition"] if shows else None,
            "data": part["shown"] if shows else [],
            "records": [self._record(record) for record in part["records"]],
        }

    def _other(self, other: Mapping[str, Any]) -> Row:
        state = "rejected" if other["reasons"] else "superseded"
        record = self._record(other["record"])
        return {"table": other["table"], "state": state, "reasons": other["reasons"], "record": record}

    def _record(self, record: Mapping[str, Any]) -> Row:
        return dict(record) if self.everything else {**record, "fields": None, "text": None}


def _state(found: Mapping[str, Any]) -> str:
    if found["row"]:
        return "found"
    if any(other["reasons"] for other in found["others"]):
        return "rejected"
    return "left_out" if found["contributions"] else "superseded"


def _not_followed(part: Mapping[str, str]) -> Row:
    """What an engine says may name places of the server."""
    return {**part, "reason": OBSTACLES[Obstacle.REFUSED]} if part["code"] == Obstacle.REFUSED else dict(part)


class Explanations:
    """The endpoints of one service."""

    def __init__(self, service: Service, explainer: ExplainerProcess) -> None:
        self._service = service
        self._explainer = explainer
        self._answers: Remembered[Row] = Remembered(MOST_ANSWERS)
        self._page = Parameters(PageAsked, PATH)

    def router(self, prefix: str) -> APIRouter:
        """Their endpoints."""
        router = make_router(tags=["Explanations"])
        for name, served in self._service.served.items():
            if served.analysis is not None:
                parameters = cell_parameters(served.analysis)
                router.add_api_route(
                    f"{prefix}/explain/{name}",
                    self._cell(served.analysis, parameters),
                    response_model=ExplanationInfo,
                    responses=documented(*READING_ERRORS),
                    openapi_extra=parameters.openapi,
                    summary=f"{name}: the facts behind a measure",
                    description=ABOUT,
                    operation_id=f"{name}_explained",
                )
        router.add_api_route(f"{prefix}/explain/{{table}}", self._no_cell, include_in_schema=False)
        router.add_api_route(
            f"{prefix}/explain/{{table}}/{{key:path}}",
            self._row(f"{prefix}/explain/"),
            response_model=ExplanationInfo,
            responses=documented(*READING_ERRORS),
            openapi_extra=self._page.openapi,
            summary="What a row was computed from, or why it is not there",
            description=ABOUT,
            operation_id="explain",
        )
        return router

    async def shut(self) -> None:
        """End what is under way."""
        await self._explainer.shut()

    def _row(self, before: str) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            asked: Any = self._page.read(request)
            table, view = request.path_params["table"], self._view(request)
            self._require_shown(table, view)
            key = read_key(request, before)
            contract = self._service.project.contracts[table]
            if len(key) != len(contract.key):
                detail = f"The key of {table} is {', '.join(contract.key) or 'none'}: a slash between two values."
                raise HttpProblem(404, "no-such-row", detail)
            return await self._answer(request, asked, view, table, [table], key=key)

        return answer

    def _cell(self, analysis: Analysis, parameters: Parameters) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            asked: Any = parameters.read(request)
            view = self._view(request)
            self._require_shown(analysis.table, view)
            cell = cell_of(analysis, asked)
            return await self._answer(request, asked, view, analysis.table, analysis.inputs, cell=cell)

        return answer

    async def _no_cell(self, request: Request) -> Response:
        table = request.path_params["table"]
        self._require_shown(table, self._view(request))
        detail = f"{table} has no analysis: give the key of a row, /explain/{table}/KEY."
        raise HttpProblem(404, "unknown-path", detail)

    async def _answer(
        self,
        request: Request,
        asked: Any,
        view: View,
        table: str,
        tables: Iterable[str],
        *,
        key: tuple[str, ...] = (),
        cell: Cell | None = None,
    ) -> Response:
        require_table(asked.of, self._service.project.contracts)
        snapshot = await self._service.snapshots.choose(asked.release)
        question = Question(
            release=snapshot.state.release,
            builds=_builds(snapshot, [name for name in tables if name in self._service.served]),
            table=table,
            key=key,
            cell=cell,
            of=asked.of or "",
            skip=asked.skip,
            limit=asked.limit,
        )
        caller: Caller = request.scope[CALLER]
        remembered = (snapshot.load, question.model_dump_json())
        found = await self._answers.get(remembered, lambda: self._explainer.ask(question, caller.client))
        return await respond(request, view.explanation(found), snapshot.state)

    def _view(self, request: Request) -> View:
        caller: Caller = request.scope[CALLER]
        return View(caller.sees_everything, self._service.served)

    def _require_shown(self, table: str, view: View) -> None:
        contracts = self._service.project.contracts
        shown = [name for name in contracts if view.shows(name)]
        if table in contracts and table not in shown:
            raise HttpProblem(403, "scope-missing", f"{table} is not served whole: this needs a key of scope admin.")
        if table not in contracts:
            raise HttpProblem(404, "unknown-table", f"There is no table of this name: {nearest(table, shown)}")


ABOUT = (
    "SQL, inputs, the rows that went in, and the records of files that they come from, of the release that answers. "
    "Raw records may hold what a contract would have refused: where API keys are in force, only the scope `admin` sees "
    "them, and tables that are not served."
)


def _builds(snapshot: Snapshot, tables: Iterable[str]) -> dict[str, str]:
    """The tables of the lake that rows of the store were computed from, with their fingerprints."""
    return {build.table: build.fingerprint for name in tables for build in snapshot.table(name).builds}
