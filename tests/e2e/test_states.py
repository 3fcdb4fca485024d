"""What pages say when something is in the way, and how they recover; no traceback ever reaches them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from filon.projects.retail.generate import generate
from tests.e2e.conftest import Site, Visit, served, stocked, visiting
from tests.integration.conftest import ACHATS, CLIENTS, Shop

RECOVERY_MS = 25_000


@pytest.fixture
def small(tmp_path: Path) -> Shop:
    """A shop with a few rows."""
    shop = stocked(tmp_path)
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", ACHATS)
    return shop


@pytest.fixture
def small_site(small: Shop) -> Iterator[Site]:
    """The shop, served before anything was run."""
    yield from served(small)


def _says(visit: Visit, text: str) -> None:
    expect(visit.page.get_by_test_id("stMain")).to_contain_text(text, timeout=RECOVERY_MS)
    assert visit.page.locator("[data-testid='stException']").count() == 0
    assert "Traceback" not in visit.text()


def test_pages_wait_for_the_first_run_then_follow_each_release(small_site: Site, browser: Browser) -> None:
    with visiting(browser, small_site.url) as visit:
        visit.open("?lang=en")
        _says(visit, "No data yet")
        small_site.shop.run()
        expect(visit.page.get_by_test_id("stMetricValue").nth(1)).to_have_text("3", timeout=RECOVERY_MS)
        small_site.shop.put(
            "achats_plus.csv", "id_achat,id_client,date_achat,montant,produit\n99,1,2025-03-01,5,souris\n"
        )
        small_site.shop.run()
        expect(visit.page.get_by_test_id("stMetricValue").nth(1)).to_have_text("4", timeout=RECOVERY_MS)
        assert "Release 2" in visit.text()
        assert not visit.complaints


def test_an_api_that_is_down_is_said_calmly_and_comes_back(small_site: Site, browser: Browser) -> None:
    small_site.shop.run()
    with visiting(browser, small_site.url) as visit:
        small_site.api.stop()
        for path in ("", "clients", "explorateur", "qualite", "pipeline"):
            visit.open(f"{path}?lang=en")
            _says(visit, "The data does not answer")
        visit.open("?lang=en")
        small_site.start_api()
        _says(visit, "Revenue by month")
        assert not visit.complaints


def test_a_store_that_is_lost_is_said_calmly(small_site: Site, browser: Browser) -> None:
    small_site.shop.run()
    with visiting(browser, small_site.url) as visit:
        small_site.api.stop()
        (small_site.shop.folder / "serving.db").write_bytes(b"no database")
        small_site.start_api()
        visit.open("produits?lang=en")
        _says(visit, "The data does not answer")


def test_keys_open_what_their_scope_allows(small: Shop, browser: Browser) -> None:
    small.run()
    read = small.filon("apikey", "create", "read").splitlines()[0]
    admin = small.filon("apikey", "create", "admin", "--scope", "admin").splitlines()[0]
    keys = small.folder / ".filon" / "retail" / "apikeys.json"
    for key, on_overview, on_quality in (
        ("filon_of_nobody", "Access refused", "Access refused"),
        (read, "Revenue by month", "needs an API key of scope admin"),
        (admin, "Revenue by month", "shown of"),
    ):
        for site in served(small, FILON_API_KEYS=str(keys), FILON_API_KEY=key):
            assert httpx.get(f"{site.api_url}/api/v1/tables").status_code == 401
            with visiting(browser, site.url) as visit:
                visit.open("?lang=en")
                _says(visit, on_overview)
                visit.open("qualite?lang=en")
                _says(visit, on_quality)
                assert not visit.complaints


def test_too_many_requests_are_said_calmly(small: Shop, browser: Browser) -> None:
    small.run()
    for site in served(small, FILON_API_RATE_LIMIT="3/hour"):
        with visiting(browser, site.url) as visit:
            visit.open("?lang=en")
            _says(visit, "Too many requests")


def test_tables_older_than_their_promise_are_said_to_be_stale(small_site: Site, browser: Browser) -> None:
    small_site.shop.run()
    with sqlite3.connect(small_site.shop.folder / "serving.db") as database:  # as if the last run were long ago
        for table in ("_records", "_loads"):
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[2] == "TEXT"]
            for column in columns:
                for place, value in database.execute(f"SELECT rowid, {column} FROM {table}").fetchall():
                    old = re.sub(r'("(?:at|checked_at|synced_at|gold_at|loaded_at)":")\d{4}', r"\g<1>2020", value)
                    database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", [old, place])
    with visiting(browser, small_site.url) as visit:
        visit.open("?lang=en")
        _says(visit, "Data older than its contract promises")
        _says(visit, "Revenue by month")


def test_a_failed_run_is_shown_while_the_release_stays(tmp_path: Path, browser: Browser) -> None:
    shop = stocked(tmp_path)
    generate(shop.sources, purchases=500, clients=100)
    shop.run()
    (shop.sources / "clients.csv").write_text("id_client,nom,email,pays\n")
    shop.put("clients.csv", "nothing,of,this\n1,2,3\n")
    shop.filon("run", "--as-of", "2026-01-01")
    for site in served(shop):
        with visiting(browser, site.url) as visit:
            visit.open("pipeline?lang=en")
            _says(visit, "Runs")
            shop.filon("run", "--as-of", "2026-01-01")
            _says(visit, "nothing new")
            visit.open("qualite?lang=en")
            _says(visit, "Files refused")
            assert not visit.complaints
