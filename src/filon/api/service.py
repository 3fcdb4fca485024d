"""What every endpoint needs: the project as it is served, the store, and how to answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from filon.api.history import History
from filon.api.responder import Responder
from filon.api.snapshot import Reader, Snapshots
from filon.project import Project
from filon.serving.feeds import compile_served
from filon.serving.protocol import Store
from filon.serving.served import ServedTable
from filon.version import __version__

PREFIX = "/api/v1"


@dataclass(frozen=True)
class Service:
    """One project, served from one store."""

    project: Project
    served: Mapping[str, ServedTable]
    reader: Reader
    snapshots: Snapshots
    responder: Responder
    history: History
    secret: Callable[[], bytes]


def make_service(project: Project, store: Store, secret: Callable[[], bytes]) -> Service:
    """The service of a project; ``secret`` gives what signs cursors."""
    reader = Reader(store)
    salt = f"{__version__}/{project.answers_hash}"
    served = compile_served(project)
    snapshots = Snapshots(reader, served.feeds)
    return Service(project, served.tables, reader, snapshots, Responder(salt), History(reader), secret)
