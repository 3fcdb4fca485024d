"""Chiffre d'affaires: revenue over time, at the granularity that is chosen, and day by day."""

from __future__ import annotations

import streamlit as st

from filon.dashboard import charts
from filon.dashboard.address import chosen
from filon.dashboard.client import Row
from filon.dashboard.context import Context
from filon.dashboard.parts import Card, Formats, cards, chart, footer, table

FACTS = "fact_ventes"
STEPS = ("jour", "mois", "annee")
MOST_BARS = 36
MOST_DAYS = 10_000


def show(context: Context) -> None:
    """Draw the page."""
    language = context.language
    step = chosen(
        "granularite",
        STEPS,
        "mois",
        lambda key: st.segmented_control(
            language.text("revenue.step"),
            STEPS,
            required=True,
            format_func=lambda value: language.text(f"step.{value}"),
            key=key,
            persist_state="session",
        ),
    )
    periods, days = context.together(
        lambda: context.analyse(step, sort="value", limit=MOST_DAYS),
        lambda: context.analyse("jour", sort="value", limit=MOST_DAYS),
    )
    cards(context, _extremes(context, periods, step), (FACTS,))
    unit = language.money_unit
    chart(
        context,
        "revenue.periods",
        lambda style: charts.over_time(
            style, periods, step, "ca", unit=unit, line=step == "jour" or len(periods) > MOST_BARS, step=step
        ),
        periods,
        (FACTS,),
        about=language.text(f"revenue.by_{step}"),
    )
    left, right = st.columns(2)
    with left:
        chart(
            context,
            "revenue.sales",
            lambda style: charts.over_time(style, days, "jour", "nb_ventes", line=True, step="jour"),
            days,
            (FACTS,),
        )
    with right:
        rows = [{**row, "panier_moyen": row["ca"] / row["nb_ventes"]} for row in days]
        chart(
            context,
            "revenue.basket",
            lambda style: charts.over_time(style, rows, "jour", "panier_moyen", unit=unit, line=True, step="jour"),
            rows,
            (FACTS,),
        )
    _details(context, days)


def _extremes(context: Context, periods: list[Row], step: str) -> list[Card]:
    """Mean, highest and lowest revenue of a period."""
    language = context.language
    amounts = [row["ca"] for row in periods]
    if not amounts:
        return [
            Card(language.text(f"revenue.{name}"), language.text("none")) for name in ("total", "mean", "max", "min")
        ]
    highest = max(periods, key=lambda row: row["ca"])
    lowest = min(periods, key=lambda row: row["ca"])
    each = language.text(f"revenue.each_{step}")
    return [
        Card(language.text("revenue.total"), language.money(sum(amounts))),
        Card(f"{language.text('revenue.mean')} {each}", language.money(sum(amounts) / len(amounts))),
        Card(
            f"{language.text('revenue.max')} {each}", language.money(highest["ca"]), help=language.period(highest[step])
        ),
        Card(
            f"{language.text('revenue.min')} {each}", language.money(lowest["ca"]), help=language.period(lowest[step])
        ),
    ]


def _details(context: Context, days: list[Row]) -> None:
    language = context.language
    with st.container(border=True):
        st.subheader(language.text("revenue.details.title"), anchor=False)
        rows = [
            {
                "jour": row["jour"],
                "ca": row["ca"],
                "nb_ventes": row["nb_ventes"],
                "panier_moyen": row["ca"] / row["nb_ventes"],
                "nb_clients": row["nb_clients"],
            }
            for row in reversed(days)
        ]
        if not rows:
            st.info(language.text("state.no_rows"), icon=":material/filter_alt_off:")
            return
        formats: Formats = {"jour": language.date, "ca": language.money, "panier_moyen": language.money}
        table(
            context, "revenue.details", rows, {**formats, "nb_ventes": language.number, "nb_clients": language.number}
        )
        footer(context, "revenue.details", rows, (FACTS,))
