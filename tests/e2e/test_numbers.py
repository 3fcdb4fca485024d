"""What the pages say is what the API and gold say, with and without filters."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import httpx
import pytest

from filon.dashboard.blocks.cards import CENTS_BELOW
from filon.dashboard.language import Code, Language
from tests.e2e.conftest import PAGES, Site, Visit

ENGLISH = Language(Code.ENGLISH, "EUR", "Europe/Paris")
MOST_CALLS = 20
"""Requests to the API for one page that was never drawn before; drawn again, those that do not belong to a release."""
MOST_CALLS_AGAIN = 10


def _api(site: Site, path: str, **parameters: str) -> Any:
    return httpx.get(f"{site.api_url}/api/v1/{path}", params=parameters, timeout=30).json()


def _requests(site: Site) -> int:
    text = httpx.get(f"{site.api_url}/metrics").text
    counts = re.findall(r'filon_api_requests_total\{.*route="(?!/metrics|/health)[^"]*".*\} ([0-9.]+)', text)
    return sum(int(float(count)) for count in counts)


def _bars(visit: Visit, title: str) -> list[tuple[str, float]]:
    """Names and values of a chart of horizontal bars."""
    card = visit.page.locator("[data-testid='stVerticalBlock']").filter(
        has=visit.page.get_by_role("heading", name=title, exact=True)
    )
    bars = "plot => plot.data[0].hovertext.map((text, i) => [text.split('<br>')[0], plot.data[0].x[i]])"
    return [(name, amount) for name, amount in card.last.locator(".js-plotly-plot").evaluate(bars)]


def test_every_number_of_the_overview_is_that_of_the_api_and_of_gold(visit: Visit, site: Site) -> None:
    [(revenue, sales, clients, products)] = site.shop.rows(
        "fact_ventes", "sum(montant), count(*), count(DISTINCT id_client), count(DISTINCT id_produit)"
    )
    total = _api(site, "aggregations/ca-total")
    assert (Decimal(str(total["ca_total"])), total["nb_ventes"]) == (revenue, sales)
    visit.open("?lang=en")
    assert visit.metric("Revenue") == ENGLISH.money(revenue, cents=False)
    assert visit.metric("Sales") == ENGLISH.number(sales)
    assert visit.metric("Clients") == ENGLISH.number(clients)
    assert visit.metric("Products") == ENGLISH.number(products)
    visit.wait_for_charts(4)
    countries = site.shop.rows("kpi_ca_par_pays", "-ca_total, pays")
    assert _bars(visit, "Revenue by country") == [(name, -float(amount)) for amount, name in countries]
    volumes = site.shop.rows("kpi_volume_par_produit", "rang, produit, nb_ventes")
    assert _bars(visit, "Volume by product") == [(name, sales) for _, name, sales in volumes]
    best = site.shop.rows("kpi_top_clients", "rang, nom, total_ca")[:10]
    assert _bars(visit, "The 10 best clients") == [(name, float(amount)) for _, name, amount in best]
    months = visit.page.locator(".js-plotly-plot").first.evaluate(
        "plot => plot.data.find(trace => trace.type === 'bar').y"
    )
    assert months == [float(amount) for _, amount in site.shop.rows("kpi_ca_par_mois", "mois, ca_total")]


def test_filtered_numbers_are_those_of_the_rows(visit: Visit, site: Site) -> None:
    where = "segment_client IN ('Gold', 'Silver') AND produit = 'Souris' AND annee = 2025"
    facts = site.shop.rows("fact_ventes", f"CASE WHEN {where} THEN id_client END, montant")
    chosen = [(client, amount) for client, amount in facts if client is not None]
    assert chosen
    visit.open("?lang=en&segment=Gold&segment=Silver&produit=Souris&periode=annee")
    revenue = sum(amount for _, amount in chosen)
    assert visit.metric("Revenue") == ENGLISH.money(revenue, cents=revenue < CENTS_BELOW)
    assert visit.metric("Sales") == ENGLISH.number(len(chosen))
    assert visit.metric("Clients") == ENGLISH.number(len({client for client, _ in chosen}))
    assert visit.metric("Products") == "1"
    assert "on last year" in visit.text()


@pytest.mark.parametrize("path", PAGES)
def test_the_number_of_requests_for_a_page_is_bounded(visit: Visit, site: Site, path: str) -> None:
    for most in (MOST_CALLS, MOST_CALLS_AGAIN):
        before = _requests(site)
        visit.open(f"{path}?pays=UK&periode=90j")
        assert _requests(site) - before <= most
