"""Shapes of answers for OpenAPI. They document; handlers write the bytes themselves."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from filon.pages import NumberFormat
from filon.project import Column, Kind
from filon.project.vocabulary import DeprecatedSpec
from filon.serving.analysis import Analysis, Measure, Operation
from filon.serving.cube import Cube
from filon.serving.served import ServedTable

TYPES: dict[Kind, Any] = {
    Kind.INTEGER: int,
    Kind.DECIMAL: float,
    Kind.DOUBLE: float,
    Kind.TEXT: str,
    Kind.DATE: dt.date,
    Kind.TIMESTAMP: dt.datetime,
    Kind.BOOLEAN: bool,
}


CLOSED = ConfigDict(extra="forbid")


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", name))


def _field(column: Column) -> tuple[Any, Any]:
    kind = TYPES[column.type.kind]
    return (kind if column.required else kind | None, Field(alias=column.name, description=column.description))


def _without_required(schema: dict[str, Any]) -> None:
    schema.pop("required", None)


def _model(name: str, parts: Mapping[str, tuple[Any, Any]], config: ConfigDict = CLOSED) -> type[BaseModel]:
    model: type[BaseModel] = create_model(name, __config__=config, **parts)  # type: ignore[call-overload]
    return model


def row_model(served: ServedTable, *, partial: bool = False) -> type[BaseModel]:
    """A row of a table; ``partial``: a request may ask for some columns only."""
    parts = {f"column_{index}": _field(column) for index, column in enumerate(served.stored.columns)}
    if partial:
        config = ConfigDict(extra="forbid", json_schema_extra=_without_required)
        return _model(f"{_camel(served.name)}Row", parts, config)
    return _model(_camel(served.name), parts)


def list_model(served: ServedTable) -> type[BaseModel]:
    """A list of rows of a table."""
    counted: dict[str, tuple[Any, Any]] = {"total": (int, Field(description="Rows that meet the filters"))}
    if served.spec.paged:
        counted["skip"] = (int, Field(description="Rows left out before the first"))
        counted["limit"] = (int, Field(description="Most rows of the page"))
    row: Any = row_model(served, partial=True)
    return _model(f"{_camel(served.name)}List", {**counted, "data": (list[row], Field(description="Rows"))})


def _measures(cube: Cube, names: Mapping[str, str]) -> dict[str, tuple[Any, Any]]:
    parts: dict[str, tuple[Any, Any]] = {}
    for index, (shown, measure) in enumerate(names.items()):
        column = cube.measures[measure]
        exact = column is not None and column.type.kind is not Kind.INTEGER
        about = f"Sum of {column.name}" if column is not None else "Number of rows"
        parts[f"measure_{index}"] = (float if exact else int, Field(alias=shown, description=about))
    return parts


def total_model(cube: Cube) -> type[BaseModel]:
    """The answer of a cube's total endpoint."""
    return _model(f"{_camel(cube.table)}Total", _measures(cube, cube.total.measures))


def series_model(cube: Cube) -> type[BaseModel]:
    """The answer of a cube's series endpoint."""
    words = cube.words
    period = {"period": (str, Field(alias=words.period, description="2025-01-31, 2025-01 or 2025"))}
    entry = _model(f"{_camel(cube.table)}Period", {**period, **_measures(cube, cube.series.measures)})
    parts: dict[str, tuple[Any, Any]] = {
        "granularity": (
            str,
            Field(alias=words.granularity, description=f"{words.day}, {words.month} or {words.year}"),
        ),
        "total": (int, Field(description="Number of periods")),
        "data": (list[entry], Field(description="Periods, newest first")),  # type: ignore[valid-type]
    }
    return _model(f"{_camel(cube.table)}Series", parts)


class Stats(BaseModel):
    """How single values are spread; null where that is not defined."""

    model_config = CLOSED

    count: int
    mean: float | None
    std: float | None = Field(description="Of a sample: null for a single value")
    min: float | None
    q25: float | None = Field(alias="25%", description="Interpolated between the two nearest values")
    q50: float | None = Field(alias="50%")
    q75: float | None = Field(alias="75%")
    max: float | None


def analysis_model(analysis: Analysis) -> type[BaseModel]:
    """The answer of an analysis."""
    parts: dict[str, tuple[Any, Any]] = {}
    for index, name in enumerate(analysis.periods):
        parts[f"period_{index}"] = (str | None, Field(default=None, alias=name, description="If by names it"))
    for index, (name, column) in enumerate(analysis.grouped.items()):
        kind = TYPES[column.type.kind] | None
        parts[f"group_{index}"] = (kind, Field(default=None, alias=name, description="If by names it"))
    for index, (name, item) in enumerate(analysis.measures.items()):
        of = item.column.name if item.column is not None else "rows"
        about = {
            Operation.COUNT: "Number of rows",
            Operation.SUM: f"Sum of {of}",
            Operation.DISTINCT: f"Number of different values of {of}",
        }
        is_exact = item.operation is Operation.SUM and item.column is not None and item.column.type.kind is Kind.DECIMAL
        parts[f"measure_{index}"] = (
            float if is_exact else int,
            Field(alias=name, description=about[item.operation]),
        )
    parts["stats"] = (Stats | None, Field(default=None, description="If stats asks for it"))
    row = _model(f"{_camel(analysis.table)}Group", parts)
    answer: dict[str, tuple[Any, Any]] = {
        "by": (list[str], Field(description="What rows are grouped by")),
        "total": (int, Field(description="Number of groups")),
        "data": (list[row], Field(description="Groups, as many as limit allows")),  # type: ignore[valid-type]
    }
    return _model(f"{_camel(analysis.table)}Analysis", answer)


class ColumnInfo(BaseModel):
    """A column of a table."""

    name: str
    type: str = Field(description="integer, decimal, double, text, date, timestamp or boolean")
    sql_type: str
    required: bool = Field(description="Never null")
    description: str
    format: str | None = Field(description="How its numbers are written: number, money, percent or plain; else null")
    refers_to: str | None = Field(description="The column that its values are of, as TABLE.COLUMN; else null")


class AnalysisInfo(BaseModel):
    """What can be asked of the facts of a table."""

    path: str
    measures: list[str]
    dimensions: list[str] = Field(description="Filters, and what rows can be grouped by")
    periods: list[str] = Field(description="Rows can also be grouped by these")
    distinct: list[str] = Field(description="And by these columns, whose values measures count")
    formats: dict[str, str] = Field(description="How measures are written: number, money, percent or plain")
    sums: list[str] = Field(description="Measures that are sums, whose single values can be described")
    time: str = Field(description="The date column that periods, and the first and last day, refer to")


def column_info(column: Column, *, is_key: bool = False) -> dict[str, object]:
    """A column for readers who do not know its table."""
    return {
        "name": column.name,
        "type": column.type.kind.value,
        "sql_type": column.type.sql,
        "required": column.required,
        "description": column.description,
        "format": _format_of(column, is_key=is_key),
        "refers_to": f"{column.reference.table}.{column.reference.column}" if column.reference else None,
    }


def _format_of(column: Column, *, is_key: bool) -> str | None:
    """How numbers of a column are written; those that name something are plain digits."""
    if not column.type.is_number:
        return None
    names_something = is_key or column.reference is not None
    return column.number_format or (NumberFormat.PLAIN if names_something else NumberFormat.NUMBER)


def measure_format(measure: Measure) -> str:
    """How a measure is written: a sum as its column."""
    column = measure.column if measure.operation is Operation.SUM else None
    return (column.number_format if column is not None else None) or NumberFormat.NUMBER


class ChartInfo(BaseModel):
    """How a table is drawn."""

    kind: str = Field(description="line, area, bar, ranking, donut, treemap, scatter, heatmap, pivot, number or table")
    x: str | None
    y: list[str]
    color: str | None = Field(description="The column whose values are told apart by colour")


class TableInfo(BaseModel):
    """A table that is served."""

    name: str
    path: str = Field(description="Where its rows are")
    description: str
    grain: str = Field(description="What one row is")
    key: list[str]
    columns: list[ColumnInfo]
    filters: list[str] = Field(description="Parameters that choose rows")
    sort: list[str] = Field(description="Order of rows if no other is asked for")
    sortable: list[str]
    maximum_limit: int = Field(description="Most rows of a page")
    rows: int | None
    release: int | None = Field(description="Null when the table is not loaded yet, as are the next ones")
    gold_at: dt.datetime | None = Field(description="When the rows were computed")
    synced_at: dt.datetime | None = Field(description="When the store had them")
    age_seconds: int | None = Field(description="Seconds since gold_at")
    quality: str | None = Field(description="passed or warned")
    counts_forgotten: int | None = Field(
        description="Rows behind it whose figures were published before a person was erased, and count them"
    )
    analysis: AnalysisInfo | None = Field(description="Null when the table has none")
    chart: ChartInfo | None = Field(description="How its contract says that it is drawn")
    deprecated: DeprecatedSpec | None = Field(description="Since when it is deprecated, and what replaces it")
    latency_seconds: int | None = Field(description="How old the last check may be; null without a promise")
    checked_at: dt.datetime | None = Field(description="When a run last found it up to date")
    fresh: bool | None = Field(description="Whether the promise is kept; null when there is none, or no row yet")


class TableInfos(BaseModel):
    """The tables that are served."""

    total: int
    data: list[TableInfo]


class CollectionStatus(BaseModel):
    """A collection, and whether it is loaded."""

    name: str
    synced: bool
    last_sync: dt.datetime | None
    row_count: int


class PipelineStatus(BaseModel):
    """How the collections stand."""

    total_collections: int
    synced_collections: int
    collections: list[CollectionStatus]
    average_refresh_time_seconds: float | None


class RefreshTime(BaseModel):
    """How long a collection took from gold to the store."""

    collection_name: str
    gold_processed_at: dt.datetime
    mongo_synced_at: dt.datetime
    refresh_time_seconds: float
    refresh_time_human: str


class Health(BaseModel):
    """Whether the API can answer."""

    status: str = Field(description="healthy; degraded when nothing is loaded or the store is out of reach")
    timestamp: dt.datetime
    mongodb: str = Field(description="connected, embedded, or error: …")
    release: int | None


class Liveness(BaseModel):
    """The process is up."""

    status: str
