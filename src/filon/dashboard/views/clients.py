"""Clients: the best ones, what kinds there are, and the list."""

from __future__ import annotations

import streamlit as st

from filon.dashboard import charts
from filon.dashboard.context import Context
from filon.dashboard.paging import paged_table
from filon.dashboard.parts import Card, cards, chart
from filon.dashboard.ranking import MOST_AT_ONCE, best_clients

FACTS, CLIENTS = "fact_ventes", "dim_clients"
SHOWN = (
    "id_client",
    "nom",
    "email",
    "pays",
    "segment",
    "total_ca",
    "nb_achats",
    "premiere_commande",
    "derniere_commande",
)


def show(context: Context) -> None:
    """Draw the page."""
    language = context.language
    unit = f" {language.symbol}"
    _numbers(context)
    most = st.slider(language.text("clients.top"), 5, MOST_AT_ONCE, 20, 5, key="top", bind="query-params")
    best = best_clients(context, most)
    colours = context.colours("pays")
    chart(
        context,
        "clients.best",
        lambda style: charts.ranked(style, best, "nom", "ca", unit=unit, colours=colours, colour_by="pays"),
        best,
        (FACTS, CLIENTS),
        about=language.text("best.about"),
    )
    segments = context.analyse("segment", sort="-nb_clients")
    countries = context.analyse("pays", sort="-nb_clients")
    height = charts.height_of(max(len(segments), len(countries)))
    left, right = st.columns(2)
    with left:
        shades = context.colours("segment")
        chart(
            context,
            "clients.segments",
            lambda style: charts.ranked(style, segments, "segment", "nb_clients", colours=shades),
            segments,
            (FACTS, CLIENTS),
            height=height,
        )
    with right:
        chart(
            context,
            "clients.countries",
            lambda style: charts.ranked(style, countries, "pays", "nb_clients", colours=colours),
            countries,
            (FACTS, CLIENTS),
            height=height,
        )
    with st.container(border=True):
        st.subheader(language.text("clients.list.title"), anchor=False)
        st.caption(language.text("clients.list.about"))
        chosen = [*context.filters.of("pays", "segment"), ("fields", ",".join(SHOWN)), ("sort", "-total_ca")]
        paged_table(context, "clients.list", context.tables[CLIENTS], chosen)


def _numbers(context: Context) -> None:
    language = context.language
    now = context.total()
    earlier = context.filters.before()
    before = context.total(earlier) if earlier else {}

    def per_client(row: dict[str, object], name: str) -> float | None:
        count = row.get("nb_clients")
        return float(str(row[name])) / float(str(count)) if count else None

    top = best_clients(context, 10)
    share = sum(row["ca"] for row in top) / now["ca"] if now["ca"] else None
    cards(
        context,
        [
            Card(
                language.name("nb_clients"),
                language.number(now["nb_clients"]),
                now["nb_clients"],
                before.get("nb_clients"),
            ),
            Card(
                language.text("clients.ca_each"),
                language.money(per_client(now, "ca")),
                per_client(now, "ca"),
                per_client(before, "ca") if before else None,
            ),
            Card(
                language.text("clients.sales_each"),
                language.number(per_client(now, "nb_ventes"), 2),
                per_client(now, "nb_ventes"),
                per_client(before, "nb_ventes") if before else None,
            ),
            Card(language.text("clients.share_of_ten"), language.percent(share)),
        ],
        (FACTS, CLIENTS),
    )
