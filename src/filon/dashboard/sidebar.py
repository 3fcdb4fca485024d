"""The sidebar: the language, and the choice that all pages share. Both are kept in the address of the page."""

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
"""Choices of the address that are no dimensions."""


def choose_language() -> Code:
    """French, or what the address or the switch says."""
    codes = [code.value for code in Code]
    found = chosen(
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
    return Code(found)


def choose_filters(context: Context) -> Filters:
    """The period and the values that rows must have."""
    language = context.language
    known = context.days()
    if known is None:
        return Filters()
    st.sidebar.markdown(f"**{language.text('filters.title')}**")
    period = _choose_period(language, known)
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


def _choose_period(language: Language, known: Period) -> Period | None:
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
        return period_of(Span(span), known)
    days = st.sidebar.date_input(
        language.text("filters.days"),
        value=(known.first, known.last),
        min_value=known.first,
        max_value=known.last,
        format=language.date_input,
        key="jours",
        bind=BOUND,
    )
    return _chosen_period(days, known)


def _chosen_period(days: object, known: Period) -> Period:
    """The days chosen; one day alone, as a range is for a moment, is that day."""
    found = [day for day in days if isinstance(day, dt.date)] if isinstance(days, (tuple, list)) else []
    return Period(found[0], found[-1]) if found else known


def _key(dimension: str) -> str:
    """Where a choice is kept, in the session and in the address; a dimension may be called like another choice."""
    return f"{dimension}_" if dimension.rstrip("_") in OTHERS else dimension


def _reset(context: Context) -> None:
    st.session_state["periode"] = Span.ALL.value
    for dimension in context.dimensions:
        st.session_state[_key(dimension)] = []
