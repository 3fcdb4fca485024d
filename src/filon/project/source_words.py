"""Words of a source that speak of its columns: row rules, ``newest``, ``fromFileName``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot.errors import SqlglotError

from filon.project.contract import Contract
from filon.project.document import SHOWN, Document, Place
from filon.project.grammar import SqlRefused, faults_in
from filon.project.places import PATH, PlaceColumn, path_pattern
from filon.project.query import describe_error, one_expression
from filon.project.vocabulary import FileNameSpec, SourceSpec
from filon.suggestions import suggestion

SCHEMA: Place = ("schema", 0)


def report_rules(document: Document, contract: Contract, spec: SourceSpec) -> None:
    """Report row rules that share a name, or that cannot be compiled over the columns."""
    _report_repeated_rules(document, spec)
    _report_faulty_rules(document, contract, spec)


def _report_repeated_rules(document: Document, spec: SourceSpec) -> None:
    names = [rule.name for rule in spec.rules]
    for name in sorted({name for name in names if names.count(name) > 1}):
        document.report(SCHEMA, f"two rules are named `{name}`", "give each rule a name of its own")


def _report_faulty_rules(document: Document, contract: Contract, spec: SourceSpec) -> None:
    for index, rule in enumerate(spec.rules):
        place = rule_place(document, index)
        try:
            one_expression(rule.expression)
            faults = faults_in(rule.expression, contract.column_names)
        except SqlglotError as error:
            fix = (
                error.fault.fix
                if isinstance(error, SqlRefused)
                else "write a condition over the columns of this contract"
            )
            document.report(place, f"the rule `{rule.name}` cannot be compiled: {describe_error(error)}", fix)
            continue
        for _, what, fix in faults:
            document.report(place, f"the rule `{rule.name}`: {what}", fix)


def rule_place(document: Document, index: int) -> Place:
    """Where a row rule stands in its contract."""
    return (*_place_of_word(document, "rules"), index)


def newest_column(document: Document, contract: Contract, spec: SourceSpec) -> str | None:
    """The column of ``newest``; None when there is none, or a mistake, which is reported."""
    if spec.newest is None:
        return None
    column = spec.newest.by
    place = (*_place_of_word(document, "newest"), "by")
    if column not in contract.column_names:
        document.report(
            place, f"`newest` compares `{column}`, which is no column", suggestion(column, contract.column_names)
        )
    elif not contract.key:
        document.report(
            place, "`newest` decides between rows of one key, and there is no key", "mark it with `primaryKey`"
        )
    else:
        return column
    return None


def place_columns(document: Document, contract: Contract, spec: SourceSpec) -> tuple[PlaceColumn, ...]:
    """The columns that are read from a file's path; mistakes in ``fromFileName`` are reported."""
    columns = [PlaceColumn(column.name) for column in contract.columns if column.header == PATH]
    for index, named in enumerate(spec.from_file_name):
        mistake = _mistake_in(named, contract, [column.column for column in columns])
        if mistake is None:
            columns.append(PlaceColumn(named.column, named.pattern))
        else:
            what, fix = mistake
            here = _place_of_word(document, "fromFileName")
            is_one = isinstance(_value_of_word(document, "fromFileName"), dict)
            document.report(here if is_one else (*here, index), what, fix)
    return tuple(columns)


def _mistake_in(named: FileNameSpec, contract: Contract, before: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with an entry of ``fromFileName``, and the fix; None when nothing is."""
    if named.column not in contract.column_names:
        return f"`fromFileName` fills `{named.column}`, which is no column", suggestion(
            named.column, contract.column_names
        )
    if named.column in before:
        return f"`{named.column}` is read from the path twice", "remove one of the two"
    group = f"(?<{named.column}>…)"
    try:
        groups = path_pattern(named.pattern).groupindex
    except re.error as error:
        return f"`{named.pattern[:SHOWN]}` is no pattern: {error}", f"write it like `{group}/`"
    if named.column not in groups:
        return f"the pattern has no group `{named.column}`", f"put brackets around what the column holds: {group}"
    return None


def _position_of_word(document: Document, word: str) -> int:
    entries = document.data["schema"][0].get("customProperties", [])
    return next(position for position, entry in enumerate(entries) if entry.get("property") == word)


def _place_of_word(document: Document, word: str) -> Place:
    """Where the value of a word of the table stands."""
    return (*SCHEMA, "customProperties", _position_of_word(document, word), "value")


def value_place(document: Document, word: str) -> Place:
    """Where the value of a word of the table stands; the table itself when it has no such word."""
    entries = [entry.get("property") for entry in document.data["schema"][0].get("customProperties") or []]
    return _place_of_word(document, word) if word in entries else SCHEMA


def _value_of_word(document: Document, word: str) -> object:
    return document.data["schema"][0]["customProperties"][_position_of_word(document, word)]["value"]
