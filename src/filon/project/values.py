"""Values that a person writes into YAML for a column: read exactly as the column's type, or not at all."""

from __future__ import annotations

import datetime as dt
import unicodedata
from decimal import ROUND_FLOOR, Context, Decimal, InvalidOperation

from filon.project.types import ColumnType, Kind
from filon.sql import literal

Value = bool | int | Decimal | str | dt.date | dt.datetime
EXACT = Context(prec=400)  # more digits than any column or bound has
LARGEST_EXPONENT = 400  # what is larger takes all memory once it is written out
LONGEST_PATTERN = 2_000
WHOLE = range(-(2**63), 2**63)
LARGEST_DOUBLE = Decimal("1.7976931348623157e308")


def read_value(given: object, kind: ColumnType) -> Value | None:
    """The value as the column holds it; None when the column cannot hold it without changing it."""
    if kind.kind is Kind.TEXT:
        return unicodedata.normalize("NFC", given) if isinstance(given, str) else None
    if kind.kind is Kind.BOOLEAN:
        return given if isinstance(given, bool) else None
    if kind.is_number:
        number = read_number(given)
        held = _held(kind, number) if number is not None else None
        return int(held) if held is not None and kind.kind is Kind.INTEGER else held
    return read_moment(given, kind)


def read_number(given: object) -> Decimal | None:
    """A finite number, exactly as written."""
    if isinstance(given, bool) or not isinstance(given, (int, float, str, Decimal)):
        return None
    try:
        number = Decimal(str(given))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= LARGEST_EXPONENT else None


def read_moment(given: object, kind: ColumnType) -> dt.date | dt.datetime | None:
    """A date, or a timestamp (UTC unless it says otherwise)."""
    try:
        if kind.kind is Kind.DATE:
            return dt.date.fromisoformat(str(given))
        moment = given if isinstance(given, dt.datetime) else dt.datetime.fromisoformat(str(given))
        moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):  # OverflowError: in UTC it lies before the year 1 or after the year 9999
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def sql_value(value: Value) -> str:
    """A value of a contract as SQL."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, dt.datetime):
        return f"TIMESTAMPTZ '{value.astimezone(dt.UTC).isoformat()}'"
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    return format(Decimal(value), "f")


def at_scale(number: Decimal, scale: int, rounding: str) -> Decimal:
    """A number with exactly so many decimals."""
    return EXACT.scaleb(EXACT.scaleb(number, scale).to_integral_value(rounding), -scale)


def _held(kind: ColumnType, number: Decimal) -> Decimal | None:
    """A number as a column has it, if it can."""
    if kind.kind is Kind.DOUBLE:
        return number if abs(number) <= LARGEST_DOUBLE else None
    scaled = at_scale(number, kind.scale, ROUND_FLOOR)
    fits = int(number) in WHOLE if kind.kind is Kind.INTEGER else abs(number) < 10 ** (kind.precision - kind.scale)
    return scaled if fits and scaled == number else None
