"""Conditions on rows whose values are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from filon.explain.report import EVERY_ROW
from filon.project import Contract, Kind
from filon.sql import identifier, literal

EXACT_KINDS = (Kind.INTEGER, Kind.DECIMAL, Kind.TEXT, Kind.DATE, Kind.BOOLEAN)
"""Kinds of columns whose values are equal to what is written of them."""
LONGEST_TEXT = 200
"""Characters of a value beyond which nothing is gained by comparing it."""


def implied_by(contract: Contract, rows: Sequence[Mapping[str, Any]]) -> str:
    """A condition that rows meet beside their keys; each constant in it is the value of a row."""
    exact = [column.name for column in contract.columns if column.type.kind in EXACT_KINDS]
    known = [name for name in exact if all(_is_short(row[name]) for row in rows)]
    return " AND ".join(_one_of(name, [row[name] for row in rows]) for name in known) or EVERY_ROW


def these_rows(key: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """A condition that only these rows of a table with a key meet."""
    if len(key) == 1 and len(rows) > 1 and all(row[key[0]] is not None for row in rows):
        return _one_of(key[0], [row[key[0]] for row in rows])
    each = [has_values((name, row[name]) for name in key) for row in rows]
    return each[0] if len(each) == 1 else " OR ".join(f"({part})" for part in each)


def equals(names: Iterable[str], expressions: Iterable[str]) -> str:
    """A condition: columns are equal to expressions."""
    return " AND ".join(f"{identifier(name)} = {value}" for name, value in zip(names, expressions, strict=True))


def has_values(values: Iterable[tuple[str, Any]]) -> str:
    """A condition: columns have values, or none where the value is None."""
    return " AND ".join(
        f"{identifier(name)} IS NULL" if value is None else f"{identifier(name)} = {_spelled(value)}"
        for name, value in values
    )


def _one_of(name: str, values: Sequence[Any]) -> str:
    spelled = list(dict.fromkeys(map(_spelled, values)))
    if len(spelled) == 1:
        return f"{identifier(name)} = {spelled[0]}"
    return f"{identifier(name)} IN ({', '.join(spelled)})"


def _is_short(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and len(value) > LONGEST_TEXT)


def _spelled(value: Any) -> str:
    """A value that is not null, as SQL spells it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value).upper() if isinstance(value, (bool, int)) else literal(str(value))
