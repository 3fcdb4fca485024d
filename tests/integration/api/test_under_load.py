"""Many readers during loads, rollbacks and crashes: no answer mixes releases, none fails but by saying so."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from filon.api import create_app
from filon.api.snapshot import FRESH_S
from filon.project.loader import load_project
from filon.projects import retail
from filon.projects.retail.generate import generate
from filon.serving.stores import open_store
from filon.settings import Settings
from tests.integration.api.conftest import answering
from tests.integration.conftest import AS_OF, Shop
from tests.integration.polling import until
from tests.integration.servers import Mongod

HEADER = "id_achat,id_client,date_achat,montant,produit\n"
CLIENTS, REQUESTS = 20, 5_000
SUMS = {
    "/api/v1/aggregations/ca-total": "ca_total",
    "/api/v1/kpis/ca-par-mois": "ca_total",
    "/api/v1/kpis/ca-par-pays": "ca_total",
    "/api/v1/kpis/volume-par-produit": "ca_total",
    "/api/v1/aggregations/ca-par-periode": "ca",
    "/api/v1/aggregations/analyse?by=pays": "ca",
    "/api/v1/aggregations/analyse?by=mois,produit": "ca",
}


@dataclass
class Seen:
    """What readers were told: per release, the revenue that each endpoint adds up to; and what went wrong."""

    revenue: dict[str, dict[str, set[Decimal]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    failures: list[str] = field(default_factory=list)
    answers: int = 0
    releases: int = 0


@pytest.fixture
def busy(tmp_path: Any, store_uri: str) -> Shop:
    """A shop with a first release in a store of each kind."""
    shop = Shop(tmp_path, extra={"FILON_SERVING": store_uri, "FILON_SERVING_KEEP": "2"})
    generate(shop.sources, purchases=800, clients=100)
    shop.run()
    return shop


@pytest.fixture
def address(busy: Shop, store_uri: str) -> Iterator[str]:
    """Its API."""
    settings = Settings(api_keys=busy.folder / "keys.json", api_rate_limit="none")
    with answering(create_app(load_project(retail.FOLDER), open_store(store_uri), settings)) as found:
        yield found


def change(shop: Shop, number: int) -> None:
    """Another release: purchases that were not there, and others that are gone."""
    shop.put("achats_more.csv", HEADER + f"{900000 + number},1,2025-0{1 + number % 9}-01,{number}.50,Souris\n")


async def read(address: str, seen: Seen, requests: int, releases: int = 0) -> None:
    """One client, asking one endpoint after the other, until so many releases came at least."""
    async with httpx.AsyncClient(base_url=address, timeout=30) as client:
        for number in count():
            if number >= requests and seen.releases >= releases:
                break
            path, column = list(SUMS.items())[number % len(SUMS)]
            answer = await client.get(path)
            seen.answers += 1
            if answer.status_code != 200:
                seen.failures.append(f"{path}: {answer.status_code} {answer.text[:200]}")
                continue
            body = json.loads(answer.content, parse_float=Decimal)
            revenue = sum((Decimal(row[column]) for row in body.get("data", [body])), start=Decimal(0))
            seen.revenue[answer.headers["X-Filon-Release"]][path].add(revenue)


async def write(shop: Shop, seen: Seen, done: asyncio.Event) -> None:
    """Release after release, and a rollback now and then, until the readers are done."""
    for number in count(1):
        if done.is_set():
            break
        change(shop, number)
        arguments = ["run", "--as-of", AS_OF] if number % 4 else ["rollback", "1"]
        process = await asyncio.to_thread(shop.start, *arguments)
        output, _ = await asyncio.to_thread(process.communicate)
        seen.releases = number
        seen.failures += [output] if process.returncode else []


def test_no_answer_mixes_releases_and_none_fails_while_releases_flip(busy: Shop, address: str) -> None:
    seen = Seen()

    async def all_at_once() -> None:
        done = asyncio.Event()
        writing = asyncio.create_task(write(busy, seen, done))
        await asyncio.gather(*(read(address, seen, REQUESTS // CLIENTS, releases=3) for _ in range(CLIENTS)))
        done.set()
        await writing

    asyncio.run(all_at_once())
    assert seen.failures == []
    assert seen.answers >= REQUESTS
    assert len(seen.revenue) >= 3, "readers met several releases"
    for release, by_path in seen.revenue.items():
        sums = set().union(*by_path.values())
        assert len(sums) == 1, (release, dict(by_path))


def test_a_walk_by_cursor_sees_every_row_of_one_release_once(busy: Shop, address: str) -> None:
    with httpx.Client(base_url=address, timeout=30) as client:
        expected = client.get("/api/v1/ventes", params={"limit": 1000, "fields": "id_achat"}).json()
        seen, url, pages = [], "/api/v1/ventes?limit=100&fields=id_achat", 0
        while url:
            answer = client.get(url)
            assert answer.status_code == 200, answer.text
            assert answer.headers["X-Filon-Release"] == "1"
            seen += answer.json()["data"]
            url = answer.links.get("next", {}).get("url", "")
            pages += 1
            if pages in (2, 5):
                change(busy, pages)
                busy.run()
        assert seen == expected["data"]
        assert client.get("/health").json()["release"] == 3


@pytest.fixture
def fragile(tmp_path: Any, mongod: Mongod) -> Iterator[tuple[Shop, str, Mongod]]:
    """A shop, the address of its API, and the MongoDB server behind it, which may be killed."""
    uri = f"{mongod.uri}/analytics"
    shop = Shop(tmp_path, extra={"FILON_SERVING": uri})
    generate(shop.sources, purchases=800, clients=100)
    shop.run()
    settings = Settings(api_keys=shop.folder / "keys.json", api_rate_limit="none")
    with answering(create_app(load_project(retail.FOLDER), open_store(uri), settings)) as address:
        yield shop, address, mongod


def test_a_server_that_is_killed_is_a_problem_document_in_seconds_and_comes_back_by_itself(
    fragile: tuple[Shop, str, Mongod],
) -> None:
    _, address, mongod = fragile
    paths = [*SUMS, "/api/v1/clients?limit=5", "/api/v1/ventes?pays=x", "/health", "/api/v1/ventes?format=csv"]
    with httpx.Client(base_url=address, timeout=10) as client:
        before = {path: client.get(path).status_code for path in paths}
        mongod.kill()
        time.sleep(FRESH_S)  # so long the API does not ask which load is the newest, and may answer from memory
        for path in paths:
            answer = client.get(path)
            if before[path] == 200:
                assert answer.status_code == 503, (path, answer.text)
            if answer.status_code == 503 and path != "/health":
                assert answer.headers["Content-Type"].startswith("application/problem+json")
                assert int(answer.headers["Retry-After"]) > 0
        assert client.get("/health/live").status_code == 200
        mongod.start()
        until(lambda: client.get("/api/v1/clients").status_code == 200, "the API answers again")
        assert {path: client.get(path).status_code for path in paths} == before


def _is_loading(uri: str) -> bool:
    """Whether a loader writes a load, or undoes that of a loader that was killed."""
    with MongoClient[Any](uri) as client:
        lease = client["analytics"]["_load_lock"].find_one({"_id": "loader"})
    return lease is not None and lease["owner"] is not None and lease.get("load") is not None


def _end_lease(uri: str) -> None:
    """What half a minute does to the lease of a load that was cut off."""
    with MongoClient[Any](uri) as client:
        client["analytics"]["_load_lock"].update_one({"_id": "loader"}, {"$set": {"owner": None}})


def test_readers_during_kills_of_the_server_see_whole_releases_or_problems(
    fragile: tuple[Shop, str, Mongod],
) -> None:
    shop, address, mongod = fragile
    seen = Seen()

    async def crash() -> None:
        for number in (1, 2):
            change(shop, number)
            process: subprocess.Popen[str] = await asyncio.to_thread(shop.start, "run", "--as-of", AS_OF)
            await asyncio.to_thread(until, lambda: _is_loading(mongod.uri), "a load", 180)
            await asyncio.to_thread(mongod.kill)
            await asyncio.to_thread(process.communicate)
            await asyncio.to_thread(mongod.start)
            await asyncio.to_thread(_end_lease, mongod.uri)

    async def all_at_once() -> None:
        crashing = asyncio.create_task(crash())
        while not crashing.done():
            await asyncio.gather(*(read(address, seen, 10) for _ in range(5)))
        await crashing

    asyncio.run(all_at_once())
    assert all(": 503 " in failure for failure in seen.failures), seen.failures
    for release, by_path in seen.revenue.items():
        assert len(set().union(*by_path.values())) == 1, (release, dict(by_path))
    assert replace(shop).run()["serving"]["release"] == shop.release()["number"]
    assert shop.run()["serving"]["inserted"] == 0
