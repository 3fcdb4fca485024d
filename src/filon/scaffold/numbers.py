"""How a column writes its numbers, and the type that holds them.

A type is given only where no value would be lost or misread: numbers in two forms, or in one that has two meanings, are
text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from filon.project import INTEGER, ColumnType, Kind
from filon.project.types import MAX_PRECISION
from filon.stages.bronze.inference import SHARE

INTEGER_DIGITS, DECIMAL_DIGITS, SMALLEST_SCALE = 18, 18, 2
ROOM = 4
"""Digits before the decimal mark that a column gets beyond those seen, as far as its precision allows."""
LONGEST_FRACTION, DOUBLE_DIGITS = 6, 15
"""Decimals beyond which a number is a measurement, and the digits before the mark that a double holds beside them."""
DOUBLE = ColumnType(Kind.DOUBLE)
CODE = re.compile(r"[+-]?0[0-9]|\+[0-9]{7}")
"""The beginning of digits that are a code, not a quantity: postal codes, telephone numbers."""
NUMERIC = re.compile(r"[+-]?[0-9][0-9.,' \u00a0\u202f]*")
THOUSANDS = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
"""Digits that may be a whole number with a thousands separator."""
CURRENCY = "[€$£¥]|EUR|USD|GBP|CHF|CAD|JPY"
BLANK = "[ \u00a0\u202f]"
WRITTEN = re.compile(
    rf"(?P<open>\()?(?P<sign>[+-]?)(?P<before>(?:{CURRENCY}){BLANK}?)?"
    rf"(?P<core>[0-9.,'\u00a0\u202f ]*[0-9.,])(?P<exponent>[eE][+-]?[0-9]{{1,2}})?"
    rf"(?:{BLANK}?(?P<after>{CURRENCY}|%))?(?P<trailing>-)?(?P<close>\))?"
)
GROUPINGS = {" ": BLANK, "'": "'", ".": r"\.", ",": ","}


Values = Mapping[str, int]
"""How often each value stands in a column."""


@dataclass(frozen=True)
class Written:
    """A number as it is written: its digits and marks, and what stands around them."""

    core: str
    affix: str = ""
    has_exponent: bool = False
    negative: str = "minus"


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written; ``decimal`` is empty when no number has decimals."""

    decimal: str = ""
    grouping: str = ""
    currency: tuple[str, ...] = ()
    percent: bool = False
    negative: tuple[str, ...] = ()


PLAIN = NumberForm()


@dataclass(frozen=True)
class NumberColumn:
    """The type of a column of numbers, their form, and whether a few values are no numbers."""

    type: ColumnType
    form: NumberForm
    has_errors: bool


def decimal_mark(columns: Sequence[Values], delimiter: str) -> str:
    """The decimal mark that most columns can only be read with; empty where ``1.234`` may also mean 1234."""
    point, comma = (sum(_shows(values, mark) for values in columns) for mark in ".,")
    if point != comma:
        return "." if point > comma else ","
    if delimiter != ";":
        return "."
    return "," if comma else ""  # files with semicolons mostly use a decimal comma, so a point may separate thousands


def number_column(values: Values, mark: str) -> NumberColumn | None:
    """The type and form of a column of numbers; None when its values are not numbers in one form.

    A few values that are not numbers in any form are taken for errors to reject; numbers in another form are not.

    Args:
        values: how often each value stands there; none is empty
        mark: the decimal mark of the file; another one is accepted where the column can only be read with it

    """
    found = _column(values, mark)
    if found is None and (other := {".": ",", ",": "."}.get(mark)) is not None and _shows(values, other):
        found = _column(values, other)
    return found


def _shows(values: Values, mark: str) -> bool:
    """Whether a column can only be read as numbers with that decimal mark."""
    marked = [written.core for value in values if (written := _written(value)) and mark in written.core]
    if not marked or all(THOUSANDS.fullmatch(core) for core in marked):
        return False
    found = _column(values, mark)
    return found is not None and found.form.decimal == mark


def _column(values: Values, mark: str) -> NumberColumn | None:
    numbers = {value: number for value in values if (number := _written(value))}
    count = sum(values[value] for value in numbers)
    if not numbers or count < SHARE * sum(values.values()) or any(map(CODE.match, values)):
        return None
    if any(NUMERIC.fullmatch(value) for value in values if value not in numbers):
        return None
    written = list(numbers.values())
    cores = [number.core for number in written]
    for grouping in ("", *(grouping for grouping in GROUPINGS if grouping != mark)):
        if grouping in (".", ",") and not mark:
            continue
        form = _core_form(mark, grouping)
        matches = [match for core in cores if (match := form.fullmatch(core))]
        if len(matches) == len(cores):
            kind = _type(matches, any(number.has_exponent for number in written))
            form_found = _form(written, mark, grouping, matches)
            return NumberColumn(kind, form_found, len(numbers) < len(values)) if kind else None
    return None


def _written(value: str) -> Written | None:
    match = WRITTEN.fullmatch(value)
    if match is None or bool(match["open"]) != bool(match["close"]) or not any(map(str.isdigit, match["core"])):
        return None
    signs = [sign for sign in (match["open"], match["sign"], match["trailing"]) if sign]
    affixes = [affix.strip(" \u00a0\u202f") for affix in (match["before"], match["after"]) if affix]
    if len(signs) > 1 or len(affixes) > 1:
        return None
    negative = "parentheses" if match["open"] else "trailing" if match["trailing"] else "minus"
    return Written(match["core"], "".join(affixes), bool(match["exponent"]), negative)


def _form(numbers: Sequence[Written], mark: str, grouping: str, matches: Iterable[re.Match[str]]) -> NumberForm:
    affixes = Counter(number.affix for number in numbers if number.affix)
    negatives = {number.negative for number in numbers} - {"minus"}
    return NumberForm(
        decimal=mark if any(match["point"] for match in matches) else "",
        grouping=grouping,
        currency=tuple(affix for affix, _ in affixes.most_common() if affix != "%"),
        percent="%" in affixes,
        negative=("minus", *sorted(negatives)) if negatives else (),
    )


def _type(matches: Sequence[re.Match[str]], has_exponent: bool) -> ColumnType | None:
    whole = max(sum(map(str.isdigit, match["whole"])) for match in matches)
    decimals = max(len(match["fraction"] or "") for match in matches)
    if has_exponent or (decimals > LONGEST_FRACTION and whole <= DOUBLE_DIGITS):
        return DOUBLE
    if not any(match["point"] for match in matches):
        return INTEGER if whole <= INTEGER_DIGITS else None
    scale = max(SMALLEST_SCALE, decimals)
    if whole + scale > MAX_PRECISION:
        return None
    return ColumnType(Kind.DECIMAL, min(MAX_PRECISION, max(DECIMAL_DIGITS, whole + scale + ROOM)), scale)


@cache
def _core_form(mark: str, grouping: str) -> re.Pattern[str]:
    point = re.escape(mark) if mark else "(?!)"
    groups = f"[1-9][0-9]{{0,2}}(?:{GROUPINGS[grouping]}[0-9]{{3}})+|" if grouping else ""
    return re.compile(f"(?=[0-9]|{point}[0-9])(?P<whole>{groups}[0-9]*)(?:(?P<point>{point})(?P<fraction>[0-9]*))?")


def words_of(form: NumberForm) -> Iterator[tuple[str, object]]:
    """The words of a dialect that stand for what surrounds the digits of a column's numbers."""
    if form.currency:
        yield "currency", list(form.currency)
    if form.percent:
        yield "percent", "keep"
    if form.negative:
        yield "negative", list(form.negative)
