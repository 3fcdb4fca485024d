"""Parameters of sums over time, and of analyses."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, create_model
from starlette.requests import Request

from filon.api.parameters.reading import RELEASE, STRICT, Parameters, attribute, list_of, refused
from filon.api.parameters.values import day_text, several_field, value_type, whole_number, wrong
from filon.api.problems import shown
from filon.project import Kind
from filon.project.analysis import VALUE
from filon.project.vocabulary import ApiSpec, Period
from filon.serving.analysis import Analysis, Operation
from filon.serving.columns.analysing import Question
from filon.serving.cube import GROUPING_SEPARATOR, Cube
from filon.serving.tables import Order

PERIOD, FIRST_DAY, LAST_DAY = "period", "first_day", "last_day"
"""Attributes of what was read; requests have the project's names."""
MOST_KEYS = 2
MOST_GROUPS, GROUPS = 10_000, 1_000


@dataclass(frozen=True)
class AggregationRequest:
    """What a request for an aggregation asks for: the values of some dimensions as text, and inclusive days."""

    choice: Mapping[str, str]
    first: dt.date | None
    last: dt.date | None
    release: int | None
    period: Period = Period.MONTH


def day_fields(words: ApiSpec) -> dict[str, tuple[Any, Any]]:
    """The parameters that bound the days, under the project's names for them."""
    day = Annotated[dt.date, BeforeValidator(day_text)]
    return {
        FIRST_DAY: (day, Field(default=None, alias=words.first_day, description="First day, as 2026-01-31")),
        LAST_DAY: (day, Field(default=None, alias=words.last_day, description="Last day, as 2026-01-31")),
    }


def _period_field(words: ApiSpec) -> tuple[Any, Any]:
    """The parameter that chooses the length of periods; a month, if it is not given."""
    names = Enum("Period", {period.name: name for name, period in words.periods.items()}, type=str)  # type: ignore[misc]
    about = f"Length of the periods: {words.day}, {words.month} or {words.year}"
    return (names, Field(default=names(words.month), alias=words.period, description=about))


def aggregation_parameters(cube: Cube, *, series: bool) -> Parameters:
    """The parameters of an aggregation; those of a ``series`` also choose the length of its periods."""
    known: dict[str, tuple[Any, Any]] = {}
    if series:
        known[PERIOD] = _period_field(cube.words)
    known |= day_fields(cube.words)
    known["release"] = RELEASE
    for index, (name, sliced) in enumerate(cube.dimensions.items()):
        about = f"Only rows whose {sliced.column.name} is this. {sliced.column.description}".strip()
        known[attribute(index)] = (
            value_type(sliced.column.type),
            Field(default=None, alias=name, description=about),
        )
    return Parameters(create_model(f"{cube.table}_aggregation", __config__=STRICT, **known))  # type: ignore[call-overload]


def read_aggregation(cube: Cube, parameters: Parameters, request: Request) -> AggregationRequest:
    """What a request for an aggregation asks for."""
    values: Any = parameters.read(request)
    choice = {
        name: as_text(value)
        for index, name in enumerate(cube.dimensions)
        if (value := getattr(values, attribute(index))) is not None
    }
    for name, value in choice.items():
        if GROUPING_SEPARATOR in value:  # it would read as another choice
            raise refused(name, "holds a control character", "leave it out")
    chosen = getattr(values, PERIOD, None)
    period = Period.MONTH if chosen is None else cube.words.periods[chosen.value]
    return AggregationRequest(choice, values.first_day, values.last_day, values.release, period)


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
    groups, measures = [*analysis.periods, *analysis.grouped], list(analysis.measures)
    sums = [name for name, item in analysis.measures.items() if item.operation is Operation.SUM]
    sorts = [*measures, VALUE]
    by = f"What rows are summed over: one or two of {', '.join(groups)}, comma between; all rows if not given"
    order = f"One of {', '.join(sorts)} ({VALUE}: what rows are grouped by), - before it to descend"
    default = f"-{VALUE} if by begins with a period, else -{measures[0]}, if not given"
    limit = Annotated[int, Field(ge=1, le=MOST_GROUPS), BeforeValidator(whole_number)]
    known: dict[str, tuple[Any, Any]] = {
        "by": (
            Annotated[str, AfterValidator(partial(_read_by, groups)), Field(json_schema_extra=list_of(groups, ""))],
            Field(default=None, description=by),
        ),
        **day_fields(analysis.words),
        "sort": (
            Annotated[str, AfterValidator(partial(_read_order, sorts)), Field(json_schema_extra=choice(sorts, "-?"))],
            Field(default=None, description=f"{order}; {default}"),
        ),
        "limit": (limit, Field(default=GROUPS, description=f"Most rows, 1 to {MOST_GROUPS}; {GROUPS} if not given")),
        "release": RELEASE,
    }
    if sums:
        about = f"Describe the single values of one of {', '.join(sums)}"
        chosen = Annotated[str, AfterValidator(partial(read_name, sums)), Field(json_schema_extra=choice(sums, ""))]
        known["stats"] = (chosen, Field(default=None, description=about))
    for index, (name, sliced) in enumerate(analysis.dimensions.items()):
        known[attribute(index)] = several_field(name, sliced.column)
    return Parameters(create_model(f"{analysis.table}_analysis", __config__=STRICT, **known))  # type: ignore[call-overload]


def read_analysis(analysis: Analysis, parameters: Parameters, request: Request) -> AnalysisRequest:
    """What a request for an analysis asks for."""
    values: Any = parameters.read(request)
    by: tuple[str, ...] = values.by or ()
    order = values.sort
    if order is None:
        order = Order(VALUE if by and by[0] in analysis.periods else next(iter(analysis.measures)), descending=True)
    wanted = []
    for index, (name, sliced) in enumerate(analysis.dimensions.items()):
        given = getattr(values, attribute(index))
        if given is not None:
            is_number = sliced.column.type.kind is Kind.INTEGER
            wanted.append((name, tuple(sorted({value if is_number else as_text(value) for value in given}))))
    question = Question(
        by,
        tuple(wanted),
        values.first_day,
        values.last_day,
        order.column,
        order.descending,
        values.limit,
        getattr(values, "stats", None),
    )
    return AnalysisRequest(question, values.release)


def choice(names: Iterable[str], sign: str) -> dict[str, Any]:
    """The JSON schema of one of these names; ``sign`` is a pattern before it."""
    return {"pattern": f"^{sign}({'|'.join(re.escape(name) for name in names)})$"}


def _read_by(groups: list[str], text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in groups:
            raise wrong(f"nothing is grouped by {shown(name)}", f"group by {', '.join(groups)}")
    if len(names) > MOST_KEYS:
        raise wrong(f"more than {MOST_KEYS} names", f"group by {MOST_KEYS} at most")
    return names


def _read_order(sorts: list[str], text: str) -> Order:
    return Order(read_name(sorts, text.removeprefix("-")), text.startswith("-"))


def read_name(names: list[str], text: str) -> str:
    """A text that is one of these names."""
    if text not in names:
        raise wrong(f"no such choice: {shown(text)}", f"choose one of {', '.join(names)}")
    return text
