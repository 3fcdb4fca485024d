"""The type that the values of a text column look like, independent of the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from filon.engines import LocalReader
from filon.project import Column, Kind

SAMPLE = 20_000
"""Values of each column and file that are looked at."""
SHARE = 0.95
"""Share of them that must match a pattern."""
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


def infer(reader: LocalReader, fields: Mapping[str, str]) -> dict[int, dict[str, str]]:
    """The types that values of columns look like in the files that a reader holds.

    Args:
        reader: it has read the files, and still holds their records
        fields: the columns, each with the field of a record that it is read from

    Returns:
        Per file version and column, the type that nearly all of the first values look like (``empty``: no value).

    """
    looks_of: dict[int, dict[str, str]] = {}
    names = list(fields)
    # an engine plans a query of a thousand expressions for longer than it runs many short ones
    for first in range(0, len(names), COLUMNS_AT_ONCE):
        chunk = names[first : first + COLUMNS_AT_ONCE]
        for number, samples in reader.sample([fields[name] for name in chunk], tuple(LOOKS.values()), SAMPLE).items():
            looks = {name: _name_of(sample.filled, sample.matches) for name, sample in zip(chunk, samples, strict=True)}
            looks_of.setdefault(number, {}).update(looks)
    return looks_of


def _name_of(filled: int, matches: Sequence[int]) -> str:
    if filled == 0:
        return "empty"
    integers, points, commas = matches[:3]
    for name, decimals in (("decimal", points), ("decimal comma", commas)):
        if decimals and integers < SHARE * filled <= integers + decimals:
            return name
    for name, count in zip(LOOKS, matches, strict=True):
        if count >= SHARE * filled:
            return name
    return "text"


def surprises(columns: Sequence[Column], inferred: dict[str, str]) -> list[str]:
    """Remarks about declared columns whose values look like another type; ``inferred`` is a result of ``infer``."""
    result = []
    for column in columns:
        look = inferred.get(column.name, "empty")
        if look != "empty" and not column.is_text and look not in COMPATIBLE[column.type.kind]:
            result.append(f"{column.name} looks like {look}, the contract says {column.type}")
    return result
