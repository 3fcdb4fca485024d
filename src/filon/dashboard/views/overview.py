"""Vue d'ensemble: key figures, revenue over time and by country, best clients, and sales by product."""

from __future__ import annotations

import streamlit as st

from filon.dashboard import charts
from filon.dashboard.context import Context
from filon.dashboard.parts import Card, cards, chart
from filon.dashboard.ranking import best_clients, draw_best

FACTS, CLIENTS, PRODUCTS = "fact_ventes", "dim_clients", "dim_produits"
TOP = 10
MOST_BARS = 30


def show(context: Context) -> None:
    """Draw the page."""
    language = context.language
    now, before, registered, months, countries, products, best = context.together(
        *context.compared(),
        lambda: _registered(context),
        lambda: context.analyse("mois", sort="value"),
        lambda: context.analyse("pays"),
        lambda: context.analyse("produit", sort="-nb_ventes", limit=MOST_BARS),
        lambda: best_clients(context, TOP),
    )
    numbers = [
        Card(language.name("ca"), language.money(now["ca"]), now["ca"], before.get("ca")),
        *(
            Card(language.name(name), language.number(now[name]), now[name], before.get(name), about)
            for name, about in (
                ("nb_ventes", None),
                ("nb_clients", language.text("overview.clients_of", total=language.number(registered))),
                ("nb_produits", None),
            )
        ),
    ]
    cards(context, numbers, (FACTS, CLIENTS))

    unit = language.money_unit
    chart(
        context,
        "overview.months",
        lambda style: charts.over_time(style, months, "mois", "ca", unit=unit),
        months,
        (FACTS,),
    )
    height = charts.height_of(max(len(countries), len(products)))
    left, right = st.columns(2)
    with left:
        colours = context.colours("pays")
        chart(
            context,
            "overview.countries",
            lambda style: charts.ranked(style, countries, "pays", "ca", unit=unit, colours=colours),
            countries,
            (FACTS, CLIENTS),
            height=height,
        )
    with right:
        shades = context.colours("produit")
        chart(
            context,
            "overview.products",
            lambda style: charts.ranked(style, products, "produit", "nb_ventes", colours=shades),
            products,
            (FACTS,),
            height=height,
        )
    draw_best(context, "overview.best", best)


def _registered(context: Context) -> int:
    """How many clients there are in the countries and segments chosen, whether they bought or not."""
    query = [*context.filters.of("pays", "segment"), ("limit", "1")]
    return int(context.answer(context.tables[CLIENTS]["path"], query).data["total"])
