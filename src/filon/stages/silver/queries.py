"""The SQL of silver: which of the judged records are accepted, superseded and rejected, and the text of a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from filon.lake import FileVersion, HeaderProfile
from filon.project import Column, Dataset, TypedColumn
from filon.project.headers import fields_of
from filon.project.vocabulary import Drift, Keep
from filon.sql import identifier, identifiers, literal
from filon.stages.rules import SEPARATOR, raw_record

# names with a blank, which no table of a project can have
PLACES = "places of files"
JUDGED, LOSERS, ACCEPTED, REJECTED = "judged records", "losing records", "accepted records", "rejected records"


def places_query(dataset: Dataset, live: Iterable[FileVersion]) -> str:
    """A row per file version: its number, and the values of the columns that are read from its path."""
    rows = [
        ", ".join([f"CAST({version.number} AS BIGINT)", *(_text(c.value(version.path)) for c in dataset.place_columns)])
        for version in live
    ]
    names = identifiers(["number", *(f"{column.column} of place" for column in dataset.place_columns)])
    nothing = ", ".join(["CAST(NULL AS BIGINT)", *(_text(None) for _ in dataset.place_columns)])
    values = ", ".join(f"({row})" for row in rows or [nothing])
    return f"SELECT {names} FROM (VALUES {values}) AS places({names})"


def _text(value: str | None) -> str:
    return "CAST(NULL AS VARCHAR)" if value is None else literal(value)


def with_places(dataset: Dataset, columns: Iterable[TypedColumn], records: str) -> str:
    """The records of a query with the columns that are read from paths, by the table ``PLACES``."""
    placed = {column.column for column in dataset.place_columns}
    values = [
        f"places.{identifier(f'{column.name} of place')} AS {identifier(column.name)}"
        if column.name in placed
        else f"received.{identifier(column.name)}"
        for column in columns
    ]
    return (
        f"SELECT {', '.join(values)} FROM ({records}) AS received "
        f"LEFT JOIN {identifier(PLACES)} AS places ON received._file = places.number"
    )


def losers_query(dataset: Dataset) -> str:
    """``_file`` and ``_record`` of the records without a reason that another one of the same key outranks."""
    key = dataset.contract.key
    if not key:
        return f"SELECT _file, _record FROM {identifier(JUDGED)} WHERE FALSE"
    direction = "ASC" if dataset.keep is Keep.FIRST else "DESC"
    newest = f"{identifier(dataset.newest)} DESC NULLS LAST, " if dataset.newest else ""
    return (
        f"SELECT _file, _record FROM (SELECT _file, _record, row_number() OVER (PARTITION BY {identifiers(key)} "
        f"ORDER BY {newest}_file DESC, _record {direction}) AS rank FROM {identifier(JUDGED)} WHERE _reasons = '') "
        "WHERE rank > 1"
    )


def accepted_query(dataset: Dataset) -> str:
    """The rows of the silver table: records without a reason that are not in ``LOSERS``."""
    names = identifiers(dataset.contract.column_names)
    return (
        f"SELECT {names}, _file, _record FROM {identifier(JUDGED)} AS judged WHERE _reasons = '' AND NOT EXISTS "
        f"(SELECT 1 FROM {identifier(LOSERS)} AS losers "
        "WHERE losers._file = judged._file AND losers._record = judged._record)"
    )


def rejected_query() -> str:
    """The rows of the quarantine table: records with a reason, with all their reasons and their text."""
    return (
        f"SELECT _file, _record, string_split(_reasons, {SEPARATOR}) AS reasons, _text AS raw "
        f"FROM {identifier(JUDGED)} WHERE _reasons <> ''"
    )


def raw_text(dataset: Dataset, live: Iterable[FileVersion], headers: Mapping[str, HeaderProfile]) -> str:
    """An expression for the CSV text of a record, with the fields in the order of its file's header.

    Args:
        dataset: columns and dialect
        live: the file versions whose records are judged
        headers: the headers of the ledger, by id

    """
    by_header: dict[tuple[str, ...], list[int]] = {}
    for version in live:
        profile = headers.get(version.header)
        by_header.setdefault(profile.header if profile else (), []).append(version.number)
    texts = {header: raw_record(_fields(dataset, header), dataset.dialect) for header in by_header}
    if not texts:
        return "_raw"
    *others, most_frequent = sorted(by_header, key=lambda header: len(by_header[header]))
    cases = " ".join(
        f"WHEN _file IN ({', '.join(map(str, by_header[header]))}) THEN {texts[header]}" for header in others
    )
    return f"CASE {cases} ELSE {texts[most_frequent]} END" if cases else texts[most_frequent]


def _fields(dataset: Dataset, header: Iterable[str]) -> list[tuple[str, bool]]:
    """The names in a header that bronze keeps, each with whether it is a column (else a key of ``_extra``)."""
    names = list(header)
    columns = {indexes[0]: column for column, indexes in fields_of(names, dataset.read_columns)}
    fields = []
    for index, name in enumerate(names):
        if index in columns:
            fields.append((columns[index], True))
        elif dataset.drift is not Drift.DISCARD:
            fields.append((name, False))
    return fields


def compares_with_as_of(column: Column) -> bool:
    """Whether a rule of a column compares its values with the as-of date."""
    return any(rule.name == "notAfter" for rule in column.rules)
