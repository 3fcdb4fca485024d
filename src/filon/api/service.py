"""What every endpoint needs: the project as it is served, the store, and how to answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from filon import __version__
from filon.api.answers import Answering
from filon.api.history import History
from filon.api.snapshot import Reader, Snapshots
from filon.project import Project
from filon.project.serving import ServedTable, served_tables
from filon.serving.feeds import feeds_of
from filon.serving.protocol import Store

PREFIX = "/api/v1"


@dataclass(frozen=True)
class Service:
    """One project, served from one store."""

    project: Project
    served: Mapping[str, ServedTable]
    reader: Reader
    snapshots: Snapshots
    answering: Answering
    history: History
    secret: Callable[[], bytes]


def make_service(project: Project, store: Store, secret: Callable[[], bytes]) -> Service:
    """The service of a project; ``secret`` gives what signs cursors."""
    reader = Reader(store)
    salt = f"{__version__}/{project.answers_hash}"
    tables = served_tables(project.models, project.timezone)
    feeds = {feed.table.name: feed for feed in feeds_of(tables)}
    return Service(project, tables, reader, Snapshots(reader, feeds), Answering(salt), History(reader), secret)
