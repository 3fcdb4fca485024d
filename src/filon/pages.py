"""The words of a page: what it shows, as files of a project say it and as the API serves it.

Who reads or draws pages imports these. What the names in them stand for, only a project's contracts know
(``project.pages``); how a kind of chart is drawn, only who draws it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Said = Annotated[str, Field(pattern=r"\S")]
Text = Said | Annotated[dict[Annotated[str, Field(pattern="^[a-z]{2}$")], Said], Field(min_length=1)]
"""A text for people: the same in every language, or one per language (``{fr: Ventes, en: Sales}``)."""
RATIO = re.compile(r"^\s*(\S+)\s+/\s+(\S+)\s*$")
ROWS = "rows"
"""The last level of a drill: the single rows."""
MOST_ROWS, MOST_BLOCKS = 50, 12
ICON = "bar_chart"
EXPLORER, QUALITY, PIPELINE, HOME = "explorateur", "qualite", "pipeline", "accueil"
BUILT_IN = (EXPLORER, QUALITY, PIPELINE, HOME)
"""Paths that no page of a project has: those of pages that every project has, and of the first page."""


class ChartKind(StrEnum):
    """How rows are drawn."""

    LINE = "line"
    AREA = "area"
    BAR = "bar"
    RANKING = "ranking"
    DONUT = "donut"
    TREEMAP = "treemap"
    BOX = "box"
    SCATTER = "scatter"
    HEATMAP = "heatmap"
    PIVOT = "pivot"
    NUMBER = "number"
    TABLE = "table"


class Demand(NamedTuple):
    """What a kind of chart is drawn from: how many measures at least and at most, by how many names, and no colour."""

    fewest: int = 1
    most: int = 1
    by: int = 1
    colour: bool = False


SEVERAL = 8
DEMANDS = {
    ChartKind.LINE: Demand(most=SEVERAL, colour=True),
    ChartKind.AREA: Demand(most=SEVERAL, colour=True),
    ChartKind.BAR: Demand(most=SEVERAL, colour=True),
    ChartKind.RANKING: Demand(),
    ChartKind.DONUT: Demand(),
    ChartKind.TREEMAP: Demand(),
    ChartKind.BOX: Demand(),
    ChartKind.SCATTER: Demand(fewest=2, most=2, colour=True),
    ChartKind.HEATMAP: Demand(by=2),
    ChartKind.PIVOT: Demand(by=2),
    ChartKind.NUMBER: Demand(by=0),
}
"""What each kind that draws needs; a table shows rows."""


class Compare(StrEnum):
    """Which days the chosen ones are compared with."""

    LAST_YEAR = "last_year"
    BEFORE = "before"


class Summary(StrEnum):
    """One number for many periods."""

    MEAN = "mean"
    MAX = "max"
    MIN = "min"


class NumberFormat(StrEnum):
    """How numbers are written: with groups of digits, as money, as a percentage, or as plain digits."""

    NUMBER = "number"
    MONEY = "money"
    PERCENT = "percent"
    PLAIN = "plain"


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _measure(value: object) -> object:
    """A measure; of a ratio, the blanks around the stroke are single ones."""
    found = RATIO.match(value) if isinstance(value, str) else None
    return f"{found[1]} / {found[2]}" if found else value


Name = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]
Measure = Annotated[Name, BeforeValidator(_measure, json_schema_input_type=str)]
"""A measure, or the ratio of two: ``revenue / orders``."""
Measures = Annotated[tuple[Measure, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]
Limit = Annotated[int, Field(ge=1, le=1000)]


def parts_of(measure: str) -> tuple[str, ...]:
    """The measure itself, or the two of a ratio."""
    return tuple(measure.split(" / "))


def in_language(text: Text | None, code: str, project: str = "") -> str:
    """A text in a language, else in that of the project, else in the first that it has; empty without one."""
    if text is None or isinstance(text, str):
        return text or ""
    return text.get(code) or text.get(project[:2]) or next(iter(text.values()), "")


class Words(BaseModel):
    """A mapping of known words that do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Share(Words):
    """What part of a measure the largest groups have: the ``top`` ones ``by`` a dimension."""

    by: Name
    top: int = Field(ge=1, le=100)


class Card(Words):
    """A number: a measure of an analysis, or how many rows a table has."""

    title: Text | None = None
    help: Text | None = None
    of: Name | None = None
    measure: Measure | None = None
    count: Name | None = Field(default=None, description="The table whose rows are counted, instead of a measure")
    compare: Compare | None = None
    spark: Name | None = Field(default=None, description="The period of the small line below the number")
    by: Name | None = Field(default=None, description="The period whose values `take` sums up")
    take: Summary | None = None
    share: Share | None = None
    format: NumberFormat | None = None

    @model_validator(mode="after")
    def _is_one_number(self) -> Card:
        if (self.measure is None) == (self.count is None):
            raise ValueError("a card shows a `measure` or the `count` of a table's rows, one of the two")
        if (self.by is None) != (self.take is None):
            raise ValueError("`by` and `take` stand together: the mean, max or min of periods")
        if self.count is not None and (self.compare or self.spark or self.take or self.share):
            raise ValueError("a `count` is of all rows: it has no `compare`, `spark`, `take` or `share`")
        return self


class Block(Words):
    """What charts and tables have in common: a title, what they show of which table, and what a click does."""

    title: Text | None = None
    about: Text | None = None
    of: Name | None = None
    measure: Measures = ()
    sort: Name | None = None
    limit: Limit | None = None
    upto: Limit | None = Field(default=None, description="The reader may raise `limit` up to this")
    format: NumberFormat | None = None
    drill: Names = Field(default=(), description="Periods from the longest to the shortest, then `rows`")
    select: Name | None = Field(default=None, description="The filter that a click chooses a value of")

    @model_validator(mode="after")
    def _has_a_limit_to_raise(self) -> Block:
        if self.upto is not None and (self.limit is None or self.upto <= self.limit):
            raise ValueError("`upto` is above `limit`, which it lets readers raise")
        return self


class Chart(Block):
    """A drawing of measures by a dimension or period, or of columns of a table's rows."""

    kind: ChartKind
    by: Names = Field(default=(), max_length=2)
    color: Name | None = None
    label: Name | None = Field(default=None, description="A column of the table that `by` refers to, shown instead")
    detail: Name | None = Field(default=None, description="Another column of that table, written into the bar")
    compare: Compare | None = None
    stack: bool = True


class Table(Block):
    """Rows: those of a table, or the measures of an analysis by a dimension or period."""

    columns: Names = ()
    by: Names = Field(default=(), max_length=2)
    share: bool = Field(default=False, description="Also the share of the first measure, with a bar")
    stats: Name | None = Field(default=None, description="A measure that is a sum, whose single values are described")


class Row(Words):
    """One row of a page; ``columns`` stand side by side."""

    cards: tuple[Card, ...] | None = Field(default=None, max_length=MOST_BLOCKS)
    chart: Chart | None = None
    table: Table | None = None
    text: Text | None = None
    columns: tuple[Row, ...] | None = Field(default=None, max_length=4)

    @model_validator(mode="after")
    def _is_one_thing(self) -> Row:
        names = ("cards", "chart", "table", "text", "columns")
        if sum(bool(getattr(self, name)) for name in names) != 1:
            raise ValueError(f"a row is one of {', '.join(names)}")
        if any(row.columns is not None for row in self.columns or ()):
            raise ValueError("columns stand in no other columns")
        return self

    @property
    def blocks(self) -> Iterator[Card | Chart | Table]:
        """Everything in it that shows numbers, in order."""
        yield from self.cards or ()
        yield from (block for block in (self.chart, self.table) if block is not None)
        for row in self.columns or ():
            yield from row.blocks


class Entry(Words):
    """A page in the menu: what it is called, its address, icon and place."""

    title: Text
    path: str | None = Field(default=None, pattern="^[a-z0-9]+(-[a-z0-9]+)*$")
    icon: str = Field(default=ICON, pattern="^[a-z0-9_]+$", description="A name of Material Symbols")
    order: int = 100


class Page(Entry):
    """A page: its entry in the menu, what it can be filtered by, and its rows from top to bottom."""

    about: Text | None = None
    of: Name | None = Field(default=None, description="The table of blocks that name none")
    filters: Names = ()
    granularity: Name | None = Field(default=None, description="The period at which the choice of one begins")
    rows: tuple[Row, ...] = Field(max_length=MOST_ROWS)

    @model_validator(mode="after")
    def _shows_something(self) -> Page:
        if not self.rows:
            raise ValueError("a page has at least one row")
        return self

    @property
    def blocks(self) -> Iterator[Card | Chart | Table]:
        """Everything on it that shows numbers, in order."""
        for row in self.rows:
            yield from row.blocks

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that its blocks show, once each."""
        named = (block.count if isinstance(block, Card) and block.count else block.of for block in self.blocks)
        return tuple(dict.fromkeys(name for name in named if name))


def read_page(data: Mapping[str, Any]) -> Page:
    """A page as the API serves it; ValidationError when another version of Filon served it."""
    return Page.model_validate(data)
