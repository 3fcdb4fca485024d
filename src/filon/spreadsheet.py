"""Texts in files that spreadsheets open.

A spreadsheet runs a cell that begins with one of a few characters, and looks for it behind blanks, control characters
and characters without width. Some take the semicolon or the tab for the separator, as those of France do, and then
begin a cell in the middle of a text that stands between commas.
"""

from __future__ import annotations

import re

ACTIVE = r"=+\-@\u207a\u207c\u208a\u208c\u2212\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
"""What makes a cell a formula, in every form that Unicode has of it, as the inside of a class of characters."""
SEPARATORS = r"\t\n\r;"
UNSEEN = (
    r"\x00-\x08\x0b\x0c\x0e-\x20\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680"
    r"\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U000110bd\U000110cd\U00013430-\U00013440\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Blanks, control characters and characters without width, separators apart."""

# each pattern passes over a run of characters once, so the time to search a text grows with its length only
_BEGINS = re.compile(rf"[\t\r]|[\n{UNSEEN}][{SEPARATORS}{UNSEEN}]*[{ACTIVE}]|[{ACTIVE}]")
_INSIDE = re.compile(rf'([{SEPARATORS}]["{UNSEEN}]*)(?=[{ACTIVE}])')


def guarded(text: str) -> str:
    """A text with an apostrophe before whatever a spreadsheet would run as a formula."""
    escaped = _INSIDE.sub(r"\1'", text)
    return f"'{escaped}" if _BEGINS.match(text) else escaped
