"""How often a run asks an object store: ``python -m benchmarks.requests --engine spark``.

Sources are on the disk, the lake is on a real S3 server. Every request passes a proxy that counts it, those of Spark's
executors too.
"""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.api.conftest import answering
from tests.integration.changes.shop import NOW
from tests.integration.conftest import free_ports, surroundings
from tests.integration.s3.faults import Faults, proxy
from tests.integration.servers import ObjectStore
from tests.integration.servers.spark import SparkServer, settings_for

from benchmarks.bench import AS_OF
from filon.lake import Lake, Sources
from filon.pipeline.run import run_pipeline
from filon.pipeline.runner import Until
from filon.project.loader import load_project
from filon.projects import retail
from filon.projects.retail.generate import generate
from filon.settings import Settings

BUCKET = "lakes"
KINDS = ("LIST", "GET", "HEAD", "PUT", "POST", "DELETE")
ARRIVED = "id_achat,id_client,date_achat,montant,produit\n" + "".join(
    f"9{number:08},{number % 97 + 1},2025-12-{number % 28 + 1:02},12.50,Souris\n" for number in range(1000)
)


@dataclass
class Count:
    """Counts requests by what they do."""

    seen: Counter[str] = field(default_factory=Counter)

    def __call__(self, method: str, path: str) -> None:
        """Count one; a GET of the bucket itself is a list."""
        is_bucket = path.strip("/") == BUCKET
        self.seen["LIST" if is_bucket and method == "GET" else method] += 1

    def taken(self) -> Counter[str]:
        """What was counted since the last time."""
        seen, self.seen = self.seen, Counter()
        return seen


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--purchases", type=int, default=100_000)
    parser.add_argument("--engine", choices=("duckdb", "spark"), default="duckdb")
    options = parser.parse_args()
    count = Count()
    with tempfile.TemporaryDirectory(prefix="filon-requests-") as name, counted(Path(name), count) as (store, url):
        folder = Path(name)
        generate(folder / "sources", options.purchases, seed=1, dirty=0.01)
        with surroundings(store.environment_for(url)), engine(options.engine, folder, store, url) as settings:
            print(f"| run of {options.purchases:,} purchases on {options.engine} | {' | '.join(KINDS)} | all |")
            print("|---" * (len(KINDS) + 2) + "|")
            for number, what in enumerate(("the first", "nothing new", "a file with 1,000 new purchases")):
                if number == 2:
                    (folder / "sources" / "achats-2.csv").write_text(ARRIVED)
                run(folder, settings, number)
                seen = count.taken()
                print(f"| {what} | {' | '.join(f'{seen[kind]:,}' for kind in KINDS)} | {seen.total():,} |", flush=True)


@contextmanager
def counted(folder: Path, count: Count) -> Iterator[tuple[ObjectStore, str]]:
    """An object store, and the address of the proxy in front of it."""
    (folder / "s3").mkdir()
    store = ObjectStore(folder / "s3", free_ports(ObjectStore.PORTS))
    store.start()
    try:
        with answering(proxy(store.url, Faults(watchers=[count]))) as url:
            yield store, url
    finally:
        store.stop()


@contextmanager
def engine(name: str, folder: Path, store: ObjectStore, url: str) -> Iterator[Settings]:
    """Settings of an engine, which is started if it must be."""
    if name == "duckdb":
        yield Settings(threads=2)
        return
    settings = {**settings_for(store), "spark.hadoop.fs.s3a.endpoint": url}
    server = SparkServer(folder / "spark", free_ports(1)[0], settings=settings, environment=store.environment_for(url))
    with ExitStack() as stopped:
        server.start()
        stopped.callback(server.stop)
        yield Settings(engine="spark", spark_remote=server.remote)


def run(folder: Path, settings: Settings, number: int) -> None:
    """A run up to the release; RuntimeError when it fails."""
    report = run_pipeline(
        settings,
        load_project(retail.FOLDER),
        Lake(f"s3://{BUCKET}/requests"),
        Sources(str(folder / "sources")),
        as_of=dt.date.fromisoformat(AS_OF),
        now=NOW + dt.timedelta(hours=number),
        until=Until.RELEASE,
    )
    if report.error:
        raise RuntimeError(report.error)


if __name__ == "__main__":
    main()
