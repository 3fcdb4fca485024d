"""Where Spark's time goes, beside DuckDB's in the same session: ``python -m benchmarks.scaling --purchases 1000000``.

Both compute the retail project from the same files, up to the release. What each table read, shuffled and wrote is what
Spark's own metrics say of the stages that were submitted while it was built.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from tests.integration.conftest import free_ports
from tests.integration.servers.spark import SparkServer

from benchmarks.bench import AS_OF, fresh, prepare
from filon.lake import Lake, Layer, Sources
from filon.pipeline.run import run_pipeline
from filon.pipeline.runner import Until
from filon.project.loader import load_project
from filon.projects import retail
from filon.settings import Settings
from filon.stages.context import Progress, TableReport

DAY, NOW = dt.date.fromisoformat(AS_OF), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
METRICS = ("inputBytes", "shuffleWriteBytes", "outputBytes", "executorCpuTime")
MB, S_PER_NS = 1e6, 1e-9
PATIENCE_S = 120


@dataclass
class Clock:
    """Listens to a run: when work on each table began and ended."""

    spans: dict[str, tuple[dt.datetime, dt.datetime]] = field(default_factory=dict)
    begun: dict[str, dt.datetime] = field(default_factory=dict)

    def started(self, layer: Layer, table: str, expected: int | None, progress: Progress) -> None:
        """Note the time."""
        del expected, progress
        self.begun[f"{layer}/{table}"] = dt.datetime.now(dt.UTC)

    def finished(self, report: TableReport) -> None:
        """Note the time."""
        name = f"{report.layer}/{report.table}"
        if name in self.begun:  # rejected rows are reported with the table that they were judged for
            self.spans[name] = (self.begun.pop(name), dt.datetime.now(dt.UTC))

    def seconds(self, name: str) -> float:
        """How long it took; 0 when it did not happen."""
        start, end = self.spans.get(name, (NOW, NOW))
        return (end - start).total_seconds()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--purchases", type=int, default=1_000_000)
    parser.add_argument("--memory", default="3g", help="memory of Spark")
    parser.add_argument("--folder", type=Path, default=Path(".filon/bench"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    sources = prepare(options.folder, options.purchases, 0.01)
    ui, port = free_ports(2)
    settings = {"spark.ui.enabled": "true", "spark.ui.port": str(ui), "spark.ui.retainedStages": "10000"}
    server = SparkServer(fresh(options.folder / "spark").absolute(), port, memory=options.memory, settings=settings)
    duck, duck_s = timed_run(options.folder, sources, Settings())
    server.start()
    try:
        spark, spark_s = timed_run(options.folder, sources, Settings(engine="spark", spark_remote=server.remote))
        stages, jobs = metrics_of(ui, "stages"), metrics_of(ui, "jobs")
    finally:
        server.stop()
    print(
        f"{options.purchases:,} purchases, local[2]: DuckDB {duck_s:.1f} s, Spark {spark_s:.1f} s, {len(jobs)} jobs\n"
    )
    print("| table | DuckDB | Spark | processor | read | shuffled | written |\n|---|---|---|---|---|---|---|")
    for name, (start, end) in spark.spans.items():
        own = [stage for stage in stages if start <= submitted(stage) < end]
        read, shuffled, written, processor = (sum(stage[metric] for stage in own) for metric in METRICS)
        seconds = f"{duck.seconds(name):.1f} s | {spark.seconds(name):.1f} s | {processor * S_PER_NS:.1f} s"
        print(f"| {name} | {seconds} | {read / MB:.1f} MB | {shuffled / MB:.1f} MB | {written / MB:.1f} MB |")
    print(f"\nShuffled in all: {sum(stage['shuffleWriteBytes'] for stage in stages) / MB:.1f} MB.")


def timed_run(folder: Path, sources: Path, settings: Settings) -> tuple[Clock, float]:
    """A run into a new lake, up to the release; RuntimeError when it does not publish."""
    lake = fresh(folder / f"lake-{settings.engine}").absolute()
    clock, start = Clock(), dt.datetime.now(dt.UTC)
    report = run_pipeline(
        settings,
        load_project(retail.FOLDER),
        Lake(str(lake)),
        Sources(str(sources.absolute())),
        as_of=DAY,
        now=NOW,
        until=Until.RELEASE,
        listener=clock,
    )
    if report.error:
        raise RuntimeError(report.error)
    return clock, (dt.datetime.now(dt.UTC) - start).total_seconds()


def metrics_of(port: int, what: str) -> Sequence[dict[str, Any]]:
    """Stages or jobs that are over, as Spark's monitoring tells."""
    address = f"http://127.0.0.1:{port}/api/v1/applications"
    with httpx.Client(trust_env=False, timeout=PATIENCE_S) as client:
        [application] = client.get(address).json()
        found: list[dict[str, Any]] = client.get(f"{address}/{application['id']}/{what}").json()
    return [each for each in found if each["status"] in ("COMPLETE", "SUCCEEDED")]


def submitted(stage: dict[str, Any]) -> dt.datetime:
    """When a stage began."""
    return dt.datetime.strptime(stage["submissionTime"], "%Y-%m-%dT%H:%M:%S.%fGMT").replace(tzinfo=dt.UTC)


if __name__ == "__main__":
    main()
