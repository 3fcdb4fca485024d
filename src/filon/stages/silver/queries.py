"""The SQL of silver: which of the judged records are accepted, superseded and rejected, and the text of a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from filon.lake import FileVersion, HeaderProfile
from filon.project import PLACE, TEXT, TEXTS, Column, Dataset, TypedColumn
from filon.project.headers import fields_of
from filon.project.vocabulary import Drift, Keep
from filon.sql import identifier, identifiers
from filon.stages.models import contract_columns
from filon.stages.places import those_at, those_not_at
from filon.stages.rules import SEPARATOR, raw_record

# names with a blank, which no table of a project can have
JUDGED, LOSERS = "judged records", "losing records"
ACCEPTED, REJECTED, SUPERSEDED = "accepted records", "rejected records", "superseded records"
QUARANTINE_COLUMNS = (*PLACE, TypedColumn("reasons", TEXTS), TypedColumn("raw", TEXT))


def superseded_columns(dataset: Dataset) -> tuple[TypedColumn, ...]:
    """Columns of the table of superseded records: what ranks a record, what its verdict depends on, and its place."""
    deciding = {*dataset.contract.key, *filter(None, [dataset.newest])}
    deciding |= {column.name for column, _ in dataset.references}
    deciding |= {column.name for column in dataset.contract.columns if compares_with_as_of(column)}
    return (*(column for column in contract_columns(dataset.contract) if column.name in deciding), *PLACE)


def losers_query(dataset: Dataset) -> str:
    """``_file`` and ``_record`` of the records without a reason that another one of the same key outranks."""
    key = dataset.contract.key
    if not key:
        return f"SELECT _file, _record FROM {identifier(JUDGED)} WHERE FALSE"
    return (
        f"SELECT _file, _record FROM (SELECT _file, _record, {rank(dataset)} AS rank "
        f"FROM {identifier(JUDGED)} WHERE _reasons = '') WHERE rank > 1"
    )


def rank(dataset: Dataset) -> str:
    """An expression for the place of a record among those of its key, from 1: the first one is the row."""
    direction = "ASC" if dataset.keep is Keep.FIRST else "DESC"
    newest = f"{identifier(dataset.newest)} DESC NULLS LAST, " if dataset.newest else ""
    key = identifiers(dataset.contract.key)
    return f"row_number() OVER (PARTITION BY {key} ORDER BY {newest}_file DESC, _record {direction})"


def accepted_query(dataset: Dataset) -> str:
    """The rows of the silver table: records without a reason that are not in ``LOSERS``."""
    names = identifiers(dataset.contract.column_names)
    judged = f"SELECT {names}, _file, _record FROM {identifier(JUDGED)} AS judged"
    return f"{judged} {those_not_at('judged', LOSERS)} WHERE _reasons = ''"


def superseded_query(dataset: Dataset) -> str:
    """The rows of the table of superseded records: those in ``LOSERS``."""
    names = identifiers(column.name for column in superseded_columns(dataset))
    return f"SELECT {names} FROM {identifier(JUDGED)} AS judged {those_at('judged', LOSERS)}"


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
