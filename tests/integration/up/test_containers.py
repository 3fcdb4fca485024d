"""What the containers run, run here: the same commands, variables and health checks, on other ports and folders."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from filon.cli.processes import Group, Server, free_ports, group
from filon.cli.secrets import random_secret, read_variables
from filon.cli.up.programs import Missing, mongod
from filon.cli.up.services import SEAWEED_PORTS, knows_key
from tests.integration.up.conftest import surroundings
from tests.unit.test_compose import EXAMPLE, ROOT, SERVICES

PORTS = ("9000", "4200", "27017", "8000", "8501")
HOSTS = r"\b0\.0\.0\.0\b|(?<=[/@])(object-store|prefect|mongodb|api)(?=:\d)"
ACCOUNTS = """
const asked = [];
const database = {createUser: account => asked.push(account)};
const db = {getSiblingDB: name => { if (name !== "analytics") throw new Error(name); return database; }};
"""


@dataclass(frozen=True)
class Containers:
    """The services of the compose file, as this machine would run them."""

    folder: Path
    variables: dict[str, str]
    ports: dict[str, str]

    def native(self, text: str) -> str:
        """A text of the compose file with the values, ports, hosts and folders of this machine."""
        filled = re.sub(r"\$\{(\w+):[?-][^}]*\}", lambda found: self.variables.get(found[1], ""), text)
        moved = re.sub(r"\b(\d{4,5})\b", lambda found: self.ports.get(found[1], found[1]), filled)
        here = re.sub(HOSTS, "127.0.0.1", moved)
        return re.sub(r"(?<![\w/.:}])/(data|keys|workspace|tmp)\b", rf"{self.folder}/\1", here)

    def environment(self, name: str) -> dict[str, str]:
        """The variables of a service."""
        given = {key: self.native(value) for key, value in SERVICES[name]["environment"].items()}
        return surroundings() | {"HOME": str(self.folder / "tmp")} | given

    def command(self, name: str) -> list[str]:
        """The command of a service; programs of the image are those beside Python."""
        return _beside([self.native(word) for word in SERVICES[name]["command"]])

    def is_healthy(self, name: str) -> bool:
        """Run the health check of a service."""
        kind, *words = (self.native(word) for word in SERVICES[name]["healthcheck"]["test"])
        assert kind == "CMD"
        return subprocess.run(_beside(words), env=self.environment(name), capture_output=True).returncode == 0

    def server(self, name: str, *more: str) -> Server:
        """A service as a process."""
        log = self.folder / f"{name}.log"
        return Server(name, [*self.command(name), *more], lambda: self.is_healthy(name), self.environment(name), log)


def _beside(words: list[str]) -> list[str]:
    program, *others = words
    if program == "python":
        return [sys.executable, *others]
    if program in ("filon", "prefect"):
        return [sys.executable, "-m", program, *others]
    return [str(Path(sys.executable).with_name(program)), *others]


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Containers:
    """The compose file with secrets."""
    folder = tmp_path_factory.mktemp("containers")
    for name in ("data", "keys", "workspace", "tmp"):
        (folder / name).mkdir()
    variables = {name: value or random_secret() for name, value in EXAMPLE.items()}
    ports = dict(zip(PORTS, map(str, free_ports([0] * len(PORTS))), strict=True))
    return Containers(folder, variables, ports)


@pytest.fixture(scope="module")
def processes() -> Iterator[Group]:
    """What the tests start."""
    with group() as servers:
        yield servers


@pytest.fixture(scope="module")
def prefect(containers: Containers, processes: Group) -> Server:
    """Prefect, on SQLite: there is no PostgreSQL in the packages."""
    server = containers.server("prefect")
    database = {"PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{containers.folder}/prefect.db"}
    server_on_sqlite = Server(
        server.name, server.command, server.health, {**server.environment, **database}, server.log
    )
    processes.launch(server_on_sqlite)
    return server_on_sqlite


@pytest.fixture(scope="module")
def mongodb(prefect: Server, containers: Containers, processes: Group) -> str:
    """MongoDB with the accounts of the script; its address for the reader."""
    program = mongod()
    if isinstance(program, Missing):
        pytest.skip(program.why)
    (containers.folder / "data/db").mkdir()
    options = [option for option in containers.command("mongodb")[1:] if option != "--bind_ip_all"]
    port = int(containers.ports["27017"])
    command = [str(program), *options, "--bind_ip", "127.0.0.1", "--port", str(port), "--auth", "--nounixsocket"]
    command += ["--dbpath", str(containers.folder / "data/db")]
    reader = containers.environment("api")["FILON_SERVING"]
    processes.launch(Server("mongodb", command, lambda: True, log=containers.folder / "mongodb.log"))
    with MongoClient[dict[str, Any]]("127.0.0.1", port) as first:
        environment = containers.environment("mongodb")
        name, password = (environment[f"MONGO_INITDB_ROOT_{part}"] for part in ("USERNAME", "PASSWORD"))
        first.admin.command("createUser", name, pwd=password, roles=["root"])
    with MongoClient[dict[str, Any]]("127.0.0.1", port, username=name, password=password) as admin:
        for account in _accounts(environment):
            admin.analytics.command("createUser", account["user"], pwd=account["pwd"], roles=account["roles"])
    return reader


def _accounts(environment: dict[str, str]) -> list[dict[str, Any]]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node here, which reads the script that makes the accounts")
    script = (ROOT / "deploy/mongodb/accounts.js").read_text()
    text = f"{ACCOUNTS}{script}console.log(JSON.stringify(asked));"
    completed = subprocess.run([node, "-e", text], env=environment, capture_output=True, text=True, check=True)
    accounts: list[dict[str, Any]] = json.loads(completed.stdout)
    return accounts


def test_the_object_store_starts_and_is_healthy(containers: Containers, processes: Group) -> None:
    inner = free_ports([0] * len(SEAWEED_PORTS))
    options = [f"-{name}={port}" for name, port in zip(SEAWEED_PORTS, inner, strict=True)]
    processes.start(containers.server("object-store", *options))
    runner = containers.environment("runner")
    keys = (runner[f"AWS_{name}"] for name in ("ENDPOINT_URL", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "REGION"))
    assert knows_key(*keys)
    assert httpx.get(f"{runner['AWS_ENDPOINT_URL']}/silver").status_code == 403


def test_the_pipeline_the_api_and_the_dashboard_start_and_are_healthy(
    mongodb: str, containers: Containers, processes: Group
) -> None:
    sources = containers.folder / "sources"
    line = containers.environment("runner") | {"FILON_SOURCES": str(sources)}
    for words in (["generate", str(sources), "--purchases", "200"], ["run"]):
        command = [sys.executable, "-m", "filon", *words]
        subprocess.run(command, env=line, cwd=containers.folder, check=True, stdout=subprocess.DEVNULL)
    for name in ("api", "dashboard"):
        processes.start(containers.server(name))
    response = httpx.get(f"http://127.0.0.1:{containers.ports['8000']}/health").json()
    assert (response["status"], response["release"]) == ("healthy", 1)


def test_prefect_starts_and_is_healthy_and_the_runner_is_not_before_it_serves(
    prefect: Server, containers: Containers, processes: Group
) -> None:
    processes.wait(prefect)
    assert not containers.is_healthy("runner")


def test_the_secrets_of_the_example_are_those_of_the_stack_here() -> None:
    from filon.cli.up.site import SECRET_NAMES

    assert set(SECRET_NAMES) <= set(read_variables(ROOT / ".env.example"))
