"""Infer the types of columns from their values.

A type other than text is inferred only where no value would be lost or misread.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

from filon.project import TEXT, ColumnType, Kind
from filon.scaffold.names import is_called_like_a_key, words_in
from filon.scaffold.numbers import PLAIN, NumberForm, Values, number_column
from filon.stages.bronze.inference import SHARE

ALWAYS_NULL = ("NULL", "null", "(null)", r"\N", "#N/A", "N/A", "n/a", "NaN", "nan", "[ND]")
"""Texts that programs write for a missing value, and people for nothing else."""
OFTEN_NULL = (
    *("NA", "None", "none", "Null", "-", "--", "?", ".", "nd", "ND", "ns", "s"),
    *("0000-00-00", "0000-00-00 00:00:00"),
)
"""Texts that mean a missing value where all others are numbers, dates or booleans."""
MAY_BE_NULL = {*ALWAYS_NULL, *OFTEN_NULL}
BOOLEANS = (("true", "false"), ("oui", "non"), ("yes", "no"), ("vrai", "faux"), ("y", "n"), ("o", "n"), ("t", "f"))

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
    "XXX": "(?:[+-][0-9]{2}:[0-9]{2}|Z)",
}
DAYS_FIRST = ("yyyy/MM/dd", "dd/MM/yyyy", "MM/dd/yyyy", "d/M/yyyy", "M/d/yyyy")
MONTHS_FIRST = ("yyyy/MM/dd", "MM/dd/yyyy", "dd/MM/yyyy", "M/d/yyyy", "d/M/yyyy")
TIMES = ("HH:mm:ss", "HH:mm", "HH:mm:ss.SSS", "HH:mm:ss.SSSSSS")
COMPACT = "yyyyMMdd"
COMPACT_DAY = re.compile("(?:19|20)[0-9]{6}")
DIGIT = re.compile("[0-9]")
DATED = re.compile("date|day")
CODES = re.compile("postal|zip|insee|siren|siret|iban|isbn|ean|phone|tel")
"""What stands in names of columns whose digits are codes: nobody adds them up, and zeros in front of them count."""
ENOUGH_DAYS = 10
"""Different numbers of eight digits that are all days of these centuries: not by chance, whatever the header is."""


@dataclass(frozen=True)
class Inferred:
    """The type of a column, and how its values are spelled.

    ``format`` is that of dates or timestamps, ``truth`` the words for true and false, ``nulls`` are texts that mean
    null.
    """

    type: ColumnType
    format: str = ""
    form: NumberForm = PLAIN
    truth: tuple[str, str] = ("true", "false")
    nulls: tuple[str, ...] = ()


def infer_types(columns: Mapping[str, Values], mark: str) -> list[Inferred]:
    """The inferred type of each column, given the file's decimal mark; columns by their header.

    ``03/04/2026`` is read with the day first, unless a column of the file can only be read with the month first.
    """
    types = [infer_type(values, mark, DAYS_FIRST, header) for header, values in columns.items()]
    if any(inferred.format.startswith("M") for inferred in types):
        types = [infer_type(values, mark, MONTHS_FIRST, header) for header, values in columns.items()]
    return types


def infer_type(values: Values, mark: str, orders: tuple[str, ...] = DAYS_FIRST, header: str = "") -> Inferred:
    """The inferred type of a column; empty values say nothing."""
    filled = values.keys() - {""}
    known = filled_values(values)
    found = _typed(known, mark, orders, header)
    if found is None:
        return Inferred(TEXT, nulls=tuple(marker for marker in ALWAYS_NULL if marker in filled))
    kind, form, number, truth = found.type, found.format, found.form, found.truth
    return Inferred(kind, form, number, truth, tuple(sorted(filled - known.keys())))


def filled_values(values: Values) -> dict[str, int]:
    """The values that are neither empty nor texts that may mean null."""
    return {value: times for value, times in values.items() if value and value not in MAY_BE_NULL}


def _typed(values: Values, mark: str, orders: tuple[str, ...], header: str) -> Inferred | None:
    """The type of values, if it is not text; none of them is empty."""
    words = words_in(header)
    is_code, is_dated = any(map(CODES.fullmatch, words)), any(map(DATED.search, words))
    if not values:
        return None
    if truth := _truth(values):
        return Inferred(ColumnType(Kind.BOOLEAN), truth=truth)
    for kind, forms in ((Kind.DATE, _dates(orders)), (Kind.TIMESTAMP, _timestamps(orders))):
        for form in forms:
            if _fits(values, form):
                return Inferred(ColumnType(kind), form)
    if len(values) >= (1 if is_dated else ENOUGH_DAYS) and _are_compact_days(values):
        return Inferred(ColumnType(Kind.DATE), COMPACT)
    number = None if is_code else number_column(values, mark)
    if number is None or (number.has_errors and is_called_like_a_key(header)):
        return None  # of keys, a few that are no numbers are no errors: a C before the number of a cancelled order
    return Inferred(number.type, form=number.form)


def _truth(values: Values) -> tuple[str, str] | None:
    """The words for true and false, if these are the values; words of other languages must both be there."""
    words = {value.lower() for value in values}
    for true, false in BOOLEANS:
        if words == {true, false} or (true == "true" and words <= {true, false}):
            return true, false
    return None


def _are_compact_days(values: Values) -> bool:
    return (
        all(map(COMPACT_DAY.fullmatch, values))
        and all(map(_expression(COMPACT).fullmatch, values))
        and _fits(values, COMPACT)
    )


@cache
def _dates(orders: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(order.replace("/", mark) for order in orders for mark in "-/.")


@cache
def _timestamps(orders: tuple[str, ...]) -> tuple[str, ...]:
    parts = product(_dates(orders), (" ", "'T'"), TIMES, ("", "'Z'", "XXX"))
    return tuple("".join(part) for part in parts)


def _fits(values: Values, form: str) -> bool:
    """Whether values have the form of a date; some may be days that do not exist, such as 31/02/2026.

    A few that are dates in no form are taken for errors to reject.
    """
    fullmatch = _expression(form).fullmatch
    errors, most_errors = 0, (1 - SHARE) * sum(values.values())
    days_exist = False
    for value, times in values.items():
        if match := fullmatch(value):
            days_exist = days_exist or _exists(match)
            continue
        errors += times
        if errors > most_errors or DIGIT.search(value):
            return False
    return days_exist


def _exists(match: re.Match[str]) -> bool:
    year, month, day = (int(match[part]) for part in ("year", "month", "day"))
    return day <= monthrange(year, month)[1]


@cache
def _expression(form: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"'(.)'|([A-Za-z])\2*|.", _part, form))


def _part(token: re.Match[str]) -> str:
    return token[1] or PARTS.get(token[0]) or re.escape(token[0])
