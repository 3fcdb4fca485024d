"""Measure loads into the stores, beside bare inserts of the same documents: ``make bench``.

All in one session, on one machine; what counts is the ratio. MongoDB is the one that the tests use.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from tests.integration.conftest import free_ports
from tests.integration.servers import Mongod

from benchmarks.bench import AS_OF, filon

BATCH = 5_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--purchases", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(".filon/bench-serving"))
    options = parser.parse_args()
    with mongo_server(options.folder) as uri:
        measure(options.folder, uri, options.purchases, options.rounds)


@contextmanager
def mongo_server(folder: Path) -> Iterator[str]:
    """An empty folder with a MongoDB server in it; gives the address."""
    shutil.rmtree(folder, ignore_errors=True)
    server = Mongod(folder / "mongod", free_ports(1)[0])
    server.folder.mkdir(parents=True)
    server.start()
    try:
        yield server.uri
    finally:
        server.stop()


def measure(folder: Path, mongo: str, purchases: int, rounds: int) -> None:
    """First loads, bare inserts, then the load of a release in which one row in a hundred differs."""
    sources = folder / "sources"
    subprocess.run(
        filon("generate", str(sources), "--purchases", str(purchases)), check=True, stdout=subprocess.DEVNULL
    )
    run(folder, "none")
    firsts: dict[str, list[float]] = {"mongodb": [], "sqlite": []}
    bares = []
    rows = peak = 0.0
    for number in range(rounds):
        for name, uri in stores(folder, mongo, number).items():
            loaded, used = run(folder, uri)
            firsts[name].append(loaded["duration_s"])
            rows, peak = loaded["inserted"], max(peak, used)
        bares.append(insert_bare(mongo, f"round{number}"))
    change(sources, purchases // 100)
    run(folder, "none")
    changes = {
        name: [run(folder, stores(folder, mongo, number)[name])[0] for number in range(rounds)] for name in firsts
    }
    bare = statistics.median(bares)
    print(f"{rows:,} rows; bare insert_many {rows / bare:,.0f} rows/s; peak of a load {peak:,.0f} MB")
    print("| store | first load | rows/s | of bare | 1% changed: rows written | time | of the first |")
    print("|---|---|---|---|---|---|---|")
    for name, seconds in firsts.items():
        first = statistics.median(seconds)
        later = statistics.median(found["duration_s"] for found in changes[name])
        written = changes[name][0]["inserted"] + changes[name][0]["closed"]
        print(
            f"| {name} | {first:.2f} s | {rows / first:,.0f} | {bare / first:.2f} | {written:,} | {later:.2f} s "
            f"| {later / first:.1%} |"
        )


def stores(folder: Path, mongo: str, number: int) -> dict[str, str]:
    """Addresses of the stores of a round."""
    return {"mongodb": f"{mongo}/round{number}", "sqlite": f"sqlite:///{folder / f'round{number}.db'}"}


def run(folder: Path, uri: str) -> tuple[dict[str, Any], float]:
    """One run: what it says of its load, and its peak memory in MB."""
    environment = {**os.environ, "FILON_SOURCES": str(folder / "sources"), "FILON_LAKE": str(folder / "lake")}
    command = filon("run", "--json", "--as-of", AS_OF, "--serving", uri)
    with (folder / "report.json").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit((folder / "report.json").read_text())
    report = json.loads((folder / "report.json").read_text())
    return report["serving"] or {}, usage.ru_maxrss / 1000


def insert_bare(mongo: str, loaded: str) -> float:
    """Seconds that insert_many alone takes for the documents of a loaded database, without any index but ``_id``."""
    seconds = 0.0
    with MongoClient[dict[str, Any]](mongo) as client:
        client.drop_database("bare")
        for name in client[loaded].list_collection_names(filter={"name": {"$regex": "^_rows_"}}):
            for batch in batches(client[loaded][name].find(batch_size=BATCH)):
                start = time.perf_counter()
                client["bare"][name].insert_many(batch, ordered=False)
                seconds += time.perf_counter() - start
        client.drop_database("bare")
    return seconds


def batches(documents: Any) -> Iterator[list[dict[str, Any]]]:
    """Documents, some thousands at a time."""
    batch = []
    for document in documents:
        batch.append(document)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def change(sources: Path, rows: int) -> None:
    """Another amount for the first purchases, in a file that arrives later."""
    with (sources / "achats.csv").open(encoding="utf-8") as stream, (sources / "achats-2.csv").open("w") as out:
        out.write(next(stream))
        for _, line in zip(range(rows), stream, strict=False):
            parts = line.rstrip("\n").split(",")
            if len(parts) == 5:
                out.write(",".join([*parts[:3], "11.11", parts[4]]) + "\n")


if __name__ == "__main__":
    main()
