"""The SQL of histories: from the valid records of keys, the states of each key and when they were valid.

A record says what its key is like since a moment: the value of the contract's ``newest`` column, or else the arrival
of its file. It does so until the next record of the key. Without ``newest``, it stops when a newer content of its file
arrives; then an older file that still has the key is what counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from filon.lake.spans import Span
from filon.project import Dataset, Kind
from filon.project.columns import IS_CURRENT, VALID_FROM, VALID_TO
from filon.project.values import sql_value
from filon.project.vocabulary import Keep
from filon.sql import identifier, identifiers
from filon.stages.silver.queries import JUDGED

SPANS = "times of files"
NUMBER, SINCE, UNTIL = identifier("file number"), identifier("valid since"), identifier("valid until")
NTH, NEXT, ANCHOR = identifier("nth record"), identifier("next since"), identifier("ended file")
GAP_FROM, GAP_TO, COVERED = identifier("gap from"), identifier("gap to"), identifier("covered until")
BEGINS, ISLAND, LAST = identifier("begins a state"), identifier("number of state"), identifier("ends at")
PLACES = "_file, _record"
UNDATED = {
    Kind.DATE: sql_value(dt.date(1, 1, 1)),
    Kind.TIMESTAMP: sql_value(dt.datetime(1, 1, 1, tzinfo=dt.UTC)),
}
"""Since when a record says something that has no date in its column of ``newest``: nothing can be earlier."""
FIRST_KNOWN = sql_value(dt.datetime(1, 1, 2, tzinfo=dt.UTC))
"""Since when the first state is valid that files tell of: the first midnight that has a date in every time zone."""
OPEN = sql_value(dt.datetime(9999, 12, 31, tzinfo=dt.UTC))
"""Stands for the end of what has none while ends are compared."""


def spans_query(spans: Iterable[Span]) -> str:
    """The table ``SPANS``: a row per file version, with when it counted; what still counts does so until ``OPEN``."""
    rows = [f"({span.version.number}, {sql_value(span.since)}, {_end(span)})" for span in spans]
    values = ", ".join(rows or [f"(NULL, {OPEN}, {OPEN})"])
    names = f"{NUMBER}, {SINCE}, {UNTIL}"
    return f"SELECT CAST({NUMBER} AS BIGINT) AS {NUMBER}, {SINCE}, {UNTIL} FROM (VALUES {values}) AS spans({names})"


def _end(span: Span) -> str:
    return sql_value(span.until) if span.until is not None else OPEN


def former_query(dataset: Dataset) -> str:
    """The valid ones of the judged records that stand in former contents: key, end and place."""
    key = identifiers(dataset.contract.key)
    return (
        f"SELECT {key}, {UNTIL} AS _until, {PLACES} FROM {identifier(JUDGED)} JOIN {identifier(SPANS)} "
        f"ON _file = {NUMBER} WHERE _reasons = '' AND {UNTIL} < {OPEN}"
    )


def states_query(dataset: Dataset) -> str:
    """The rows of the history of all keys that judged records have; all valid records of a key must be among them."""
    names = identifiers(dataset.contract.column_names)
    key = identifiers(dataset.contract.key)
    steps = _dated_steps(dataset) if dataset.newest else _filed_steps(dataset)
    # the first state that files tell of may be as old as the world: nobody knows of another one
    since = SINCE if dataset.newest else f"CASE WHEN {ISLAND} = 1 THEN {FIRST_KNOWN} ELSE {SINCE} END"
    in_order = f"OVER (PARTITION BY {key} ORDER BY {SINCE})"
    of_state = f"OVER (PARTITION BY {key}, {ISLAND})"
    compared = [n for n in dataset.contract.column_names if n != dataset.newest and n not in dataset.contract.key]
    goes_on = " AND ".join(
        [
            f"lag({UNTIL}) {in_order} = {SINCE}",
            *(f"{name} IS NOT DISTINCT FROM lag({name}) {in_order}" for name in map(identifier, compared)),
        ]
    )
    return (
        f"WITH {steps}, "
        f"marked AS (SELECT *, CASE WHEN {goes_on} THEN 0 ELSE 1 END AS {BEGINS} FROM pieces), "
        f"numbered AS (SELECT *, sum({BEGINS}) {in_order} AS {ISLAND} FROM marked), "
        f"ended AS (SELECT *, CASE WHEN count(*) {of_state} = count({UNTIL}) {of_state} "
        f"THEN max({UNTIL}) {of_state} END AS {LAST} FROM numbered) "
        f"SELECT {names}, {since} AS {VALID_FROM}, {LAST} AS {VALID_TO}, {LAST} IS NULL AS {IS_CURRENT}, {PLACES} "
        f"FROM ended WHERE {BEGINS} = 1"
    )


def _dated_steps(dataset: Dataset) -> str:
    """Steps to ``pieces``, by the column of ``newest``: of records with one value, the same one wins as in silver."""
    newest, key = identifier(dataset.newest or ""), identifiers(dataset.contract.key)
    names = identifiers(dataset.contract.column_names)
    moment = dataset.contract.column(dataset.newest or "").type.kind
    since = f"coalesce({newest}, {UNDATED[moment]})"
    rank = f"ORDER BY {newest} DESC NULLS LAST, _file DESC, _record {_direction(dataset)}"
    return (
        f"said AS (SELECT {names}, {PLACES}, {since} AS {SINCE}, "
        f"row_number() OVER (PARTITION BY {key}, {since} {rank}) AS {NTH} "
        f"FROM {identifier(JUDGED)} WHERE _reasons = ''), "
        f"pieces AS (SELECT {names}, {PLACES}, {SINCE}, "
        f"lead({SINCE}) OVER (PARTITION BY {key} ORDER BY {SINCE}) AS {UNTIL} FROM said WHERE {NTH} = 1)"
    )


def _filed_steps(dataset: Dataset) -> str:
    """Steps to ``pieces``, by the order of files.

    A record counts until its file has a newer content, or a newer file has the key. Where the first comes before the
    second there is a gap, which older files fill: the newest of those that count, and after its end the next older one.
    """
    columns, key = dataset.contract.column_names, dataset.contract.key
    names, keys = identifiers(columns), identifiers(key)
    older = ", ".join(f"older.{identifier(name)}" for name in columns)
    older_key = ", ".join(f"older.{identifier(name)}" for name in key)
    same = " AND ".join(f"older.{name} IS NOT DISTINCT FROM gaps.{name}" for name in map(identifier, key))
    begin, end = f"greatest({GAP_FROM}, {COVERED})", f"least({UNTIL}, {GAP_TO})"
    return (
        f"said AS (SELECT {names}, {PLACES}, {SINCE}, {UNTIL}, "
        f"row_number() OVER (PARTITION BY {keys}, _file ORDER BY _record {_direction(dataset)}) AS {NTH} "
        f"FROM {identifier(JUDGED)} JOIN {identifier(SPANS)} ON _file = {NUMBER} WHERE _reasons = ''), "
        f"followed AS (SELECT *, coalesce(lead({SINCE}) OVER (PARTITION BY {keys} ORDER BY {SINCE}), {OPEN}) "
        f"AS {NEXT} FROM said WHERE {NTH} = 1), "
        f"gaps AS (SELECT {keys}, _file AS {ANCHOR}, {UNTIL} AS {GAP_FROM}, {NEXT} AS {GAP_TO} "
        f"FROM followed WHERE {UNTIL} < {NEXT}), "
        f"candidates AS (SELECT {older}, older._file, older._record, older.{UNTIL}, {GAP_FROM}, {GAP_TO}, "
        f"coalesce(max(older.{UNTIL}) OVER (PARTITION BY {older_key}, {ANCHOR} ORDER BY older._file DESC "
        f"ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), {GAP_FROM}) AS {COVERED} "
        f"FROM gaps JOIN followed AS older ON {same} AND older._file < {ANCHOR} AND older.{UNTIL} > {GAP_FROM}), "
        f"visible AS (SELECT {names}, {PLACES}, {SINCE}, least({UNTIL}, {NEXT}) AS {UNTIL} FROM followed UNION ALL "
        f"SELECT {names}, {PLACES}, {begin} AS {SINCE}, {end} AS {UNTIL} FROM candidates WHERE {begin} < {end}), "
        f"pieces AS (SELECT {names}, {PLACES}, {SINCE}, nullif({UNTIL}, {OPEN}) AS {UNTIL} FROM visible)"
    )


def _direction(dataset: Dataset) -> str:
    return "ASC" if dataset.keep is Keep.FIRST else "DESC"
