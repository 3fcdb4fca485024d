"""How the texts of one column of a source are spelled: its own words, held to its type and to those of the table."""

from __future__ import annotations

from open_data_contract_standard.model import SchemaProperty
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from filon.project.document import Document, Place
from filon.project.formats import UnknownFormat, readings_of
from filon.project.types import ColumnType, Kind
from filon.project.vocabulary import ColumnDialect, ColumnSpec, Dialect, SourceSpec
from filon.suggestions import suggestion

NUMBERS = {"decimal", "grouping", "currency", "percent", "negative"}
SPELLED_BY = {
    Kind.INTEGER: NUMBERS,
    Kind.DECIMAL: NUMBERS,
    Kind.DOUBLE: NUMBERS,
    Kind.TEXT: set(),
    Kind.DATE: {"date_format"},
    Kind.TIMESTAMP: {"timestamp_format", "timezone"},
    Kind.BOOLEAN: {"true", "false"},
}
"""The words of a column's dialect that its type has a use for, besides those for null."""
DATE_FIX = "use yyyy MM dd HH mm ss, as in dd/MM/yyyy"


def _word_place(place: Place, prop: SchemaProperty, word: str) -> Place:
    """Where the value of a word of a column stands; the column itself when it has no such word."""
    entries = [entry.property for entry in prop.customProperties or []]
    return (*place, "customProperties", entries.index(word), "value") if word in entries else place


def report_dialect(
    document: Document, column: Place, prop: SchemaProperty, kind: ColumnType, spec: SourceSpec | None, own: ColumnSpec
) -> None:
    """Report words of a column's dialect that its type has no use for, or that contradict those of the table.

    Args:
        document: the contract
        column: where the column stands in it
        prop: the column
        kind: its type
        spec: the words of the table; None when they cannot be read
        own: the words of the column

    """
    place = _word_place(column, prop, "dialect")
    allowed = SPELLED_BY[kind.kind] | {"null_values"}
    for name in own.dialect.given.keys() - allowed:
        fix = suggestion(to_camel(name), map(to_camel, allowed))
        what = f"`dialect.{to_camel(name)}` does not apply to a {kind.kind} column"
        document.report((*place, to_camel(name)), what, fix)
    of_the_table = (spec.dialect if spec else Dialect()).model_dump(include=set(ColumnDialect.model_fields))
    try:
        Dialect.model_validate({**of_the_table, **own.dialect.given})
    except ValidationError as error:
        for mistake in error.errors(include_url=False):
            document.report(place, f"`dialect` with that of the table: {mistake['msg']}", "change one of the two")


def column_formats(
    document: Document, place: Place, prop: SchemaProperty, kind: ColumnType, spec: SourceSpec | None, own: ColumnSpec
) -> tuple[str, ...]:
    """The formats of a date or timestamp column, one that is empty for other types; mistakes are reported."""
    if kind.kind not in (Kind.DATE, Kind.TIMESTAMP) or spec is None:
        return ("",)
    is_date = kind.kind is Kind.DATE
    chosen_here = own.dialect.date_format if is_date else own.dialect.timestamp_format
    if chosen_here is not None and "format" in (prop.logicalTypeOptions or {}):
        what = f"`{prop.name}` has a `format` and a `{'dateFormat' if is_date else 'timestampFormat'}`"
        document.report(place, what, "remove one of them")
    default = chosen_here or (spec.dialect.date_format if is_date else spec.dialect.timestamp_format)
    given = (prop.logicalTypeOptions or {}).get("format", default)
    chosen = tuple(map(str, given)) if isinstance(given, (list, tuple)) and given else (str(given),)
    for pattern in chosen:
        try:
            readings_of(pattern)
        except UnknownFormat as error:
            document.report((*place, "logicalTypeOptions", "format"), str(error), DATE_FIX)
    return chosen
