"""Measure the API beside a bare FastAPI and PyMongo route that runs the same queries: ``make bench``.

One worker each, on MongoDB, in one session; what counts is the ratio of requests per second.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from tests.integration.conftest import free_ports

from benchmarks.bench import AS_OF, filon
from benchmarks.serving import mongo_server, run

CONNECTIONS = 16
METRICS_EVERY_S = 0.1
BARE = """
import os
from fastapi import FastAPI, HTTPException
from fastapi.responses import ORJSONResponse
from pymongo import AsyncMongoClient

app = FastAPI(default_response_class=ORJSONResponse)
client = AsyncMongoClient(os.environ["BARE_URI"])
rows = client["bare"]["fact_ventes"]


def plain(row):
    row["montant"] = float(row["montant"].to_decimal())
    row["date_achat"] = row["date_achat"].date()
    row["date"] = row["date"].date()
    return row


@app.get("/ventes/{id}")
async def item(id: int):
    row = await rows.find_one({"_id": id})
    if row is None:
        raise HTTPException(404)
    return plain(row)


@app.get("/ventes")
async def page(skip: int = 0, limit: int = 100):
    found = [plain(row) async for row in rows.find().sort("_id", 1).skip(skip).limit(limit)]
    return {"total": await rows.estimated_document_count(), "skip": skip, "limit": limit, "data": found}
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--purchases", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(".filon/bench-api"))
    options = parser.parse_args()
    with mongo_server(options.folder) as uri:
        prepare(options.folder, uri, options.purchases)
        with serving(options.folder, uri) as ports:
            measure(ports, options.purchases, options.seconds, options.rounds)


def prepare(folder: Path, mongo: str, purchases: int) -> None:
    """Load the release, and the same facts for the bare route: one document per row, by its number."""
    sources = str(folder / "sources")
    subprocess.run(filon("generate", sources, "--purchases", str(purchases)), check=True, stdout=subprocess.DEVNULL)
    run(folder, f"{mongo}/filon")
    target = {"db": "bare", "coll": "fact_ventes"}
    with MongoClient[dict[str, Any]](mongo) as client:
        copy: list[dict[str, Any]] = [{"$set": {"_id": "$id_achat"}}, {"$unset": ["_from", "_to"]}, {"$out": target}]
        client["filon"]["_rows_fact_ventes"].aggregate(copy)


@contextmanager
def serving(folder: Path, mongo: str) -> Iterator[tuple[int, int]]:
    """Both servers; gives the ports of Filon and of the bare one."""
    (folder / "bare.py").write_text(BARE)
    ours, theirs = free_ports(2)
    environment = {**os.environ, "BARE_URI": mongo, "FILON_API_KEYS": str(folder / "keys.json")}
    bare = [sys.executable, "-m", "uvicorn", "--app-dir", str(folder), "bare:app", "--port", str(theirs)]
    commands = [
        filon("api", "--port", str(ours), "--serving", f"{mongo}/filon"),
        [*bare, "--no-access-log", "--log-level", "warning"],
    ]
    with (folder / "servers.log").open("wb") as log:
        processes = [subprocess.Popen(command, stdout=log, stderr=log, env=environment) for command in commands]
        try:
            for port in (ours, theirs):
                wait_for(port)
            yield ours, theirs
        finally:
            for process in processes:
                process.terminate()
                process.wait()


def wait_for(port: int) -> None:
    """Until a server listens."""
    for _ in range(200):
        try:
            asyncio.run(ask(port, ["/"], 0.0, 1))
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"nothing listens on {port}")


def measure(ports: tuple[int, int], purchases: int, seconds: float, rounds: int) -> None:
    """Requests per second and latency of each kind of request."""
    ours, theirs = ports
    ids = range(1, purchases, max(1, purchases // 997))
    last = purchases * 9 // 10 // 100 * 100
    kinds = {
        "point look-up": ([f"/api/v1/ventes/{number}" for number in ids], [f"/ventes/{number}" for number in ids]),
        "page 1 of 100": (["/api/v1/ventes?limit=100"], ["/ventes?limit=100"]),
        f"page {last // 100:,} of 100": ([f"/api/v1/ventes?skip={last}&limit=100"], [f"/ventes?skip={last}&limit=100"]),
        "ca-par-periode": (["/api/v1/aggregations/ca-par-periode?periode=jour"], []),
        "ca-par-periode, three filters": (
            ["/api/v1/aggregations/ca-par-periode?periode=mois&pays=France&produit=Souris&segment=Gold"],
            [],
        ),
    }
    measure_held(ours, {name: kinds[name][0] for name in ("point look-up", "page 1 of 100")}, seconds, rounds)
    print(f"{purchases:,} purchases, {CONNECTIONS} connections, as of {AS_OF}")
    print("| request | Filon | bare | ratio | Filon, one connection: median | p95 |\n|---|---|---|---|---|---|")
    for name, (mine, other) in kinds.items():
        rates = [asyncio.run(ask(ours, mine, seconds, CONNECTIONS)) for _ in range(rounds)]
        bare = [asyncio.run(ask(theirs, other, seconds, CONNECTIONS)) for _ in range(rounds)] if other else []
        alone = sorted(asyncio.run(ask(ours, mine, seconds, 1)))
        mine_rate = statistics.median(len(found) for found in rates) / seconds
        bare_rate = statistics.median(len(found) for found in bare) / seconds if bare else 0.0
        ratio = f"{mine_rate / bare_rate:.2f}" if bare else ""
        median, p95 = statistics.median(alone) * 1000, alone[int(len(alone) * 0.95)] * 1000
        shown = f"{bare_rate:,.0f}/s" if bare else ""
        print(f"| {name} | {mine_rate:,.0f}/s | {shown} | {ratio} | {median:.2f} ms | {p95:.2f} ms |", flush=True)


def measure_held(port: int, kinds: Mapping[str, list[str]], seconds: float, rounds: int) -> None:
    """Requests per second: full answers, those that the client holds already, and full ones while metrics are asked."""
    print("| request | full | 304 | ratio | full, while /metrics is asked ten times a second |\n|---|---|---|---|---|")
    for name, paths in kinds.items():
        tags = asyncio.run(etags(port, paths))
        rates: list[list[float]] = [[], [], []]
        for _ in range(rounds):
            rates[0].append(len(asyncio.run(ask(port, paths, seconds, CONNECTIONS))) / seconds)
            rates[1].append(len(asyncio.run(ask(port, paths, seconds, CONNECTIONS, tags))) / seconds)
            rates[2].append(asyncio.run(beside_metrics(port, paths, seconds)) / seconds)
        full, held, beside = map(statistics.median, rates)
        print(f"| {name} | {full:,.0f}/s | {held:,.0f}/s | {held / full:.1f} | {beside:,.0f}/s |", flush=True)


async def etags(port: int, paths: list[str]) -> dict[str, str]:
    """The ETag of each path that has one."""
    found = {}
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for path in paths:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        _, headers, _ = await answer(reader)
        if "etag" in headers:
            found[path] = headers["etag"]
    writer.close()
    return found


async def beside_metrics(port: int, paths: list[str], seconds: float) -> int:
    """Requests that are answered while another client asks for the metrics ten times a second."""
    asking = asyncio.create_task(ask(port, paths, seconds, CONNECTIONS))
    while not asking.done():
        await ask(port, ["/metrics"], 0.0, 1)
        await asyncio.sleep(METRICS_EVERY_S)
    return len(asking.result())


async def ask(
    port: int, paths: list[str], seconds: float, connections: int, held: Mapping[str, str] | None = None
) -> list[float]:
    """Ask one path after the other over kept connections for some seconds (0: once); gives the latencies.

    ``held`` has the ETags of answers that the client holds: these paths must be answered by 304.
    """
    tags = held or {}
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def client(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        number = first
        while True:
            path = paths[number % len(paths)]
            number += connections
            start = time.perf_counter()
            condition = f"If-None-Match: {tags[path]}\r\n" if path in tags else ""
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{condition}\r\n".encode())
            status, _, _ = await answer(reader)
            latencies.append(time.perf_counter() - start)
            if seconds and status not in ((304,) if path in tags else (200, 404)):
                raise RuntimeError(f"{path}: {status}")
            if time.perf_counter() >= end:
                break
        writer.close()

    await asyncio.gather(*(client(number) for number in range(connections)))
    return latencies


async def answer(reader: asyncio.StreamReader) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body of an answer that says its length, or has none."""
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), headers, await reader.readexactly(int(headers.get("content-length", 0)))


if __name__ == "__main__":
    main()
