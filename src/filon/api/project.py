"""What the project is, and how its tables follow from each other. Nothing of it needs the store."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from filon.api.parameters import Nothing, Parameters
from filon.api.problems import ERRORS, documented
from filon.api.responder import respond
from filon.api.routing import make_router
from filon.api.schemas import ColumnInfo, column_info
from filon.api.service import Service
from filon.pages import Text
from filon.project import TEXT, Column, Contract, Dataset, Kind, Project
from filon.project.vocabulary import ApiSpec
from filon.version import __version__

LOGOS = {"logo.svg": "image/svg+xml", "logo.png": "image/png"}
LARGEST_LOGO = 200_000
"""Bytes."""
SOURCE, SILVER, GOLD = "source", "silver", "gold"


class ProjectInfo(BaseModel):
    """The project that is served."""

    name: str
    title: str
    locale: str
    currency: str
    timezone: str
    version: str = Field(description="Version of Filon")
    sources: list[str] = Field(description="Names of the datasets that arrive")
    labels: dict[str, Text] = Field(description="What people call columns, measures and dimensions, by language")
    logo: str | None = Field(description="Its image as a data URI: `logo.svg` or `logo.png` of its folder")
    api: ApiSpec = Field(description="The names for time in parameters and answers")


class RuleInfo(BaseModel):
    """What the contract of a dataset demands, and by which reason the rows are known that do not meet it."""

    reason: str
    column: str | None = Field(description="The column; null for a rule of the whole row")
    rule: str = Field(
        description="required, type, scale, precision, reference, the name of a bound, or of a rule in SQL"
    )
    bounds: list[str] = Field(
        description="What the rule compares with: bounds, values, formats, a column, an expression"
    )


class LineageTable(BaseModel):
    """A table, or the files that a dataset arrives in, and what it is made from."""

    name: str
    layer: str = Field(description="source, silver or gold")
    description: str
    grain: str = Field(description="What one row is")
    key: list[str]
    columns: list[ColumnInfo]
    inputs: list[str] = Field(description="Names of what it is made from")
    sql: str | None = Field(description="The SELECT of a gold table")
    served: bool = Field(description="Whether the API has its rows")
    file_pattern: str | None = Field(description="Which files are its source")
    checks: list[str]
    rules: list[RuleInfo] = Field(default=[], description="Of a silver table: why records are rejected")


class Lineage(BaseModel):
    """Every table after those that it is made from."""

    tables: list[LineageTable]


def logo_of(folder: Path) -> str | None:
    """The image in a project's folder, as a data URI; None without one, or where it is too large for every page."""
    for name, media in LOGOS.items():
        file = folder / name
        if file.is_file() and file.stat().st_size <= LARGEST_LOGO:
            return f"data:{media};base64,{base64.b64encode(file.read_bytes()).decode()}"
    return None


def lineage_of(project: Project) -> Iterator[LineageTable]:
    """The nodes of the graph: files, the silver tables that they become, gold."""
    for dataset in project.datasets.values():
        yield _source(project, dataset)
    for dataset in project.datasets.values():
        referenced = [reference.table for _, reference in dataset.references]
        inputs = [_node(project, dataset), *dict.fromkeys(referenced)]
        is_served = dataset.serving.served
        table = _table(dataset.contract, SILVER, inputs, is_served=is_served, file_pattern=dataset.pattern)
        yield table.model_copy(update={"rules": list(_rules(dataset))})
        if dataset.history is not None:
            yield _table(dataset.history, SILVER, [dataset.name], is_served=False)
    for model in project.models.values():
        yield _table(model.contract, GOLD, list(model.inputs), is_served=model.serving.served, sql=model.sql)


def _node(project: Project, dataset: Dataset) -> str:
    """Files are named by their pattern, unless a table has that name."""
    return dataset.pattern if dataset.pattern not in project.contracts else f"{dataset.pattern} (files)"


def _source(project: Project, dataset: Dataset) -> LineageTable:
    columns = [
        Column(column.header, TEXT, required=column.required, description=column.description)
        for column in dataset.contract.columns
    ]
    return LineageTable(
        name=_node(project, dataset),
        layer=SOURCE,
        description=dataset.contract.description,
        grain=dataset.contract.grain,
        key=[],
        columns=[ColumnInfo.model_validate(column_info(column)) for column in columns],
        inputs=[],
        sql=None,
        served=False,
        file_pattern=dataset.pattern,
        checks=[],
    )


def _rules(dataset: Dataset) -> Iterator[RuleInfo]:
    """Every rule of a dataset; those of records themselves are the same everywhere (``record:WORD``)."""
    for column in dataset.contract.columns:
        for rule, bounds in _rules_of(column):
            yield RuleInfo(reason=f"{column.name}:{rule}", column=column.name, rule=rule, bounds=bounds)
    for row_rule in dataset.rules:
        yield RuleInfo(reason=row_rule.name, column=None, rule=row_rule.name, bounds=[row_rule.expression])


def _rules_of(column: Column) -> Iterator[tuple[str, list[str]]]:
    if column.required:
        yield "required", []
    if not column.is_text:
        spelled = list(map(str, column.formats)) if column.format else []
        yield "type", [column.type.kind.value, *spelled]
        if column.type.kind is Kind.DECIMAL:
            yield "scale", [str(column.type.scale)]
        yield "precision", [column.type.sql]
    for rule in column.rules:
        yield rule.name, list(rule.texts)
    if column.reference is not None and column.is_bound:
        yield "reference", [column.reference.table, column.reference.column]


def _table(
    contract: Contract,
    layer: str,
    inputs: list[str],
    *,
    is_served: bool,
    file_pattern: str | None = None,
    sql: str | None = None,
) -> LineageTable:
    return LineageTable(
        name=contract.name,
        layer=layer,
        description=contract.description,
        grain=contract.grain,
        key=list(contract.key),
        columns=[ColumnInfo.model_validate(column_info(column)) for column in contract.columns],
        inputs=inputs,
        sql=sql,
        served=is_served,
        file_pattern=file_pattern,
        checks=[check.name for check in contract.checks],
    )


def project_router(service: Service, prefix: str) -> APIRouter:
    """The endpoints ``/project`` and ``/lineage``."""
    router = make_router(tags=["Project"])
    parameters = Parameters(Nothing)
    described = service.project
    about = ProjectInfo(
        name=described.name,
        title=described.title,
        locale=described.locale,
        currency=described.currency,
        timezone=described.timezone,
        version=__version__,
        sources=list(described.datasets),
        labels=dict(described.labels),
        logo=logo_of(described.folder),
        api=described.api,
    ).model_dump(mode="json", by_alias=True)
    lineage = Lineage(tables=list(lineage_of(described))).model_dump()

    async def project(request: Request) -> Response:
        parameters.read(request)
        return await respond(request, about)

    async def tables(request: Request) -> Response:
        parameters.read(request)
        return await respond(request, lineage)

    router.add_api_route(
        f"{prefix}/project",
        project,
        response_model=ProjectInfo,
        responses=documented(*ERRORS),
        summary="What the project is",
        operation_id="project",
    )
    router.add_api_route(
        f"{prefix}/lineage",
        tables,
        response_model=Lineage,
        responses=documented(*ERRORS),
        summary="How tables follow from each other",
        operation_id="lineage",
    )
    return router
