"""Choices that stand in the address of the page by their own name, whatever language they are shown in.

Streamlit's own binding writes the words that users see, which differ by language; it serves where these are the data's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

Choice = TypeVar("Choice", bound=str)


def chosen(key: str, options: Sequence[Choice], default: Choice, widget: Callable[[str], Choice | None]) -> Choice:
    """The choice of a widget, which is made under the key; it begins with what the address says."""
    if key not in st.session_state:
        named = st.query_params.get(key, default)
        st.session_state[key] = next((option for option in options if option == named), default)
    value = widget(key) or default
    if value != default:
        st.query_params[key] = value
    elif key in st.query_params:
        del st.query_params[key]
    return value
