"""MongoDB: the store for many readers and other tools. One process loads it at a time.

Documents lie in ``_rows_TABLE``, each with the loads between which it is valid; the table's own name is a view of those
that are valid now. A load inserts new documents and ends old ones, then adds one document to ``_loads``: that is the
moment from which readers see it. What a killed load left is undone by the next one.
"""

from filon.serving.mongo.accounts import ADMIN, READER, WRITER, address_of, ensure_accounts
from filon.serving.mongo.store import MongoStore

__all__ = ["ADMIN", "READER", "WRITER", "MongoStore", "address_of", "ensure_accounts"]
