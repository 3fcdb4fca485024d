"""What every figure of a block is drawn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from filon.dashboard.blocks.asking import DETAIL, LABEL, chosen_by, is_analysed, lengths
from filon.dashboard.charts import Style
from filon.dashboard.client import Row
from filon.dashboard.colours import MAIN, tint
from filon.dashboard.context import Context, parameter_of
from filon.dashboard.language import Language, Unit
from filon.dashboard.numbers import decimals_of, format_of, unit_of, writer
from filon.pages import Chart

PALE = 0.35


@dataclass(frozen=True)
class Drawing:
    """A chart with its rows; ``by`` is what they are by, the chosen granularity included."""

    context: Context
    block: Chart
    rows: Sequence[Row]
    by: tuple[str, ...]
    style: Style

    @property
    def language(self) -> Language:
        """The language of the page."""
        return self.context.language

    @property
    def table(self) -> str:
        """The table that is shown."""
        return str(self.block.of)

    @cached_property
    def columns(self) -> Mapping[str, Row]:
        """The columns of the table by name."""
        return {column["name"]: column for column in self.context.tables[self.table]["columns"]}

    @property
    def is_time(self) -> bool:
        """Whether the rows follow each other in time: by a period, or by a date."""
        if is_analysed(self.context, self.block):
            return self.by[0] in lengths(self.context)
        return bool(self.by) and self.columns[self.by[0]]["type"] == "date"

    def name_of(self, value: object) -> str:
        """A value of what the rows are by as text."""
        return self.language.period(str(value)) if self.is_time and value is not None else self.text_of(value)

    def text_of(self, value: object) -> str:
        """A value of the data as text."""
        if value is None:
            return self.language.text("none")
        return self.language.truth(value) if isinstance(value, bool) else str(value)

    def label_of(self, row: Row) -> str:
        """What a row is called."""
        return self.name_of(row[LABEL] if LABEL in row else row[self.by[0]])

    def detail_of(self, row: Row) -> str:
        """What is written into the mark of a row."""
        return "" if row.get(DETAIL) is None else str(row[DETAIL])

    def kind_of(self, measure: str) -> str:
        """The format of a measure."""
        return format_of(self.context.tables[self.table], measure, self.block.format)

    def unit_of(self, measure: str) -> Unit:
        """What stands beside numbers of a measure on an axis."""
        return unit_of(self.language, self.kind_of(measure))

    def write(self, measure: str) -> Callable[[Any], str]:
        """Writes numbers of a measure."""
        return writer(self.language, self.kind_of(measure), decimals_of(measure))

    def choice_of(self, row: Row) -> str | None:
        """The value that a click on the mark of a row chooses; nobody can choose what is missing."""
        value = row[self.by[0]]
        return None if value is None else parameter_of(value)

    def shade(self, row: Row, colour: str = MAIN) -> str:
        """The colour of a row: pale when others of its dimension are chosen."""
        name = chosen_by(self.context, self.block)
        chosen = self.context.filters.choices.get(name or "", ())
        is_pale = bool(chosen) and name == self.by[0] and self.choice_of(row) not in chosen
        return tint(colour, PALE) if is_pale else colour
