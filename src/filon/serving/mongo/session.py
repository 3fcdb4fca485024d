"""A load in progress: what it writes, and what it undoes of one that was killed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from bson import encode
from bson.errors import InvalidDocument
from bson.raw_bson import RawBSONDocument
from pymongo import IndexModel, UpdateOne
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure

from filon.errors import StoreBusy, StoreForeign, StoreUnfit
from filon.serving.limits import unfit
from filon.serving.mongo.documents import PAGE_INDEX, Document, encoder, maker, rows_of
from filon.serving.mongo.lease import Lease
from filon.serving.mongo.loads import LOADS, load_document, read_loads
from filon.serving.mongo.queries import every_version, holds
from filon.serving.mongo.views import Views
from filon.serving.protocol import Batch, BulkInsert
from filon.serving.state import OPEN, PageIndex, ServedState, next_load
from filon.serving.tables import StoredTable
from filon.threads import until_set

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

WRITERS = 3
MOST_BYTES = 16 << 20


class MongoSession:
    """A load in progress."""

    def __init__(self, db: Database[Document], uri: str, lease: Lease, background: ThreadPoolExecutor) -> None:
        self._db = db
        self._background = background
        self._indexing: list[Future[list[str]]] = []
        self._stopped = threading.Event()
        self._uri = uri
        self._lease = lease
        self._touched: list[str] = []
        self.kept: Sequence[ServedState] = read_loads(db[LOADS].find().sort("_id", -1), uri)
        self.before = self.kept[0] if self.kept else None
        self.id = next_load(self.before)
        self.load = self.id.number
        self._undo()
        if self.before is None:
            self._clear()

    def prepare(self, table: StoredTable) -> bool:
        """A collection comes into being with its index."""
        kinds = {info["name"]: info["type"] for info in self._db.list_collections(filter={"name": table.name})}
        if kinds.get(table.name, "view") != "view":
            message = f"{self._uri} has a collection {table.name} that Filon did not write"
            raise StoreForeign(f"{message}; drop it, or give another database")
        is_there = rows_of(table.name) in self._db.list_collection_names(filter={"name": rows_of(table.name)})
        # sweeps look closed rows up; while there are none the index is empty, and costs nothing
        self._db[rows_of(table.name)].create_index("_to", name="closed", partialFilterExpression={"_to": {"$lt": OPEN}})
        return is_there

    def insert(self, table: StoredTable, batches: Iterable[Batch]) -> int:
        """Documents of this load; a few batches travel while the next ones are made."""
        self._touch(table)
        return self._insert(table, map(maker(table, self.load), batches))

    def bulk(self) -> BulkInsert:
        """Documents are made of columns, in the background."""
        return self._insert_columns

    def stop(self) -> None:
        """End what goes on in the background."""
        self._stopped.set()

    def _insert_columns(self, table: StoredTable, batches: Iterable[pa.RecordBatch]) -> Callable[[], int]:
        # NumPy and Arrow are slow to import, and only large loads use them
        from filon.serving.mongo.bulk import in_pieces, raw_maker

        self._touch(table)
        given = iter(batches)
        first = list(islice(given, 1))  # its query runs here: nothing else uses the engine yet
        pieces = in_pieces(chain(first, until_set(self._stopped, given)))
        return self._background.submit(self._insert, table, map(raw_maker(table, self.load), pieces)).result

    def _insert(self, table: StoredTable, batches: Iterable[Sequence[Document | RawBSONDocument]]) -> int:
        collection = self._db[rows_of(table.name)]

        def send(documents: Sequence[Document | RawBSONDocument]) -> int:
            try:
                collection.insert_many(documents, ordered=False)
            except (OperationFailure, InvalidDocument) as error:
                raise self._too_large(table, documents) or error from error
            return len(documents)

        count: int = sum(_sent(self._lease, send, batches))
        self._index(table)
        return count

    def close(self, table: StoredTable, keys: Iterable[Batch] | None) -> int:
        """Valid documents with these keys end before this load."""
        self._touch(table)
        collection = self._db[rows_of(table.name)]
        valid = {"_to": OPEN, "_from": {"$lt": self.load}}
        change = {"$set": {"_to": self.load}}
        if keys is None:
            return collection.update_many(valid, change).modified_count
        key = [table.column(name) for name in table.key]
        encoders = [encoder(column) for column in key]

        def updates(batch: Batch) -> list[UpdateOne]:
            requests = []
            for values in batch:
                parts = {
                    column.name: spell(value) if spell else value
                    for column, spell, value in zip(key, encoders, values, strict=True)
                }
                requests.append(UpdateOne({"_id": every_version(parts), **valid}, change))
            return requests

        send = _sent(self._lease, lambda requests: collection.bulk_write(requests, ordered=False), map(updates, keys))
        return sum(result.modified_count for result in send)

    def holds(self, table: StoredTable, versions: int) -> bool:
        """By the server's own statistics, or counted."""
        return holds(self._db, table, versions)

    def page_index(self, table: StoredTable) -> PageIndex | None:
        """The newest one; those of a killed load are gone."""
        document = self._db[PAGE_INDEX].find_one({"name": table.name}, sort=[("load", -1)])
        return PageIndex.model_validate_json(document["page_index"]) if document and document["page_index"] else None

    def count(self, table: StoredTable) -> int:
        """By the server's own statistics."""
        return self._db[rows_of(table.name)].estimated_document_count()

    def flip(self, state: ServedState, page_index: Mapping[str, PageIndex | None], *, alone: bool = False) -> None:
        """Indexes first, then one document that makes the load the current one; views ask for it meanwhile."""
        for future in self._indexing:
            future.result()
        for name, index in page_index.items():
            text = index.model_dump_json() if index else None
            self._db[PAGE_INDEX].replace_one(
                {"name": name, "load": self.load}, {"name": name, "load": self.load, "page_index": text}, upsert=True
            )
        self._lease.note(self.load, self._touched)
        views = Views(self._db)
        views.ask(state)
        # on the disks of most servers before it is seen, as is all that was written before
        try:
            self._db[LOADS].insert_one(load_document(state, alone=alone))
        except DuplicateKeyError:
            raise StoreBusy(f"{self._uri}: another process finished load {self.load} first; run again") from None
        # readers see the load; nothing that they see depends on what follows
        self._lease.check()
        views.name(state)
        self._lease.settled()

    def sweep(self, keep: int) -> int:
        """Documents that ended before the oldest kept load, or with the last one when none is kept."""
        loads = [state.load for state in self.kept]
        oldest = loads[:keep][-1] if keep and loads else self.load
        current = loads[0] if loads else 0
        self._db[LOADS].delete_many({"_id": {"$lt": min(oldest, current)}})
        count = 0
        for name in self._db.list_collection_names(filter={"name": {"$regex": "^_rows_"}}):
            count += self._db[name].delete_many({"_to": {"$lte": min(oldest, current)}}).deleted_count
        for entry in self._db[PAGE_INDEX].find({"load": {"$lte": oldest}}, {"page_index": 0}):
            newer = {"name": entry["name"], "load": {"$gt": entry["load"], "$lte": oldest}}
            if self._db[PAGE_INDEX].find_one(newer, {"_id": 1}):
                self._db[PAGE_INDEX].delete_one({"_id": entry["_id"]})
        return count

    def _touch(self, table: StoredTable) -> None:
        if table.name not in self._touched:
            self._touched.append(table.name)
            self._lease.note(self.load, self._touched)

    def _too_large(self, table: StoredTable, documents: Iterable[Document | RawBSONDocument]) -> StoreUnfit | None:
        """The error for the first document that is larger than MongoDB takes; None when there is none."""
        for document in documents:
            if len(encode(document)) > MOST_BYTES:
                column = max(table.column_names, key=lambda name: len(str(document[name])))
                what = f"a row of MongoDB has {MOST_BYTES >> 20} MB at most, its key counted twice"
                return unfit(self._uri, table, document, column, what, "shorten it in the model, or leave it out")
        return None

    def _undo(self) -> None:
        """Take back what a killed load wrote, unless readers see it already."""
        load, tables = self._lease.left()
        if load is None:
            return
        current = self.before.load if self.before else 0
        for name in tables if load > current else ():
            collection = self._db[rows_of(name)]
            collection.delete_many({"_from": {"$gt": current}})
            collection.update_many({"_to": {"$gt": current, "$lt": OPEN}}, {"$set": {"_to": OPEN}})
        self._db[PAGE_INDEX].delete_many({"load": {"$gt": current}})
        self._lease.settled()

    def _clear(self) -> None:
        """Forget rows and marks whose loads are gone: the numbers that they carry are given again."""
        for name in self._db.list_collection_names(filter={"name": {"$regex": "^_rows_"}}):
            self._db.drop_collection(name)
        self._db.drop_collection(PAGE_INDEX)

    def _index(self, table: StoredTable) -> None:
        """Begin to build indexes; while they are, the next table is on its way."""
        collection = self._db[rows_of(table.name)]
        for model in _indexes(table):
            self._indexing.append(self._background.submit(collection.create_indexes, [model]))


def _indexes(table: StoredTable) -> Iterator[IndexModel]:
    """One for each column that rows are looked up by, one for the sort if the key is another."""
    sort = tuple((step.column, -1 if step.descending else 1) for step in table.sort)
    for columns in dict.fromkeys([*(((name, 1),) for name in table.looked_up), *([sort] if sort else [])]):
        if tuple(name for name, _ in columns) != table.key[: len(columns)]:
            yield IndexModel([*columns, ("_id", 1)])


def _sent(lease: Lease, send: Callable[[Any], Any], batches: Iterable[Any]) -> Iterator[Any]:
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
