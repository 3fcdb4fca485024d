"""What other tools see of a store: a view of the current rows of each table, and one of what tables there are.

Which load is the current one, ``_loads`` says. A view may *ask* there, or *name* the number of the load: asking costs a
look-up for each row, naming costs nothing but holds only until the next load. So views ask while a load becomes the
current one, which is then one write for all of them, and name it before and after. Wherever a loader is killed in
between, all views show the same load.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pymongo.database import Database

from filon.serving.mongo.documents import Document, rows_of
from filon.serving.mongo.loads import LOADS, TABLES
from filon.serving.state import ServedState
from filon.serving.syncing import SYNC_TABLE

Pipeline = list[Mapping[str, Any]]

_WITHOUT_LOADS: Mapping[str, Any] = {"$project": {"_from": 0, "_to": 0, "_current": 0}}
_NEWEST: Pipeline = [{"$sort": {"_id": -1}}, {"$limit": 1}]
_SYNCED: Pipeline = [*_NEWEST, {"$unwind": f"${TABLES}"}, {"$replaceRoot": {"newRoot": f"${TABLES}"}}]


def asking() -> Pipeline:
    """Rows of the load that is the current one when the view is read; the look-up does not depend on the row."""
    current = {"$first": "$_current._id"}
    shown = {"$and": [{"$lte": ["$_from", current]}, {"$gt": ["$_to", current]}]}
    looked_up = {"from": LOADS, "pipeline": [*_NEWEST, {"$project": {"_id": 1}}], "as": "_current"}
    return [{"$lookup": looked_up}, {"$match": {"$expr": shown}}, _WITHOUT_LOADS]


def naming(load: int) -> Pipeline:
    """Rows of one load."""
    return [{"$match": {"_from": {"$lte": load}, "_to": {"$gt": load}}}, _WITHOUT_LOADS]


class Views:
    """The views of a database."""

    def __init__(self, db: Database[Document]) -> None:
        self._db = db

    def ask(self, state: ServedState) -> None:
        """Let every view ask, those of tables that only the load to come has included; they are empty until then."""
        there = self._there()
        for name in {*_shown(state), *_tables(there)}:
            self._define(name, rows_of(name), asking(), there)
        if there.get(SYNC_TABLE, {}).get("type") == "collection":  # as an older version of Filon had it
            self._db.drop_collection(there.pop(SYNC_TABLE)["name"])
        self._define(SYNC_TABLE, LOADS, _SYNCED, there)

    def name(self, state: ServedState) -> None:
        """Let every view name the current load, and drop those of tables that it does not have."""
        there = self._there()
        for name in _shown(state):
            self._define(name, rows_of(name), naming(state.load), there)
        for name in _tables(there) - set(_shown(state)):
            self._db.drop_collection(name)

    def are_naming(self, state: ServedState) -> bool:
        """Whether the views are those that ``name`` would leave."""
        expected = {name: _options(rows_of(name), naming(state.load)) for name in _shown(state)}
        there = self._there()
        views = {name: there[name]["options"] for name in _tables(there)}
        synced = there.get(SYNC_TABLE, {}).get("options")
        return views == expected and synced == _options(LOADS, _SYNCED)

    def _there(self) -> dict[str, Document]:
        return {info["name"]: dict(info) for info in self._db.list_collections()}

    def _define(self, name: str, of: str, pipeline: Pipeline, there: Mapping[str, Document]) -> None:
        options = _options(of, pipeline)
        if name not in there:
            self._db.create_collection(name, **options)
        elif there[name]["options"] != options:
            self._db.command("collMod", name, **options, writeConcern=self._db.write_concern.document)


def _options(of: str, pipeline: Pipeline) -> dict[str, Any]:
    return {"viewOn": of, "pipeline": pipeline}


def _shown(state: ServedState) -> Iterable[str]:
    """The tables that have a view; those whose names begin with ``_`` are Filon's own."""
    return [name for name in state.tables if not name.startswith("_")]


def _tables(there: Mapping[str, Document]) -> set[str]:
    """The views of tables that there are; other views of the database are somebody else's."""
    return {name for name, info in there.items() if info["options"].get("viewOn") == rows_of(name)}
