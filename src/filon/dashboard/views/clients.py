"""Clients: the best ones, what kinds there are, and the list."""

from __future__ import annotations

import streamlit as st

from filon.dashboard import charts
from filon.dashboard.client import Row
from filon.dashboard.context import Context
from filon.dashboard.paging import page_of, paged_table
from filon.dashboard.parts import Card, cards, chart
from filon.dashboard.ranking import MOST_AT_ONCE, best_clients, draw_best

FACTS, CLIENTS = "fact_ventes", "dim_clients"
FEW = 10
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
    listed = [*context.filters.of("pays", "segment"), ("fields", ",".join(SHOWN)), ("sort", "-total_ca")]
    numbers = st.container()
    most = st.slider(language.text("clients.top"), 5, MOST_AT_ONCE, 20, 5, key="top", bind="query-params")
    described = context.tables[CLIENTS]
    context.client.prefetch(lambda: page_of(context, described, listed))  # drawn last, but the slowest request
    now, before, best, segments, countries = context.together(
        *context.compared(),
        lambda: best_clients(context, max(most, FEW)),
        lambda: context.analyse("segment", sort="-nb_clients"),
        lambda: context.analyse("pays", sort="-nb_clients"),
    )
    with numbers:
        _numbers(context, now, before, best[:FEW])
    best = best[:most]
    colours = context.colours("pays")
    draw_best(context, "clients.best", best)
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
        paged_table(context, "clients.list", described, listed)


def _numbers(context: Context, now: Row, before: Row, top: list[Row]) -> None:
    language = context.language

    def per_client(row: Row, name: str) -> float | None:
        count = row.get("nb_clients")
        return float(str(row[name])) / float(str(count)) if count else None

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
