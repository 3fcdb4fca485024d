"""A contract as the rest of Filon sees it: what every table has, and the checks that guard a release."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from filon.project.columns import Column
from filon.project.document import Document, Place
from filon.project.fingerprints import named, statement
from filon.project.functions import Setting
from filon.project.partition import Partition
from filon.project.versions import FIRST, Version
from filon.project.vocabulary import DeprecatedSpec

_DEMANDS = {
    "mustBe": "must be {0}",
    "mustNotBe": "must not be {0}",
    "mustBeGreaterThan": "must be greater than {0}",
    "mustBeGreaterOrEqualTo": "must be at least {0}",
    "mustBeLessThan": "must be less than {0}",
    "mustBeLessOrEqualTo": "must be at most {0}",
    "mustBeBetween": "must be between {0} and {1}",
    "mustNotBeBetween": "must not be between {0} and {1}",
}
"""The operators of ODCS as people say them."""


@dataclass(frozen=True)
class Counted:
    """What a check that a contract implies counts, where that can be told of changed rows alone.

    ``condition`` is one on single rows, ``unique`` a key whose further rows are counted, ``refers`` a column, and the
    table and column of which it must be a value.
    """

    condition: str = ""
    unique: tuple[str, ...] = ()
    refers: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Check:
    """A query with one number for an answer, and what that number must be.

    ``operator`` is the ODCS word (``mustBe``, ``mustBeBetween``, …). ``counts_rows``: the number counts bad rows;
    ``counted`` says which, of a check that a contract implies.
    """

    name: str
    query: str
    operator: str
    expected: tuple[Decimal, ...]
    blocking: bool = True
    counts_rows: bool = False
    place: Place = field(default=(), repr=False)
    counted: Counted | None = field(default=None, repr=False)

    @cached_property
    def facts(self) -> dict[str, object]:
        """What decides its result, the rows of the tables that it reads apart."""
        return {
            "query": statement(self.query),
            **named(self, "name", "operator", "expected", "blocking", "counts_rows"),
        }

    @cached_property
    def tables(self) -> frozenset[str]:
        """The tables that it reads, without letter case."""
        from filon.project.query import one_select, table_lines  # bring the SQL parser

        return frozenset(name.casefold() for name in table_lines(one_select(self.query).tree))

    @cached_property
    def reads(self) -> frozenset[Setting]:
        """The settings that it reads."""
        from filon.project.grammar import settings_read  # brings the SQL parser

        return settings_read(self.query)

    def compare(self, value: Decimal | None) -> str:
        """What was found, and what it must be, for people."""
        bounds = [format(bound, "f") for bound in self.expected]
        found = "no number" if value is None else format(value, "f")
        return f"found {found}, {_DEMANDS[self.operator].format(*bounds)}"

    def holds(self, value: Decimal | None) -> bool:
        """Whether an answer meets the check; no answer (NULL, or what is no number) never does."""
        if value is None:
            return False
        low, high = self.expected[0], self.expected[-1]
        return {
            "mustBe": value == low,
            "mustNotBe": value != low,
            "mustBeGreaterThan": value > low,
            "mustBeGreaterOrEqualTo": value >= low,
            "mustBeLessThan": value < low,
            "mustBeLessOrEqualTo": value <= low,
            "mustBeBetween": low <= value <= high,
            "mustNotBeBetween": not low <= value <= high,
        }[self.operator]


@dataclass(frozen=True)
class Contract:
    """What every table has: a name, columns, a key and checks; ``partition`` is how its files are divided.

    ``deprecated`` announces that it will go.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    checks: tuple[Check, ...] = ()
    description: str = field(default="", repr=False)
    grain: str = field(default="", repr=False)
    partition: Partition | None = field(default=None, repr=False)
    version: Version = field(default=FIRST, repr=False)
    deprecated: DeprecatedSpec | None = field(default=None, repr=False)
    document: Document = field(kw_only=True, repr=False, compare=False)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def place_of(self, column: str) -> Place:
        """Where a column stands in the contract's file."""
        return ("schema", 0, "properties", self.column_names.index(column))
