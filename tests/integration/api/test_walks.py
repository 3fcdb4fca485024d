"""Random walks: one living API, while its store is loaded, rolled back, dropped, put back from a copy and asked.

Whatever happened before, an answer must be what DuckDB finds in the gold files of the release that its header names.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from httpx import Client, Response

from filon.project.loader import load_project
from filon.projects import retail
from filon.serving import marking
from tests.integration.api.conftest import PAYS, PRODUITS, ServedApi, arrive, exact
from tests.integration.conftest import AS_OF, Shop
from tests.integration.replacing import Stored, stored_at

MEASURES = (
    "coalesce(sum(montant), 0) AS ca, count(*) AS nb_ventes, "
    "count(DISTINCT id_client) AS nb_clients, count(DISTINCT id_produit) AS nb_produits"
)
PATIENCE_S = 20
FIRST_RELEASES = 3


@dataclass(frozen=True)
class Question:
    """A path, and the query over gold that finds the rows of its answer; ``rows`` takes them from the answer."""

    path: str
    sql: str
    rows: Callable[[Any], Any]


def questions(chance: random.Random) -> Question:
    """Any question."""
    pays, produit, skip = chance.choice(PAYS), chance.choice(PRODUITS), chance.choice([0, 7, 45])
    by = chance.choice(["pays", "produit", "segment", "id_client", "mois,pays", "mois,produit"])
    facts = (
        "(SELECT fact_ventes.*, segment_client AS segment, pays FROM fact_ventes JOIN dim_clients USING (id_client))"
    )
    where = chance.choice(["TRUE", f"pays = '{pays}'", f"produit = '{produit}'"])
    wanted = "" if where == "TRUE" else f"&{where.replace(' = ', '=').replace(chr(39), '')}"
    analyse = "/api/v1/aggregations/analyse"
    return chance.choice(
        [
            Question(
                f"{analyse}?by={by}&sort=value{wanted}",
                f"SELECT {by}, {MEASURES} FROM {facts} WHERE {where} GROUP BY {by} ORDER BY {by}",
                lambda body: [tuple(row.values()) for row in body["data"]],
            ),
            Question(
                f"{analyse}?sort=ca{wanted}",
                f"SELECT {MEASURES} FROM {facts} WHERE {where}",
                lambda body: [tuple(row.values()) for row in body["data"]],
            ),
            Question(
                f"/api/v1/aggregations/ca-total?pays={pays}",
                f"SELECT coalesce(sum(montant), 0), count(*) FROM {facts} WHERE pays = '{pays}'",
                lambda body: [(Decimal(body["ca_total"]), body["nb_ventes"])],
            ),
            Question(
                f"/api/v1/clients?pays={pays}&limit=1&fields=pays",
                f"SELECT count(*) FROM dim_clients WHERE pays = '{pays}'",
                lambda body: [(body["total"],)],
            ),
            Question(
                f"/api/v1/ventes?produit={produit}&fields=id_achat,montant&skip={skip}&limit=1000",
                "SELECT id_achat, montant FROM fact_ventes "
                f"WHERE produit = '{produit}' ORDER BY id_achat OFFSET {skip}",
                lambda body: [tuple(row.values()) for row in body["data"]],
            ),
            Question(
                f"/api/v1/ventes?fields=id_achat,id_client,montant&skip={skip}&limit=20",
                f"SELECT id_achat, id_client, montant FROM fact_ventes ORDER BY id_achat LIMIT 20 OFFSET {skip}",
                lambda body: [tuple(row.values()) for row in body["data"]],
            ),
        ]
    )


@dataclass
class Oracle:
    """Gold of every release, as DuckDB reads it from the lake."""

    served: ServedApi
    connection: duckdb.DuckDBPyConnection
    known: dict[tuple[int, str], list[tuple[Any, ...]]] = field(default_factory=dict)

    def rows(self, release: int, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds in a release."""
        if (release, sql) not in self.known:
            for table in ("fact_ventes", "dim_clients"):
                files = self.served.files(table, release)
                self.connection.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT * FROM read_parquet({files})")
            self.known[release, sql] = self.connection.execute(sql).fetchall()
        return self.known[release, sql]


@dataclass(frozen=True)
class Held:
    """An answer that a client keeps, with its ETag."""

    question: Question
    etag: str
    rows: Any


class Walk:
    """One walk: its store, the API over it, and what a client remembers of it."""

    def __init__(self, served: ServedApi, store: Stored, chance: random.Random, api: ExitStack) -> None:
        self._served = served
        self._store = store
        self._chance = chance
        self._curious = random.Random(0)  # noqa: S311 - no secret; how much is asked depends on the computer
        self._api = api
        self._oracle = Oracle(served, duckdb.connect())
        self._held: list[Held] = []
        self._cursors: list[tuple[str, int, int]] = []
        self._steps: list[str] = []
        self._saved = False
        self._content = 0
        self.restart()

    def restart(self) -> None:
        """Another process of the API; the client keeps what it has."""
        self._api.close()
        self._client: Client = self._api.enter_context(self._served.client())

    def go(self, steps: int) -> None:
        """Let things happen in a random order, and ask meanwhile and after each."""
        happenings = [*[self._roll_back] * 5, self._run, self._drop, self._drop, self.restart, self._copy, self._copy]
        for happening in self._chance.sample(happenings, steps):
            self._steps.append(happening.__name__)
            happening()
            self._wait_for_the_newest()
            for _ in range(8):
                self._ask(questions(self._curious))
            self._go_on()

    def _roll_back(self) -> None:
        others = [number for number in range(1, FIRST_RELEASES + 1) if number != self._content]
        self._content = self._chance.choice(others)
        self._while_asking("rollback", str(self._content))

    def _run(self) -> None:
        self._content = 0
        arrive(self._served.shop, self._chance)
        self._while_asking("run", "--as-of", AS_OF)

    def _drop(self) -> None:
        """Take the store away, and let the next run fill it, with what was there or with something else."""
        self._store.drop()
        if self._chance.random() < 0.5:
            self._content = 0
            arrive(self._served.shop, self._chance)
        self._while_asking("run", "--as-of", AS_OF)

    def _copy(self) -> None:
        """Save the store, or put back what was saved."""
        if self._saved:
            self._store.put_back()
        else:
            self._store.save()
            self._steps[-1] += " is saved"
        self._saved = not self._saved

    def _while_asking(self, *command: str) -> None:
        """Run a command. The store may be empty, and what is read may go, while it runs."""
        self._steps.append(" ".join(command))
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self._served.shop.filon, *command)
            while not wait([running], timeout=0.1).done:
                self._ask(questions(self._curious), 410, 503)
            running.result()

    def _wait_for_the_newest(self) -> None:
        """Until the API answers from the newest load of the store; within a second, but computers may be slow."""
        expected, deadline = self._store.release(), time.monotonic() + PATIENCE_S
        while (answer := self._client.get("/api/v1/clients?limit=1")).headers.get("X-Filon-Release") != str(expected):
            assert time.monotonic() < deadline, (expected, answer.status_code, answer.text[:200], self._steps)

    def _ask(self, question: Question, *others: int) -> None:
        """Ask, as a client that holds an answer; ``others``: what else may happen."""
        held = [answer for answer in self._held if answer.question.path == question.path]
        given = self._curious.choice(held) if held else None
        answer = self._client.get(question.path, headers={"If-None-Match": given.etag} if given else {})
        if answer.status_code in others:
            return
        assert answer.status_code in (200, 304), (question.path, answer.status_code, answer.text, self._steps)
        rows = given.rows if given and answer.status_code == 304 else question.rows(exact(answer))
        release = int(answer.headers["X-Filon-Release"])
        expected = self._oracle.rows(release, question.sql)
        assert rows == expected, (question.path, release, answer.status_code, self._steps)
        self._held.append(Held(question, answer.headers["ETag"], rows))
        self._keep_cursor(answer, release)

    def _keep_cursor(self, answer: Response, release: int) -> None:
        if (link := answer.links.get("next")) and "limit=20" in link["url"]:
            self._cursors.append((link["url"], release, exact(answer)["skip"] + 20))

    def _go_on(self) -> None:
        """Go on where a page ended: with rows of the release that it was of, or not at all."""
        for url, release, place in self._curious.sample(self._cursors, min(5, len(self._cursors))):
            answer = self._client.get(url)
            if answer.status_code == 410:
                continue
            assert answer.headers["X-Filon-Release"] == str(release), (url, self._steps)
            sql = f"SELECT id_achat, id_client, montant FROM fact_ventes ORDER BY id_achat LIMIT 20 OFFSET {place}"
            found = [tuple(row.values()) for row in exact(answer)["data"]]
            assert found == self._oracle.rows(release, sql), (url, release, self._steps)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop with a few releases that have no month in common."""
    shop = Shop(tmp_path_factory.mktemp("walked"), extra={"FILON_SERVING": "none"})
    chance = random.Random(0)  # noqa: S311 - no secret
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marking, "FEWEST_FOR_MARKS", 30)  # so that even these small tables are jumped through
        patch.setattr(marking, "SMALLEST_STEP", 10)
        for _ in range(FIRST_RELEASES):
            arrive(shop, chance)
            shop.run()
        yield shop


def walk(shop: Shop, store_uri: str, seed: int, steps: int) -> None:
    served = ServedApi(replace(shop, extra={"FILON_SERVING": store_uri}), store_uri, load_project(retail.FOLDER))
    served.shop.run()
    with ExitStack() as api:
        Walk(served, stored_at(store_uri), random.Random(seed), api).go(steps)  # noqa: S311 - no secret


def test_no_walk_leads_to_an_answer_that_is_not_of_its_release(walked: Shop, tmp_path: Path) -> None:
    walk(walked, f"sqlite:///{tmp_path / 'serving.db'}", seed=1, steps=11)


def test_no_walk_over_mongodb_does_either(walked: Shop, mongo_database: str) -> None:
    walk(walked, mongo_database, seed=2, steps=7)
