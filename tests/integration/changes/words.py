"""A change of every word of a project. What each causes stands in ``docs/contracts.md``, under the same name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.integration.changes.shop import Documents, properties_of, set_word

Change = Callable[[Documents], None]

PROJECT, SOURCE, GOLD = "the project", "a source", "a gold table"


def put(table: str, **keys: object) -> Change:
    """Keys of a document."""
    return lambda documents: documents[table].update(keys)


def schema(table: str, **keys: object) -> Change:
    """Keys of a contract's table."""
    return lambda documents: documents[table]["schema"][0].update(keys)


def column(table: str, name: str, /, **keys: object) -> Change:
    """Keys of a column; None takes a key away."""

    def change(documents: Documents) -> None:
        found = properties_of(documents, table)[name]
        found.update(keys)
        for key in [key for key, value in found.items() if value is None]:
            del found[key]

    return change


def word(table: str, path: str, value: object) -> Change:
    """A word of a table's custom properties."""
    return lambda documents: set_word(documents[table]["schema"][0], path, value)


def column_word(table: str, name: str, path: str, value: object) -> Change:
    """A word of a column's custom properties."""
    return lambda documents: set_word(properties_of(documents, table)[name], path, value)


def sql(table: str, text: str) -> Change:
    """Another SELECT."""
    return lambda documents: documents.__setitem__(f"{table}.sql", text)


def option(name: str, **options: object) -> Change:
    """Logical type options of a column of orders."""
    return column("orders", name, logicalTypeOptions=options)


def quality(table: str, index: int = 0, /, **keys: object) -> Change:
    """Keys of a check."""

    def change(documents: Documents) -> None:
        check = documents[table]["schema"][0]["quality"][index]
        check.update(keys)
        for key in [key for key, value in check.items() if value is None]:
            del check[key]

    return change


def both(*changes: Change) -> Change:
    """Changes that only make sense together."""

    def change(documents: Documents) -> None:
        for one in changes:
            one(documents)

    return change


API_WORDS = ("period", "granularity", "firstDay", "lastDay", "day", "month", "year")


def named_in_api(word: str) -> Change:
    """Another name for time in the API."""

    def change(documents: Documents) -> None:
        documents["filon"].setdefault("api", {})[word] = f"other_{word.lower()}"

    return change


OF_THE_PROJECT: Mapping[str, Change] = {
    "title": put("filon", title="Another title"),
    "locale": put("filon", locale="en"),
    "currency": put("filon", currency="USD"),
    "timezone": put("filon", timezone="America/New_York"),
    "labels": put("filon", labels={"amount": {"fr": "Montant"}}),
    "alerts": put("filon", alerts=["run failed"]),
    "reports": put("filon", reports={}),
    "guard": put("filon", guard=["rows_removed > 1%"]),
    "defaults.sources": put("filon", defaults={"sources": "elsewhere"}),
    **{f"api.{word}": named_in_api(word) for word in API_WORDS},
}

DIALECT = {
    "delimiter": "|",
    "quote": "'",
    "escape": "\\",
    "encoding": "latin-1",
    "header": False,
    "skipLines": 1,
    "skipUntil": "header",
    "comment": "#",
    "shortRecords": "nulls",
    "decimal": ",",
    "grouping": " ",
    "currency": "€",
    "percent": "keep",
    "negative": ["minus", "trailing"],
    "nullValues": ["NA", "-"],
    "dateFormat": "dd/MM/yyyy",
    "timestampFormat": "yyyy-MM-dd HH:mm",
    "timezone": "Europe/Paris",
    "true": "yes",
    "false": "no",
}
SPELLED = {
    "amount": ("decimal", "grouping", "currency", "percent", "negative", "nullValues"),
    "ordered": ("dateFormat",),
    "at": ("timestampFormat", "timezone"),
    "gift": ("true", "false"),
}
"""Columns, and the words of their own dialect."""
DESCRIBING: Mapping[str, Any] = {
    "apiVersion": "v3.0.2",
    "id": "another-id",
    "version": "2.0.0",
    "status": "draft",
}
CHECKS: Mapping[str, Change] = {
    "quality.name": quality("orders", name="other"),
    "quality.id": quality("orders", name=None, id="an id"),
    "quality.type": quality("orders", name=None, type="sql", metric=None, query="SELECT 1"),
    "quality.query": quality("orders", 1, query="SELECT count(*) + 1 FROM orders"),
    "quality.query: comments and layout": quality("orders", 1, query="SELECT count(*) -- all\n FROM orders"),
    "quality.metric": quality("orders", metric="duplicateValues", arguments={"properties": ["note"]}),
    "quality.rule": quality("orders", metric=None, rule="duplicateValues", arguments={"properties": ["gift"]}),
    "quality.arguments": quality("orders", metric="duplicateValues", arguments={"properties": ["sent"]}),
    "quality.severity": quality("orders", severity="error"),
    "quality.unit": quality("orders", unit=None),
    **{
        f"quality.{name}": quality("orders", mustBeGreaterThan=None, **{name: value})
        for name, value in {
            "mustBe": 3,
            "mustNotBe": 3,
            "mustBeGreaterOrEqualTo": 3,
            "mustBeLessThan": 3,
            "mustBeLessOrEqualTo": 3,
            "mustBeBetween": [1, 3],
            "mustNotBeBetween": [1, 3],
        }.items()
    },
    "quality.mustBeGreaterThan": quality("orders", mustBeGreaterThan=1),
}

SERVING: Mapping[str, object] = {
    "path": "other",
    "tag": "Other",
    "paged": False,
    "defaultLimit": 10,
    "maximumLimit": 500,
    "sort": ["-amount"],
    "filters": ["ordered", "client"],
    "unindexed": ["amount"],
    "aliases": {"from": "ordered_min"},
    "window.column": "sent",
    "window.last": "12 months",
}

DEPRECATED: Mapping[str, object] = {
    "since": {"since": "2026-10-01"},
    "sunset": {"since": "2026-10-01", "sunset": "2027-01-31"},
    "successor": {"since": "2026-10-01", "successor": "buyers"},
    "link": {"since": "2026-10-01", "link": "https://example.org/changes"},
}

OF_A_SOURCE: Mapping[str, Change] = {
    "filePattern": word("orders", "filePattern", "**/orders*.csv"),
    **{f"dialect.{name}": word("orders", f"dialect.{name}", value) for name, value in DIALECT.items()},
    "dialect.format": word("orders", "dialect", {"format": "jsonLines"}),
    "dialect.sheet": word("orders", "dialect", {"format": "spreadsheet", "sheet": "Orders"}),
    "dialect.footer.lines": word("orders", "dialect.footer", {"lines": 1}),
    "dialect.footer.startsWith": word("orders", "dialect.footer", {"startsWith": "Total"}),
    "newest.by": word("orders", "newest", {"by": "amount"}),
    "history": word("orders", "history", "scd2"),
    "keep": word("orders", "keep", "last"),
    "drift: freeze": word("orders", "drift", "freeze"),
    "drift: discard": word("orders", "drift", "discard"),
    "malformedThreshold": word("orders", "malformedThreshold", 0.25),
    "fromFileName.column": word("clients", "fromFileName.column", "country"),
    "fromFileName.pattern": word("clients", "fromFileName.pattern", "(?<origin>[a-z])"),
    "partition.column": word("orders", "partition.column", "sent"),
    "partition.by": word("orders", "partition.by", "year"),
    "onMissingFile": word("orders", "onMissingFile", "retract"),
    **{f"deprecated.{name}": word("orders", "deprecated", value) for name, value in DEPRECATED.items()},
    "rules.name": word("orders", "rules.0.name", "another_name"),
    "rules.expression": word("orders", "rules.0.expression", "sent > ordered"),
    "rules.expression: comments and layout": word("orders", "rules.0.expression", "sent\n>= -- not before\nordered"),
    "aliases": column_word("orders", "note", "aliases", ["remark"]),
    **{
        f"properties.dialect.{name}": column_word("orders", column_name, f"dialect.{name}", DIALECT[name])
        for column_name, names in SPELLED.items()
        for name in names
    },
    "normalise.trim": column_word("clients", "country", "normalise.trim", False),
    "normalise.case": column_word("clients", "country", "normalise.case", "upper"),
    "normalise.canonical": column_word("clients", "country", "normalise.canonical", ["UK"]),
    "notAfter": column_word("orders", "ordered", "notAfter", "as_of"),
    "onOrphan": column_word("orders", "client", "onOrphan", "warn"),
    "serving.served": word("orders", "serving.served", False),
    "serving.item": word("clients", "serving.item", True),
    **{f"serving.{name}": word("orders", f"serving.{name}", value) for name, value in SERVING.items()},
    "serving.path": word("orders", "serving.path", "all-orders"),
    "properties": lambda documents: documents["orders"]["schema"][0]["properties"].reverse(),
    "properties.name": column("orders", "note", name="remark", physicalName="note"),
    "properties.physicalName": column("orders", "note", physicalName="remark"),
    "properties.logicalType": column("orders", "note", logicalType="integer"),
    "properties.physicalType": column("orders", "amount", physicalType="DECIMAL(11,2)"),
    "properties.required": column("orders", "note", required=True),
    "properties.primaryKey": column("orders", "ordered", primaryKey=True),
    "properties.primaryKeyPosition": both(
        column("orders", "id", primaryKeyPosition=2), column("orders", "line", primaryKeyPosition=1)
    ),
    "properties.unique": column("clients", "country", unique=True),
    "properties.enum": column("orders", "note", enum=[{"value": "first"}]),
    "properties.relationships": column("orders", "client", relationships=None),
    "properties.logicalTypeOptions.minLength": option("note", minLength=2),
    "properties.logicalTypeOptions.maxLength": option("note", maxLength=2),
    "properties.logicalTypeOptions.pattern": option("note", pattern="[a-z]+"),
    "properties.logicalTypeOptions.minimum": option("amount", minimum=1),
    "properties.logicalTypeOptions.maximum": option("amount", maximum=1),
    "properties.logicalTypeOptions.exclusiveMinimum": option("amount", exclusiveMinimum=1),
    "properties.logicalTypeOptions.exclusiveMaximum": option("amount", exclusiveMaximum=1),
    "properties.logicalTypeOptions.format": option("ordered", format="dd/MM/yyyy"),
    "properties.description": column("orders", "note", description="What was said"),
    "properties.quality": column("orders", "note", quality=[{"metric": "nullValues", "mustBeLessThan": 99}]),
    "schema.description": schema("orders", description="Orders"),
    "schema.dataGranularityDescription": schema("orders", dataGranularityDescription="A line"),
    **{name: put("orders", **{name: value}) for name, value in DESCRIBING.items()},
    **CHECKS,
}

AGGREGATIONS: Mapping[str, tuple[str, object]] = {
    "time": ("time", "sent"),
    "measures": ("measures.lines", {}),
    "measures.sum": ("measures.revenue.sum", "line"),
    "measures.distinct": ("measures.buyers.distinct", "id"),
    "dimensions": ("dimensions.id", {"column": "id"}),
    "dimensions.column": ("dimensions.line.column", "id"),
    "dimensions.through": ("dimensions.country", {"column": "client"}),
    "total.path": ("total.path", "sums/all"),
    "total.measures": ("total.measures.orders", "orders"),
    "series.path": ("series.path", "sums/days"),
    "series.measures": ("series.measures.orders", "orders"),
    "analysis.path": ("analysis.path", "sums/any"),
}
OF_A_GOLD_TABLE: Mapping[str, Change] = {
    "SELECT": sql("days", "SELECT ordered, day_name(ordered) AS day, sum(line) AS number FROM orders GROUP BY ALL"),
    "SELECT: comments and layout": sql("buyers", "-- who buys\nSELECT client,\n  country\nFROM clients -- all\n;"),
    "serving.served": word("days", "serving", {"served": False}),
    "serving.item": word("buyers", "serving", {"item": True}),
    **{f"serving.{name}": word("sales", f"serving.{name}", value) for name, value in SERVING.items()},
    **{f"aggregations.{name}": word("sales", f"aggregations.{path}", v) for name, (path, v) in AGGREGATIONS.items()},
    "chart.kind": word("sales", "chart.kind", "line"),
    "chart.x": word("sales", "chart.x", "sent"),
    "chart.y": word("sales", "chart.y", ["amount", "line"]),
    "chart.color": word("sales", "chart.color", "client"),
    "properties.format": column_word("sales", "amount", "format", "money"),
    "incremental": word("sales", "incremental", "strict"),
    **{f"deprecated.{name}": word("sales", "deprecated", value) for name, value in DEPRECATED.items()},
    "partition.column": word("sales", "partition.column", "sent"),
    "partition.by": word("sales", "partition.by", "day"),
    "properties": lambda documents: documents["days"]["schema"][0]["properties"].reverse(),
    "properties.name": both(
        sql("days", "SELECT ordered, day_name(ordered) AS day, count(*) AS orders FROM orders GROUP BY ordered"),
        column("days", "number", name="orders"),
    ),
    "properties.logicalType": column("days", "number", logicalType="number", physicalType="DECIMAL(18,0)"),
    "properties.physicalType": column("sales", "amount", physicalType="DECIMAL(14,2)"),
    "properties.required": column("days", "number", required=True),
    "properties.primaryKey": column("days", "day", primaryKey=True),
    "properties.primaryKeyPosition": both(
        column("sales", "id", primaryKeyPosition=2), column("sales", "line", primaryKeyPosition=1)
    ),
    "properties.unique": column("days", "day", unique=True),
    "properties.relationships": column("buyers", "client", relationships=[{"to": "clients.client"}]),
    "properties.description": column("days", "number", description="How many"),
    "properties.quality": column("days", "number", quality=[{"metric": "nullValues", "mustBe": 0}]),
    "schema.description": schema("days", description="Days"),
    "schema.dataGranularityDescription": schema("days", dataGranularityDescription="A day"),
    "slaProperties": put("days", slaProperties=[{"property": "latency", "value": 1, "unit": "d"}]),
    **{name: put("days", **{name: value}) for name, value in DESCRIBING.items()},
    "quality": quality("sales", mustBeGreaterThan=0),
}

CHANGES: Mapping[str, Mapping[str, Change]] = {
    PROJECT: OF_THE_PROJECT,
    SOURCE: OF_A_SOURCE,
    GOLD: OF_A_GOLD_TABLE,
}
"""By what the word stands in; the part of a name behind a colon is one of several changes of that word."""
