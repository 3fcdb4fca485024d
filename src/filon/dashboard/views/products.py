"""Produits: volumes, shares of revenue, and distribution of amounts."""

from __future__ import annotations

import streamlit as st

from filon.dashboard import charts
from filon.dashboard.client import Row
from filon.dashboard.context import Context
from filon.dashboard.parts import Card, cards, chart, footer, table

FACTS = "fact_ventes"
MOST_SHOWN = 30


def show(context: Context) -> None:
    """Draw the page."""
    language = context.language
    unit = language.money_unit
    now, before, products = context.together(
        *context.compared(),
        lambda: context.analyse("produit", sort="-nb_ventes", stats="ca", limit=MOST_SHOWN),
    )
    colours = context.colours("produit")
    _numbers(context, now, before)
    left, right = st.columns(2)
    with left:
        chart(
            context,
            "products.volumes",
            lambda style: charts.treemap(style, products, "produit", "nb_ventes", colours),
            products,
            (FACTS,),
        )
    with right:
        largest = sorted(products, key=lambda row: -row["ca"])
        chart(
            context,
            "products.shares",
            lambda style: charts.shares(style, largest, "produit", "ca", colours),
            largest,
            (FACTS,),
        )
    named = sorted(products, key=lambda row: str(row["produit"]))
    chart(
        context,
        "products.boxes",
        lambda style: charts.boxes(style, named, "produit", "stats", colours, unit=unit),
        named,
        (FACTS,),
        about=language.text("products.boxes.about"),
        height=420,
    )
    with st.container(border=True):
        st.subheader(language.text("products.table.title"), anchor=False)
        if not named:
            st.info(language.text("state.no_rows"), icon=":material/filter_alt_off:")
            return
        rows = [{"produit": row["produit"], **row["stats"]} for row in named]
        amounts = [name for name in rows[0] if name not in ("produit", "count")]
        table(context, "products.table", rows, {"count": language.number, **dict.fromkeys(amounts, language.money)})
        footer(context, "products.table", rows, (FACTS,))


def _numbers(context: Context, now: Row, before: Row) -> None:
    language = context.language

    def basket(row: Row) -> float | None:
        return float(str(row["ca"])) / float(str(row["nb_ventes"])) if row.get("nb_ventes") else None

    cards(
        context,
        [
            Card(
                language.name("nb_produits"),
                language.number(now["nb_produits"]),
                now["nb_produits"],
                before.get("nb_produits"),
            ),
            Card(
                language.name("nb_ventes"), language.number(now["nb_ventes"]), now["nb_ventes"], before.get("nb_ventes")
            ),
            Card(
                language.name("panier_moyen"),
                language.money(basket(now)),
                basket(now),
                basket(before) if before else None,
            ),
        ],
        (FACTS,),
    )
