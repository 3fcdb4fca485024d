"""Words of the data and of contracts, as they are: neither Streamlit's Markdown nor Plotly's HTML reads them."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

LONGEST_LABEL = 26
_MARKS = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$^=&:])")
_DIRECTIVE = re.compile(r"\\:(?=\S)")
JOINER = "\u2060"
"""Takes no room; behind a colon it keeps icons, colours and addresses from being found."""


def plain(text: str) -> str:
    """A text for Markdown, which shows it as it is written."""
    lines = (line.strip() for line in text.splitlines())
    escaped = "\n".join(_MARKS.sub(r"\\\1", line) for line in lines)
    return _DIRECTIVE.sub(rf"\\:{JOINER}", escaped)


def short(text: str) -> str:
    """A label that leaves room for the bars."""
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"


def literal(text: str) -> str:
    """A text for Plotly, which shows it as it is written, in one line."""
    return html.escape(" ".join(text.split()), quote=False)


def labels(names: Sequence[str]) -> list[str]:
    """Short labels for Plotly; different names stay different."""
    label_of: dict[str, str] = {}
    for name in names:
        if name not in label_of:
            label, count = short(name), 1
            while label in label_of.values():
                count += 1
                label = f"{short(name)} ({count})"
            label_of[name] = label
    return [literal(label_of[name]) for name in names]


def naming_language(code: str) -> str:
    """A script that tells browsers and screen readers the language of the page."""
    return f"document.documentElement.lang = '{code}'"
