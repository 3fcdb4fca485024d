"""What to say of a name that is unknown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """The fix for an unknown name: the nearest known one, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(wrong, names, n=1)
    return f"did you mean `{near[0]}`?" if near else f"use one of: {', '.join(names)}"
