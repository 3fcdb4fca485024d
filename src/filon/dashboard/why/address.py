"""The figure of the panel in the address, after those that led to it."""

from __future__ import annotations

import streamlit as st

from filon.dashboard.why.figure import Figure

WHY = "why"
MOST_STEPS = 12
"""The longest way from a figure to another that the address keeps; the first ones are left out."""


def asked() -> list[Figure]:
    """The figures of the address; the last one is explained."""
    return [Figure.read(text) for text in st.query_params.get_all(WHY)[-MOST_STEPS:]]


def explain(figure: Figure) -> None:
    """Open the panel."""
    st.query_params[WHY] = figure.spelled


def follow(figure: Figure) -> None:
    """Go on from the figure of the panel to another one."""
    st.query_params[WHY] = [*st.query_params.get_all(WHY), figure.spelled][-MOST_STEPS:]


def change(figure: Figure) -> None:
    """Explain another figure in the place of this one."""
    st.query_params[WHY] = [*st.query_params.get_all(WHY)[:-1], figure.spelled]


def go_back() -> None:
    """Explain the figure before."""
    st.query_params[WHY] = st.query_params.get_all(WHY)[:-1]


def close() -> None:
    """Close the panel."""
    st.query_params.pop(WHY, None)
