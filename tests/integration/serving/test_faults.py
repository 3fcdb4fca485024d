"""Loads that are killed at a write, and servers that are killed during a load: nothing is lost, doubled or mixed."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from filon.errors import StoreBusy
from filon.serving.mongo.documents import decoded, decoder
from filon.serving.stores import open_store
from tests.integration.conftest import ACHATS, AS_OF, Shop
from tests.integration.polling import until
from tests.integration.servers import Mongod
from tests.integration.serving.test_loading import TABLES, everything, gold

LATER = ACHATS.splitlines()[0] + "".join(f"\n{100 + n},1,2025-03-{1 + n % 28:02},{n}.50,souris" for n in range(1, 2000))
KILLER = """
import datetime, os, signal, sys
import pymongo.monitoring
import filon.serving.mongo.lease
from filon.cli import main

VICTIM, MOMENT = int(sys.argv.pop(1)) or os.getpid(), int(sys.argv.pop(1))
filon.serving.mongo.lease.LEASE = datetime.timedelta(seconds=1)

class Killer(pymongo.monitoring.CommandListener):
    count = 0

    def started(self, event):
        if event.command_name in ("insert", "update", "delete", "create", "collMod", "createIndexes"):
            Killer.count += 1
            if Killer.count == MOMENT:
                os.kill(VICTIM, signal.SIGKILL)

    def succeeded(self, event): pass
    def failed(self, event): pass

pymongo.monitoring.register(Killer())
try:
    main()
finally:
    print("writes:", Killer.count)
"""


FLIP_KILLER = """
import datetime, os, signal, sys
import pymongo.monitoring
import filon.serving.mongo.lease
from filon.cli import main

FLIPPED, MOMENT = sys.argv.pop(1) == "after", int(sys.argv.pop(1))
filon.serving.mongo.lease.LEASE = datetime.timedelta(seconds=1)

class Killer(pymongo.monitoring.CommandListener):
    flip, flipped, count = None, False, 0

    def started(self, event):
        if event.command_name == "insert" and event.command["insert"] == "_loads":
            Killer.flip = event.request_id
            if not FLIPPED and MOMENT == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        if event.command_name in ("collMod", "create", "drop") and Killer.flipped == FLIPPED:
            Killer.count += 1
            if Killer.count == MOMENT:
                os.kill(os.getpid(), signal.SIGKILL)

    def succeeded(self, event):
        if event.request_id == Killer.flip:
            Killer.flipped = True
            if FLIPPED and MOMENT == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def failed(self, event): pass

pymongo.monitoring.register(Killer())
main()
"""


def run_and_kill(shop: Shop, victim: int, moment: int) -> subprocess.CompletedProcess[str]:
    """A run in which a process (0: its own) is killed when the run sends its n-th write to the store."""
    command = [sys.executable, "-c", KILLER, str(victim), str(moment), "run", "--as-of", AS_OF]
    return subprocess.run(command, cwd=shop.folder, env=shop.environment(), capture_output=True, text=True)


@pytest.fixture
def prepared(shop: Shop, mongod: Mongod, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop that serves its first release, and has files for a second one."""
    monkeypatch.setattr("filon.serving.mongo.lease.LEASE", dt.timedelta(seconds=1))
    served = replace(shop, extra={"FILON_SERVING": f"{mongod.uri}/analytics"})
    served.run()
    served.put("achats-2.csv", LATER)
    return served


@pytest.mark.parametrize("moment", [14, 50])
def test_a_load_that_is_killed_is_seen_by_nobody_and_the_next_one_completes(
    prepared: Shop, mongod: Mongod, moment: int
) -> None:
    uri = f"{mongod.uri}/analytics"
    before = gold(prepared)
    done = run_and_kill(prepared, 0, moment)
    assert done.returncode == -9, done.stdout
    assert everything(uri) in (before, gold(prepared))
    _run_when_the_lease_is_over(prepared)
    assert everything(uri) == gold(prepared)
    assert len(everything(uri)["fact_ventes"]) == 3 + 1999
    assert prepared.run()["serving"]["inserted"] == 0


def plainly(uri: str) -> dict[str, list[Any]]:
    """What somebody sees who opens the database with another tool; the release and rows that it says of its tables."""
    with MongoClient[dict[str, Any]](uri) as client:
        database = client.get_default_database()
        found: dict[str, list[Any]] = {}
        for name, item in TABLES.items():
            columns = item.stored.columns
            decoders = [(column.name, decode) for column in columns if (decode := decoder(column))]
            rows = [decoded(item.stored.column_names, row, decoders) for row in database[name].find()]
            found[name] = sorted((tuple(row.values()) for row in rows), key=repr)
        told = database["_sync_metadata"].find()
        found["_sync_metadata"] = sorted((row["collection_name"], row["row_count"], row["release"]) for row in told)
    return found


def of_the_current_load(uri: str) -> dict[str, list[Any]]:
    """The same, as the API would answer from the current load."""
    store = open_store(uri)
    state = store.state()
    store.shut()
    assert state is not None
    found = {name: sorted(rows, key=repr) for name, rows in everything(uri).items()}
    told = sorted((name, len(rows), state.release) for name, rows in found.items())
    return {**found, "_sync_metadata": told}


def test_plain_views_show_one_load_wherever_its_loader_is_killed_around_the_flip(
    prepared: Shop, mongod: Mongod
) -> None:
    uri = f"{mongod.uri}/analytics"
    moments = [("before", 4), ("before", 0), ("after", 0), ("after", 3), ("before", 2), ("after", 1), ("after", 6)]
    shown = 1
    for release, (when, moment) in enumerate(moments, 2):
        prepared.put("achats-2.csv", LATER.replace(".50,", f".{10 + release},"))
        _wait_for_the_lease(uri)
        command = [sys.executable, "-c", FLIP_KILLER, when, str(moment), "run", "--as-of", AS_OF]
        done = subprocess.run(command, cwd=prepared.folder, env=prepared.environment(), capture_output=True, text=True)
        assert done.returncode == -9, done.stdout + done.stderr
        found = plainly(uri)
        assert found == of_the_current_load(uri), (when, moment)
        shown = release if when == "after" else shown
        assert {release for *_, release in found["_sync_metadata"]} == {shown}, (when, moment)
    _run_when_the_lease_is_over(prepared)
    assert plainly(uri) == of_the_current_load(uri)
    assert all("$lookup" not in str(view["options"]) for view in _views(uri)), "views are fast again"
    assert prepared.run()["serving"]["inserted"] == 0


def _views(uri: str) -> list[dict[str, Any]]:
    with MongoClient[dict[str, Any]](uri) as client:
        return [dict(found) for found in client.get_default_database().list_collections(filter={"type": "view"})]


def test_a_view_that_somebody_dropped_comes_back_and_other_views_are_left_alone(prepared: Shop, mongod: Mongod) -> None:
    uri = f"{mongod.uri}/analytics"
    with MongoClient[dict[str, Any]](uri) as client:
        database = client.get_default_database()
        database.drop_collection("fact_ventes")
        database.create_collection("mine", viewOn="_rows_fact_ventes", pipeline=[])
        sums = dict(next(database.list_collections(filter={"name": "_sync_metadata"})))["options"]
        database.drop_collection("_sync_metadata")
        database["_sync_metadata"].insert_one({"collection_name": "as an older version of Filon had it"})
        _run_when_the_lease_is_over(prepared)
        views = {found["name"]: found["options"] for found in _views(uri)}
        assert views["_sync_metadata"] == sums
        assert views["mine"]["pipeline"] == []
    assert plainly(uri) == of_the_current_load(uri)


def test_a_loader_whose_clock_is_ahead_blocks_nobody_once_it_is_dead(prepared: Shop, mongod: Mongod) -> None:
    """As an older version of Filon wrote it, or before the server's clock was moved back: an hour ahead."""
    with MongoClient[dict[str, Any]](mongod.uri) as client:
        lock = client["analytics"]["_load_lock"]
        ahead = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        lock.update_one({"_id": "loader"}, {"$set": {"owner": "dead", "until": ahead}}, upsert=True)
        assert "another process is loading it" in prepared.run(exit_code=1)["error"]
        _run_when_the_lease_is_over(prepared)
        assert _lease(lock)["owner"] is None


def test_a_loader_alive_keeps_its_lease_though_another_waits_for_it(
    mongod: Mongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a lease lasts, since it is renewed; and by the clock of the server, not by that of a loader."""
    monkeypatch.setattr("filon.serving.mongo.lease.LEASE", dt.timedelta(seconds=1))
    uri = f"{mongod.uri}/analytics"
    store, other = open_store(uri), open_store(uri)
    with store.loading() as session, MongoClient[dict[str, Any]](mongod.uri) as client:
        lock = client["analytics"]["_load_lock"]
        end = time.monotonic() + 3
        while time.monotonic() < end:
            with pytest.raises(StoreBusy), other.loading():
                pass
            lock.update_one({"_id": "loader"}, {"$max": {"until": dt.datetime(2999, 1, 1)}})
            time.sleep(0.1)
        session.sweep(0)
        with pytest.raises(StoreBusy), other.loading():
            pass
        now = client.admin.command("hello")["localTime"]
        assert _lease(lock)["until"] <= now + dt.timedelta(seconds=2)
    with other.loading():
        pass
    store.shut()
    other.shut()


def _lease(lock: Collection[dict[str, Any]]) -> dict[str, Any]:
    found = lock.find_one({"_id": "loader"})
    assert found is not None
    return found


def _run_when_the_lease_is_over(shop: Shop) -> dict[str, Any]:
    _wait_for_the_lease(shop.environment()["FILON_SERVING"])
    return shop.run()


def _wait_for_the_lease(uri: str) -> None:
    """Wait until the lease of a loader that was killed is over, by the clock of the server."""
    with MongoClient[dict[str, Any]](uri) as client:
        lock = client.get_default_database()["_load_lock"]

        def is_over() -> bool:
            lease = lock.find_one({"_id": "loader"})
            now = client.admin.command("hello")["localTime"]
            return lease is None or lease["owner"] is None or lease["until"] < now

        until(is_over, "the end of a lease")


@pytest.mark.parametrize("moment", [3, 15, 25])
def test_a_server_that_is_killed_during_a_load_fails_it_in_one_line_and_the_next_one_completes(
    prepared: Shop, mongod: Mongod, moment: int
) -> None:
    uri = f"{mongod.uri}/analytics"
    before = gold(prepared)
    assert mongod.process is not None
    done = run_and_kill(prepared, mongod.process.pid, moment)
    mongod.process.wait()
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "Start it, or check FILON_SERVING" in " ".join((done.stdout + done.stderr).split())
    mongod.start()
    assert everything(uri) in (before, gold(prepared))
    _run_when_the_lease_is_over(prepared)
    assert everything(uri) == gold(prepared)
    assert prepared.run()["serving"]["inserted"] == 0
