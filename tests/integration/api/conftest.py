"""A shop with two releases, loaded into a store, and its API."""

from __future__ import annotations

import datetime as dt
import json
import random
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
import pytest
import uvicorn
from httpx import Client
from starlette.types import ASGIApp

from filon.api import create_app
from filon.project import Project
from filon.project.loader import load_project
from filon.projects import retail
from filon.projects.retail.generate import generate
from filon.serving import marking
from filon.serving.stores import open_store
from filon.settings import Settings
from filon.web.connections import server_options
from tests.integration.conftest import Shop, empty_database
from tests.integration.polling import until

PAYS = ("France", "Italie", "Suisse", "Espagne", "Maroc", "Belgique")
PRODUITS = ("Souris", "Clavier", "Tapis", "Webcam", "Casque")
LATE = "id_achat,id_client,date_achat,montant,produit\n900001,1,2025-12-24,1234.56,Souris\n"


@dataclass(frozen=True)
class ServedApi:
    """A shop whose releases are served from a store."""

    shop: Shop
    uri: str
    project: Project

    def gold(self, table: str, release: int = 2) -> list[dict[str, Any]]:
        """The rows of a gold table, read from its Parquet files."""
        relation = duckdb.sql(f"SELECT * FROM read_parquet({self.files(table, release)})")
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]

    def files(self, table: str, release: int) -> list[str]:
        """The Parquet files of a gold table of a release."""
        document = sorted((self.shop.lake / "metadata" / "releases").glob("*.json"))[release - 1]
        build = json.loads(document.read_text())["tables"][f"gold/{table}"]
        return [str(self.shop.lake / "gold" / table / file["name"]) for file in build["files"]]

    @contextmanager
    def client(self, **settings: Any) -> Iterator[Client]:
        """A client of the API, which is asked over HTTP on loopback."""
        found = self.settings(**settings)
        app = create_app(self.project, open_store(self.uri), found)
        with answering(app, found) as address, Client(base_url=address, timeout=30) as client:
            yield client

    def settings(self, **given: Any) -> Settings:
        """Settings whose files are in the shop's folder."""
        return Settings(**{"api_keys": self.shop.folder / "apikeys.json", "lake": str(self.shop.lake), **given})


def arrive(shop: Shop, chance: random.Random) -> None:
    """Let other clients and purchases arrive: every month, and the order in which values are met, is another."""
    countries, purchases, clients = chance.sample(PAYS, 4), chance.randint(60, 160), range(1, 25)
    shop.put(
        "clients.csv",
        "id_client,nom,email,date_inscription,pays\n"
        + "".join(f"{n},Nom {n},n{n}@exemple.fr,2024-01-01,{chance.choice(countries)}\n" for n in clients),
    )
    shop.put(
        "achats.csv",
        "id_achat,id_client,date_achat,montant,produit\n"
        + "".join(
            f"{n},{chance.choice(clients)},2025-0{chance.randint(1, 3)}-1{chance.randint(0, 9)},"
            f"{chance.randint(1, 900)}.{chance.randint(10, 99)},{chance.choice(PRODUITS)}\n"
            for n in range(1, purchases)
        ),
    )


@contextmanager
def answering(app: ASGIApp, settings: Settings | None = None, *, limited: bool = True) -> Iterator[str]:
    """A server of the application in a thread, on a free port of loopback; gives its address.

    It has the limits of the API, unless it stands for somebody else's server.
    """
    options = server_options(settings or Settings()) if limited else {"access_log": False}
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", **options))
        thread = threading.Thread(target=server.run, args=[[listening]])
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def served_from_sqlite(tmp_path_factory: pytest.TempPathFactory) -> ServedApi:
    """Two releases in SQLite, for all tests that only read."""
    return _two_releases(tmp_path_factory, f"sqlite:///{tmp_path_factory.mktemp('store') / 'serving.db'}")


@pytest.fixture(scope="session")
def served_from_mongodb(tmp_path_factory: pytest.TempPathFactory, mongo_uri: str) -> Iterator[ServedApi]:
    """Two releases in MongoDB, for all tests that only read."""
    for uri in empty_database(mongo_uri):
        yield _two_releases(tmp_path_factory, uri)


def _two_releases(tmp_path_factory: pytest.TempPathFactory, uri: str) -> ServedApi:
    """Demo data in release 1, one purchase more in release 2."""
    shop = Shop(tmp_path_factory.mktemp("shop"), extra={"FILON_SERVING": uri})
    generate(shop.sources, purchases=1500, clients=300)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marking, "FEWEST_FOR_MARKS", 200)  # so that even this small shop is jumped through
        shop.run()
        shop.put("achats_late.csv", LATE)
        assert shop.run()["release"] == 2
    return ServedApi(shop, uri, load_project(retail.FOLDER))


@pytest.fixture(scope="session", params=["sqlite", "mongodb"])
def served(request: pytest.FixtureRequest) -> ServedApi:
    """The same from a store of each kind. Each stays when tests of the other follow, so it is made once."""
    found: ServedApi = request.getfixturevalue(f"served_from_{request.param}")
    return found


@pytest.fixture(scope="session")
def api(served: ServedApi) -> Iterator[Client]:
    """The API without keys and limits."""
    with served.client() as client:
        yield client


def exact(response: Any) -> Any:
    """The JSON of an answer, its numbers with all their digits."""
    assert response.status_code == 200, response.text
    return json.loads(response.content, parse_float=Decimal)


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of gold as JSON has it."""
    return {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in row.items()}


def ordered(rows: list[dict[str, Any]], *columns: str) -> list[dict[str, Any]]:
    """Rows in an order, - before what descends; values must not be null."""
    for column in reversed(columns):
        rows = sorted(rows, key=lambda row: row[column.removeprefix("-")], reverse=column.startswith("-"))
    return [plain(row) for row in rows]


def until_release(client: Client, release: int) -> None:
    """Wait until an API, which looks for loads now and then, answers from a release."""

    def is_shown() -> bool:
        headers = client.get("/api/v1/tables").headers
        return bool(headers.get("X-Filon-Release") == str(release))

    until(is_shown, f"an answer from release {release}")
