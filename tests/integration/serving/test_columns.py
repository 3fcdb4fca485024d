"""Columns of facts in a store: what a load writes of them, and what it leaves alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from filon.project.loader import load_project
from filon.projects import retail
from filon.serving.columns.chunks import read_chunk
from filon.serving.columns.stored import chunk_table
from filon.serving.query import Query
from filon.serving.served import served_tables
from filon.serving.stores import open_store
from tests.integration.conftest import ACHATS, Shop

ANALYSIS = served_tables(load_project(retail.FOLDER))["fact_ventes"].analysis
assert ANALYSIS is not None
TABLE = chunk_table(ANALYSIS)
HEADER = ACHATS.splitlines()[0] + "\n"


@pytest.fixture
def selling(shop: Shop, store_uri: str) -> Shop:
    """A shop that is served from an empty store of each kind."""
    return replace(shop, extra={"FILON_SERVING": store_uri})


def chunks(uri: str, load: int | None = None) -> dict[str, dict[str, Any]]:
    """The chunks that readers of a load see, by month."""

    async def read() -> dict[str, dict[str, Any]]:
        store = open_store(uri)
        found = next(state for state in await store.states() if load in (None, state.load))
        rows = await store.find(found.id, TABLE, Query(TABLE.total_order(())))
        await store.shut_readers()
        store.shut()
        return {str(row["month"]): dict(row) for row in rows}

    return asyncio.run(read())


def test_a_chunk_holds_what_analyses_need_of_a_month(selling: Shop, store_uri: str) -> None:
    selling.run()
    found = chunks(store_uri)
    assert {month: chunk["rows"] for month, chunk in found.items()} == {"2025-01": 1, "2025-02": 2}
    columns = read_chunk(found["2025-02"]["data"]).to_pydict()
    assert columns["day"] == [5, 6]
    assert columns["by pays"] == ["France", "UK"]
    assert columns["by produit"] == ["Clavier", "Souris"]
    assert columns["by id_client"] == [1, 2]
    assert columns["sum of montant"] == [20050, 5000]


def test_only_months_that_changed_are_written(selling: Shop, store_uri: str) -> None:
    selling.run()
    before = chunks(store_uri)
    selling.put("achats_2.csv", HEADER + "20,3,2025-03-01,1.00,tapis\n21,3,2025-02-01,2.00,tapis\n")
    selling.run()
    after = chunks(store_uri)
    assert {month: chunk["rows"] for month, chunk in after.items()} == {"2025-01": 1, "2025-02": 3, "2025-03": 1}
    assert after["2025-01"]["digest"] == before["2025-01"]["digest"]
    assert after["2025-02"]["digest"] != before["2025-02"]["digest"]
    assert chunks(store_uri, load=1) == before, "the release before can still be asked"


def test_a_change_of_a_dimension_rewrites_the_months_of_its_facts(selling: Shop, store_uri: str) -> None:
    selling.run()
    before = chunks(store_uri)
    selling.put("clients_2.csv", "id_client,nom,email,date_inscription,pays\n2,Bob,bob@exemple.fr,2024-02-01,Italie\n")
    selling.run()
    after = chunks(store_uri)
    assert after["2025-01"]["digest"] == before["2025-01"]["digest"]
    assert read_chunk(after["2025-02"]["data"]).to_pydict()["by pays"] == ["France", "Italie"]


def test_a_replaced_file_ends_the_chunks_of_months_that_are_gone(selling: Shop, store_uri: str) -> None:
    selling.run()
    selling.put("achats.csv", "\n".join(ACHATS.splitlines()[:2]) + "\n")
    selling.run()
    assert list(chunks(store_uri)) == ["2025-01"]
    selling.filon("retract", "--yes", "achats.csv")
    selling.run()
    assert chunks(store_uri) == {}


def test_force_and_a_swept_lake_write_all_months(selling: Shop, store_uri: str) -> None:
    selling.run()
    months = list(chunks(store_uri))
    selling.run("--force")
    assert list(chunks(store_uri)) == months
    selling.put("achats_2.csv", HEADER + "20,3,2025-03-01,1.00,tapis\n")
    selling.run("--until", "release")
    selling.filon("sweep", "--keep", "1", "--hours", "0")
    selling.run()
    assert list(chunks(store_uri)) == [*months, "2025-03"]
