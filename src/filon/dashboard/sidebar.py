"""The sidebar: the language and the filters, which are kept in the address of the page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Final

import streamlit as st

from filon.dashboard.address import RELEASE, chosen
from filon.dashboard.context import Context
from filon.dashboard.filters import FORMER, Filters, Period, Span, period_of, span_names
from filon.dashboard.language import NAMES, Code, Language
from filon.dashboard.markup import plain
from filon.dashboard.timeline import TO, period_from

BOUND: Final = "query-params"
DAYS, FORMER_DAYS = "days", "jours"
OTHERS = ("lang", DAYS, FORMER_DAYS, "table", "dataset", RELEASE, "why", "top", "embed", "embed_options")
"""Names in the address that are no dimensions, the project's words for time apart; the last two are Streamlit's."""
MOST_TOLD, LONGEST_TOLD = 8, 60
"""How many unknown values of an address are said, and with how many characters."""
UNKNOWN = "filters.unknown"
"""Where the session has what the address asked for in vain, and with which filters."""


def choose_language(own: Code) -> Code:
    """Draw the switch of the language; returns the choice, by default that of the project, which stands first."""
    codes = sorted((code.value for code in Code), key=lambda code: code != own)
    code = chosen(
        "lang",
        codes,
        own.value,
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


def choose_filters(context: Context, names: Sequence[str]) -> Filters:
    """Draw the filters of a page, dimensions and the date columns of analyses; returns what is chosen."""
    language = context.language
    extent = context.days() if set(names) & set(context.times()) else None
    dimensions = [name for name in names if name not in context.times()]
    asking = [partial(context.offered_values, name, _wanted(context, name)) for name in dimensions]
    known = dict(zip(dimensions, context.together(*asking), strict=True))
    offered = {name: values for name, values in known.items() if values}
    if extent is None and not offered:
        return Filters()
    st.sidebar.markdown(f"**{language.text('filters.title')}**")
    unknown = _unknown_release(language)
    period, spelled = _choose_period(context, extent, unknown) if extent else (None, "")
    choices = {}
    for dimension, values in offered.items():
        key = key_of(context, dimension)
        if key not in st.session_state:
            asked = st.query_params.get_all(key)
            unknown += [f"{language.name(dimension)} {value}" for value in asked if value not in values]
        chosen_values = st.sidebar.multiselect(
            plain(language.name(dimension)),
            values,
            key=key,
            bind=BOUND,
            placeholder=language.text("filters.all"),
        )
        if chosen_values:
            choices[dimension] = tuple(chosen_values)
    filters = Filters(period, choices, spelled)
    _tell_unknown(language, unknown, filters)
    return filters


def _wanted(context: Context, dimension: str) -> list[str]:
    """The values that the address or the reader chose."""
    key = key_of(context, dimension)
    return [*st.query_params.get_all(key), *st.session_state.get(key, ())]


def _tell_unknown(language: Language, unknown: Sequence[str], filters: Filters) -> None:
    """Say which values of the address do not exist, as long as the filters stay."""
    state = (filters.period, tuple(sorted(filters.choices.items())))
    if unknown:
        told = list(dict.fromkeys(plain(_cut(text)) for text in unknown))
        st.session_state[UNKNOWN] = (state, [*told[:MOST_TOLD], *(["…"] if len(told) > MOST_TOLD else [])])
    told_state, told = st.session_state.get(UNKNOWN, (None, []))
    if told and told_state == state:
        st.warning(language.text("chips.unknown", values=", ".join(told)), icon=":material/search_off:")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TOLD else f"{text[:LONGEST_TOLD]}…"


def _unknown_release(language: Language) -> list[str]:
    """What the address asks for as a release, if that is no number; it is taken out of the address."""
    asked = st.query_params.get(RELEASE, "")
    if not asked or asked.isdecimal():
        return []
    del st.query_params[RELEASE]
    return [f"{language.text('takeaway.release')} {asked}"]


def _unknown_days(language: Language, extent: Period) -> list[str]:
    """The days of the address that are none, or lie outside of those with facts."""
    if DAYS in st.session_state:
        return []
    asked = st.query_params.get_all(DAYS)
    days = [(text, period_from(text)) for text in asked]
    return [
        f"{language.text('filters.period')} {text}"
        for text, day in days
        if day is None or day.first < extent.first or day.last > extent.last
    ]


def _choose_period(context: Context, extent: Period, unknown: list[str]) -> tuple[Period | None, str]:
    """The chosen days, and how the address spells them if it names a day, month or year."""
    language, words, key = context.language, context.words, context.words["period"]
    spans = span_names(words["day"], words["month"], words["year"])
    default = next(iter(spans))
    _move_former(key)
    asked = st.query_params.get(key, default)
    if asked not in spans and period_from(asked) is None:
        unknown.append(f"{language.text('filters.period')} {asked}")
    named = dict.fromkeys(text for text in (asked, str(st.session_state.get(key, ""))) if period_from(text))
    options = [*spans, *named]
    span = chosen(
        key,
        options,
        default,
        lambda name: st.sidebar.selectbox(
            language.text("filters.period"),
            options,
            format_func=lambda value: (
                language.text(f"span.{spans[value]}") if value in spans else _range_text(language, value)
            ),
            key=name,
            persist_state="session",
        ),
    )
    if span not in spans:
        return period_from(span), "" if TO in span else span
    if spans[span] is not Span.CUSTOM:
        return period_of(spans[span], extent), ""
    unknown += _unknown_days(language, extent)
    days = st.sidebar.date_input(
        language.text("filters.days"),
        value=(extent.first, extent.last),
        min_value=extent.first,
        max_value=extent.last,
        format=language.date_input,
        key=DAYS,
        bind=BOUND,
    )
    return _chosen_period(days, extent), ""


def _move_former(key: str) -> None:
    """Spell the period of an address as it is spelled now."""
    if (former := st.query_params.get(key)) in FORMER:
        st.query_params[key] = FORMER[str(former)]
    if FORMER_DAYS in st.query_params:
        days = [period_from(text) for text in st.query_params.get_all(FORMER_DAYS)]
        st.query_params[DAYS] = st.query_params.get_all(FORMER_DAYS)
        st.session_state[DAYS] = tuple(day.first for day in days if day is not None)
        del st.query_params[FORMER_DAYS]


def _range_text(language: Language, text: str) -> str:
    """A period of the address for people; of a range, both ends."""
    first, is_range, last = text.partition(TO)
    if not is_range:
        return language.period(text)
    return language.text("chips.days", first=language.period(first), last=language.period(last))


def _chosen_period(days: object, extent: Period) -> Period:
    """The chosen period; a range whose end is not chosen yet is one day."""
    dates = [day for day in days if isinstance(day, dt.date)] if isinstance(days, (tuple, list)) else []
    return Period(dates[0], dates[-1]) if dates else extent


def key_of(context: Context, dimension: str) -> str:
    """The key of a dimension in session and address; a suffix avoids the names of other choices."""
    taken = (*OTHERS, context.words["period"], context.words["granularity"])
    return f"{dimension}_" if dimension.rstrip("_") in taken else dimension
