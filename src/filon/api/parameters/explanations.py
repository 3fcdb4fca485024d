"""Parameters of explanations: which rows are shown of what a figure was computed from, and which cell is meant."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, create_model
from starlette.requests import Request

from filon.api.parameters.lists import KeyReader
from filon.api.parameters.reading import RELEASE, STRICT, Parameters, Release, attribute, nearest, refused
from filon.api.parameters.sums import FIRST_DAY, LAST_DAY, as_text, choice, day_fields, read_name
from filon.api.parameters.values import several_field, whole_number
from filon.explain.question import Cell
from filon.explain.report import SAMPLE
from filon.project import TEXT, Column
from filon.project.vocabulary import Period
from filon.serving.analysis import Analysis

MOST_SHOWN = 100
MOST_SKIPPED = 10_000
PERIODS = {
    Period.DAY: r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    Period.MONTH: r"[0-9]{4}-[0-9]{2}",
    Period.YEAR: r"[0-9]{4}",
}
KEY = KeyReader(Column("key", TEXT), "key")


class PageAsked(BaseModel):
    """Which rows are shown."""

    model_config = STRICT

    of: str | None = Field(default=None, description="Table whose rows are shown; the nearest one if not given")
    skip: Annotated[int, Field(ge=0, le=MOST_SKIPPED), BeforeValidator(whole_number)] = Field(
        default=0, description=f"Rows of it left out before the first, 0 to {MOST_SKIPPED}"
    )
    limit: Annotated[int, Field(ge=1, le=MOST_SHOWN), BeforeValidator(whole_number)] = Field(
        default=SAMPLE, description=f"Most rows of it, 1 to {MOST_SHOWN}; of other tables {SAMPLE} are shown"
    )
    release: Release | None = Field(default=None, description="Answer from this release, if it is still kept")


def read_key(request: Request, before: str) -> tuple[str, ...]:
    """The values of a key: what stands in the path behind ``before``, a value between two slashes."""
    raw = request.scope["raw_path"].decode("latin-1")
    return tuple(KEY.read(unquote(part)) for part in raw.partition(before)[2].split("/")[1:])


def require_table(name: str | None, tables: Mapping[str, object]) -> None:
    """HttpProblem when the table whose rows are to be shown is none."""
    if name is not None and name not in tables:
        raise refused("of", "no table of this name", nearest(name, tables))


def cell_parameters(analysis: Analysis) -> Parameters:
    """The parameters that name a cell of an analysis."""
    measures, groups = list(analysis.measures), list(analysis.grouped)
    known: dict[str, tuple[Any, Any]] = {
        "measure": (
            Annotated[str, AfterValidator(partial(read_name, measures)), Field(json_schema_extra=choice(measures, ""))],
            Field(default=measures[0], description=f"One of {', '.join(measures)}"),
        ),
        **day_fields(analysis.words),
        "empty": (
            Annotated[str, AfterValidator(partial(_read_names, groups))],
            Field(default=None, description=f"Names, comma between, of which a fact has no value: {', '.join(groups)}"),
        ),
        "release": RELEASE,
    }
    for name, period in analysis.periods.items():
        about = f"Only facts of this {period}, as an analysis by {name} writes it"
        known[f"period_{period}"] = (
            Annotated[str, Field(pattern=f"^{PERIODS[period]}$")],
            Field(default=None, alias=name, description=about),
        )
    for index, (name, column) in enumerate(analysis.grouped.items()):
        known[attribute(index)] = several_field(name, column)
    return Parameters(create_model(f"{analysis.table}_cell", __base__=PageAsked, **known))  # type: ignore[call-overload]


def cell_of(analysis: Analysis, asked: Any) -> Cell:
    """The cell that parameters name."""
    first, last = getattr(asked, FIRST_DAY), getattr(asked, LAST_DAY)
    for name, period in analysis.periods.items():
        if (text := getattr(asked, f"period_{period}")) is not None:
            begin, end = _days(name, text)
            first, last = max(first or begin, begin), min(last or end, end)
    wanted = {
        name: tuple(as_text(value) for value in values)
        for index, name in enumerate(analysis.grouped)
        if (values := getattr(asked, attribute(index))) is not None
    }
    return Cell(measure=asked.measure, wanted=wanted, empty=asked.empty or (), first=first, last=last)


def _days(name: str, text: str) -> tuple[dt.date, dt.date]:
    """The first and the last day of a period."""
    year, *rest = map(int, text.split("-"))
    month, day = (*rest, 0, 0)[:2]
    try:
        first = dt.date(year, month or 1, day or 1)
    except ValueError:
        raise refused(name, "no such period", "write it as an analysis does") from None
    last_month = month or 12
    return first, first if day else dt.date(year, last_month, calendar.monthrange(year, last_month)[1])


def _read_names(known: list[str], text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(read_name(known, name) for name in text.split(",")))
