"""Values that a person writes into YAML for a column: read exactly as the column's type, or not at all."""

from __future__ import annotations

import datetime as dt
import unicodedata
from decimal import Decimal, InvalidOperation

from filon.project.types import ColumnType, Kind

Value = bool | int | Decimal | str | dt.date | dt.datetime
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
        return number if number is not None and _holds(kind, number) else None
    return read_moment(given, kind)


def read_number(given: object) -> Decimal | None:
    """A finite number, exactly as written."""
    if isinstance(given, bool) or not isinstance(given, (int, float, str, Decimal)):
        return None
    try:
        number = Decimal(str(given))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def read_moment(given: object, kind: ColumnType) -> dt.date | dt.datetime | None:
    """A date, or a timestamp (UTC unless it says otherwise)."""
    try:
        if kind.kind is Kind.DATE:
            return dt.date.fromisoformat(str(given))
        moment = given if isinstance(given, dt.datetime) else dt.datetime.fromisoformat(str(given))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _holds(kind: ColumnType, number: Decimal) -> bool:
    if kind.kind is Kind.DOUBLE:
        return abs(number) <= LARGEST_DOUBLE
    scaled = number.scaleb(kind.scale)
    if scaled != scaled.to_integral_value():
        return False
    return int(number) in WHOLE if kind.kind is Kind.INTEGER else abs(scaled) < 10**kind.precision
