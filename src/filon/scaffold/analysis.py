"""What can be asked of a table's rows, guessed from what stands in them: numbers, along time, by names."""

from __future__ import annotations

from dataclasses import dataclass

from filon.project import Kind
from filon.project.analysis import ANALYSIS_PARAMETERS, VALUE, WORD_DIGITS
from filon.project.serving import RESERVED
from filon.project.vocabulary import ApiSpec
from filon.scaffold.guess import ColumnGuess, TableGuess
from filon.scaffold.names import distinct, is_called_like_a_key, is_called_like_a_rate
from filon.scaffold.relations import TableFacts

COUNT, DATE = "nb_rows", "date"
MOST_DIMENSIONS, MOST_SUMS = 4, 3
MOST_VALUES = 40
"""The most values of a column that people choose from a list."""
NAMED = (Kind.TEXT, Kind.BOOLEAN)
_WORDS = ApiSpec()
TAKEN = {*RESERVED, *ANALYSIS_PARAMETERS, VALUE, *(str(word) for _, word in _WORDS)}
"""Names that mean something else in questions to the API."""


@dataclass(frozen=True)
class FirstAnalysis:
    """An analysis of the rows of a table.

    ``time`` is the date column; ``made_from`` the column that it is made from, of timestamps or of a name that means
    something else in questions; empty if it is a column of the table. ``count`` is the measure that counts rows,
    ``sums`` are columns by measure, ``dimensions`` columns.
    """

    time: str
    made_from: str
    count: str
    sums: dict[str, str]
    dimensions: tuple[str, ...]

    @property
    def measures(self) -> tuple[str, ...]:
        """All measures, amounts first."""
        return (*self.sums, self.count)


def analysis_of(guess: TableGuess, facts: TableFacts) -> FirstAnalysis | None:
    """The analysis of a table; None where no column tells days apart."""
    when = _time(guess, facts)
    if when is None:
        return None
    names = [column.name for column in guess.columns]
    is_made = when.type.kind is Kind.TIMESTAMP or when.name in TAKEN
    time = distinct([*names, f"{when.name}_{DATE}"])[-1] if is_made else when.name
    bounds = {f"{time}_min", f"{time}_max"}
    chosen = [column for column in guess.columns if column.name not in bounds and _is_dimension(guess, facts, column)]
    few = sorted(chosen, key=lambda column: facts.columns[column.name].distinct)[:MOST_DIMENSIONS]
    dimensions = tuple(column.name for column in chosen if column in few)
    exact = sorted(guess.columns, key=lambda column: column.type.kind is not Kind.DECIMAL)  # prices before pieces
    amounts = [column.name for column in exact if _is_amount(guess, facts, column)][:MOST_SUMS]
    *sums, count = distinct([time, *TAKEN, *dimensions, *amounts, COUNT])[-len(amounts) - 1 :]
    return FirstAnalysis(time, when.name if is_made else "", count, dict(zip(sums, amounts, strict=True)), dimensions)


def _time(guess: TableGuess, facts: TableFacts) -> ColumnGuess | None:
    """The date or else the timestamp that most rows have, the first of several; one that has several values."""
    found = [
        column
        for kind in (Kind.DATE, Kind.TIMESTAMP)
        for column in guess.columns
        if column.type.kind is kind and facts.columns[column.name].distinct > 1
    ]
    return min(found, key=lambda column: facts.columns[column.name].nulls, default=None)


def _is_dimension(guess: TableGuess, facts: TableFacts, column: ColumnGuess) -> bool:
    values = facts.columns[column.name].distinct
    is_free = column.name not in TAKEN and column.name not in guess.key
    return is_free and column.type.kind in NAMED and 1 < values <= min(MOST_VALUES, facts.rows - 1)


def _is_amount(guess: TableGuess, facts: TableFacts, column: ColumnGuess) -> bool:
    """Whether sums of a column mean something: it holds numbers, is no key and no rate, and called like none."""
    is_key = column.name in guess.key or column.references is not None or is_called_like_a_key(column.header)
    is_year = column.type.kind is Kind.INTEGER and _is_year(facts.columns[column.name].example)
    is_rate = "percent" in column.dialect or is_called_like_a_rate(column.header)
    is_exact = column.type.kind in (Kind.INTEGER, Kind.DECIMAL) and column.type.precision <= WORD_DIGITS
    return is_exact and not (is_key or is_year or is_rate) and facts.columns[column.name].distinct > 1


def _is_year(text: str) -> bool:
    return len(text) == 4 and text[:2] in ("19", "20")
