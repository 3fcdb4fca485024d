"""``_loads``: a document for each load, whose insertion is the moment from which readers see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from filon.serving.mongo.documents import Document
from filon.serving.state import ServedState, read_state
from filon.serving.syncing import sync_documents

LOADS = "_loads"
ALONE = "alone"
TABLES = "tables"
"""What plain readers learn about the tables of a load, in its document: seen at the same moment as its rows."""


def load_document(state: ServedState, *, alone: bool) -> Document:
    """A load; ``alone``: those before it can no longer be asked for."""
    tables = [{"_id": item["collection_name"], **item} for item in sync_documents(state)]
    document = {"_id": state.load, "token": state.id.token, "state": state.model_dump_json(), TABLES: tables}
    return {**document, ALONE: True} if alone else document


def askable(newest_first: Iterable[Document]) -> Iterator[Document]:
    """The documents of loads that can be asked for: down to the first that stands alone."""
    for document in newest_first:
        yield document
        if document.get(ALONE):
            return


def read_loads(newest_first: Iterable[Document], uri: str) -> list[ServedState]:
    """The loads that can be asked for, newest first."""
    return [read_state(document["state"], uri) for document in askable(newest_first)]
