"""What integration tests share: a folder of sources, a lake, and the command line."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable
from pymongo import MongoClient

from filon.cli import main
from tests.integration.servers import Mongod, ObjectStore

CLIENTS = """id_client,nom,email,date_inscription,pays
1,Ada,ada@exemple.fr,2024-01-01,France
2,Bob,bob@exemple.fr,2024-02-01, uk
3,Cléo,cleo@exemple.fr,,brésil
"""
ACHATS = """id_achat,id_client,date_achat,montant,produit
10,1,2025-01-05,100.00,souris
11,1,2025-02-05,200.50,CLAVIER
12,2,2025-02-06,50.00,souris
13,9,2025-02-07,10.00,souris
14,2,2025-02-08,-1,souris
12,2,2025-02-06,51.00,souris
"""
AS_OF = "2026-01-01"


@dataclass(frozen=True)
class Shop:
    """A working folder with sources and a lake of the retail project, driven by the command line as a user would."""

    folder: Path
    project: Path | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def lake(self) -> Path:
        """Where the lake is."""
        return self.folder / "lake"

    @property
    def sources(self) -> Path:
        """Where files arrive."""
        return self.folder / "sources"

    def copied(self, folder: Path) -> Shop:
        """A copy of all that lies in its folder, which may be changed: to copy a release costs less than to make it."""
        shutil.copytree(self.folder, folder)
        project = None if self.project is None else folder / self.project.relative_to(self.folder)
        return replace(self, folder=folder, project=project)

    def put(self, name: str, content: str | bytes) -> None:
        """Let a file arrive."""
        path = self.sources / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def environment(self) -> dict[str, str]:
        """What the command line is told by its surroundings."""
        # several of these tests run at once, so that one thread each takes less of the processors than two
        given = {"FILON_SOURCES": str(self.sources), "FILON_LAKE": str(self.lake), "FILON_THREADS": "1"}
        if self.project is not None:
            given["FILON_PROJECT"] = str(self.project)
        plain = {name: value for name, value in os.environ.items() if not name.startswith("FILON_")}
        return {**plain, **given, **self.extra}

    def filon(self, *arguments: str, exit_code: int = 0) -> str:
        """Run a command; its exit code must be the expected one."""
        output = io.StringIO()
        with (
            contextlib.chdir(self.folder),
            surroundings(self.environment()),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
        ):
            found = _exit_code_of(arguments)
        assert found == exit_code, output.getvalue()
        return output.getvalue()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command as a process of its own."""
        command = [sys.executable, "-m", "filon", *arguments]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def filon_with(self, *arguments: str, exit_code: int = 2, **variables: str) -> str:
        """Run a command with some environment variables."""
        return replace(self, extra=variables).filon(*arguments, exit_code=exit_code)

    def run(self, *options: str, exit_code: int = 0) -> dict[str, Any]:
        """Run the pipeline and give back its report."""
        report: dict[str, Any] = json.loads(self.filon("run", "--json", *_dated(options), exit_code=exit_code))
        return report

    def json(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        return self.json_of(*arguments)

    def json_of(self, *arguments: str, exit_code: int = 0) -> Any:
        """The same, of a command that ends with this exit code."""
        return json.loads(self.filon(*arguments, "--json", exit_code=exit_code))

    def release(self) -> dict[str, Any]:
        """The published release as it lies in the lake."""
        newest = max((self.lake / "metadata" / "releases").glob("*.json"))
        document: dict[str, Any] = json.loads(newest.read_text())
        return document

    def rows(self, table: str, columns: str = "*", layer: str = "gold") -> list[tuple[Any, ...]]:
        """The published rows of a table, sorted."""
        build = self.release()["tables"][f"{layer}/{table}"]
        files = [str(self.lake / layer / table / file["name"]) for file in build.get("files", [])]
        if not files:
            return []
        return duckdb.sql(f"SELECT {columns} FROM read_parquet({files}) ORDER BY ALL").fetchall()

    def delta(self, layer: str, table: str) -> list[tuple[Any, ...]]:
        """The rows of a table as another tool reads them by its Delta log, sorted."""
        files = DeltaTable(self.lake / layer / table).file_uris()
        return duckdb.sql(f"SELECT * FROM read_parquet({files}) ORDER BY ALL").fetchall()


def _exit_code_of(arguments: Sequence[str]) -> int:
    """Run the command line inside this process, which spares the start of another one."""
    before, sys.argv = sys.argv, ["filon", *arguments]
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        sys.argv = before
    return 0


@contextlib.contextmanager
def surroundings(variables: Mapping[str, str]) -> Iterator[None]:
    """Exactly these environment variables, for a while."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _dated(options: Sequence[str]) -> list[str]:
    return [*options] if "--as-of" in options else [*options, "--as-of", AS_OF]


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An S3 server for as long as the tests run."""
    store = ObjectStore(tmp_path_factory.mktemp("s3"), free_ports(ObjectStore.PORTS))
    store.start()
    yield store
    store.stop()


FIRST_PORT, PORTS_OF_A_WORKER = 10_000, 2_500
"""Below the ports that systems give to connections, which may take any port that was free a moment ago."""
_ports = itertools.count(secrets.randbelow(PORTS_OF_A_WORKER))


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses, and that no other worker of these tests, and no later call, gives away."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = FIRST_PORT + worker % 8 * PORTS_OF_A_WORKER
    candidates = (first + number % PORTS_OF_A_WORKER for number in _ports)
    return list(itertools.islice(filter(_is_free, candidates), count))


def _is_free(port: int) -> bool:
    with socket.socket() as held:
        try:
            held.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a MongoDB server: that of MONGO_URI if it is set, else one that is started here."""
    if given := os.environ.get("MONGO_URI"):
        yield given.rstrip("/")
        return
    server = Mongod(tmp_path_factory.mktemp("mongo"), free_ports(1)[0])
    server.start()
    yield server.uri
    server.stop()


@pytest.fixture
def mongod(tmp_path: Path) -> Iterator[Mongod]:
    """A MongoDB server of the test's own, which it may kill."""
    folder = tmp_path / "mongod"
    folder.mkdir()
    server = Mongod(folder, free_ports(1)[0])
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "mongodb"])
def store_uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty store of each kind."""
    yield from empty_store(request, tmp_path)


def empty_store(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The address of an empty store of the kind that a fixture is asked for."""
    if request.param == "sqlite":
        yield f"sqlite:///{folder / 'serving.db'}"
        return
    yield from empty_database(request.getfixturevalue("mongo_uri"))


def empty_database(address: str) -> Iterator[str]:
    """The address of an empty database of a server of MongoDB."""
    database = f"t{secrets.token_hex(6)}"
    yield f"{address}/{database}"
    with MongoClient[dict[str, Any]](address) as client:
        client.drop_database(database)


@pytest.fixture
def mongo_database(mongo_uri: str) -> Iterator[str]:
    """The address of an empty database."""
    yield from empty_database(mongo_uri)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop with three clients and six purchases, of which three are accepted."""
    shop = Shop(tmp_path)
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", ACHATS)
    return shop
