"""What the values of a text column look like, whatever the contract says."""

from __future__ import annotations

from collections.abc import Sequence

from filon.engines import Engine
from filon.project import Column, Kind
from filon.sql import identifier, literal

SAMPLE = 20_000
SHARE = 0.95
COLUMNS_AT_ONCE = 25
LOOKS = {
    "integer": r"[+-]?[0-9]{1,18}",
    "decimal": r"[+-]?[0-9]+\.[0-9]+",
    "decimal comma": r"[+-]?[0-9]+,[0-9]+",
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "date dd/MM/yyyy": r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}",
    "timestamp": r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}.*)?",
    "boolean": r"(?i)true|false|oui|non|yes|no",
}
COMPATIBLE = {
    Kind.INTEGER: {"integer"},
    Kind.DECIMAL: {"integer", "decimal", "decimal comma"},
    Kind.DOUBLE: {"integer", "decimal", "decimal comma"},
    Kind.DATE: {"date", "date dd/MM/yyyy"},
    Kind.TIMESTAMP: {"timestamp", "date"},
    Kind.BOOLEAN: {"boolean", "integer"},
}


def infer(engine: Engine, table: str, columns: Sequence[str]) -> dict[int, dict[str, str]]:
    """Per file version and column, the type that nearly all of the first values look like (``empty``: no value)."""
    found: dict[int, dict[str, str]] = {}
    # an engine plans a query of a thousand expressions for longer than it runs many short ones
    for first in range(0, len(columns), COLUMNS_AT_ONCE):
        for number, looks in _infer(engine, table, columns[first : first + COLUMNS_AT_ONCE]).items():
            found.setdefault(number, {}).update(looks)
    return found


def _infer(engine: Engine, table: str, columns: Sequence[str]) -> dict[int, dict[str, str]]:
    parts = []
    for name in columns:
        value = f"trim({identifier(name)})"
        parts.append(f"count(nullif({value}, ''))")
        parts += [f"count(*) FILTER (WHERE regexp_full_match({value}, {literal(look)}))" for look in LOOKS.values()]
    query = f"SELECT _file, {', '.join(parts)} FROM {identifier(table)} WHERE _record <= {SAMPLE} GROUP BY _file"
    width = len(LOOKS) + 1
    return {
        int(number): {
            name: _name_of(counts[index * width], counts[index * width + 1 : (index + 1) * width])
            for index, name in enumerate(columns)
        }
        for number, *counts in engine.rows(query)
    }


def _name_of(filled: int, looks: Sequence[int]) -> str:
    if filled == 0:
        return "empty"
    whole, point, comma = looks[:3]
    for name, share in (("decimal", point), ("decimal comma", comma)):
        if share and whole < SHARE * filled <= whole + share:
            return name
    for name, count in zip(LOOKS, looks, strict=True):
        if count >= SHARE * filled:
            return name
    return "text"


def surprises(columns: Sequence[Column], inferred: dict[str, str]) -> list[str]:
    """Where the data does not look like what the contract declares."""
    result = []
    for column in columns:
        look = inferred.get(column.name, "empty")
        if look != "empty" and not column.is_text and look not in COMPATIBLE[column.type.kind]:
            result.append(f"{column.name} looks like {look}, the contract says {column.type}")
    return result
