"""MongoDB: the store for many readers and other tools. One process loads it at a time.

Documents lie in ``_rows_TABLE``, each with the loads between which it is valid; the table's own name is a view of those
that are valid now. A load inserts new documents and ends old ones, then adds one document to ``_loads``: that is the
moment from which readers see it. What a killed load left is undone by the next one.
"""

from __future__ import annotations

import datetime as dt
import secrets
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from decimal import Decimal
from itertools import repeat
from typing import Any
from urllib.parse import urlsplit

from bson import MaxKey, MinKey
from bson.decimal128 import Decimal128
from pymongo import AsyncMongoClient, IndexModel, MongoClient, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
)
from pymongo.write_concern import WriteConcern

from filon.errors import ConfigError, StoreBusy, StoreForeign, StoreUnavailable
from filon.project import Column, Kind
from filon.project.serving import Operator, Order, StoredTable
from filon.serving.encoding import unscaled
from filon.serving.protocol import Batch
from filon.serving.query import Condition, Query, Row, Value
from filon.serving.state import OPEN, Marks, ServedState, read_state
from filon.serving.stores import masked
from filon.serving.syncing import SYNC_TABLE, sync_documents
from filon.sql import identifier

Document = dict[str, Any]
DATABASE = "analytics"
LOADS, MARKS, LOCK = "_loads", "_marks", "_load_lock"
LEASE = dt.timedelta(seconds=30)
WRITERS = 2
ANSWER_MS = 1_500
OPERATORS = {Operator.EQUAL: "$eq", Operator.AT_LEAST: "$gte", Operator.AT_MOST: "$lte"}
FORBIDDEN, NOT_A_COLLECTION = 13, 166
VERSION = "_v"

# a Decimal128 whose exponent is -scale, from a whole number: see the BID encoding of IEEE 754
_BIAS, _EXPONENT_SHIFT, _SIGN = 6176, 49, 1 << 63
_LOW = (1 << 64) - 1
_pack = struct.Struct("<QQ").pack


class MongoStore:
    """A store in a database of a MongoDB server; ``analytics`` when the address names none."""

    name = "mongodb"

    def __init__(self, uri: str) -> None:
        self.uri = masked(uri)
        self._address = uri
        with _readable(self.uri):
            MongoClient[Document](uri, connect=False).close()
        self._database = urlsplit(uri).path.strip("/") or DATABASE
        self._client: MongoClient[Document] | None = None
        self._reader: AsyncMongoClient[Document] | None = None

    def encoding(self, column: Column) -> str:
        """Decimals as whole numbers of their last decimal, moments as they are; documents are made from these."""
        name, kind = identifier(column.name), column.type.kind
        if kind is Kind.DECIMAL:
            return unscaled(column)
        if kind is Kind.DATE:
            return f"CAST({name} AS TIMESTAMP)"
        return f"unix_micros({name})" if kind is Kind.TIMESTAMP else name

    def state(self) -> ServedState | None:
        """The newest load."""
        with _translated(self.uri):
            found = self._db[LOADS].find_one(sort=[("_id", -1)])
        return read_state(found["state"], self.uri) if found else None

    def is_settled(self) -> bool:
        """Whether the load that came last has finished all that follows its flip."""
        with _translated(self.uri):
            return self._db[LOCK].find_one({"_id": "loader", "load": {"$ne": None}}) is None

    def holds(self, table: StoredTable, versions: int) -> bool:
        """By the server's own statistics; counted only where these differ, as they may after a crash of the server."""
        with _translated(self.uri):
            return _holds(self._db, table, versions)

    @contextmanager
    def loading(self) -> Iterator[MongoSession]:
        """Hold the loader's lease, renewed while the load lasts."""
        with (
            _translated(self.uri),
            _Lease(self._db[LOCK], self.uri) as lease,
            ThreadPoolExecutor(max_workers=1) as background,
        ):
            yield MongoSession(self._db, self.uri, lease, background)

    async def states(self) -> Sequence[ServedState]:
        """Newest first."""
        with _translated(self.uri):
            return [read_state(found["state"], self.uri) async for found in self._read[LOADS].find().sort("_id", -1)]

    async def find(self, load: int, table: StoredTable, query: Query) -> list[Row]:
        """One find."""
        columns = [column for column in table.columns if query.fields is None or column.name in query.fields]
        wanted = _conditions(load, table, query.conditions)
        place = query.at or query.after
        if place is not None:
            wanted.append(_behind(table, query.sort, place, inclusive=query.at is not None))
        cursor = self._read[_rows(table)].find(
            {"$and": wanted},
            projection={"_id": False, **{column.name: True for column in columns}},
            sort=[(item.column, -1 if item.descending else 1) for item in _by_id(table, query.sort)],
            skip=query.skip,
            limit=query.limit,
            batch_size=query.limit,
        )
        with _translated(self.uri):
            found = await cursor.to_list()
        decoders = [(column.name, decode) for column in columns if (decode := _decoder(column))]
        names = [column.name for column in columns]
        return [_decoded(names, document, decoders) for document in found]

    async def count(self, load: int, table: StoredTable, conditions: Sequence[Condition]) -> int:
        """Counted over an index where there is one."""
        with _translated(self.uri):
            return await self._read[_rows(table)].count_documents({"$and": _conditions(load, table, conditions)})

    async def marks(self, load: int, table: StoredTable) -> Marks | None:
        """The newest marks that are not newer than the load."""
        wanted = {"name": table.name, "load": {"$lte": load}}
        with _translated(self.uri):
            found = await self._read[MARKS].find_one(wanted, sort=[("load", -1)])
        return Marks.model_validate_json(found["marks"]) if found and found["marks"] else None

    def shut(self) -> None:
        """Close the connections of loads; those of readers close with their event loop."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def shut_readers(self) -> None:
        """Close the connections of readers."""
        if self._reader is not None:
            await self._reader.close()
            self._reader = None

    @property
    def _db(self) -> Database[Document]:
        if self._client is None:
            with _readable(self.uri):
                self._client = MongoClient(self._address, serverSelectionTimeoutMS=ANSWER_MS, appname="filon")
        return self._client[self._database]

    @property
    def _read(self) -> AsyncDatabase[Document]:
        if self._reader is None:
            with _readable(self.uri):
                self._reader = AsyncMongoClient(
                    self._address,
                    serverSelectionTimeoutMS=ANSWER_MS,
                    connectTimeoutMS=ANSWER_MS,
                    appname="filon-api",
                )
        return self._reader[self._database]


class _Lease:
    """The right to load, for as long as this process lives: a killed one loses it after ``LEASE``."""

    def __init__(self, collection: Collection[Document], uri: str) -> None:
        self._collection = collection
        self._uri = uri
        self._owner = secrets.token_hex(8)
        self._over = threading.Event()
        self._renewer = threading.Thread(target=self._renew, daemon=True)
        self._ends = 0.0

    def __enter__(self) -> _Lease:
        now, self._ends = dt.datetime.now(dt.UTC), time.monotonic() + LEASE.total_seconds()
        free = {"_id": "loader", "$or": [{"until": {"$lt": now}}, {"owner": None}]}
        try:
            self._collection.update_one(free, {"$set": {"owner": self._owner, "until": now + LEASE}}, upsert=True)
        except DuplicateKeyError:
            message = f"{self._uri}: another process is loading it, or was killed less than {LEASE.seconds} s ago"
            raise StoreBusy(f"{message}; run again when it is done") from None
        self._renewer.start()
        return self

    def note(self, load: int, tables: Sequence[str]) -> None:
        """Note what this load is about to change, for whoever has to undo it."""
        self._change({"$set": {"load": load, "tables": list(tables)}})

    def settled(self) -> None:
        """Note that nothing is left to undo or to finish."""
        self._change({"$set": {"load": None, "tables": []}})

    def left(self) -> tuple[int | None, list[str]]:
        """The load that the process before did not finish, and its tables."""
        found = self._collection.find_one({"_id": "loader"}) or {}
        return found.get("load"), found.get("tables") or []

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._renewer.join()
        with suppress(PyMongoError):  # the lease runs out by itself
            self._collection.update_one({"_id": "loader", "owner": self._owner}, {"$set": {"owner": None}})

    def check(self) -> None:
        """StoreBusy when the lease ran out, as after a long sleep of the machine: another process may be loading."""
        if time.monotonic() > self._ends:
            raise StoreBusy(f"{self._uri}: this load was so slow that another process may have taken over; run again")

    def _change(self, change: Mapping[str, Any]) -> None:
        self.check()
        if self._collection.update_one({"_id": "loader", "owner": self._owner}, change).matched_count == 0:
            raise StoreBusy(f"{self._uri}: another process took over this load; run again")

    def _renew(self) -> None:
        while not self._over.wait(LEASE.total_seconds() / 3):
            ends, until = time.monotonic() + LEASE.total_seconds(), dt.datetime.now(dt.UTC) + LEASE
            with suppress(PyMongoError):  # tried again in a while, until the lease runs out
                found = self._collection.update_one({"_id": "loader", "owner": self._owner}, {"$set": {"until": until}})
                self._ends = ends if found.matched_count else 0.0


class MongoSession:
    """A load in progress."""

    def __init__(self, db: Database[Document], uri: str, lease: _Lease, background: ThreadPoolExecutor) -> None:
        self._db = db
        self._background = background
        self._indexing: list[Future[None]] = []
        self._uri = uri
        self._lease = lease
        self._touched: list[str] = []
        self.kept: Sequence[ServedState] = [
            read_state(found["state"], uri) for found in db[LOADS].find().sort("_id", -1)
        ]
        self.before = self.kept[0] if self.kept else None
        self.load = self.before.load + 1 if self.before else 1
        self._undo()

    def prepare(self, table: StoredTable) -> bool:
        """Collections come into being with their first document."""
        kinds = {info["name"]: info["type"] for info in self._db.list_collections(filter={"name": table.name})}
        if kinds.get(table.name, "view") != "view":
            message = f"{self._uri} has a collection {table.name} that Filon did not write"
            raise StoreForeign(f"{message}; drop it, or give another database")
        return _rows(table) in self._db.list_collection_names(filter={"name": _rows(table)})

    def insert(self, table: StoredTable, batches: Iterable[Batch]) -> int:
        """Documents of this load; a few batches travel while the next ones are made."""
        self._touch(table)
        make = _maker(table, self.load)
        collection = self._db[_rows(table)]
        count = 0
        for sent in _sent(
            self._lease, lambda documents: collection.insert_many(documents, ordered=False), map(make, batches)
        ):
            count += len(sent.inserted_ids)
        # indexes are built while the next table is on its way
        self._indexing.append(self._background.submit(self._index, table))
        return count

    def close(self, table: StoredTable, keys: Iterable[Batch] | None) -> int:
        """Valid documents with these keys end before this load."""
        self._touch(table)
        collection = self._db[_rows(table)]
        valid = {"_to": OPEN, "_from": {"$lt": self.load}}
        change = {"$set": {"_to": self.load}}
        if keys is None:
            return collection.update_many(valid, change).modified_count
        key = [table.column(name) for name in table.key]
        encoders = [_encoder(column) for column in key]

        def updates(batch: Batch) -> list[UpdateOne]:
            found = []
            for values in batch:
                parts = {
                    column.name: encode(value) if encode else value
                    for column, encode, value in zip(key, encoders, values, strict=True)
                }
                found.append(UpdateOne({"_id": _every_version(parts), **valid}, change))
            return found

        send = _sent(self._lease, lambda requests: collection.bulk_write(requests, ordered=False), map(updates, keys))
        return sum(result.modified_count for result in send)

    def holds(self, table: StoredTable, versions: int) -> bool:
        """By the server's own statistics, or counted."""
        return _holds(self._db, table, versions)

    def count(self, table: StoredTable) -> int:
        """By the server's own statistics."""
        return self._db[_rows(table)].estimated_document_count()

    def flip(self, state: ServedState, marks: Mapping[str, Marks | None], *, alone: bool = False) -> None:
        """Indexes first, then one document that makes the load the current one, then what plain readers see."""
        for future in self._indexing:
            future.result()
        for name, found in marks.items():
            text = found.model_dump_json() if found else None
            self._db[MARKS].replace_one(
                {"name": name, "load": self.load}, {"name": name, "load": self.load, "marks": text}, upsert=True
            )
        self._lease.note(self.load, self._touched)
        document = {"_id": self.load, "state": state.model_dump_json()}
        # written to disk before it is seen, and with it all that was written before
        try:
            self._db[LOADS].with_options(write_concern=WriteConcern(j=True)).insert_one(document)
        except DuplicateKeyError:
            raise StoreBusy(f"{self._uri}: another process finished load {self.load} first; run again") from None
        if alone:
            self._db[LOADS].delete_many({"_id": {"$lt": self.load}})
        self._settle(state)

    def sweep(self, keep: int) -> int:
        """Documents that ended before the oldest kept load, or with the last one when none is kept."""
        loads = [found["_id"] for found in self._db[LOADS].find({}, {"_id": 1}).sort("_id", -1)]
        oldest = loads[:keep][-1] if keep and loads else self.load
        current = loads[0] if loads else 0
        self._db[LOADS].delete_many({"_id": {"$lt": min(oldest, current)}})
        count = 0
        for name in self._db.list_collection_names(filter={"name": {"$regex": "^_rows_"}}):
            count += self._db[name].delete_many({"_to": {"$lte": min(oldest, current)}}).deleted_count
        for found in self._db[MARKS].find({"load": {"$lte": oldest}}, {"marks": 0}):
            newer = {"name": found["name"], "load": {"$gt": found["load"], "$lte": oldest}}
            if self._db[MARKS].find_one(newer, {"_id": 1}):
                self._db[MARKS].delete_one({"_id": found["_id"]})
        return count

    def _touch(self, table: StoredTable) -> None:
        if table.name not in self._touched:
            self._touched.append(table.name)
            self._lease.note(self.load, self._touched)

    def _undo(self) -> None:
        """Take back what a killed load wrote, or finish what it had to do after its flip."""
        load, tables = self._lease.left()
        if load is None:
            return
        current = self.before.load if self.before else 0
        if self.before is not None and load <= current:
            self._settle(self.before)
            return
        for name in tables:
            collection = self._db[f"_rows_{name}"]
            collection.delete_many({"_from": {"$gt": current}})
            collection.update_many({"_to": {"$gt": current, "$lt": OPEN}}, {"$set": {"_to": OPEN}})
        self._db[MARKS].delete_many({"load": {"$gt": current}})
        self._lease.settled()

    def _index(self, table: StoredTable) -> None:
        sorts = [tuple(item.column for item in table.sort)] if table.sort else []
        wanted = dict.fromkeys([*((name,) for name in table.looked_up), *sorts])
        models = [
            IndexModel([*((name, 1) for name in columns), ("_id", 1)])
            for columns in wanted
            if columns != table.key[: len(columns)]
        ]
        closed = IndexModel([("_to", 1)], name="closed", partialFilterExpression={"_to": {"$lt": OPEN}})
        self._db[_rows(table)].create_indexes([*models, closed])

    def _settle(self, state: ServedState) -> None:
        """Views and ``_sync_metadata`` follow the current load."""
        there = {info["name"]: info["type"] for info in self._db.list_collections()}
        shown = [name for name in state.tables if not name.startswith("_")]
        for name in shown:
            pipeline: list[Mapping[str, Any]] = [
                {"$match": {"_from": {"$lte": state.load}, "_to": {"$gt": state.load}}},
                {"$project": {"_from": 0, "_to": 0}},
            ]
            if name in there:
                self._db.command("collMod", name, viewOn=f"_rows_{name}", pipeline=pipeline)
            else:
                self._db.create_collection(name, viewOn=f"_rows_{name}", pipeline=pipeline)
        for name, kind in there.items():
            if kind == "view" and f"_rows_{name}" in there and name not in shown:
                self._db.drop_collection(name)
        documents = sync_documents(state)
        for document in documents:
            wanted = {"collection_name": document["collection_name"]}
            self._db[SYNC_TABLE].replace_one(wanted, document, upsert=True)
        names = [document["collection_name"] for document in documents]
        self._db[SYNC_TABLE].delete_many({"collection_name": {"$nin": names}})
        self._lease.settled()


def _sent(lease: _Lease, send: Callable[[Any], Any], batches: Iterable[Any]) -> Iterator[Any]:
    """Results of sending batches, in order, several on their way at once."""
    with ThreadPoolExecutor(max_workers=WRITERS) as pool:
        waiting: list[Future[Any]] = []
        for batch in filter(None, batches):
            lease.check()
            waiting.append(pool.submit(send, batch))
            if len(waiting) > WRITERS:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def _maker(table: StoredTable, load: int) -> Callable[[Batch], list[Document]]:
    """Documents from rows of the engine. Column by column, which is twice as fast as value by value."""
    names = ("_id", *table.column_names, "_from", "_to")
    places = [table.column_names.index(name) for name in table.key]
    id_names = (*table.key, VERSION)
    encoders = [(index, encode) for index, column in enumerate(table.columns) if (encode := _encoder(column))]

    def make(batch: Batch) -> list[Document]:
        if not batch:
            return []
        columns: list[Sequence[Any]] = list(zip(*batch, strict=True))
        for index, encode in encoders:
            columns[index] = [None if value is None else encode(value) for value in columns[index]]
        keys = zip(*(columns[index] for index in places), repeat(load))
        ids = [dict(zip(id_names, key, strict=True)) for key in keys]
        rows = zip(ids, *columns, repeat(load), repeat(OPEN))
        return [dict(zip(names, row, strict=True)) for row in rows]

    return make


def _encoder(column: Column) -> Callable[[Any], Any] | None:
    """What makes a BSON value of what the engine hands over; None when it is one already."""
    kind, scale = column.type.kind, column.type.scale
    if kind is Kind.DECIMAL:
        exponent = (_BIAS - scale) << _EXPONENT_SHIFT

        def decimal(value: int) -> Decimal128:
            if value >= 0:
                return Decimal128.from_bid(_pack(value & _LOW, exponent | value >> 64))
            return Decimal128.from_bid(_pack(-value & _LOW, _SIGN | exponent | -value >> 64))

        return decimal
    if kind is Kind.TIMESTAMP:
        epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return lambda value: epoch + dt.timedelta(microseconds=value)
    return None


def _decoder(column: Column) -> Callable[[Any], Value] | None:
    kind = column.type.kind
    if kind is Kind.DECIMAL:
        return lambda value: value.to_decimal()
    if kind is Kind.DATE:
        return lambda value: value.date()
    if kind is Kind.TIMESTAMP:
        return lambda value: value.replace(tzinfo=dt.UTC)
    return None


def _decoded(
    names: Sequence[str], document: Document, decoders: Sequence[tuple[str, Callable[[Any], Value]]]
) -> dict[str, Value]:
    row = {name: document.get(name) for name in names}
    for name, decode in decoders:
        if row[name] is not None:
            row[name] = decode(row[name])
    return row


def _bound(table: StoredTable, column: str, value: Value) -> Any:
    """A value of a query as BSON has it."""
    kind = table.column(column).type.kind
    if kind is Kind.DECIMAL and value is not None:
        return Decimal128(Decimal(str(value)))
    if kind is Kind.DATE and isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    return value


def _conditions(load: int, table: StoredTable, conditions: Sequence[Condition]) -> list[Document]:
    """What a row of a load must meet. Where the key is given, ``_id`` is asked, which has it in front."""
    wanted: list[Document] = [{"_from": {"$lte": load}, "_to": {"$gt": load}}]
    equal = {item.column: item.value for item in conditions if item.operator is Operator.EQUAL}
    leading = list[str]()
    for name in table.key:
        if name not in equal:
            break
        leading.append(name)
    if leading:
        parts = {name: _bound(table, name, equal[name]) for name in leading}
        wanted.append({"_id": _id_range(table, parts, conditions)})
    wanted += [{item.column: {OPERATORS[item.operator]: _bound(table, item.column, item.value)}} for item in conditions]
    return wanted


def _id_range(table: StoredTable, parts: Document, conditions: Sequence[Condition]) -> Document:
    """The ``_id`` of rows whose key begins with these values, between bounds of the column that follows."""
    rest = [name for name in table.key if name not in parts]
    if not rest:
        return _every_version(parts)
    low, high = {**parts, rest[0]: MinKey()}, {**parts, rest[0]: MaxKey()}
    for item in conditions:
        if item.column == rest[0] and item.operator is Operator.AT_LEAST:
            low[rest[0]] = _bound(table, item.column, item.value)
        elif item.column == rest[0] and item.operator is Operator.AT_MOST:
            # a document with one more field comes behind all that have this value
            high = {**parts, rest[0]: _bound(table, item.column, item.value), "~": MaxKey()}
    return {"$gte": low, "$lte": high}


def _every_version(key: Document) -> Document:
    return {"$gte": {**key, VERSION: MinKey()}, "$lte": {**key, VERSION: MaxKey()}}


def _by_id(table: StoredTable, sort: Sequence[Order]) -> tuple[Order, ...]:
    """A sort whose end is the key, with ``_id`` for the key: one index has both."""
    size = len(table.key)
    tail = sort[-size:]
    is_key = tuple(item.column for item in tail) == table.key and len({item.descending for item in tail}) == 1
    return (*sort[:-size], Order("_id", tail[0].descending)) if is_key else tuple(sort)


def _behind(table: StoredTable, sort: Sequence[Order], place: Sequence[Value], *, inclusive: bool) -> Document:
    """Rows that come later in a sort than a place; nulls come first, or last where it descends."""
    values = [_bound(table, item.column, value) for item, value in zip(sort, place, strict=True)]
    steps = _by_id(table, sort)
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


def _rows(table: StoredTable) -> str:
    return f"_rows_{table.name}"


def _holds(db: Database[Document], table: StoredTable, versions: int) -> bool:
    collection = db[_rows(table)]
    if collection.estimated_document_count() == versions:
        return versions > 0 or bool(db.list_collection_names(filter={"name": collection.name}))
    return collection.count_documents({}) == versions


@contextmanager
def _readable(uri: str) -> Iterator[None]:
    try:
        yield
    except (ConfigurationError, ValueError) as error:  # a bad port or escape is a plain ValueError there
        raise ConfigError(f"{uri} is no address of MongoDB: {error}") from None


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    try:
        yield
    except (ConnectionFailure, ExecutionTimeout) as error:
        reason = str(error).split(",", 1)[0].split(" (", 1)[0]
        raise StoreUnavailable(f"{uri}: {reason}. Start it, or check FILON_SERVING; then run again.") from error
    except OperationFailure as error:
        what = "the user may not do that; see docs/api.md for the roles" if error.code == FORBIDDEN else error.details
        raise StoreUnavailable(f"{uri}: {what or error}") from error
