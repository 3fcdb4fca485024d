"""Texts in files that spreadsheets open."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def guarded(text: str) -> str:
    """A text that a spreadsheet would run as a formula begins with an apostrophe."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
