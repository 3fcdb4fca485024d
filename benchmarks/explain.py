"""Measure explanations over HTTP: ``python -m benchmarks.explain --lake LAKE --store sqlite:///FILE``.

Lake and store are those of one run of the retail project, such as ``python -m benchmarks.incremental`` leaves behind.
Keys and values are drawn at random; questions are asked one after the other, of an API that is started for them. In
turn with each, bare DuckDB reads two columns of all facts, so that sessions on busy machines can be compared.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import duckdb
import httpx
from tests.integration.conftest import free_ports

from filon.cli.processes import Group, Server, http_health, inherited_environment

COUNTRIES = ("France", "Italie", "Suisse", "Espagne", "Maroc", "Belgique")
PRODUCTS = ("Souris", "Clavier", "Webcam", "Tablette", "Enceinte")
SEGMENTS = ("Bronze", "Silver", "Gold", "Platinum")
Question = tuple[str, Mapping[str, str | int]]


def questions(chance: random.Random, purchases: int) -> dict[str, Callable[[], Question]]:
    """What is asked, by kind."""
    first = date(2024, 1, 1)

    def day() -> date:
        return first + timedelta(chance.randrange(730))

    def cell(**chosen: str | int) -> Question:
        return "fact_ventes", {"measure": "ca", **chosen}

    return {
        "a fact": lambda: (f"fact_ventes/{chance.randint(1, purchases)}", {}),
        "a record of a source": lambda: (f"achats/{chance.randint(1, purchases)}", {}),
        "a client": lambda: (f"dim_clients/{chance.randint(1, purchases // 10)}", {}),
        "a day": lambda: (f"kpi_ca_par_jour/{day()}", {}),
        "a month": lambda: (f"kpi_ca_par_mois/{day():%Y-%m}", {}),
        "a country": lambda: (f"kpi_ca_par_pays/{chance.choice(COUNTRIES)}", {}),
        "a product": lambda: (f"kpi_volume_par_produit/{chance.choice(PRODUCTS)}", {}),
        "a cell: day": lambda: cell(jour=str(day())),
        "a cell: month and country": lambda: cell(mois=f"{day():%Y-%m}", pays=chance.choice(COUNTRIES)),
        "a cell: product and segment": lambda: cell(produit=chance.choice(PRODUCTS), segment=chance.choice(SEGMENTS)),
        "a fact, page 20 of its day": lambda: (f"kpi_ca_par_jour/{day()}", {"skip": 95, "limit": 20}),
    }


@contextmanager
def running(lake: Path, store: str) -> Iterator[httpx.Client]:
    """An API over a lake and a store."""
    with tempfile.TemporaryDirectory(prefix="filon-bench-") as folder:
        [port] = free_ports(1)
        address = f"http://127.0.0.1:{port}"
        variables = {
            "FILON_LAKE": str(lake.absolute()),
            "FILON_SERVING": store,
            "FILON_API_PORT": str(port),
            "FILON_API_KEYS": f"{folder}/keys.json",
        }
        group = Group()
        server = Server(
            "the API",
            [sys.executable, "-m", "filon", "api"],
            http_health(f"{address}/health/live"),
            {**inherited_environment(), **variables},
            Path(folder) / "api.log",
        )
        try:
            group.start(server)
            with httpx.Client(base_url=f"{address}/api/v1/explain/", timeout=60, trust_env=False) as client:
                yield client
        finally:
            group.stop()


class Scan:
    """Two columns of all facts, read by DuckDB."""

    def __init__(self, lake: Path) -> None:
        newest = max((lake / "metadata" / "releases").glob("*.json"))
        build = json.loads(newest.read_text())["tables"]["gold/fact_ventes"]
        files = [str(lake / "gold" / "fact_ventes" / file["name"]) for file in build["files"]]
        self._connection = duckdb.connect()
        self._query = f"SELECT count(*), sum(montant), max(date_achat) FROM read_parquet({files})"
        self.times: list[float] = []

    def run(self) -> None:
        """Read them once."""
        started = time.perf_counter()
        self._connection.execute(self._query).fetchall()
        self.times.append((time.perf_counter() - started) * 1000)


def ask(client: httpx.Client, question: Question) -> float:
    """Milliseconds of an answer."""
    path, parameters = question
    started = time.perf_counter()
    response = client.get(path, params=dict(parameters))
    took = (time.perf_counter() - started) * 1000
    if response.status_code not in (200, 404):  # a key drawn at random need not exist
        raise RuntimeError(f"{path}: {response.status_code} {response.text}")
    return took


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", type=Path, required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--purchases", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    chance = random.Random(1)  # noqa: S311
    kinds = questions(chance, options.purchases)
    every: list[float] = []
    scan = Scan(options.lake)
    with running(options.lake, options.store) as client:
        firsts = {name: ask(client, kinds[name]()) for name in ("a fact", "a record of a source")}
        print("| first question of a process | ms |\n|---|---|")
        for name, took in firsts.items():
            print(f"| {name} | {took:.0f} |")
        print("\n| question | median ms | slowest of ten ms |\n|---|---|---|")
        for name, question in kinds.items():
            times = []
            for _ in range(options.rounds):
                times.append(ask(client, question()))
                scan.run()
            times.sort()
            every += times
            print(f"| {name} | {statistics.median(times):.0f} | {times[int(len(times) * 0.9)]:.0f} |", flush=True)
        print(f"| a scan of all facts by DuckDB | {statistics.median(scan.times):.0f} | |")
        print(f"| all | {statistics.median(every):.0f} | {sorted(every)[int(len(every) * 0.9)]:.0f} |")


if __name__ == "__main__":
    main()
