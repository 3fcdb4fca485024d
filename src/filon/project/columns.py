"""A column of a contract, and what its values are held to."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from filon.pages import NumberFormat
from filon.project.fingerprints import named
from filon.project.formats import Reading, readings_of
from filon.project.types import ColumnType, Kind
from filon.project.values import Value
from filon.project.vocabulary import (
    ColumnDialect,
    Normalise,
)

Bound = Value | tuple[Value, ...]
SPELLING = ("decimal", "grouping", "currency", "percent", "negative", "true", "false", "null_values")
"""Words of a dialect that decide which value the text of a field spells."""
VALID_FROM, VALID_TO, IS_CURRENT = "valid_from", "valid_to", "is_current"
"""The columns that a history has beside those of its dataset."""
AS_IT_IS = Normalise()
AS_THE_TABLE = ColumnDialect()


@dataclass(frozen=True)
class Rule:
    """One condition on a value: its ODCS word (``maximum``, ``pattern``, …), and what the value is held to."""

    name: str
    bound: Bound

    @property
    def texts(self) -> tuple[str, ...]:
        """What values are held to, as people write it."""
        values = self.bound if isinstance(self.bound, tuple) else (self.bound,)
        return tuple(format(value, "f") if isinstance(value, Decimal) else str(value) for value in values)


@dataclass(frozen=True)
class Reference:
    """Values must exist in ``column`` of ``table``; where that is not ``binding``, a check warns of others."""

    table: str
    column: str
    binding: bool = True


@dataclass(frozen=True)
class Column:
    """A column of a contract.

    ``header`` is its name in files, ``aliases`` are others; ``format`` is the JDK pattern of a date or timestamp,
    ``other_formats`` are those tried for texts that it does not read, in their order; ``dialect`` is how its texts are
    spelled where they differ from the other columns of the table; ``number_format`` is how readers see its numbers.
    """

    name: str
    type: ColumnType
    required: bool = False
    unique: bool = False
    header: str = ""
    aliases: tuple[str, ...] = ()
    format: str = ""
    other_formats: tuple[str, ...] = ()
    normalise: Normalise = AS_IT_IS
    dialect: ColumnDialect = AS_THE_TABLE
    rules: tuple[Rule, ...] = ()
    reference: Reference | None = None
    description: str = field(default="", repr=False)
    number_format: NumberFormat | None = field(default=None, repr=False)

    @property
    def is_text(self) -> bool:
        """Whether the column holds text."""
        return self.type.kind is Kind.TEXT

    @property
    def is_bound(self) -> bool:
        """Whether a row is refused when the value refers to nothing."""
        return self.reference is not None and self.reference.binding

    @property
    def formats(self) -> tuple[str, ...]:
        """All its patterns, in the order in which they are tried."""
        return (self.format, *self.other_formats)

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """The ways in which texts spell a date or a timestamp, in the order in which they are tried; else ()."""
        if self.type.kind not in (Kind.DATE, Kind.TIMESTAMP):
            return ()
        return tuple(reading for pattern in self.formats for reading in readings_of(pattern))

    @property
    def row_facts(self) -> dict[str, object]:
        """What decides which texts of a source the column accepts, and what becomes of them."""
        reference = self.reference if self.is_bound else None
        return {
            "name": self.name,
            "type": self.type.sql,
            **named(self, "required", "header", "format", "other_formats"),
            "normalise": named(self.normalise, "trim", "case", "canonical") if self.is_text else None,
            "dialect": named(self.dialect, "timezone", *SPELLING) or None,
            "rules": [(rule.name, rule.bound) for rule in self.rules] or None,
            "reference": (reference.table, reference.column) if reference else None,
        }
