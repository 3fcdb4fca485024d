"""Every view over the real API, on each store: its numbers, texts and filters."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from filon.dashboard.language import Code, Language
from filon.dashboard.parts import ASK
from tests.integration.api.conftest import ServedApi
from tests.integration.dashboard.conftest import PATHS, Draw

ENGLISH = Language(Code.ENGLISH, "EUR", "Europe/Paris")
FRENCH = Language(Code.FRENCH, "EUR", "Europe/Paris")


def _cards(page: AppTest) -> dict[str, str]:
    return {card.label: card.value for card in page.metric}


def _total(served: ServedApi, where: str = "TRUE") -> tuple[Any, int, int]:
    facts = served.shop.rows("fact_ventes", f"CASE WHEN {where} THEN id_client END, montant")
    chosen = [(client, amount) for client, amount in facts if client is not None]
    return sum(amount for _, amount in chosen), len(chosen), len({client for client, _ in chosen})


TITLES = {
    "overview": ("Vue d'ensemble", "Overview"),
    "revenue": ("Chiffre d'affaires", "Revenue"),
    "clients": ("Clients", "Clients"),
    "products": ("Produits", "Products"),
    "explorer": ("Explorateur", "Explorer"),
    "quality": ("Qualité", "Quality"),
    "pipeline": ("Pipeline", "Pipeline"),
}


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("language", [FRENCH, ENGLISH], ids=["fr", "en"])
def test_every_page_is_drawn_in_both_languages(draw: Draw, name: str, language: Language) -> None:
    page = draw(name, lang=language.code.value)
    assert page.title[0].value == TITLES[name][language is ENGLISH]
    assert not page.error
    assert not page.warning


def test_overview_counts_what_gold_holds(draw: Draw, served: ServedApi) -> None:
    revenue, sales, clients = _total(served)
    cards = _cards(draw("overview"))
    assert cards["Revenue"] == ENGLISH.money(revenue, cents=False)
    assert cards["Sales"] == ENGLISH.number(sales)
    assert cards["Clients"] == ENGLISH.number(clients)


def test_overview_compares_with_the_same_days_of_last_year(draw: Draw, served: ServedApi) -> None:
    now, _, _ = _total(served, "annee = 2025")
    before, _, _ = _total(served, "annee = 2024")
    page = draw("overview", periode="custom", days=["2025-01-01", "2025-12-31"])
    assert _cards(page)["Revenue"] == ENGLISH.money(now, cents=False)
    assert page.metric[0].delta == f"{ENGLISH.percent(now / before - 1, signed=True)} on last year"
    assert draw("overview").metric[0].delta == ""


def test_revenue_names_the_best_and_the_worst_month(draw: Draw, served: ServedApi) -> None:
    months = [amount for (amount,) in served.shop.rows("kpi_ca_par_mois", "ca_total")]
    cards = _cards(draw("revenue"))
    assert cards["Total"] == ENGLISH.money(sum(months), cents=False)
    assert cards["Maximum per month"] == ENGLISH.money(max(months), cents=False)
    assert cards["Minimum per month"] == ENGLISH.money(min(months), cents=False)
    assert cards["Mean per month"] == ENGLISH.money(sum(months) / len(months), cents=False)
    years = served.shop.rows("fact_ventes", "sum(montant) FILTER (annee = 2024), sum(montant) FILTER (annee = 2025)")
    assert _cards(draw("revenue", granularite="annee"))["Maximum per year"] == ENGLISH.money(max(years[0]), cents=False)


def test_clients_are_listed_by_country_with_the_best_on_top(draw: Draw, served: ServedApi) -> None:
    clients = sorted(
        row for row in served.shop.rows("dim_clients", "-total_ca, id_client, nom, pays") if row[3] in ("UK", "Italie")
    )
    page = draw("clients", pays=["UK", "Italie"])
    shown = page.dataframe[0].value
    assert list(shown["Name"]) == [name for _, _, name, _ in clients[: len(shown)]]
    assert [text.value for text in page.markdown if f"of **{len(clients)}**" in text.value]


def test_products_show_the_statistics_of_gold(draw: Draw, served: ServedApi) -> None:
    gold = served.shop.rows("kpi_stats_distribution", 'produit, count, mean, std, min, "25%", "50%", "75%", max')
    shown = draw("products").dataframe[0].value.drop(columns=ASK)
    assert [tuple(row) for row in shown.itertuples(index=False)] == [
        (name, count, *(float(number) for number in numbers)) for name, count, *numbers in gold
    ]


def test_explorer_pages_sorts_and_filters_any_table(draw: Draw, served: ServedApi) -> None:
    page = draw("explorer", table="fact_ventes")
    first = list(page.dataframe[-1].value["Purchase no."])
    keys = [key for (key,) in served.shop.rows("fact_ventes", "id_achat")]
    assert first == keys[:25]
    page.button(key="explorer.page.next").click().run()
    assert list(page.dataframe[-1].value["Purchase no."]) == keys[25:50]
    page.selectbox(key="sort.fact_ventes").select("-id_achat").run()
    assert list(page.dataframe[-1].value["Purchase no."]) == keys[::-1][:25]
    page.text_input(key="filter.fact_ventes.montant.min").input("1900").run()
    [(most,)] = served.shop.rows("fact_ventes", "count(*) FILTER (montant >= 1900)")
    assert any(f"of **{most}**" in text.value for text in page.markdown)


def test_explorer_says_what_is_wrong_with_a_value(draw: Draw) -> None:
    page = draw("explorer", table="fact_ventes")
    page.text_input(key="filter.fact_ventes.montant.min").input("beaucoup").run()
    assert not page.exception
    assert any("cannot be answered" in heading.value for heading in page.subheader)
    assert any("montant\\_min" in caption.value for caption in page.caption)


def test_quality_shows_what_became_of_every_row(draw: Draw, served: ServedApi) -> None:
    report = served.shop.run()
    sums = {name: sum(item[name] for item in report["datasets"]) for name in ("read", "accepted", "rejected")}
    cards = _cards(draw("quality"))
    assert cards["Read"] == ENGLISH.number(sums["read"])
    assert cards["Accepted"] == ENGLISH.number(sums["accepted"])
    assert cards["Rejected"] == ENGLISH.number(sums["rejected"])
    assert cards["Checks"] == f"{len(report['checks'])} / {len(report['checks'])}"


def test_pipeline_shows_runs_and_the_state_of_every_collection(draw: Draw, served: ServedApi) -> None:
    page = draw("pipeline")
    assert _cards(page)["Collections loaded"] == "11 / 11"
    collections = page.dataframe[0].value
    assert set(collections["Table"]) >= {"dim_clients", "fact_ventes", "kpi_stats_distribution"}
    assert list(page.dataframe[1].value["Release"])[:2] == [2, 1]


def test_pipeline_shows_the_sql_of_the_table_that_is_chosen(draw: Draw) -> None:
    page = draw("pipeline")
    page.selectbox(key="lineage.table").select("dim_produits").run()
    assert "FROM achats" in page.code[0].value
