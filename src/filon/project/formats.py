"""Date and timestamp patterns: the JDK spelling of contracts, turned into a strict expression and a strptime format."""

from __future__ import annotations

import re
from dataclasses import dataclass

DATE_LETTERS = {
    "yyyy": (r"[0-9]{4}", "%Y"),
    "MM": (r"[0-9]{2}", "%m"),
    "dd": (r"[0-9]{2}", "%d"),
    "HH": (r"[0-9]{2}", "%H"),
    "mm": (r"[0-9]{2}", "%M"),
    "ss": (r"[0-9]{2}", "%S"),
    "SSS": (r"[0-9]{3}", "%g"),
    "SSSSSS": (r"[0-9]{6}", "%f"),
    "yy": (r"[0-9]{2}", "%y"),
    "M": (r"[0-9]{1,2}", "%m"),
    "d": (r"[0-9]{1,2}", "%d"),
}
DAY = "yyyy-MM-dd"
LOCAL_MOMENT = "yyyy-MM-dd HH:mm:ss.SSSSSS"
MOMENT = "yyyy-MM-dd HH:mm:ss.SSSSSS'Z'"
"""How Filon spells a day, a moment without a time zone, and one in UTC, that a file brings as such."""
VARIABLE = {"M", "d"}
_PARTS = {
    "%Y": "year",
    "%y": "year",
    "%m": "month",
    "%d": "day",
    "%H": "hour",
    "%M": "minute",
    "%S": "second",
    "%g": "fraction",
    "%f": "fraction",
}


class UnknownFormat(ValueError):
    """A pattern that does not say what moment a text means."""


@dataclass(frozen=True)
class DateFormat:
    """``regex`` says which texts have the form, ``strptime`` reads them."""

    regex: str
    strptime: str


def date_format(pattern: str) -> DateFormat:
    """Compile a JDK pattern such as ``dd/MM/yyyy``; UnknownFormat when a part is not understood, missing or doubled."""
    regex, strptime, said = [], [], []
    before = ""
    for part in re.finditer(r"'[^']*'|([A-Za-z])\1*|.", pattern):
        token = part[0]
        if before in DATE_LETTERS and token in DATE_LETTERS and {before, token} & VARIABLE:
            raise UnknownFormat(f"the format `{pattern}` does not say where `{before}` ends; use MM and dd there")
        before = token
        if token in DATE_LETTERS:
            expression, directive = DATE_LETTERS[token]
            regex.append(expression)
            strptime.append(directive)
            said.append(_PARTS[directive])
        elif token[0].isalpha():
            raise UnknownFormat(f"`{token}` in the format `{pattern}` is not understood")
        else:
            text = (token[1:-1] or "'") if token.startswith("'") else token
            regex.append(re.escape(text))
            strptime.append(text.replace("%", "%%"))
    for name in _PARTS.values():
        if said.count(name) > 1:
            raise UnknownFormat(f"the format `{pattern}` says the {name} twice")
        if name in ("year", "month", "day") and name not in said:
            raise UnknownFormat(f"the format `{pattern}` does not say the {name}")
    return DateFormat("".join(regex), "".join(strptime))
