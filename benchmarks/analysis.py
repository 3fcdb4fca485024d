"""Measure analyses: what their columns cost a load, and how long answers take: ``make bench``.

SQLite and one worker, over HTTP on loopback. Each request differs from those before, so that none is remembered.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from httpx import Client
from tests.integration.conftest import free_ports

from benchmarks.api import wait_for
from benchmarks.bench import filon
from benchmarks.serving import change, run
from filon.serving.stores import open_store

ANALYSE = "/api/v1/aggregations/analyse"
FILTERS = "pays=France&pays=Italie&produit=Souris&produit=Webcam&date_debut=2024-06-10"
QUESTIONS = {
    "all facts": "",
    "by pays": "by=pays",
    "by mois": "by=mois",
    "by jour": "by=jour",
    "by mois,pays": "by=mois,pays",
    "by id_client, the first 10": "by=id_client&limit=10",
    "by produit, with stats": "by=produit&stats=ca",
}
BEHIND_ALL = "2026-01"
CHUNKS = "SELECT count(*), sum(length(data)) FROM _rows__columns_fact_ventes"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--purchases", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path(".filon/bench-analysis"))
    options = parser.parse_args()
    folder, store = options.folder, options.folder / "serving.db"
    shutil.rmtree(folder, ignore_errors=True)
    generate = filon("generate", str(folder / "sources"), "--purchases", str(options.purchases))
    subprocess.run(generate, check=True, stdout=subprocess.DEVNULL)
    run(folder, "none")
    uri = f"sqlite:///{store}"
    first, _ = run(folder, uri)
    report_load("first load", uri, first["duration_s"])
    with sqlite3.connect(store) as connection:
        chunks, size = connection.execute(CHUNKS).fetchone()
    print(f"{chunks} chunks, {size / 1e6:,.0f} MB of {store.stat().st_size / 1e6:,.0f} MB")
    with serving(folder, uri) as (client, process):
        cold = seconds(client, "")  # it waits for the columns, which the process reads since it listens
        print(f"first analysis {cold:.2f} s; {memory(process):,} MB, at most {memory(process, 'VmHWM'):,} MB")
        print("| analysis | median | with filters |\n|---|---|---|")
        for name, query in QUESTIONS.items():
            whole = measure(client, query, BEHIND_ALL, options.rounds)
            some = measure(client, f"{query}&{FILTERS}", "2025-09", options.rounds)
            print(f"| {name} | {whole * 1000:,.0f} ms | {some * 1000:,.0f} ms |", flush=True)
        change(folder / "sources", options.purchases // 100)
        report_load("1 % changed", uri, run(folder, uri)[0]["duration_s"])
        print(f"first analysis of the new load {seconds(client, ''):.2f} s; {memory(process):,} MB")


def report_load(name: str, uri: str, duration_s: float) -> None:
    """How long a load took, and how long of it the columns did."""
    store = open_store(uri)
    state = store.state()
    store.shut()
    columns = state.tables["_columns_fact_ventes"].duration_s if state else 0.0
    print(f"{name}: {duration_s:.1f} s, of which columns {columns:.1f} s")


@contextmanager
def serving(folder: Path, uri: str) -> Iterator[tuple[Client, int]]:
    """The API in a process of its own; gives a client and the process."""
    [port] = free_ports(1)
    environment = {**os.environ, "FILON_API_KEYS": str(folder / "keys.json")}
    with (folder / "api.log").open("wb") as log:
        command = filon("api", "--port", str(port), "--serving", uri)
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            wait_for(port)
            with Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
                yield client, process.pid
        finally:
            process.terminate()
            process.wait()


def measure(client: Client, query: str, month: str, rounds: int) -> float:
    """The median of some requests that differ in their last day."""
    return statistics.median(seconds(client, f"{query}&date_fin={month}-{10 + number}") for number in range(rounds))


def seconds(client: Client, query: str) -> float:
    """Seconds of one request."""
    start = time.perf_counter()
    answer = client.get(f"{ANALYSE}?{query.removeprefix('&')}")
    answer.raise_for_status()
    return time.perf_counter() - start


def memory(process: int, what: str = "VmRSS") -> int:
    """Resident memory of a process in MB."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    [line] = [line for line in lines if line.startswith(f"{what}:")]
    return int(line.split()[1]) // 1000


if __name__ == "__main__":
    main()
