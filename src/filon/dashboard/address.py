"""Choices that are kept in the address of the page, independent of the language.

Streamlit's own binding writes the labels that users see, which differ by language; it is used where labels are values
of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

import streamlit as st

Choice = TypeVar("Choice", bound=str)
RELEASE = "release"
"""The release that pages stay with."""


def chosen(key: str, options: Sequence[Choice], default: Choice, widget: Callable[[str], Choice | None]) -> Choice:
    """Draw a widget whose choice is kept in the address, and return the choice.

    Args:
        key: name in the address, and key of the widget
        options: the choices
        default: the choice that the address leaves out
        widget: draws the widget under a key, and returns its choice

    """
    asked, shown = st.query_params.get(key, default), urlsplit(st.context.url or "").path
    left = st.session_state.get(f"{key}.address", (None, None))
    # the same page with another address: the browser went back or forth; on another page the choice stays
    if key not in st.session_state or (left[0] == shown and left[1] != asked):
        st.session_state[key] = next((option for option in options if option == asked), default)
    value = widget(key) or default
    st.session_state[f"{key}.address"] = (shown, value)
    if value != default:
        st.query_params[key] = value
    elif key in st.query_params:
        del st.query_params[key]
    return value
