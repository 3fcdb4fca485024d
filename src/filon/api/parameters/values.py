"""Values of parameters: what is accepted for each type of column, and the errors for other texts."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from filon.project import Column, ColumnType, Kind
from filon.project.values import read_moment

MOST_VALUES = 200
LONGEST_TEXT = 1_000
WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
NUMBER = re.compile(r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?")


class Several:
    """Marks a parameter that may be given several times."""


def wrong(what: str, fix: str) -> PydanticCustomError:
    """The error of a value, and how to mend it."""
    return PydanticCustomError("filon", "{what}", {"what": what, "fix": fix})


def whole_number(value: object) -> object:
    """An integer; of a text, digits with a sign only."""
    if isinstance(value, str) and not WHOLE.fullmatch(value):
        raise wrong("no whole number", "write digits, such as 12")
    return value


def number(value: object) -> object:
    """A number; of a text, digits with a point and an exponent only."""
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        raise wrong("no number", "write digits with a point, such as 12.5")
    return value


def day_text(value: object) -> object:
    """A date; of a text, only such as 2026-01-31."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise wrong("no date", "write it as 2026-01-31")
    return value


def _moment(value: object) -> object:
    moment = read_moment(value, ColumnType(Kind.TIMESTAMP)) if isinstance(value, str) else None
    if not isinstance(moment, dt.datetime):
        raise wrong("no timestamp", "write it as 2026-01-31T12:00:00Z")
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        raise wrong("no timestamp of these millennia", "write it as 2026-01-31T12:00:00Z") from None


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise wrong("no finite number", "write a smaller one")
    return value


def value_type(kind: ColumnType) -> Any:
    """The annotated Python type of a parameter that is compared with a column of this type."""
    if kind.kind is Kind.INTEGER:
        return Annotated[int, Field(ge=-(2**63), le=2**63 - 1), BeforeValidator(whole_number)]
    if kind.kind is Kind.DECIMAL:
        bound = 10 ** (kind.precision - kind.scale)
        shape = {"type": "number", "minimum": -bound, "maximum": bound}
        within = Field(ge=-bound, le=bound, json_schema_extra=_only(shape))
        return Annotated[Decimal, within, BeforeValidator(number)]
    return {
        Kind.DOUBLE: Annotated[float, BeforeValidator(number), AfterValidator(_finite)],
        Kind.TEXT: Annotated[str, AfterValidator(_text)],
        Kind.DATE: Annotated[dt.date, BeforeValidator(day_text)],
        Kind.TIMESTAMP: Annotated[dt.datetime, BeforeValidator(_moment)],
        Kind.BOOLEAN: Annotated[bool, BeforeValidator(_boolean)],
    }[kind.kind]


def _text(value: str) -> str:
    """A text in NFC, as stored texts are. Long ones are refused: to normalise one can take quadratic time."""
    if len(value) > LONGEST_TEXT:
        raise wrong(f"more than {LONGEST_TEXT:,} characters", "give a shorter text")
    return unicodedata.normalize("NFC", value)


def _boolean(value: object) -> object:
    if value not in ("true", "false"):
        raise wrong("neither true nor false", "write true or false")
    return value == "true"


def _only(shape: Mapping[str, Any]) -> Any:
    def replace(schema: dict[str, Any]) -> None:
        schema.pop("anyOf", None)
        schema.update(shape)

    return replace


def several_field(name: str, column: Column) -> tuple[Any, Any]:
    """A filter that may be given several times: one of the values is enough."""
    about = f"Only rows whose {column.name} is this, or one of these. {column.description}".strip()
    one = value_type(column.type)
    several = Annotated[tuple[one, ...], BeforeValidator(_few), Field(max_length=MOST_VALUES), Several]  # type: ignore[valid-type]
    return (several, Field(default=None, alias=name, description=about))


def _few(values: object) -> object:
    if isinstance(values, list) and len(values) > MOST_VALUES:
        raise wrong(f"more than {MOST_VALUES} values", f"give at most {MOST_VALUES}")
    return values
