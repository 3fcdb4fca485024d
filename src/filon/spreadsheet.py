"""Escape texts in files that spreadsheets open, against formula injection.

A spreadsheet evaluates a cell as a formula when its first character, after blanks, control characters and characters
without width, is one of a few. With some locales, such as the French one, semicolons and tabs separate cells too, so
that a cell may begin inside a text between commas.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

ACTIVE = r"=+\-@\u207a\u207c\u208a\u208c\u2212\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
"""Characters that begin a formula, and their Unicode variants, as the content of a character class."""
SEPARATORS = r"\t\n\r;"
UNSEEN = (
    r"\x00-\x08\x0b\x0c\x0e-\x20\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680"
    r"\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U000110bd\U000110cd\U00013430-\U00013440\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Blanks, control characters and characters without width, except separators."""

# each pattern scans a run of characters once, so the search takes time linear in the length of a text
_BEGINS = re.compile(rf"[\t\r]|[\n{UNSEEN}][{SEPARATORS}{UNSEEN}]*[{ACTIVE}]|[{ACTIVE}]")
_INSIDE = re.compile(rf'([{SEPARATORS}]["{UNSEEN}]*)(?=[{ACTIVE}])')


def guarded(text: str) -> str:
    """A text with an apostrophe before each part that a spreadsheet would evaluate as a formula."""
    escaped = _INSIDE.sub(r"\1'", text)
    return f"'{escaped}" if _BEGINS.match(text) else escaped


_TEXTS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    str: guarded,
    bool: lambda value: "true" if value else "false",
    Decimal: lambda value: format(value, "f"),
    dt.date: lambda value: str(value.isoformat()),
    dt.datetime: lambda value: str(value.isoformat()),
}


def cell(value: object) -> str:
    """The text of a value in a CSV file; nulls are empty, decimals have all their digits, dates are ISO 8601."""
    return _TEXTS.get(type(value), str)(value)
