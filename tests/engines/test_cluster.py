"""A real cluster with its lake on S3. Machines are lost: a run completes, and nothing is doubled."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from filon.lake import Layer
from filon.projects.retail.generate import generate
from filon.settings import Settings
from filon.stages.context import Progress, TableReport
from tests.engines.conftest import SKIPPED
from tests.engines.parity import assert_same_tables, released, run
from tests.integration.conftest import free_ports
from tests.integration.servers import ObjectStore
from tests.integration.servers.spark import SparkCluster

PORTS = 6
"""Of the master, four workers, and the server."""
SOONEST_S = 0.3
"""A machine is lost so soon after a table was begun, or as soon as tasks of its query run."""
PURCHASES = 5_000_000 if "FILON_TEST_LONG" in os.environ else 20_000
"""Five millions take some twenty minutes on two cores."""
VICTIMS = ((Layer.SILVER, "achats"), (Layer.GOLD, "fact_ventes"))


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    if "spark" in SKIPPED:
        pytest.skip("FILON_TEST_SKIP names spark")
    store = ObjectStore(tmp_path_factory.mktemp("s3"), free_ports(ObjectStore.PORTS))
    cluster = SparkCluster(tmp_path_factory.mktemp("cluster"), iter(free_ports(PORTS)), store)
    with ExitStack() as stopped:
        store.start()
        stopped.callback(store.stop)
        stopped.callback(cluster.stop)
        cluster.start(workers=2)
        yield cluster


@dataclass
class Killer:
    """Listens to a run, and kills the oldest worker that runs while some tables are built; another takes its place."""

    cluster: SparkCluster
    during: list[tuple[Layer, str]] = field(default_factory=list)
    building: set[tuple[Layer, str]] = field(default_factory=set)
    threads: list[threading.Thread] = field(default_factory=list)

    def started(self, layer: Layer, table: str, expected: int | None, progress: Progress) -> None:
        del expected
        self.building.add((layer, table))
        if (layer, table) in VICTIMS:
            self.threads.append(threading.Thread(target=self._kill, args=(layer, table, progress)))
            self.threads[-1].start()

    def finished(self, report: TableReport) -> None:
        self.building.discard((report.layer, report.table))

    def _kill(self, layer: Layer, table: str, progress: Progress) -> None:
        latest = time.monotonic() + SOONEST_S  # a quick query is over before its progress is known
        while progress() is None and time.monotonic() < latest:
            threading.Event().wait(0.01)
        oldest = next(worker for worker in self.cluster.workers if worker.is_running)
        oldest.kill()
        if (layer, table) in self.building:
            self.during.append((layer, table))
        self.cluster.add_worker()


def test_a_run_survives_the_loss_of_machines_and_makes_what_duckdb_makes(
    tmp_path: Path, cluster: SparkCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cluster.store.environment.items():
        monkeypatch.setenv(name, value)
    remote = f"s3://lakes/{secrets.token_hex(6)}"
    generate(tmp_path / "sources", PURCHASES, seed=3, dirty=0.05)
    run(tmp_path, "duckdb", 0, Settings(threads=2))
    killer = Killer(cluster)
    spark = Settings(engine="spark", spark_remote=cluster.server.remote, memory_limit="512MB")
    run(tmp_path, remote, 0, spark, listener=killer)
    for thread in killer.threads:
        thread.join()
    assert tuple(killer.during) == VICTIMS
    assert [worker.is_running for worker in cluster.workers] == [False, False, True, True]
    assert cluster.server.log.read_text(encoding="utf-8").count("Lost executor") == len(VICTIMS)
    assert_same_tables(tmp_path, "duckdb", remote)

    lake, release = released(tmp_path, remote)
    named = {
        lake.table(build.layer, build.table).path_of(file.name)
        for build in release.tables.values()
        for file in build.files
    }
    layers = (Layer.BRONZE, Layer.SILVER, Layer.GOLD, Layer.QUARANTINE, Layer.SUPERSEDED)
    found = {lake.layer(layer).path_of(entry.name) for layer in layers for entry in lake.listing(layer)}
    assert {path for path in found if path.endswith(".parquet") and "_delta_log" not in path} == named
