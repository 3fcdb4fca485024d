"""Checks of a table: those that its contract implies, and those that it writes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from open_data_contract_standard.model import DataQuality
from sqlglot.errors import SqlglotError

from filon.project.columns import Column
from filon.project.contract import Check, Contract
from filon.project.document import Document, Place
from filon.project.grammar import SqlRefused
from filon.project.implied import duplicates
from filon.project.query import describe_error, one_select
from filon.project.values import LONGEST_PATTERN, read_number, read_value, sql_value
from filon.sql import identifier, literal
from filon.suggestions import suggestion

OPERATORS = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)
RANGES = ("mustBeBetween", "mustNotBeBetween")
NONE = (Decimal(0),)
COLUMN_METRICS = {"nullValues", "missingValues", "invalidValues"}
METRICS = COLUMN_METRICS | {"rowCount", "duplicateValues"}


def written_checks(
    document: Document, contract: Contract, qualities: Iterable[tuple[Place, str | None, DataQuality]]
) -> Iterator[Check]:
    """The ``quality`` entries of a contract; what cannot be read is reported in the document."""
    for place, column, quality in qualities:
        query = _query(document, place, contract, column, quality)
        comparison = _comparison(document, place, quality)
        if query is None or comparison is None:
            continue
        if quality.severity not in (None, "error", "warning", "info"):
            document.report((*place, "severity"), f"unknown severity `{quality.severity}`", "use error or warning")
        if quality.unit not in (None, "rows"):
            document.report(
                (*place, "unit"), f"the unit `{quality.unit}` is not read", "count rows, or write the share in SQL"
            )
        operator, expected = comparison
        metric = quality.metric or quality.rule
        plain = f"{metric}({column})" if column and metric else metric
        name = quality.name or quality.id or plain or f"check {place[-1]}"
        blocking = quality.severity in (None, "error")
        yield Check(name, query, operator, expected, blocking, counts_rows=bool(metric), place=place)


def _query(
    document: Document, place: Place, contract: Contract, column: str | None, quality: DataQuality
) -> str | None:
    if quality.type == "sql" or quality.query:
        if not quality.query:
            document.report(place, "a check of type sql needs a `query`", "add `query: SELECT …` with one number")
            return None
        text = quality.query
        for word, value in (
            ("table", contract.name),
            ("object", contract.name),
            ("column", column),
            ("property", column),
        ):
            if value:
                text = text.replace("${" + word + "}", identifier(value)).replace("{" + word + "}", identifier(value))
        return _one_select(document, place, text)
    if quality.type in (None, "library"):
        return _metric_query(document, place, contract, column, quality)
    document.report((*place, "type"), f"checks of type `{quality.type}` are not run", "use `sql` or `library`")
    return None


def _one_select(document: Document, place: Place, text: str) -> str | None:
    try:
        return one_select(text).sql
    except SqlglotError as error:
        fix = error.fault.fix if isinstance(error, SqlRefused) else "mend its `query`"
        document.report((*place, "query"), f"not one valid SELECT: {describe_error(error)}", fix)
        return None


def _metric_query(
    document: Document, place: Place, contract: Contract, column: str | None, quality: DataQuality
) -> str | None:
    metric, arguments = quality.metric or quality.rule or "", quality.arguments or {}
    source = f"FROM {identifier(contract.name)}"
    if metric == "rowCount":
        return f"SELECT count(*) {source}"
    if column is None and metric == "duplicateValues":
        names = arguments.get("properties")
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            return f"SELECT {duplicates(tuple(names))} {source}"
        fix = "add `arguments: {properties: [a, b]}`, or write it under a column"
        document.report(place, "`duplicateValues` of a table needs a list of columns", fix)
        return None
    if column is None:
        fix = "write it under the column that it is about" if metric in COLUMN_METRICS else suggestion(metric, METRICS)
        document.report(place, f"the metric `{metric}` needs a column", fix)
        return None
    if metric == "invalidValues" and not {"validValues", "pattern"} & arguments.keys():
        fix = "add `arguments: {validValues: […]}` or `arguments: {pattern: …}`"
        document.report(place, "`invalidValues` without arguments can never fail", fix)
        return None
    name = identifier(column)
    conditions = {
        "nullValues": f"{name} IS NULL",
        "missingValues": f"{name} IS NULL OR CAST({name} AS VARCHAR) IN ('')",
        "invalidValues": _invalid(document, place, contract.column(column), arguments)
        if metric == "invalidValues"
        else "",
    }
    if metric == "duplicateValues":
        return f"SELECT {duplicates((column,))} {source}"
    if metric not in conditions:
        known = {*conditions, "rowCount", "duplicateValues"}
        document.report((*place, "metric"), f"unknown metric `{metric}`", suggestion(metric, known))
        return None
    return f"SELECT count(*) {source} WHERE {conditions[metric]}"


def _invalid(document: Document, place: Place, column: Column, arguments: dict[str, object]) -> str:
    name, parts = identifier(column.name), []
    if "validValues" in arguments:
        given = arguments["validValues"]
        values = [read_value(value, column.type) for value in given] if isinstance(given, list) else []
        if not values or None in values:
            document.report(place, f"`validValues` is no list of {column.type} values", "write it as `[a, b]`")
        valid = ", ".join(sql_value(value) for value in values if value is not None)
        parts.append(f"{name} NOT IN ({valid or 'NULL'})")
    if "pattern" in arguments:
        if len(str(arguments["pattern"])) > LONGEST_PATTERN:
            document.report(place, f"`pattern` is longer than {LONGEST_PATTERN:,} characters", "write a shorter one")
        parts.append(f"NOT regexp_matches(CAST({name} AS VARCHAR), {literal(str(arguments['pattern']))})")
    return " OR ".join(parts)


def _comparison(document: Document, place: Place, quality: DataQuality) -> tuple[str, tuple[Decimal, ...]] | None:
    given = [(name, getattr(quality, name)) for name in OPERATORS if getattr(quality, name) is not None]
    if len(given) != 1:
        document.report(
            place,
            "a check says once what its number must be",
            "write one of `mustBe: 0`, `mustBeBetween: [1, 9]`, …",
        )
        return None
    operator, value = given[0]
    given_numbers = [read_number(item) for item in (value if isinstance(value, list) else [value])]
    expected = tuple(number for number in given_numbers if number is not None)
    if not expected or len(expected) < len(given_numbers):
        document.report((*place, operator), f"`{value}` is not a number", "write a number")
        return None
    if operator in RANGES and (len(expected) != 2 or expected[0] > expected[1]):
        document.report((*place, operator), f"`{value}` is no range", "write the smaller number first, as in [1, 9]")
        return None
    return operator, expected
