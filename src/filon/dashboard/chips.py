"""What is chosen, above the content: a button per filter, which takes it away."""

from __future__ import annotations

import streamlit as st

from filon.dashboard.context import Context
from filon.dashboard.filters import ALL
from filon.dashboard.markup import plain
from filon.dashboard.sidebar import key_of
from filon.dashboard.timeline import TO, period_from


def draw(context: Context) -> None:
    """Draw a button for each chosen value and for the period, and one that takes all away."""
    filters, language = context.filters, context.language
    if filters.is_empty:
        return
    with st.container(horizontal=True, key="chips"):
        if filters.period is not None:
            _chip(context, "chip.period", _days(context), None, "")
        for name, values in filters.choices.items():
            for value in values:
                _chip(context, f"chip.{name}.{value}", f"{language.name(name)} : {value}", name, value)
        st.button(
            language.text("filters.reset"),
            icon=":material/filter_alt_off:",
            on_click=reset,
            args=[context],
            type="tertiary",
            key="chip.reset",
        )


def _days(context: Context) -> str:
    """The days of the period; a day, month or year by its name."""
    filters, language = context.filters, context.language
    if filters.period is None or filters.spelled:
        return language.period(filters.spelled)
    first, last = language.date(filters.period.first), language.date(filters.period.last)
    return language.text("chips.days", first=first, last=last)


def _chip(context: Context, key: str, label: str, name: str | None, value: str) -> None:
    st.button(
        plain(label),
        key=key,
        icon=":material/close:",
        help=context.language.text("chips.remove"),
        on_click=choose,
        args=[context, name, [value]] if name else [context, None, []],
    )


def choose(context: Context, name: str | None, values: list[str]) -> None:
    """Choose values of a dimension, or take away those that all are chosen already.

    ``name`` is None for the period, of which there is one: a day, month or year, or a range from the first to the last.
    """
    if name is None:
        _choose_days(context, values)
        return
    key = key_of(context, name)
    now = list(context.filters.choices.get(name, ()))
    is_chosen = all(value in now for value in values)
    kept = [value for value in now if value not in values]
    st.session_state[key] = kept if is_chosen else [*kept, *values]


def _choose_days(context: Context, values: list[str]) -> None:
    key = context.words["period"]
    first, last = (period_from(value) for value in (min(values, default=""), max(values, default="")))
    if first is None or last is None or [context.filters.spelled] == values:
        st.session_state[key] = ALL
    elif len(set(values)) == 1:
        st.session_state[key] = values[0]
    else:
        st.session_state[key] = f"{first.first}{TO}{last.last}"


def reset(context: Context) -> None:
    """Take all filters away."""
    _choose_days(context, [])
    for name in context.filters.choices:
        st.session_state[key_of(context, name)] = []
