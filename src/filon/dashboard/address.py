"""Choices that are kept in the address of the page, independent of the language.

Streamlit's own binding writes the labels that users see, which differ by language; it is used where labels are values
of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

Choice = TypeVar("Choice", bound=str)


def chosen(key: str, options: Sequence[Choice], default: Choice, widget: Callable[[str], Choice | None]) -> Choice:
    """Draw a widget whose choice is kept in the address, and return the choice.

    Args:
        key: name in the address, and key of the widget
        options: the choices
        default: the choice that the address leaves out
        widget: draws the widget under a key, and returns its choice

    """
    if key not in st.session_state:
        from_address = st.query_params.get(key, default)
        st.session_state[key] = next((option for option in options if option == from_address), default)
    value = widget(key) or default
    if value != default:
        st.query_params[key] = value
    elif key in st.query_params:
        del st.query_params[key]
    return value
