"""A small project with what makes incremental work hard, and other editions of its contracts and models.

Three datasets refer to each other in a chain, a fourth has no key. Each model is one way in which a change of an input
may travel to rows elsewhere.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from filon.project import Project
from filon.project.loader import load_project
from tests.integration.changes.shop import Documents, contract, properties_of, set_word, write_project

INTEGER, TEXT, DATE = {"logicalType": "integer"}, {"logicalType": "string"}, {"logicalType": "date"}
BOOLEAN = {"logicalType": "boolean"}
AMOUNT = {"logicalType": "number", "physicalType": "DECIMAL(8,2)"}
NOT_AFTER = [{"property": "notAfter", "value": "as_of"}]
HIDDEN = {"serving": {"served": False}}


def column(name: str, kind: Mapping[str, Any], **keys: object) -> dict[str, Any]:
    """A column of a contract."""
    return {"name": name, **kind, **keys}


def key(name: str, kind: Mapping[str, Any], **keys: object) -> dict[str, Any]:
    """A column of the key."""
    return column(name, kind, primaryKey=True, **keys)


def to(target: str) -> dict[str, Any]:
    """That a column refers to another."""
    return {"relationships": [{"to": target}]}


SOURCES: Documents = {
    "clients": contract(
        "clients",
        {"filePattern": "clients-*.csv", "keep": "last", "newest": {"by": "changed"}, "history": "scd2"},
        key("client", INTEGER),
        column("country", TEXT, customProperties=[{"property": "normalise", "value": {"case": "upper"}}]),
        column("changed", DATE),
    ),
    "purchases": contract(
        "purchases",
        {
            "filePattern": "purchases-*.csv",
            "newest": {"by": "changed"},
            "history": "scd2",
            "malformedThreshold": 0.6,
            "partition": {"column": "day", "by": "month"},
            "rules": [{"name": "large_has_note", "expression": "amount < 100 OR note IS NOT NULL"}],
        },
        key("id", INTEGER),
        column("client", INTEGER, required=True, **to("clients.client")),
        column("day", DATE, required=True, customProperties=NOT_AFTER),
        column("amount", AMOUNT, required=True, logicalTypeOptions={"exclusiveMinimum": 0}),
        column("note", TEXT),
        column("changed", DATE),
    ),
    "returns": contract(
        "returns",
        {"filePattern": "returns-*.csv", "malformedThreshold": 0.6, "history": "scd2"},
        key("purchase", INTEGER, **to("purchases.id")),
        column("reason", TEXT, required=True),
    ),
    "visits": contract(
        "visits",
        {
            "filePattern": "visits-*.csv",
            "onMissingFile": "retract",
            "fromFileName": {"column": "site", "pattern": "visits-(?<site>[a-z]+)"},
            "serving": {"served": True},
        },
        column("site", TEXT),
        column("client", INTEGER, **to("clients.client")),
        column("day", DATE, customProperties=NOT_AFTER),
    ),
}
MODELS: Documents = {
    # by key, through a dimension: a client that changes or goes takes rows of others along
    "sales.sql": (
        "SELECT p.id, p.client, c.country, p.day, p.amount FROM purchases AS p JOIN clients AS c ON c.client = p.client"
    ),
    "sales": contract(
        "sales",
        {
            "partition": {"column": "day", "by": "day"},
            "aggregations": {
                "time": "day",
                "measures": {"revenue": {"sum": "amount"}, "buyers": {"distinct": "client"}},
                "dimensions": {"country": {"column": "country"}},
                "total": {"path": "total", "measures": {"revenue": "revenue"}},
                "series": {"path": "series", "measures": {"revenue": "revenue"}},
                "analysis": {"path": "analysis"},
            },
        },
        key("id", INTEGER),
        column("client", INTEGER),
        column("country", TEXT),
        column("day", DATE),
        column("amount", AMOUNT),
    ),
    # by key, with what may come later or never
    "details.sql": "SELECT p.id, p.note, r.reason FROM purchases AS p LEFT JOIN returns AS r ON r.purchase = p.id",
    "details": contract("details", {}, key("id", INTEGER), column("note", TEXT), column("reason", TEXT)),
    # a state as of a day
    "homes.sql": (
        "SELECT p.id, h.country, h.is_current FROM purchases AS p LEFT JOIN clients_history AS h "
        "ON h.client = p.client AND p.day >= h.valid_from "
        "AND p.day < coalesce(h.valid_to, CAST('9999-12-31 00:00:00+00' AS TIMESTAMPTZ))"
    ),
    "homes": contract("homes", HIDDEN, key("id", INTEGER), column("country", TEXT), column("is_current", BOOLEAN)),
    # a group per key, also for keys without rows
    "buyers.sql": (
        "SELECT c.client, count(p.id) AS number, sum(p.amount) AS spent, min(p.day) AS first_day "
        "FROM clients AS c LEFT JOIN purchases AS p ON p.client = c.client GROUP BY c.client"
    ),
    "buyers": contract(
        "buyers",
        {},
        key("client", INTEGER),
        column("number", INTEGER),
        column("spent", AMOUNT),
        column("first_day", DATE),
    ),
    # a group per month, with a count that cannot be added up, over another model
    "months.sql": (
        "SELECT strftime(day, '%Y-%m') AS month, sum(amount) AS revenue, count(*) AS number, "
        "count(DISTINCT client) AS clients FROM sales GROUP BY strftime(day, '%Y-%m')"
    ),
    "months": contract(
        "months",
        {},
        key("month", TEXT),
        column("revenue", AMOUNT),
        column("number", INTEGER),
        column("clients", INTEGER),
    ),
    # a rank inside a part of the rows
    "ranks.sql": (
        "SELECT id, coalesce(country, '?') AS country, "
        "row_number() OVER (PARTITION BY country ORDER BY amount DESC, id) AS place FROM sales"
    ),
    "ranks": contract("ranks", {}, key("id", INTEGER), column("country", TEXT), column("place", INTEGER)),
    # a rank inside a month, where the key alone will not do
    "turns.sql": (
        "SELECT id, day, row_number() OVER (PARTITION BY strftime(day, '%Y-%m') ORDER BY amount, id) AS turn "
        "FROM purchases"
    ),
    "turns": contract(
        "turns",
        {"partition": {"column": "day", "by": "month"}, **HIDDEN},
        key("id", INTEGER),
        column("day", DATE),
        column("turn", INTEGER),
    ),
    # a rank among all rows
    "best.sql": "SELECT row_number() OVER (ORDER BY spent DESC NULLS LAST, client) AS place, client FROM buyers",
    "best": contract("best", {}, key("place", INTEGER), column("client", INTEGER)),
    # a share of all
    "shares.sql": (
        "SELECT client, sum(amount) AS revenue, ratio(100 * sum(amount), (SELECT sum(amount) FROM sales)) AS share "
        "FROM sales GROUP BY client"
    ),
    "shares": contract("shares", HIDDEN, key("client", INTEGER), column("revenue", AMOUNT), column("share", AMOUNT)),
    # a group of a dataset without a key
    "traffic.sql": "SELECT site, day, count(*) AS visits FROM visits WHERE day IS NOT NULL GROUP BY site, day",
    "traffic": contract("traffic", HIDDEN, key("site", TEXT), key("day", DATE), column("visits", INTEGER)),
    # rows that come and go with the as-of date alone
    "recent.sql": "SELECT id, day FROM purchases WHERE day > as_of() - INTERVAL 31 DAY",
    "recent": contract(
        "recent",
        {"serving": {"window": {"column": "day", "last": "7 days"}}},
        key("id", INTEGER),
        column("day", DATE),
    ),
}
BASE: Documents = {"filon": {"name": "small", "title": "Small"}, **SOURCES, **MODELS}


def _word(table: str, word: str, value: object) -> Callable[[Documents], None]:
    return lambda documents: set_word(documents[table]["schema"][0], word, value)


def _column_word(table: str, name: str, word: str, value: object) -> Callable[[Documents], None]:
    return lambda documents: set_word(properties_of(documents, table)[name], word, value)


def _column_key(table: str, name: str, word: str, value: object) -> Callable[[Documents], None]:
    def change(documents: Documents) -> None:
        properties_of(documents, table)[name][word] = value

    return change


def _select(model: str, old: str, new: str) -> Callable[[Documents], None]:
    def change(documents: Documents) -> None:
        assert old in documents[f"{model}.sql"]
        documents[f"{model}.sql"] = documents[f"{model}.sql"].replace(old, new)

    return change


EDITIONS: Mapping[str, Callable[[Documents], None]] = {
    "as shipped": lambda _: None,
    "a laxer rule": _word("purchases", "rules.0.expression", "amount < 200 OR note IS NOT NULL"),
    "another null value": _word("purchases", "dialect.nullValues", ["x"]),
    "the last record stays": _word("purchases", "keep", "last"),
    "no newest": _word("clients", "newest", None),
    "fewer faults allowed": _word("purchases", "malformedThreshold", 0),
    "a return needs no reason": _column_key("returns", "reason", "required", False),
    "orphans only warn": _column_word("purchases", "client", "onOrphan", "warn"),
    "sales without returns": _select("sales", "ON c.client = p.client", "ON c.client = p.client AND p.amount > 5"),
    "sales divided by year": _word("sales", "partition.by", "year"),
    "months of other rows": _select("months", "FROM sales", "FROM sales WHERE client > 1"),
}
"""Editions of the project, by what differs from the first one."""


@cache
def edition(name: str) -> Project:
    """An edition, read once in the life of a process."""
    documents = copy.deepcopy(BASE)
    EDITIONS[name](documents)
    with tempfile.TemporaryDirectory(prefix="filon-test-") as folder:
        write_project(documents, Path(folder))
        return load_project(Path(folder))
