"""The sidebar: the language and the filters, which are kept in the address of the page."""

from __future__ import annotations

import datetime as dt
from typing import Final

import streamlit as st

from filon.dashboard.address import chosen
from filon.dashboard.context import Context
from filon.dashboard.filters import Filters, Period, Span, period_of
from filon.dashboard.language import NAMES, Code, Language
from filon.dashboard.markup import plain

BOUND: Final = "query-params"
OTHERS = ("lang", "periode", "jours", "granularite", "top", "table", "dataset")
"""Names in the address that are no dimensions."""


def choose_language() -> Code:
    """Draw the switch of the language; returns the choice, French by default."""
    codes = [code.value for code in Code]
    code = chosen(
        "lang",
        codes,
        Code.FRENCH.value,
        lambda key: st.sidebar.segmented_control(
            "Langue · Language",
            codes,
            required=True,
            format_func=lambda code: NAMES[Code(code)],
            key=key,
            persist_state="session",
        ),
    )
    return Code(code)


def choose_filters(context: Context) -> Filters:
    """Draw the filters; returns the chosen period and values."""
    language = context.language
    extent = context.days()
    if extent is None:
        return Filters()
    st.sidebar.markdown(f"**{language.text('filters.title')}**")
    period = _choose_period(language, extent)
    choices = {}
    for dimension in context.dimensions:
        values = st.sidebar.multiselect(
            plain(language.name(dimension)),
            context.values(dimension),
            key=_key(dimension),
            bind=BOUND,
            placeholder=language.text("filters.all"),
        )
        if values:
            choices[dimension] = tuple(values)
    filters = Filters(period, choices)
    if not filters.is_empty:
        st.sidebar.button(
            language.text("filters.reset"), icon=":material/filter_alt_off:", on_click=_reset, args=[context]
        )
    return filters


def _choose_period(language: Language, extent: Period) -> Period | None:
    spans = [span.value for span in Span]
    span = chosen(
        "periode",
        spans,
        Span.ALL.value,
        lambda key: st.sidebar.selectbox(
            language.text("filters.period"),
            spans,
            format_func=lambda value: language.text(f"span.{value}"),
            key=key,
            persist_state="session",
        ),
    )
    if span != Span.CUSTOM:
        return period_of(Span(span), extent)
    days = st.sidebar.date_input(
        language.text("filters.days"),
        value=(extent.first, extent.last),
        min_value=extent.first,
        max_value=extent.last,
        format=language.date_input,
        key="jours",
        bind=BOUND,
    )
    return _chosen_period(days, extent)


def _chosen_period(days: object, extent: Period) -> Period:
    """The chosen period; a range whose end is not chosen yet is one day."""
    dates = [day for day in days if isinstance(day, dt.date)] if isinstance(days, (tuple, list)) else []
    return Period(dates[0], dates[-1]) if dates else extent


def _key(dimension: str) -> str:
    """The key of a dimension in session and address; a suffix avoids the names of other choices."""
    return f"{dimension}_" if dimension.rstrip("_") in OTHERS else dimension


def _reset(context: Context) -> None:
    st.session_state["periode"] = Span.ALL.value
    for dimension in context.dimensions:
        st.session_state[_key(dimension)] = []
