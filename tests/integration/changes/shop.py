"""A small project as documents in memory, so that one word of it can be changed; and what a run then does."""

from __future__ import annotations

import copy
import datetime as dt
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from filon.lake import Lake, Release, Sources
from filon.pipeline.report import RunStatus
from filon.pipeline.run import run_pipeline
from filon.project.loader import load_project
from filon.serving.stores import open_store
from filon.settings import Settings
from filon.stages.context import TableStatus

AS_OF = dt.date(2026, 1, 1)
NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
LAYERS = ("silver", "gold")
FILES = {
    "clients.csv": "client,country\n1,France\n2,uk\n3,\n",
    "orders.csv": """\
id;line;client;ordered;sent;at;amount;note;gift
1;1;1;2025-03-01;2025-03-02;2025-03-01 10:00:00;10.50;first;true
1;2;1;2025-03-01;2025-03-03;2025-03-01 10:00:00;20.00;second;false
2;1;2;2025-11-05;2025-11-06;2025-11-05 23:30:00;5.25;;true
2;1;2;2025-11-05;2025-11-06;2025-11-05 23:30:00;6.25;again;true
3;1;9;2025-11-07;2025-11-06;2025-11-07 08:00:00;7.00;orphan;true
""",
}
CLIENT = {"name": "client", "logicalType": "integer"}
AMOUNT = {"name": "amount", "logicalType": "number", "physicalType": "DECIMAL(12,2)"}

Documents = dict[str, Any]
"""The project: the YAML of each contract, ``filon.yaml`` and each SELECT, by the name of the table."""


def contract(name: str, words: Mapping[str, object], *properties: dict[str, Any], **keys: object) -> dict[str, Any]:
    """A contract; ``words`` are its custom properties, ``keys`` others of its table."""
    custom = [{"property": word, "value": value} for word, value in words.items()]
    table = {"name": name, "customProperties": custom, "properties": list(properties), **keys}
    head = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": f"shop-{name}", "version": "1.0.0"}
    return {**head, "status": "active", "schema": [table]}


def whole_shop() -> Documents:
    """The project that changes are made to."""
    date, moment = {"logicalType": "date"}, {"logicalType": "timestamp"}
    not_after = [{"property": "notAfter", "value": "as_of"}]
    rows = {"metric": "rowCount", "mustBeGreaterThan": -1, "name": "any rows", "severity": "warning", "unit": "rows"}
    serving = {
        "path": "sales",
        "filters": ["ordered", "client", "amount"],
        "aliases": {"since": "ordered_min"},
        "window": {"column": "ordered", "last": "24 months"},
    }
    aggregations = {
        "time": "ordered",
        "measures": {"revenue": {"sum": "amount"}, "orders": {}, "buyers": {"distinct": "client"}},
        "dimensions": {"country": {"column": "country", "through": "client"}, "line": {"column": "line"}},
        "total": {"path": "sums/total", "measures": {"revenue": "revenue"}},
        "series": {"path": "sums/series", "measures": {"revenue": "revenue"}},
        "analysis": {"path": "sums/analysis"},
    }
    return {
        "filon": {"name": "shop", "title": "A shop", "locale": "fr", "currency": "EUR", "timezone": "Europe/Paris"},
        "clients": contract(
            "clients",
            {
                "filePattern": "clients*.csv",
                "fromFileName": {"column": "origin", "pattern": r"(?<origin>[a-z]+)\.(?<country>[a-z]+)"},
                "serving": {"served": True},
            },
            {**CLIENT, "primaryKey": True},
            {"name": "country", "logicalType": "string", "customProperties": [{"property": "normalise", "value": {}}]},
            {"name": "origin", "logicalType": "string"},
        ),
        "orders": contract(
            "orders",
            {
                "filePattern": "orders*.csv",
                "malformedThreshold": 0.5,
                "dialect": {"delimiter": ";"},
                "rules": [{"name": "sent_later", "expression": "sent >= ordered"}],
                "partition": {"column": "ordered", "by": "month"},
                "serving": {**serving, "path": "orders"},
            },
            {"name": "id", "logicalType": "integer", "primaryKey": True},
            {"name": "line", "logicalType": "integer", "primaryKey": True},
            {**CLIENT, "relationships": [{"to": "clients.client"}]},
            {"name": "ordered", **date},
            {"name": "sent", **date, "customProperties": list(not_after)},
            {"name": "at", **moment, "customProperties": list(not_after)},
            dict(AMOUNT),
            {"name": "note", "logicalType": "string"},
            {"name": "gift", "logicalType": "boolean"},
            quality=[rows, {"type": "sql", "query": "SELECT count(*) FROM orders", "mustBeLessThan": 99}],
        ),
        "sales.sql": "SELECT id, line, client, ordered, sent, amount FROM orders",
        "sales": contract(
            "sales",
            {
                "partition": {"column": "ordered", "by": "month"},
                "serving": serving,
                "aggregations": aggregations,
                "chart": {"kind": "bar", "x": "ordered", "y": "amount"},
            },
            {"name": "id", "logicalType": "integer", "primaryKey": True},
            {"name": "line", "logicalType": "integer", "primaryKey": True},
            {**CLIENT, "relationships": [{"to": "buyers.client"}]},
            {"name": "ordered", **date},
            {"name": "sent", **date},
            dict(AMOUNT),
            quality=[dict(rows)],
        ),
        "buyers.sql": "SELECT client, country FROM clients",
        "buyers": contract("buyers", {}, {**CLIENT, "primaryKey": True}, {"name": "country", "logicalType": "string"}),
        "days.sql": "SELECT ordered, day_name(ordered) AS day, count(*) AS number FROM orders GROUP BY ordered",
        "days": contract(
            "days",
            {},
            {"name": "ordered", **date, "primaryKey": True},
            {"name": "day", "logicalType": "string"},
            {"name": "number", "logicalType": "integer"},
        ),
    }


def properties_of(documents: Documents, table: str) -> dict[str, dict[str, Any]]:
    """The columns of a table by name."""
    return {column["name"]: column for column in documents[table]["schema"][0]["properties"]}


def set_word(owner: dict[str, Any], path: str, value: object) -> None:
    """Give a word of custom properties, such as ``dialect.delimiter``, another value."""
    word, *parts = path.split(".")
    entries = owner.setdefault("customProperties", [])
    entry = next((entry for entry in entries if entry["property"] == word), None)
    if entry is None:
        entry = {"property": word, "value": {} if parts else value}
        entries.append(entry)
    place: Any = entry
    for part in ("value", *parts)[:-1]:
        place = place[int(part) if part.isdigit() else part]
    place[("value", *parts)[-1]] = value


def write_project(documents: Documents, folder: Path) -> None:
    """The documents as a project folder."""
    for name in ("sources", "gold"):
        (folder / name).mkdir(parents=True)
    for name, document in documents.items():
        is_model = name.endswith(".sql") or f"{name}.sql" in documents
        place = folder if name == "filon" else folder / ("gold" if is_model else "sources")
        if name.endswith(".sql"):
            (place / name).write_text(document)
        else:
            (place / f"{name}.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


@dataclass(frozen=True)
class Seen:
    """What can be seen after a run: the release, and per table of the store what tells its rows apart."""

    release: Release
    served: Mapping[str, str]
    rows: Mapping[str, int]


@dataclass(frozen=True)
class Place:
    """A folder with the project, its sources, its lake and its store."""

    folder: Path

    def put_sources(self) -> None:
        """Let the files of the shop arrive."""
        (self.folder / "sources").mkdir(parents=True)
        for name, text in FILES.items():
            (self.folder / "sources" / name).write_text(text)

    def run(self, documents: Documents) -> tuple[Seen, set[str]]:
        """Run the project; what is seen then, and which layers were computed (``files``: some were read)."""
        shutil.rmtree(self.folder / "project", ignore_errors=True)
        write_project(documents, self.folder / "project")
        project, lake = load_project(self.folder / "project"), Lake(str(self.folder / "lake"))
        store, sources = open_store(f"sqlite:///{self.folder / 'serving.db'}"), Sources(str(self.folder / "sources"))
        try:
            report = run_pipeline(Settings(threads=1), project, lake, sources, store, as_of=AS_OF, now=NOW)
            assert report.status in (RunStatus.PUBLISHED, RunStatus.UNCHANGED), report.error
            state, release = store.state(), lake.release()
        finally:
            store.shut()
        assert state is not None
        assert release is not None
        done = {"files"} if any(file.status != "unchanged" for file in report.files) else set()
        built = [table for table in report.tables if table.status is TableStatus.BUILT]
        histories = {history.name for dataset in project.datasets.values() if (history := dataset.history)}
        done |= {table.layer.value for table in built if table.table not in histories} & {*LAYERS}
        done |= {"history" for table in built if table.table in histories}
        served = {name: table.fingerprint for name, table in state.tables.items()}
        return Seen(release, served, {name: table.rows for name, table in state.tables.items()}), done

    def change(self, documents: Documents, before: Seen) -> set[str]:
        """Run the changed project; all that the change caused, with what follows from it."""
        after, done = self.run(documents)
        checks = [{(c.table, c.fingerprint) for c in seen.release.checks} for seen in (before, after)]
        done |= {"checks"} if checks[0] != checks[1] else set()
        return done | ({"served"} if before.served != after.served else set())


def changed(change: Any) -> Documents:
    """The shop with a change."""
    documents = copy.deepcopy(whole_shop())
    change(documents)
    return documents
