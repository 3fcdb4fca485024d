"""Typed values of a file as the texts that the contract's columns spell: bronze holds texts, whatever brought them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import dumps

from filon.project import Column, Dataset, Kind
from filon.project.vocabulary import Dialect, Negative

MOST_EXPONENT = 400
"""Powers of ten beyond which a number keeps its exponent: no type of a column holds such a number anyway."""
NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")
NEGATIVES = {Negative.MINUS: "-{}", Negative.TRAILING: "{}-", Negative.PARENTHESES: "({})"}
PLAIN = Dialect()


class Number(str):
    """A number as it is spelled in JSON: its digits, with a point and an exponent or not."""

    __slots__ = ()


Scalar = str | Number | bool | dt.datetime | dt.date | dt.time | None
Value = Scalar | Sequence["Value"] | Mapping[str, "Value"]
"""A value of a file; texts that are no ``Number`` are texts."""


@dataclass(frozen=True)
class Spelling:
    """How the values of a column are spelled; of an undeclared one ``kind`` is text."""

    kind: Kind = Kind.TEXT
    dialect: Dialect = PLAIN

    def __call__(self, value: Value) -> str:
        """The text of a value: empty for null, JSON for lists and mappings."""
        if type(value) is str:  # most values are texts
            return value
        if value is None:
            return ""
        if isinstance(value, Number):
            return self.number(value)
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return self.boolean(value)
        if isinstance(value, (dt.datetime, dt.date, dt.time)):
            return self._moment(value)
        return json_text(value)

    def boolean(self, value: bool) -> str:
        """The word for a boolean."""
        if self.kind is Kind.BOOLEAN:
            return self.dialect.true if value else self.dialect.false
        return "true" if value else "false"

    def number(self, value: str) -> str:
        """A number without an exponent, with the decimal mark and the minus of the contract; as it is in texts."""
        if self.kind not in (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE):
            return value
        plain = plain_number(value) if "e" in value or "E" in value else str(value)
        if self.kind is Kind.INTEGER and "." in plain:
            whole, _, fraction = plain.partition(".")
            plain = plain if fraction.strip("0") else whole
        plain = plain.replace(".", self.dialect.decimal)
        if plain.startswith("-") and self.dialect.negative:
            return NEGATIVES[self.dialect.negative[0]].format(plain[1:])
        return plain

    def _moment(self, value: dt.datetime | dt.date | dt.time) -> str:
        if not isinstance(value, dt.datetime):
            if self.kind is Kind.TIMESTAMP and isinstance(value, dt.date):
                return f"{value.isoformat()} 00:00:00.000000"
            return value.isoformat()
        midnight = value.time() == dt.time.min
        if self.kind is Kind.DATE and midnight:
            return value.date().isoformat()
        if self.kind is Kind.TIMESTAMP:
            return value.isoformat(sep=" ", timespec="microseconds")
        return value.date().isoformat() if midnight else value.isoformat(sep=" ")


def spellings_of(dataset: Dataset) -> dict[str, Spelling]:
    """How each column of a dataset is spelled, by name."""
    return {column.name: spelling_of(dataset, column) for column in dataset.read_columns}


def spelling_of(dataset: Dataset, column: Column) -> Spelling:
    """How a column is spelled."""
    return Spelling(column.type.kind, dataset.dialect_of(column))


def plain_number(value: str) -> str:
    """A number without an exponent; as it is when that is beyond ``MOST_EXPONENT``, or it is no number."""
    found = NUMBER.fullmatch(value)
    if found is None or found[4] is None or len(found[4]) > 5 or abs(int(found[4])) > MOST_EXPONENT:
        return value
    whole, fraction, power = found[2] or "", found[3] or "", int(found[4])
    digits, point = whole + fraction, len(whole) + power
    if point <= 0:
        digits, point = "0" * (1 - point) + digits, 1
    digits = digits.ljust(point, "0")
    whole, fraction = digits[:point].lstrip("0") or "0", digits[point:].rstrip("0")
    return f"{'-' if found[1] == '-' else ''}{whole}{'.' if fraction else ''}{fraction}"


def json_text(value: Value) -> str:
    """A value as JSON; numbers keep their digits."""
    if isinstance(value, Number):
        return value
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{dumps(key, ensure_ascii=False)}: {json_text(item)}" for key, item in value.items()) + "}"
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(json_text, value)) + "]"
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return dumps(value.isoformat())
    return dumps(value, ensure_ascii=False)
