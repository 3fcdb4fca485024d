"""Escape texts of data and contracts for Streamlit's Markdown and Plotly's HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

LONGEST_LABEL = 26
_MARKS = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$^=&:])")
_DIRECTIVE = re.compile(r"\\:(?=\S)")
JOINER = "\u2060"
"""A character without width; after a colon it prevents directives for icons and colours, and links."""


def plain(text: str) -> str:
    """A text escaped for Markdown."""
    lines = (line.strip() for line in text.splitlines())
    escaped = "\n".join(_MARKS.sub(r"\\\1", line) for line in lines)
    return _DIRECTIVE.sub(rf"\\:{JOINER}", escaped)


def short(text: str) -> str:
    """A label, cut after ``LONGEST_LABEL`` characters."""
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"


def literal(text: str) -> str:
    """A text as one line, escaped for Plotly."""
    return html.escape(" ".join(text.split()), quote=False)


def labels(names: Sequence[str]) -> list[str]:
    """Short escaped labels for Plotly; different names get different labels."""
    label_of: dict[str, str] = {}
    for name in names:
        if name not in label_of:
            label, count = short(name), 1
            while label in label_of.values():
                count += 1
                label = f"{short(name)} ({count})"
            label_of[name] = label
    return [literal(label_of[name]) for name in names]


def title_style(title: str) -> str:
    """A style that writes the name of a project above the menu."""
    text = "".join(letter if letter.isalnum() else f"\\{ord(letter):06x}" for letter in " ".join(title.split()))
    return (
        f'[data-testid="stSidebarNav"]::before {{ content: "{text}"; display: block; '
        "padding: 0 0.5rem 0.5rem; font-weight: 600; overflow-wrap: anywhere; }"
    )


def language_script(code: str) -> str:
    """A script that sets the language of the page for browsers and screen readers."""
    return f"document.documentElement.lang = '{code}'"
