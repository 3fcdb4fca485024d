"""Parameters of requests: a model for each endpoint, made from what the contracts open, read strictly.

Anything that is not declared is refused, and so is a parameter that is given twice, unless it takes several values.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Annotated, Any
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails, PydanticCustomError
from starlette.requests import Request

from filon.api.problems import Mistake, Refusal, shown
from filon.project import Column, ColumnType, Kind
from filon.project.analysis import PERIODS, VALUE, Analysis, Operation
from filon.project.document import suggestion
from filon.project.serving import CUT_SEPARATOR, Cube, Filter, Operator, Order, Served
from filon.project.values import read_moment
from filon.serving.columns.analysing import Question
from filon.serving.query import Condition, one_of

LARGEST_SKIP = 2**53 - 1
LARGEST_RELEASE = 2**31 - 1
DIGITS_OF_STORES = 18
WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
MOST_VALUES = 200
MOST_KEYS = 2
MOST_GROUPS, GROUPS = 10_000, 1_000
NUMBER = re.compile(r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?")


class Format(StrEnum):
    """How rows are written."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


class Period(StrEnum):
    """How days are grouped."""

    DAY = "jour"
    MONTH = "mois"
    YEAR = "annee"


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


class Several:
    """Marks a parameter that may be given several times."""


class Parameters:
    """The parameters of one endpoint: how they are read, and how OpenAPI describes them."""

    def __init__(self, model: type[BaseModel], path: Iterable[Mapping[str, Any]] = ()) -> None:
        self._model = model
        self._names = [field.alias or name for name, field in model.model_fields.items()]
        several = (name for name, field in model.model_fields.items() if Several in field.metadata)
        self._several = {model.model_fields[name].alias or name for name in several}
        self._help = {field.alias or name: field.description or "" for name, field in model.model_fields.items()}
        self.openapi = {"parameters": [*path, *_described(model)]}

    def read(self, request: Request) -> BaseModel:
        """The values given; Refusal with every mistake."""
        text = request.scope["query_string"].decode("latin-1")
        pairs = parse_qsl(text, keep_blank_values=True, errors="replace") if text else []
        given: dict[str, Any] = {}
        for name, value in pairs:
            if name in self._several:
                given.setdefault(name, []).append(value)
            else:
                given[name] = value
        if repeated := [name for name in _repeated(pairs) if name not in self._several]:
            raise _refused(Mistake(shown(name), "given more than once", "give it once") for name in repeated)
        try:
            return self._model.model_validate(given)
        except ValidationError as error:
            raise _refused(self._mistake(item) for item in error.errors(include_url=False)) from None

    def _mistake(self, item: ErrorDetails) -> Mistake:
        name = str(item["loc"][0])
        if item["type"] == "extra_forbidden":
            return Mistake(shown(name), "no such parameter", shown_fix(suggestion(name, self._names)))
        return Mistake(name, item["msg"], item.get("ctx", {}).get("fix") or self._help[name])


def shown_fix(fix: str) -> str:
    """A fix, whose words come from contracts."""
    return fix.replace("`", "")


def refused(name: str, detail: str, fix: str) -> Refusal:
    """The refusal of one parameter."""
    return _refused([Mistake(name, detail, fix)])


def _refused(mistakes: Iterable[Mistake]) -> Refusal:
    found = list(mistakes)
    names = ", ".join(mistake.parameter for mistake in found)
    return Refusal(422, "invalid-parameter", f"Correct these parameters: {names}.", errors=found)


def _repeated(pairs: list[tuple[str, str]]) -> list[str]:
    names = [name for name, _ in pairs]
    return sorted({name for name in names if names.count(name) > 1})


def _described(model: type[BaseModel]) -> Iterable[dict[str, Any]]:
    schema = model.model_json_schema()
    for name, found in schema.get("properties", {}).items():
        about = {key: value for key, value in found.items() if key not in ("title", "description")}
        if about.get("default", ...) is None:
            del about["default"]
        if "$ref" in about:
            about = dict(schema["$defs"][about.pop("$ref").rpartition("/")[2]]) | about
            about.pop("description", None)
            about.pop("title", None)
        required = name in schema.get("required", [])
        yield {
            "name": name,
            "in": "query",
            "required": required,
            "description": found.get("description", ""),
            "schema": about,
        }


# values


def _wrong(what: str, fix: str) -> PydanticCustomError:
    return PydanticCustomError("filon", "{what}", {"what": what, "fix": fix})


def _whole(value: object) -> object:
    if isinstance(value, str) and not WHOLE.fullmatch(value):
        raise _wrong("no whole number", "write digits, such as 12")
    return value


def _number(value: object) -> object:
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        raise _wrong("no number", "write digits with a point, such as 12.5")
    return value


def _date(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise _wrong("no date", "write it as 2026-01-31")
    return value


def _moment(value: object) -> object:
    found = read_moment(value, ColumnType(Kind.TIMESTAMP)) if isinstance(value, str) else None
    if not isinstance(found, dt.datetime):
        raise _wrong("no timestamp", "write it as 2026-01-31T12:00:00Z")
    try:
        return found.astimezone(dt.UTC)
    except OverflowError:
        raise _wrong("no timestamp of these millennia", "write it as 2026-01-31T12:00:00Z") from None


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise _wrong("no finite number", "write a smaller one")
    return value


def _filter_type(kind: ColumnType) -> Any:
    if kind.kind is Kind.INTEGER:
        return Annotated[int, Field(ge=-(2**63), le=2**63 - 1), BeforeValidator(_whole)]
    if kind.kind is Kind.DECIMAL:
        bound = 10 ** min(kind.precision - kind.scale, max(DIGITS_OF_STORES - kind.scale, 0))
        shape = {"type": "number", "minimum": -bound, "maximum": bound}
        return Annotated[Decimal, Field(ge=-bound, le=bound, json_schema_extra=_only(shape)), BeforeValidator(_number)]
    return {
        Kind.DOUBLE: Annotated[float, BeforeValidator(_number), AfterValidator(_finite)],
        Kind.TEXT: Annotated[str, AfterValidator(partial(unicodedata.normalize, "NFC"))],
        Kind.DATE: Annotated[dt.date, BeforeValidator(_date)],
        Kind.TIMESTAMP: Annotated[dt.datetime, BeforeValidator(_moment)],
        Kind.BOOLEAN: Annotated[bool, BeforeValidator(_boolean)],
    }[kind.kind]


def _boolean(value: object) -> object:
    if value not in ("true", "false"):
        raise _wrong("neither true nor false", "write true or false")
    return value == "true"


def _only(shape: Mapping[str, Any]) -> Any:
    def replace(schema: dict[str, Any]) -> None:
        schema.pop("anyOf", None)
        schema.update(shape)

    return replace


# models


STRICT = ConfigDict(extra="forbid", frozen=True)
Release = Annotated[int, Field(ge=1, le=LARGEST_RELEASE), BeforeValidator(_whole)]
RELEASE: tuple[Any, Any] = (Release, Field(default=None, description="Answer from this release, if it is still kept"))


def list_parameters(served: Served) -> Parameters:
    """The parameters of a table's list."""
    words, stored = served.words, served.stored
    default = ",".join(_spelled(step) for step in stored.whole(stored.sort))
    sortable, columns = list(stored.sortable), list(stored.column_names)
    known: dict[str, tuple[Any, Any]] = {
        "limit": (
            Annotated[int, Field(ge=1, le=words.maximum_limit), BeforeValidator(_whole)],
            Field(
                default=None,
                description=f"Most rows, 1 to {words.maximum_limit}; {words.default_limit} if not given, "
                "all of them in formats other than json",
            ),
        ),
        "after": (str, Field(default=None, description="Cursor from the Link header of the page before")),
        "sort": (
            Annotated[
                str, AfterValidator(partial(_read_sort, sortable)), Field(json_schema_extra=_pattern(sortable, "-?"))
            ],
            Field(
                default=None,
                description="Columns, comma between, - before what descends: "
                f"{', '.join(sortable)}; {default} if not given",
            ),
        ),
        "fields": (
            Annotated[
                str, AfterValidator(partial(_read_fields, columns)), Field(json_schema_extra=_pattern(columns, ""))
            ],
            Field(default=None, description="Only these columns, comma between, in this order"),
        ),
        "release": RELEASE,
        "format": (Format, Field(default=Format.JSON, description="How rows are written: json, csv, parquet, arrow")),
    }
    if words.paged:
        skip = Annotated[int, Field(ge=0, le=LARGEST_SKIP), BeforeValidator(_whole)]
        known = {"skip": (skip, Field(default=0, description="Rows left out before the first, 0 or more")), **known}
    for index, item in enumerate(served.filters.values()):
        known[_attribute(index)] = _filter_field(item)
    return Parameters(create_model(f"{served.name}_parameters", __config__=STRICT, **known))  # type: ignore[call-overload]


def read_list(served: Served, parameters: Parameters, request: Request) -> ListRequest:
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
        if (value := getattr(values, _attribute(index))) is not None
    )
    found = ListRequest(**given, conditions=conditions)
    if found.after is not None and "skip" in values.model_fields_set:
        raise refused("skip", "a cursor already says where to go on", "leave skip or after out")
    return found


NOTHING_ASKED = ListRequest()


WHOLE_NUMBER = BeforeValidator(_whole)
Skip = Annotated[int, Field(ge=0, le=LARGEST_SKIP), WHOLE_NUMBER]


class ReleaseOnly(BaseModel):
    """Parameters of what has no others."""

    model_config = STRICT

    release: Release | None = Field(default=None, description="Answer from this release, if it is still kept")


class Nothing(BaseModel):
    """Of endpoints without parameters."""

    model_config = STRICT


@dataclass(frozen=True)
class AggregationRequest:
    """What a request for an aggregation asks for: the values of some dimensions as text, and inclusive days."""

    choice: Mapping[str, str]
    first: dt.date | None
    last: dt.date | None
    release: int | None
    period: Period = Period.MONTH


def aggregation_parameters(cube: Cube, *, series: bool) -> Parameters:
    """The parameters of an aggregation."""
    day = Annotated[dt.date, BeforeValidator(_date)]
    known: dict[str, tuple[Any, Any]] = {}
    if series:
        about = "Length of the periods: jour, mois or annee"
        known["periode"] = (Period, Field(default=Period.MONTH, description=about))
    known["date_debut"] = (day, Field(default=None, description="First day, as 2026-01-31"))
    known["date_fin"] = (day, Field(default=None, description="Last day, as 2026-01-31"))
    known["release"] = RELEASE
    for index, (name, sliced) in enumerate(cube.dimensions.items()):
        about = f"Only rows whose {sliced.column.name} is this. {sliced.column.description}".strip()
        known[_attribute(index)] = (
            _filter_type(sliced.column.type),
            Field(default=None, alias=name, description=about),
        )
    return Parameters(create_model(f"{cube.table}_aggregation", __config__=STRICT, **known))  # type: ignore[call-overload]


def read_aggregation(cube: Cube, parameters: Parameters, request: Request) -> AggregationRequest:
    """What a request for an aggregation asks for."""
    values: Any = parameters.read(request)
    choice = {
        name: as_text(value)
        for index, name in enumerate(cube.dimensions)
        if (value := getattr(values, _attribute(index))) is not None
    }
    for name, value in choice.items():
        if CUT_SEPARATOR in value:  # it would read as another choice
            raise refused(name, "holds a control character", "leave it out")
    period = getattr(values, "periode", Period.MONTH)
    return AggregationRequest(choice, values.date_debut, values.date_fin, values.release, period)


def as_text(value: object) -> str:
    """A value of a dimension as cubes spell it: the engine's cast to text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, dt.date) else str(value)


@dataclass(frozen=True)
class AnalysisRequest:
    """What a request for an analysis asks for."""

    question: Question
    release: int | None


def analysis_parameters(analysis: Analysis) -> Parameters:
    """The parameters of an analysis."""
    groups, measures = [*PERIODS, *analysis.grouped], list(analysis.measures)
    sums = [name for name, item in analysis.measures.items() if item.operation is Operation.SUM]
    sorts = [*measures, VALUE]
    by = f"What rows are summed over: one or two of {', '.join(groups)}, comma between; all rows if not given"
    order = f"One of {', '.join(sorts)} ({VALUE}: what rows are grouped by), - before it to descend"
    default = f"-{VALUE} if by begins with a period, else -{measures[0]}, if not given"
    limit = Annotated[int, Field(ge=1, le=MOST_GROUPS), BeforeValidator(_whole)]
    day = Annotated[dt.date, BeforeValidator(_date)]
    known: dict[str, tuple[Any, Any]] = {
        "by": (
            Annotated[str, AfterValidator(partial(_read_by, groups)), Field(json_schema_extra=_pattern(groups, ""))],
            Field(default=None, description=by),
        ),
        "date_debut": (day, Field(default=None, description="First day, as 2026-01-31")),
        "date_fin": (day, Field(default=None, description="Last day, as 2026-01-31")),
        "sort": (
            Annotated[str, AfterValidator(partial(_read_order, sorts)), Field(json_schema_extra=_choice(sorts, "-?"))],
            Field(default=None, description=f"{order}; {default}"),
        ),
        "limit": (limit, Field(default=GROUPS, description=f"Most rows, 1 to {MOST_GROUPS}; {GROUPS} if not given")),
        "release": RELEASE,
    }
    if sums:
        about = f"Describe the single values of one of {', '.join(sums)}"
        chosen = Annotated[str, AfterValidator(partial(_read_name, sums)), Field(json_schema_extra=_choice(sums, ""))]
        known["stats"] = (chosen, Field(default=None, description=about))
    for index, (name, sliced) in enumerate(analysis.dimensions.items()):
        known[_attribute(index)] = several_field(name, sliced.column)
    return Parameters(create_model(f"{analysis.table}_analysis", __config__=STRICT, **known))  # type: ignore[call-overload]


def read_analysis(analysis: Analysis, parameters: Parameters, request: Request) -> AnalysisRequest:
    """What a request for an analysis asks for."""
    values: Any = parameters.read(request)
    by: tuple[str, ...] = values.by or ()
    order = values.sort
    if order is None:
        order = Order(VALUE if by and by[0] in PERIODS else next(iter(analysis.measures)), descending=True)
    wanted = []
    for index, (name, sliced) in enumerate(analysis.dimensions.items()):
        given = getattr(values, _attribute(index))
        if given is not None:
            is_number = sliced.column.type.kind is Kind.INTEGER
            wanted.append((name, tuple(sorted({value if is_number else as_text(value) for value in given}))))
    question = Question(
        by,
        tuple(wanted),
        values.date_debut,
        values.date_fin,
        order.column,
        order.descending,
        values.limit,
        getattr(values, "stats", None),
    )
    return AnalysisRequest(question, values.release)


def item_parameters(column: Column) -> Parameters:
    """The parameters of one row: its key in the path, and a release."""
    schema = _described(create_model("key", id=(_filter_type(column.type), Field(description=column.description))))
    path = [{**found, "in": "path", "required": True} for found in schema]
    return Parameters(ReleaseOnly, path)


class KeyReader:
    """Reads the key of a row from a path."""

    def __init__(self, column: Column) -> None:
        self._model = create_model("key", id=(_filter_type(column.type), ...))

    def read(self, text: str) -> Any:
        """The key; Refusal when the column cannot hold it."""
        try:
            return getattr(self._model.model_validate({"id": text}), "id")  # noqa: B009
        except ValidationError as error:
            [item] = error.errors(include_url=False)
            raise refused("id", item["msg"], item.get("ctx", {}).get("fix") or "give a key of the table") from None


def _filter_field(item: Filter) -> tuple[Any, Any]:
    if item.operator is Operator.EQUAL:
        return several_field(item.name, item.column)
    comparison = {Operator.AT_LEAST: "is at least", Operator.AT_MOST: "is at most"}[item.operator]
    about = f"Only rows whose {item.column.name} {comparison} this. {item.column.description}".strip()
    return (_filter_type(item.column.type), Field(default=None, alias=item.name, description=about))


def several_field(name: str, column: Column) -> tuple[Any, Any]:
    """A filter that may be given several times: one of the values is enough."""
    about = f"Only rows whose {column.name} is this, or one of these. {column.description}".strip()
    one = _filter_type(column.type)
    several = Annotated[tuple[one, ...], BeforeValidator(_few), Field(max_length=MOST_VALUES), Several]  # type: ignore[valid-type]
    return (several, Field(default=None, alias=name, description=about))


def _few(values: object) -> object:
    if isinstance(values, list) and len(values) > MOST_VALUES:
        raise _wrong(f"more than {MOST_VALUES} values", f"give at most {MOST_VALUES}")
    return values


def _attribute(index: int) -> str:
    """Columns may have any name; attributes of a model may not."""
    return f"filter_{index}"


def _spelled(step: Order) -> str:
    return f"-{step.column}" if step.descending else step.column


def _pattern(names: Iterable[str], sign: str) -> dict[str, Any]:
    one = f"{sign}({'|'.join(re.escape(name) for name in names)})"
    return {"pattern": f"^{one}(,{one})*$"}


def _choice(names: Iterable[str], sign: str) -> dict[str, Any]:
    return {"pattern": f"^{sign}({'|'.join(re.escape(name) for name in names)})$"}


def _read_by(groups: list[str], text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in groups:
            raise _wrong(f"nothing is grouped by {shown(name)}", f"group by {', '.join(groups)}")
    if len(names) > MOST_KEYS:
        raise _wrong(f"more than {MOST_KEYS} names", f"group by {MOST_KEYS} at most")
    return names


def _read_order(sorts: list[str], text: str) -> Order:
    return Order(_read_name(sorts, text.removeprefix("-")), text.startswith("-"))


def _read_name(names: list[str], text: str) -> str:
    if text not in names:
        raise _wrong(f"no such choice: {shown(text)}", f"choose one of {', '.join(names)}")
    return text


def _read_sort(sortable: list[str], text: str) -> tuple[Order, ...]:
    steps = [Order(name.removeprefix("-"), name.startswith("-")) for name in text.split(",")]
    for step in steps:
        if step.column not in sortable:
            raise _wrong(f"cannot sort by {shown(step.column)}", f"sort by {', '.join(sortable)}")
    first = {step.column: step for step in reversed(steps)}
    return tuple(dict.fromkeys(first[step.column] for step in steps))


def _read_fields(columns: list[str], text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in columns:
            raise _wrong(f"no column {shown(name)}", shown_fix(suggestion(name, columns)))
    return names
