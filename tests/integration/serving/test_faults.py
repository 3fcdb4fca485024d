"""Loads that are killed at a write, and servers that are killed during a load: nothing is lost, doubled or mixed."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.conftest import ACHATS, AS_OF, Shop
from tests.integration.servers import Mongod
from tests.integration.serving.test_loading import everything, gold

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


@pytest.mark.parametrize("moment", [2, 5, 8, 14, 20, 33, 50])
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


def _run_when_the_lease_is_over(shop: Shop) -> dict[str, Any]:
    time.sleep(1.1)
    return shop.run()


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


@pytest.mark.parametrize("delay", [0.8, 1.0, 1.1])
def test_a_load_into_a_file_that_is_killed_leaves_the_file_as_it_was(shop: Shop, delay: float) -> None:
    uri = f"sqlite:///{shop.folder / 'serving.db'}"
    served = replace(shop, extra={"FILON_SERVING": uri})
    served.run()
    before = gold(served)
    served.put("achats-2.csv", LATER)
    process = served.start("run", "--as-of", AS_OF)
    time.sleep(delay)
    process.kill()
    process.communicate()
    assert everything(uri) in (before, gold(served))
    served.run()
    assert everything(uri) == gold(served)
