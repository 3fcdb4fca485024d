"""A replica set whose primary is killed: whatever the election, no reader sees a load number go back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pymongo import MongoClient

from filon.errors import StoreUnavailable
from filon.serving.mongo import MongoStore
from tests.integration.conftest import AS_OF, Shop, free_ports
from tests.integration.servers import ReplicaSet, replica_set
from tests.integration.serving.test_faults import LATER
from tests.integration.serving.test_loading import everything, gold

LONGEST_S = 120
FLIP = 0
KILLER = """
import datetime, os, signal, sys
import pymongo.monitoring
import filon.serving.mongo.lease
from filon.cli import main

VICTIM, MOMENT = int(sys.argv.pop(1)), int(sys.argv.pop(1))
filon.serving.mongo.lease.LEASE = datetime.timedelta(seconds=1)

class Killer(pymongo.monitoring.CommandListener):
    count, flip = 0, None

    def started(self, event):
        if event.command_name in ("insert", "update", "delete", "create", "collMod", "createIndexes"):
            Killer.count += 1
            if Killer.count == MOMENT:
                print("killed the primary", flush=True)
                os.kill(VICTIM, signal.SIGKILL)
            if event.command_name == "insert" and event.command["insert"] == "_loads":
                Killer.flip = event.request_id

    def succeeded(self, event):
        if MOMENT == 0 and event.request_id == Killer.flip:
            print("killed the primary", flush=True)
            os.kill(VICTIM, signal.SIGKILL)

    def failed(self, event): pass

pymongo.monitoring.register(Killer())
main()
"""


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    """Three servers."""
    found = replica_set(tmp_path_factory.mktemp("replicas"), free_ports(3))
    try:
        found.start()
        yield found
    finally:
        found.stop()


@dataclass
class Reader:
    """Somebody who asks again and again which load is the newest, as the API does."""

    uri: str
    loads: list[int] = field(default_factory=list)
    unanswered: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    async def _read(self) -> None:
        store = MongoStore(self.uri)
        while not self.over.is_set():
            try:
                self.loads += [state.load for state in (await store.states())[:1]]
            except StoreUnavailable:  # 503 to whoever asks the API
                self.unanswered += 1
        await store.shut_readers()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read meanwhile."""
        thread = threading.Thread(target=lambda: asyncio.run(self._read()))
        thread.start()
        try:
            yield
        finally:
            self.over.set()
            thread.join()


def completed(shop: Shop) -> int:
    """Run until a run completes: that before may hold its lease for a second; how many runs it took."""
    end = time.monotonic() + LONGEST_S
    for number in range(1, 1_000):
        process = shop.start("run", "--as-of", AS_OF)
        output, _ = process.communicate()
        if process.returncode == 0:
            return number
        assert time.monotonic() < end, output
    raise AssertionError


@pytest.mark.parametrize("moment", [5, 20, FLIP], ids=["rows", "indexes and marks", "right after the flip"])
def test_no_load_number_goes_back_when_the_primary_is_killed(shop: Shop, replicas: ReplicaSet, moment: int) -> None:
    uri = replicas.address(f"moment{moment}")
    served = replace(shop, extra={"FILON_SERVING": uri})
    served.run()
    served.put("achats-2.csv", LATER)
    victim = replicas.primary().process
    assert victim is not None
    reader = Reader(uri)
    with reader.reading():
        command = [sys.executable, "-c", KILLER, str(victim.pid), str(moment), "run", "--as-of", AS_OF]
        done = subprocess.run(command, cwd=shop.folder, env=served.environment(), capture_output=True, text=True)
        assert "killed the primary" in done.stdout, done
        victim.wait()
        assert "Traceback" not in done.stdout + done.stderr
        replicas.primary()
        completed(served)
        assert everything(uri) == gold(served)
        replicas.restart_the_dead()
        assert everything(uri) == gold(served)
    assert reader.loads == sorted(reader.loads)
    assert {reader.loads[0], reader.loads[-1]} == {1, max(reader.loads)}
    assert reader.loads[-1] > 1


def test_an_address_cannot_make_writes_or_reads_less_sure(shop: Shop, replicas: ReplicaSet) -> None:
    uri = replicas.address("options") + "&w=1&journal=false&readPreference=secondary&readConcernLevel=local"
    replace(shop, extra={"FILON_SERVING": uri}).run()
    with MongoClient[dict[str, Any]](replicas.uri) as client:
        database = client["options"]
        assert database["_loads"].count_documents({}) == 1
    store = MongoStore(uri)
    assert (store._db.write_concern.document, store._db.read_concern.level) == (
        {"w": "majority", "j": True},
        "majority",
    )
    assert store._db.read_preference.mode == 0
    store.shut()
