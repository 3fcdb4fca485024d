"""Records in MongoDB: a collection beside the loads. They need no lease, since one write is one document."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence, Set

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.database import Database

from filon.serving.mongo.documents import Document
from filon.serving.mongo.errors import translated
from filon.serving.records import time_text

RECORDS = "_records"
ARRIVALS = "arrivals"
"""The document that counts the records which ever arrived."""
NEWEST_FIRST = [("number", -1), ("at", -1), ("key", -1)]
"""By number of arrival; records of older versions of Filon have none, and are ordered by time behind all others."""


class MongoRecords:
    """The records of a store; ``loading`` and ``reading`` give the database as each of the two reaches it."""

    def __init__(
        self, uri: str, loading: Callable[[], Database[Document]], reading: Callable[[], AsyncDatabase[Document]]
    ) -> None:
        self._uri = uri
        self._loading = loading
        self._reading = reading

    def keep(self, kind: str, key: str, at: dt.datetime, text: str, most: int | None = None) -> None:
        """One document, then those that are too many go."""
        with translated(self._uri):
            records = self._loading()[RECORDS]
            records.create_index([("kind", 1), *NEWEST_FIRST], name="arrival")
            name = {"kind": kind, "key": key}
            counted = records.find_one_and_update(
                {"_id": ARRIVALS}, {"$inc": {"number": 1}}, upsert=True, return_document=ReturnDocument.AFTER
            )
            first = {**name, "number": counted["number"] if counted else 0}
            change = {"$setOnInsert": first, "$set": {"at": time_text(at), "text": text}}
            records.update_one({"_id": name}, change, upsert=True)
            if most is not None:
                old = records.find({"kind": kind}, {"_id": 1}, sort=NEWEST_FIRST, skip=most)
                records.delete_many({"_id": {"$in": [record["_id"] for record in old]}})

    def known(self, kind: str, key: str) -> str | None:
        """By ``_id``."""
        with translated(self._uri):
            return _text(self._loading()[RECORDS].find_one({"_id": {"kind": kind, "key": key}}))

    def keys(self, kind: str) -> Set[str]:
        """From the index alone."""
        with translated(self._uri):
            return {record["key"] for record in self._loading()[RECORDS].find({"kind": kind}, {"_id": 0, "key": 1})}

    def forget(self, kind: str, keys: Set[str]) -> None:
        """One command."""
        if keys:
            with translated(self._uri):
                self._loading()[RECORDS].delete_many({"kind": kind, "key": {"$in": list(keys)}})

    async def newest(self, kind: str, skip: int, limit: int) -> Sequence[str]:
        """In the order of the index."""
        with translated(self._uri):
            cursor = self._reading()[RECORDS].find(
                {"kind": kind}, {"text": 1}, sort=NEWEST_FIRST, skip=skip, limit=limit
            )
            return [str(record["text"]) for record in await cursor.to_list()]

    async def count(self, kind: str) -> int:
        """Counted over the index."""
        with translated(self._uri):
            return await self._reading()[RECORDS].count_documents({"kind": kind})

    async def find(self, kind: str, key: str) -> str | None:
        """By ``_id``."""
        with translated(self._uri):
            return _text(await self._reading()[RECORDS].find_one({"_id": {"kind": kind, "key": key}}))


def _text(record: Document | None) -> str | None:
    return None if record is None else str(record["text"])
