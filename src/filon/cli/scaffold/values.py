"""Infer the types of columns, and the likely key, from values.

A type other than text is inferred only where no value would be lost or misread.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from filon.cli.scaffold.names import ascii_letters
from filon.project import INTEGER, TEXT, ColumnType, Kind
from filon.project.types import MAX_PRECISION
from filon.stages.bronze.inference import SHARE

INTEGER_DIGITS, DECIMAL_DIGITS, SMALLEST_SCALE = 18, 18, 2
ROOM = 4
"""Digits before the decimal mark that a column gets beyond those seen, as far as its precision allows."""
CODE = re.compile(r"[+-]?0[0-9]|\+[0-9]{7}")
"""The beginning of digits that are a code, not a quantity: postal codes, telephone numbers."""
NUMERIC = re.compile(r"[+-]?[0-9][0-9.,' \u00a0\u202f]*")
THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
"""Digits that may be a whole number with a thousands separator."""

FEWEST_FOR_KEY, FEWEST_FOR_REQUIRED = 3, 100
KEY_WORDS = {"id", "code", "no", "nr", "num", "numero", "number", "key", "ref", "reference", "uuid", "guid", "sku"}

PARTS = {
    "yyyy": "(?!0000)(?P<year>[0-9]{4})",
    "MM": "(?P<month>0[1-9]|1[0-2])",
    "M": "(?P<month>0?[1-9]|1[0-2])",
    "dd": "(?P<day>0[1-9]|[12][0-9]|3[01])",
    "d": "(?P<day>0?[1-9]|[12][0-9]|3[01])",
    "HH": "([01][0-9]|2[0-3])",
    "mm": "[0-5][0-9]",
    "ss": "[0-5][0-9]",
    "SSS": "[0-9]{3}",
    "SSSSSS": "[0-9]{6}",
}
DAYS_FIRST = ("yyyy/MM/dd", "dd/MM/yyyy", "MM/dd/yyyy", "d/M/yyyy", "M/d/yyyy")
MONTHS_FIRST = ("yyyy/MM/dd", "MM/dd/yyyy", "dd/MM/yyyy", "M/d/yyyy", "d/M/yyyy")
TIMES = ("HH:mm:ss", "HH:mm", "HH:mm:ss.SSS", "HH:mm:ss.SSSSSS")


@dataclass(frozen=True)
class Inferred:
    """The type of a column, and the format of its dates or timestamps."""

    type: ColumnType
    format: str = ""


def decimal_mark(columns: Sequence[list[str]], delimiter: str) -> str:
    """The decimal mark that most columns can only be read with; empty where ``1.234`` may also mean 1234."""
    point, comma = (sum(_shows(_filled(values), mark) for values in columns) for mark in ".,")
    if point != comma:
        return "." if point > comma else ","
    if delimiter != ";":
        return "."
    return "," if comma else ""  # files with semicolons mostly use a decimal comma, so a point may separate thousands


def infer_types(columns: Sequence[list[str]], mark: str) -> list[Inferred]:
    """The inferred type of each column, given the file's decimal mark.

    ``03/04/2026`` is read with the day first, unless a column of the file can only be read with the month first.
    """
    types = [_infer_type(_filled(values), mark, DAYS_FIRST) for values in columns]
    if any(inferred.format.startswith("M") for inferred in types):
        types = [_infer_type(_filled(values), mark, MONTHS_FIRST) for values in columns]
    return types


def key_of(columns: Mapping[str, list[str]], types: Sequence[Inferred]) -> str | None:
    """The first column of whole numbers or texts with a name like that of a key, no empty and no repeated value."""
    for (name, values), inferred in zip(columns.items(), types, strict=True):
        may_be = inferred.type in (INTEGER, TEXT) and _is_called_like_a_key(name) and len(values) >= FEWEST_FOR_KEY
        if may_be and all(values) and len(set(values)) == len(values):
            return name
    return None


def is_required(values: list[str]) -> bool:
    """Whether a column has enough values, none of them empty, to be declared required."""
    return len(values) >= FEWEST_FOR_REQUIRED and all(values)


def _filled(values: list[str]) -> list[str]:
    return [value for value in values if value]


def _infer_type(values: list[str], mark: str, orders: tuple[str, ...]) -> Inferred:
    if not values:
        return Inferred(TEXT)
    if {value.lower() for value in values} <= {"true", "false"}:
        return Inferred(ColumnType(Kind.BOOLEAN))
    for kind, forms in ((Kind.DATE, _dates(orders)), (Kind.TIMESTAMP, _timestamps(orders))):
        for form in forms:
            if _fits(values, form):
                return Inferred(ColumnType(kind), form)
    return Inferred(_number(values, mark) or TEXT)


def _shows(values: list[str], mark: str) -> bool:
    """Whether a column can only be read as numbers with that decimal mark."""
    marked = [value for value in values if mark in value]
    if not marked or all(THOUSANDS.fullmatch(value) for value in marked):
        return False
    return _number(values, mark) is not None


def _number(values: list[str], mark: str) -> ColumnType | None:
    """The integer or decimal type of a column; None when its values are not numbers in this form.

    A few values that are not numbers in any form are taken for errors to reject; numbers in another form are not.
    """
    form = _number_form(mark)
    matches = [match for value in values if (match := form.fullmatch(value))]
    if not matches or len(matches) < SHARE * len(values) or any(CODE.match(match[0]) for match in matches):
        return None
    if len(matches) < len(values) and any(NUMERIC.fullmatch(value) for value in values if not form.fullmatch(value)):
        return None
    whole = max(len(match[1]) for match in matches)
    if not any(match[2] for match in matches):
        return INTEGER if whole <= INTEGER_DIGITS else None
    decimals = max(len(match[3] or "") for match in matches)
    scale = max(SMALLEST_SCALE, decimals)
    if whole + scale > MAX_PRECISION:
        return None
    return ColumnType(Kind.DECIMAL, min(MAX_PRECISION, max(DECIMAL_DIGITS, whole + scale + ROOM)), scale)


@cache
def _number_form(mark: str) -> re.Pattern[str]:
    """A pattern with the groups digits, decimal mark, digits."""
    point = re.escape(mark) if mark else "(?!)"
    return re.compile(f"[+-]?(?=[0-9]|{point}[0-9])([0-9]*)(?:({point})([0-9]*))?")


@cache
def _dates(orders: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(order.replace("/", mark) for order in orders for mark in "-/.")


@cache
def _timestamps(orders: tuple[str, ...]) -> tuple[str, ...]:
    parts = product(_dates(orders), (" ", "'T'"), TIMES, ("", "'Z'"))
    return tuple("".join(part) for part in parts)


def _fits(values: list[str], form: str) -> bool:
    """Whether all values have the form of a date; some may be days that do not exist, such as 31/02/2026."""
    fullmatch = _expression(form).fullmatch
    return all(map(fullmatch, values)) and any(_exists(match) for value in values if (match := fullmatch(value)))


def _exists(match: re.Match[str]) -> bool:
    year, month, day = (int(match[part]) for part in ("year", "month", "day"))
    return day <= monthrange(year, month)[1]


@cache
def _expression(form: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"'(.)'|([A-Za-z])\2*|.", _part, form))


def _part(token: re.Match[str]) -> str:
    return token[1] or PARTS.get(token[0]) or re.escape(token[0])


def _is_called_like_a_key(name: str) -> bool:
    words = re.sub("(?<=[a-z])(?=[A-Z])", " ", name)
    return not KEY_WORDS.isdisjoint(re.split("[^a-z]+", ascii_letters(words).lower()))
