"""A load that is killed, or that its server refuses, at every command that changes a database of MongoDB."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from filon.project.loader import load_project
from filon.serving.served import ServedTable, served_tables
from tests.integration.conftest import ACHATS, free_ports
from tests.integration.durability.conftest import LONG
from tests.integration.durability.shop import CHANGED, RUN, lay_out
from tests.integration.durability.template import AFTER, BEFORE, KILLED, MONGO_WRITES, Done, Fault, Order, Template
from tests.integration.servers import Mongod
from tests.integration.serving.test_loading import everything

FULL_DISK = {"errorCode": 14031}
LOST_ANSWER = {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}}
MANY = 1_000
Seen = dict[str, list[Any]]


@dataclass(frozen=True)
class Shop:
    """A folder with a project and its lake, which has two releases, and a database that serves them."""

    template: Template
    folder: Path
    environment: Mapping[str, str]
    server: str
    database: str
    releases: tuple[Seen, Seen]
    tables: dict[str, ServedTable]

    @property
    def uri(self) -> str:
        """The address of the database."""
        return f"{self.server}/{self.database}"

    def carry_out(self, *command: str, fault: Fault | None = None) -> Done:
        """Carry out a command in a process of its own; a lease that a killed one left is over by then."""
        with MongoClient[Any](self.server) as client:
            client[self.database]["_load_lock"].update_one({"_id": "loader"}, {"$set": {"owner": None}})
        environment = {**self.environment, "FILON_SERVING": self.uri}
        return self.template.carry_out(Order(str(self.folder), environment, [command], fault))

    def served(self) -> Seen:
        """What readers see."""
        with MongoClient[Any](self.server) as client:
            if client[self.database]["_loads"].estimated_document_count() == 0:
                return {}
        return everything(self.uri, self.tables)

    def require_served(self, release: int) -> None:
        """One run brings the store to a release, and another finds nothing to do."""
        first, second = self.carry_out(*RUN), self.carry_out(*RUN)
        assert (first.codes, second.codes) == ([0], [0]), first.output + second.output
        assert self.served() == self.releases[release]
        assert '"inserted": 0, "closed": 0' in " ".join(second.output.split()), second.output


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server whose commands can be made to fail."""
    mongod = Mongod(tmp_path_factory.mktemp("mongod"), free_ports(1)[0])
    mongod.start("--setParameter", "enableTestCommands=1")
    yield mongod.uri
    mongod.stop()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, template: Template, server: str) -> Shop:
    """A lake with two releases, each of which was served once without any fault."""
    folder = tmp_path_factory.mktemp("mongo-history")
    environment = lay_out(folder)
    shop = Shop(template, folder, environment, server, "faultless", ({}, {}), {})
    tables = served_tables(load_project(folder / "project"))
    seen = []
    for content in (ACHATS, CHANGED):
        (folder / "sources" / "achats.csv").write_text(content)
        done = shop.carry_out(*RUN)
        assert done.codes == [0], done.output
        seen.append(everything(shop.uri, tables))
    assert seen[0] != seen[1]
    return Shop(template, folder, environment, server, "", (seen[0], seen[1]), tables)


@contextmanager
def refused(shop: Shop, number: int, how: Mapping[str, Any]) -> Iterator[None]:
    """The server answers the n-th writing command and all after it with an error."""
    target = {"configureFailPoint": "failCommand"}
    with MongoClient[Any](shop.server, appname="test") as client:
        data = {"failCommands": list(MONGO_WRITES), "appName": "filon", **how}
        client.admin.command({**target, "mode": {"skip": number - 1}, "data": data})
        try:
            yield
        finally:
            client.admin.command({**target, "mode": "off"})


def fresh(published: Shop, tmp_path: Path, database: str) -> Shop:
    """A copy of the lake, and an empty database."""
    shutil.copytree(published.folder, tmp_path / database)
    return Shop(
        published.template,
        tmp_path / database,
        published.environment,
        published.server,
        database,
        published.releases,
        published.tables,
    )


def commands(done: Done) -> list[str]:
    """The commands to MongoDB among the durable calls."""
    return [call for call in done.calls if call.split()[0] in MONGO_WRITES]


def other(released: int) -> tuple[int, list[str]]:
    """A command that publishes the other one of the two releases, and which that is."""
    return 1 - released, ["rollback", str(2 - released)]


def numbers(moment: str) -> Iterator[int]:
    """The commands to strike at. To the database, after one command is before the next: the former in part."""
    return itertools.count(1, 1 if moment == BEFORE or LONG else 3)


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
def test_a_first_load_killed_at_any_command_is_seen_by_nobody_and_the_next_one_completes(
    published: Shop, tmp_path: Path, moment: str
) -> None:
    done = Done(KILLED)
    for number in numbers(moment):
        shop = fresh(published, tmp_path, f"first-{moment}-{number}")
        done = shop.carry_out(*RUN, fault=Fault(number, moment))
        if done.code != KILLED:
            break
        assert len(done.calls) >= number, done  # indexes are built side by side
        assert shop.served() in ({}, shop.releases[1])
        shop.require_served(1)
    assert done.codes == [0], done.output
    assert number > len(done.calls) > 20
    print(f"first load: killed {moment} commands 1 to {len(done.calls)}")  # noqa: T201


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
def test_a_load_killed_at_any_command_leaves_one_release_and_the_next_run_completes(
    published: Shop, tmp_path: Path, moment: str
) -> None:
    shop = fresh(published, tmp_path, f"next-{moment}")
    shop.require_served(1)
    released = 1
    done = Done(KILLED)
    for number in numbers(moment):
        released, command = other(released)
        done = shop.carry_out(*command, fault=Fault(number, moment))
        if done.code != KILLED:
            break
        assert len(done.calls) >= number, done  # indexes are built side by side
        assert shop.served() in shop.releases
        shop.carry_out(*command)  # the rollback itself may not have been published
        shop.require_served(released)
    assert done.codes == [0], done.output
    assert number > len(done.calls) > 10
    print(f"rollback: killed {moment} commands 1 to {len(done.calls)}")  # noqa: T201


@pytest.mark.parametrize("how", [FULL_DISK, LOST_ANSWER], ids=["full disk", "lost answer"])
def test_a_server_that_refuses_any_command_is_told_in_a_line_and_the_next_run_completes(
    published: Shop, tmp_path: Path, how: Mapping[str, Any]
) -> None:
    shop = fresh(published, tmp_path, f"refused-{len(how)}-{next(iter(how))}")
    shop.require_served(1)
    released = 1
    done = Done(0)
    for number in range(1, MANY, 1 if LONG else 3):
        released, command = other(released)
        with refused(shop, number, how):
            done = shop.carry_out(*command)
        if number > len(commands(done)):
            break
        assert "Traceback" not in done.output, done.output
        assert shop.served() in shop.releases
        shop.carry_out(*command)  # the rollback itself may not have been published
        shop.require_served(released)
    assert done.codes == [0], done.output
    assert MANY > number > 10
    print(f"rollback: {next(iter(how))} from commands 1 to {number - 1} on")  # noqa: T201
