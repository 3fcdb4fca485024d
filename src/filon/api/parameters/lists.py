"""Parameters of lists, and of single rows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, create_model
from starlette.requests import Request

from filon.api.parameters.reading import (
    LARGEST_SKIP,
    RELEASE,
    STRICT,
    Parameters,
    ReleaseOnly,
    attribute,
    described,
    list_of,
    nearest,
    refused,
)
from filon.api.parameters.values import several_field, value_type, whole_number, wrong
from filon.api.problems import shown
from filon.project import Column
from filon.project.serving import Filter, Operator
from filon.serving.query import Condition, one_of
from filon.serving.served import ServedTable
from filon.serving.tables import Order


class Format(StrEnum):
    """How rows are written."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


@dataclass(frozen=True)
class ListRequest:
    """What a request for a list asks for. ``limit`` None: the table's default, or all rows of a file."""

    skip: int = 0
    limit: int | None = None
    after: str | None = None
    sort: tuple[Order, ...] | None = None
    fields: tuple[str, ...] | None = None
    release: int | None = None
    format: Format = Format.JSON
    conditions: tuple[Condition, ...] = ()


def list_parameters(served: ServedTable) -> Parameters:
    """The parameters of a table's list."""
    spec, stored = served.spec, served.stored
    default = ",".join(map(str, stored.total_order(stored.sort)))
    sortable, columns = list(stored.sortable), list(stored.column_names)
    known: dict[str, tuple[Any, Any]] = {
        "limit": (
            Annotated[int, Field(ge=1, le=spec.maximum_limit), BeforeValidator(whole_number)],
            Field(
                default=None,
                description=f"Most rows, 1 to {spec.maximum_limit}; {spec.default_limit} if not given, "
                "all of them in formats other than json",
            ),
        ),
        "after": (str, Field(default=None, description="Cursor from the Link header of the page before")),
        "sort": (
            Annotated[
                str, AfterValidator(partial(_read_sort, sortable)), Field(json_schema_extra=list_of(sortable, "-?"))
            ],
            Field(
                default=None,
                description="Columns, comma between, - before what descends: "
                f"{', '.join(sortable)}; {default} if not given",
            ),
        ),
        "fields": (
            Annotated[
                str, AfterValidator(partial(_read_fields, columns)), Field(json_schema_extra=list_of(columns, ""))
            ],
            Field(default=None, description="Only these columns, comma between, in this order"),
        ),
        "release": RELEASE,
        "format": (Format, Field(default=Format.JSON, description="How rows are written: json, csv, parquet, arrow")),
    }
    if spec.paged:
        skip = Annotated[int, Field(ge=0, le=LARGEST_SKIP), BeforeValidator(whole_number)]
        known = {"skip": (skip, Field(default=0, description="Rows left out before the first, 0 or more")), **known}
    for index, item in enumerate(served.filters.values()):
        known[attribute(index)] = _filter_field(item)
    return Parameters(create_model(f"{served.name}_parameters", __config__=STRICT, **known))  # type: ignore[call-overload]


def read_list(served: ServedTable, parameters: Parameters, request: Request) -> ListRequest:
    """What a request for a list asks for."""
    if not request.scope["query_string"]:
        return NOTHING_ASKED
    values = parameters.read(request)
    given = {item.name: getattr(values, item.name) for item in fields(ListRequest) if hasattr(values, item.name)}
    conditions = tuple(
        one_of(item.column.name, value)
        if isinstance(value, tuple)
        else Condition(item.column.name, item.operator, value)
        for index, item in enumerate(served.filters.values())
        if (value := getattr(values, attribute(index))) is not None
    )
    asked = ListRequest(**given, conditions=conditions)
    if asked.after is not None and "skip" in values.model_fields_set:
        raise refused("skip", "a cursor already says where to go on", "leave skip or after out")
    return asked


NOTHING_ASKED = ListRequest()


def item_parameters(column: Column) -> Parameters:
    """The parameters of one row: its key in the path, and a release."""
    schema = described(create_model("key", id=(value_type(column.type), Field(description=column.description))))
    path = [{**parameter, "in": "path", "required": True} for parameter in schema]
    return Parameters(ReleaseOnly, path)


class KeyReader:
    """Reads the key of a row from a path, where it is called ``name``."""

    def __init__(self, column: Column, name: str = "id") -> None:
        self._name = name
        self._model = create_model("key", id=(value_type(column.type), ...))

    def read(self, text: str) -> Any:
        """The key; HttpProblem when the column cannot hold it."""
        try:
            return getattr(self._model.model_validate({"id": text}), "id")  # noqa: B009
        except ValidationError as error:
            [item] = error.errors(include_url=False)
            raise refused(
                self._name, item["msg"], item.get("ctx", {}).get("fix") or "give a key of the table"
            ) from None


def _filter_field(item: Filter) -> tuple[Any, Any]:
    if item.operator is Operator.EQUAL:
        return several_field(item.name, item.column)
    comparison = {Operator.AT_LEAST: "is at least", Operator.AT_MOST: "is at most"}[item.operator]
    about = f"Only rows whose {item.column.name} {comparison} this. {item.column.description}".strip()
    return (value_type(item.column.type), Field(default=None, alias=item.name, description=about))


def _read_sort(sortable: list[str], text: str) -> tuple[Order, ...]:
    steps = [Order.parse(step) for step in text.split(",")]
    for step in steps:
        if step.column not in sortable:
            raise wrong(f"cannot sort by {shown(step.column)}", f"sort by {', '.join(sortable)}")
    first = {step.column: step for step in reversed(steps)}
    return tuple(dict.fromkeys(first[step.column] for step in steps))


def _read_fields(columns: list[str], text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in columns:
            raise wrong(f"no column {shown(name)}", nearest(name, columns))
    return names
