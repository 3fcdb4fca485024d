"""The type that the values of a text column look like, and whether they are spelled as the contract says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from filon.engines import FieldSample, LocalReader
from filon.project import Column, Dataset, Kind
from filon.project.vocabulary import Dialect
from filon.stages.moments import moment_form
from filon.stages.numbers import number_form

SAMPLE = 2_000
"""Values of each column and file that are looked at."""
SHARE = 0.95
"""Share of them that must match a pattern."""
COLUMNS_AT_ONCE = 25
LOOKS = {  # a value meets one of them at most
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
ANYTHING, BLANKS = r"(?s:.*)", r"[\s\x{A0}]*"


@dataclass(frozen=True)
class Look:
    """The type that the values of a column look like, and whether nearly all are spelled as the contract says."""

    name: str
    is_declared: bool


EMPTY = Look("empty", is_declared=True)


def infer(reader: LocalReader, dataset: Dataset, fields: Mapping[str, str]) -> dict[int, dict[str, Look]]:
    """The types that values of columns look like in the files that a reader holds.

    Args:
        reader: it has read the files, and still holds their records
        dataset: the columns and their dialect
        fields: some of the columns, each with the field of a record that it is read from

    Returns:
        Per file version and column, what nearly all of the first values look like (``empty``: no value).

    """
    looks_of: dict[int, dict[str, Look]] = {}
    forms = {name: declared_form(dataset, dataset.contract.column(name)) for name in fields}
    # an engine plans a query of a thousand expressions for longer than it runs many short ones
    for first in range(0, len(fields), COLUMNS_AT_ONCE):
        chunk = list(fields)[first : first + COLUMNS_AT_ONCE]
        samples_of = reader.sample([(fields[name], forms[name]) for name in chunk], list(LOOKS.values()), SAMPLE)
        for number, samples in samples_of.items():
            looks = {name: _look(sample) for name, sample in zip(chunk, samples, strict=True)}
            looks_of.setdefault(number, {}).update(looks)
    return looks_of


def declared_form(dataset: Dataset, column: Column) -> str:
    """A regular expression (RE2) for the texts that spell a value of a column, blanks around included."""
    dialect, kind = dataset.dialect_of(column), column.type.kind
    if kind in (Kind.DATE, Kind.TIMESTAMP):
        form = moment_form(column)
    elif kind is Kind.BOOLEAN:
        form = f"(?i:{re.escape(dialect.true)}|{re.escape(dialect.false)})"
    elif column.type.is_number:
        form = number_form(column, dialect, dataset.locale)
    else:
        return ANYTHING
    forms = "|".join([form, *map(re.escape, dialect.null_values)])
    return f"{BLANKS}(?:{forms}){BLANKS}"


def _look(sample: FieldSample) -> Look:
    return Look(_name_of(sample.filled, sample.matches), sample.formed >= SHARE * sample.filled)


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


def surprises(dataset: Dataset, inferred: Mapping[str, Look]) -> list[str]:
    """Remarks about columns whose values are not spelled as the contract says; ``inferred``: what ``infer`` gave."""
    result = []
    for column in dataset.contract.columns:
        look = inferred.get(column.name, EMPTY)
        if not look.is_declared:
            spelled = _spelling(column, dataset.dialect_of(column)) if look.name in COMPATIBLE[column.type.kind] else ""
            result.append(f"{column.name} looks like {look.name}, the contract says {column.type}{spelled}")
    return result


def _spelling(column: Column, dialect: Dialect) -> str:
    """How the contract spells values of a type that a column does look like."""
    if column.type.kind in (Kind.DATE, Kind.TIMESTAMP):
        return f" as {' or '.join(column.formats)}"
    if column.type.kind is Kind.BOOLEAN:
        return f" as {dialect.true} and {dialect.false}"
    return f" with the decimal mark {dialect.decimal}"
