"""The store itself: what it serves, and what readers ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymongo.read_preferences import ReadPreference

from filon.errors import LoadGone
from filon.project import Column, Kind
from filon.project.analysis import WORD_DIGITS
from filon.serving.encoding import unscaled
from filon.serving.limits import Limit, common_limits, units
from filon.serving.mongo.concerns import OF_MOST, ON_MOST
from filon.serving.mongo.documents import DIGITS, LOCK, PAGE_INDEX, Document, decoded, decoder, rows_of
from filon.serving.mongo.errors import readable_address, translated
from filon.serving.mongo.kept import Ids, Kept
from filon.serving.mongo.lease import Lease
from filon.serving.mongo.loads import ALONE, LOADS, TABLES, askable, read_loads
from filon.serving.mongo.queries import behind, by_id, conditions_of, holds
from filon.serving.mongo.records import MongoRecords
from filon.serving.mongo.session import MongoSession
from filon.serving.mongo.views import Views
from filon.serving.query import Condition, Query, Row
from filon.serving.state import LoadId, PageIndex, ServedState
from filon.serving.stores import masked
from filon.serving.tables import StoredTable
from filon.sql import identifier

DATABASE = "analytics"
ANSWER_MS = 1_500
IN_BACKGROUND = 4
"""Tables that are filled, and indexes that are built, at the same time."""
READ_AT_ONCE, FEW_ROWS = 1_000, 200
"""Documents that come in one piece, and rows that are made of them inside the event loop; more would take long."""


class _Reading:
    """How columns of a table are asked for, and rows are made of documents."""

    def __init__(
        self, collection: AsyncCollection[Document], table: StoredTable, fields: tuple[str, ...] | None
    ) -> None:
        columns = [column for column in table.columns if fields is None or column.name in fields]
        self.table = table
        self.collection = collection
        self.projection = {"_id": False, **{column.name: True for column in columns}}
        self._decoders = [(column.name, decode) for column in columns if (decode := decoder(column))]
        self._names = [column.name for column in columns]

    def rows(self, documents: Sequence[Document]) -> list[Row]:
        """Documents as rows."""
        return [decoded(self._names, document, self._decoders) for document in documents]


class MongoStore:
    """A store in a database of a MongoDB server; ``analytics`` when the address names none.

    In a replica set every write is on the disks of most members before it counts, and only what is there is read, from
    the primary: no election takes back a load that somebody has seen. What an address says otherwise does not count.
    """

    name = "mongodb"

    def __init__(self, uri: str) -> None:
        self.uri = masked(uri)
        self._address = uri
        with readable_address(self.uri):
            MongoClient[Document](uri, connect=False).close()
        self._database = urlsplit(uri).path.strip("/") or DATABASE
        self._client: MongoClient[Document] | None = None
        self._reader: AsyncDatabase[Document] | None = None
        self._readings: dict[str, _Reading] = {}
        self._kept = Kept(self._ids)
        self.records = MongoRecords(self.uri, lambda: self._db, lambda: self._read)

    def encoding(self, column: Column) -> str:
        """Decimals as whole numbers of their last decimal, moments as they are; documents are made from these."""
        name, kind = identifier(column.name), column.type.kind
        if kind is Kind.DECIMAL:
            whole = "BIGINT" if column.type.precision <= WORD_DIGITS else "DECIMAL(38, 0)"
            return f"CAST({unscaled(column)} AS {whole})"
        if kind is Kind.DATE:
            return f"CAST({name} AS TIMESTAMP)"
        return f"unix_micros({name})" if kind is Kind.TIMESTAMP else name

    def limits(self, column: Column) -> Sequence[Limit]:
        """Decimals have 34 digits, timestamps end with the millisecond."""
        limits, kind = common_limits(column), column.type
        if kind.kind is Kind.DECIMAL and kind.precision > DIGITS:
            most = 10**DIGITS - 1
            limits.append(units(column, -most, most, f"MongoDB keeps decimals of {DIGITS} digits"))
        if kind.kind is Kind.TIMESTAMP:
            limits.append(
                Limit(
                    f"unix_micros({identifier(column.name)}) % 1000 = 0",
                    "MongoDB keeps timestamps to the millisecond",
                    "cut it in the model, as with date_trunc('milliseconds', …)",
                )
            )
        return limits

    def state(self) -> ServedState | None:
        """The newest load."""
        with translated(self.uri):
            states = read_loads(self._db[LOADS].find(sort=[("_id", -1)], limit=1), self.uri)
        return states[0] if states else None

    def is_settled(self, state: ServedState) -> bool:
        """Whether the views are those that the load left."""
        with translated(self.uri):
            return Views(self._db).are_naming(state)

    def holds(self, table: StoredTable, versions: int) -> bool:
        """By the server's own statistics; counted only where these differ, as they may after a crash of the server."""
        with translated(self.uri):
            return holds(self._db, table, versions)

    def kept(self) -> Sequence[ServedState]:
        """Newest first."""
        with translated(self.uri):
            return read_loads(self._db[LOADS].find().sort("_id", -1), self.uri)

    @contextmanager
    def loading(self, *, anew: bool = False) -> Iterator[MongoSession]:
        """Hold the loader's lease, renewed while the load lasts."""
        with (
            translated(self.uri),
            Lease(self._db[LOCK], self.uri) as lease,
            ThreadPoolExecutor(max_workers=IN_BACKGROUND) as background,
        ):
            if anew:
                self._db[LOADS].delete_many({})
            session = MongoSession(self._db, self.uri, lease, background)
            try:
                yield session
            finally:
                session.stop()

    def give_back(self) -> None:
        """The server gives the space of collections back as they are dropped; that of records, if it is allowed to."""
        with translated(self.uri):
            names = self._db.list_collection_names(filter={"type": "collection"})
            for name in names:
                with suppress(OperationFailure):  # the user may not, or the member is the primary of an old server
                    self._db.command("compact", name)

    async def states(self) -> Sequence[ServedState]:
        """Newest first."""
        with translated(self.uri):
            documents = await self._read[LOADS].find(projection={TABLES: False}).sort("_id", -1).to_list()
        return read_loads(documents, self.uri)

    async def find(self, load: LoadId, table: StoredTable, query: Query) -> list[Row]:
        """One find."""
        reading = self._reading_of(table, query.fields)
        wanted = conditions_of(load, table, query.conditions)
        place = query.at or query.after
        if place is not None:
            wanted.append(behind(table, query.sort, place, inclusive=query.at is not None))
        cursor = reading.collection.find(
            {"$and": wanted},
            projection=reading.projection,
            sort=[(item.column, -1 if item.descending else 1) for item in by_id(table, query.sort)],
            skip=query.skip,
            limit=query.limit,
            batch_size=min(query.limit, READ_AT_ONCE),
        )
        with translated(self.uri):
            documents = await cursor.to_list()
        await self._require(load)
        if len(documents) <= FEW_ROWS:
            return reading.rows(documents)
        return await asyncio.to_thread(reading.rows, documents)

    async def count(self, load: LoadId, table: StoredTable, conditions: Sequence[Condition]) -> int:
        """Counted over an index where there is one."""
        with translated(self.uri):
            wanted = {"$and": conditions_of(load, table, conditions)}
            count = await self._read[rows_of(table.name)].count_documents(wanted)
        await self._require(load)
        return count

    async def page_index(self, load: LoadId, table: StoredTable) -> PageIndex | None:
        """The newest marks that are not newer than the load."""
        wanted = {"name": table.name, "load": {"$lte": load.number}}
        with translated(self.uri):
            document = await self._read[PAGE_INDEX].find_one(wanted, sort=[("load", -1)])
        await self._require(load)
        return PageIndex.model_validate_json(document["page_index"]) if document and document["page_index"] else None

    async def _require(self, load: LoadId) -> None:
        """LoadGone when the store does not keep this very load.

        This is asked after the rows: a load that is kept then was kept while they were read, as none ever comes back.
        """
        if (load.number, load.token) not in await self._kept.now():
            about = f"load {load.number} of the store {load.store}"
            raise LoadGone(f"{self.uri} no longer keeps {about}; ask for one that it keeps")

    async def _ids(self) -> Ids:
        with translated(self.uri):
            newest_first = await self._read[LOADS].find({}, {"token": True, ALONE: True}).sort("_id", -1).to_list()
        return {(document["_id"], document["token"]) for document in askable(newest_first)}

    def shut(self) -> None:
        """Close the connections of loads; those of readers close with their event loop."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def shut_readers(self) -> None:
        """Close the connections of readers."""
        if self._reader is not None:
            await self._reader.client.close()
            self._reader = None
            self._readings.clear()

    def _reading_of(self, table: StoredTable, fields: tuple[str, ...] | None) -> _Reading:
        """Kept for whole rows: clients may ask for columns in any number of ways."""
        known = self._readings.get(table.name)
        if fields is None and known is not None and known.table is table:
            return known
        made = _Reading(self._read[rows_of(table.name)], table, fields)
        if fields is None:
            self._readings[table.name] = made
        return made

    @property
    def _db(self) -> Database[Document]:
        if self._client is None:
            with readable_address(self.uri):
                self._client = MongoClient(self._address, serverSelectionTimeoutMS=ANSWER_MS, appname="filon")
        return self._client.get_database(
            self._database, read_preference=ReadPreference.PRIMARY, read_concern=OF_MOST, write_concern=ON_MOST
        )

    @property
    def _read(self) -> AsyncDatabase[Document]:
        if self._reader is None:
            with readable_address(self.uri):
                client = AsyncMongoClient[Document](
                    self._address,
                    serverSelectionTimeoutMS=ANSWER_MS,
                    connectTimeoutMS=ANSWER_MS,
                    appname="filon-api",
                )
            self._reader = client.get_database(
                self._database, read_preference=ReadPreference.PRIMARY, read_concern=OF_MOST
            )
        return self._reader
