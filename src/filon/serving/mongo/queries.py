"""Questions about rows, in the language of MongoDB."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from bson import MaxKey, MinKey
from pymongo.database import Database

from filon.project.serving import Operator
from filon.serving.mongo.documents import VERSION, Document, bound, rows_of
from filon.serving.query import Condition, Value, exact
from filon.serving.state import LoadId
from filon.serving.tables import Order, StoredTable

MILLISECOND = dt.timedelta(milliseconds=1)
OPERATORS = {Operator.EQUAL: "$eq", Operator.AT_LEAST: "$gte", Operator.AT_MOST: "$lte", Operator.ONE_OF: "$in"}


def conditions_of(load: LoadId, table: StoredTable, conditions: Sequence[Condition]) -> list[Document]:
    """What a row of a load must meet. Where the key is given, ``_id`` is asked, which has it in front."""
    conditions = exact(table, conditions, MILLISECOND)
    wanted: list[Document] = [{"_from": {"$lte": load.number}, "_to": {"$gt": load.number}}]
    ranges = [_id_range(table, parts, conditions) for parts in _leading(table, conditions) if parts]
    if ranges:
        wanted.append({"_id": ranges[0]} if len(ranges) == 1 else {"$or": [{"_id": item} for item in ranges]})
    for item in conditions:
        values = [bound(table, item.column, value) for value in item.values]
        value = values if item.operator is Operator.ONE_OF else values[0]
        wanted.append({item.column: {OPERATORS[item.operator]: value}})
    return wanted


def _leading(table: StoredTable, conditions: Sequence[Condition]) -> list[Document]:
    """The beginnings of keys that are given: one, or several that differ in their last column."""
    equal = {item.column: item for item in conditions if item.operator in (Operator.EQUAL, Operator.ONE_OF)}
    parts: list[Document] = [{}]
    for name in table.key:
        if name not in equal:
            break
        values = [bound(table, name, value) for value in equal[name].values]
        parts = [{**part, name: value} for part in parts for value in values]
        if len(parts) > 1:
            break
    return parts


def _id_range(table: StoredTable, parts: Document, conditions: Sequence[Condition]) -> Document:
    """The ``_id`` of rows whose key begins with these values, between bounds of the column that follows."""
    rest = [name for name in table.key if name not in parts]
    if not rest:
        return every_version(parts)
    low, high = {**parts, rest[0]: MinKey()}, {**parts, rest[0]: MaxKey()}
    for item in conditions:
        if item.column == rest[0] and item.operator is Operator.AT_LEAST:
            low[rest[0]] = bound(table, item.column, item.values[0])
        elif item.column == rest[0] and item.operator is Operator.AT_MOST:
            # a document with one more field comes behind all that have this value
            high = {**parts, rest[0]: bound(table, item.column, item.values[0]), "~": MaxKey()}
    return {"$gte": low, "$lte": high}


def every_version(key: Document) -> Document:
    """The ``_id`` of all versions of the row with this key."""
    return {"$gte": {**key, VERSION: MinKey()}, "$lte": {**key, VERSION: MaxKey()}}


def by_id(table: StoredTable, sort: Sequence[Order]) -> tuple[Order, ...]:
    """A sort whose end is the key, with ``_id`` for the key: one index has both."""
    size = len(table.key)
    tail = sort[-size:]
    is_key = tuple(item.column for item in tail) == table.key and len({item.descending for item in tail}) == 1
    return (*sort[:-size], Order("_id", tail[0].descending)) if is_key else tuple(sort)


def behind(table: StoredTable, sort: Sequence[Order], place: Sequence[Value], *, inclusive: bool) -> Document:
    """Rows that come later in a sort than a place; nulls come first, or last where it descends."""
    values = [bound(table, item.column, value) for item, value in zip(sort, place, strict=True)]
    steps = by_id(table, sort)
    if steps and steps[-1].column == "_id":
        key = dict(zip(table.key, values[len(steps) - 1 :], strict=True))
        # a place is a row whatever its version: behind it means behind all of them
        edge = MinKey() if inclusive != steps[-1].descending else MaxKey()
        values = [*values[: len(steps) - 1], {**key, VERSION: edge}]
    branches = []
    for index, (item, value) in enumerate(zip(steps, values, strict=True)):
        later = _later(item, value)
        if later is not None:
            same = {before.column: value for before, value in zip(steps[:index], values[:index], strict=True)}
            branches.append({**same, item.column: later})
    if inclusive and steps[-1].column != "_id":
        branches.append({item.column: value for item, value in zip(steps, values, strict=True)})
    return {"$or": branches} if branches else {"_id": None}


def _later(item: Order, value: Any) -> Document | None:
    if value is None:
        return None if item.descending else {"$ne": None}
    if item.descending:
        return {"$lt": value} if item.column == "_id" else {"$not": {"$gte": value}}
    return {"$gt": value}


def holds(db: Database[Document], table: StoredTable, versions: int) -> bool:
    """Whether a table is there with that many rows, by the server's statistics; counted only where these differ."""
    collection = db[rows_of(table.name)]
    if collection.estimated_document_count() == versions:
        return versions > 0 or bool(db.list_collection_names(filter={"name": collection.name}))
    return collection.count_documents({}) == versions
