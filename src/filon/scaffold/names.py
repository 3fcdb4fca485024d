"""Names that contracts accept, derived from file names and headers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import chain, count
from string import digits

LONGEST = 60
ESCAPED = r"\\\\|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}"
"""Escapes of characters that cannot be printed, as file names are shown with them."""


RATE_WORDS = frozenset(["pct", "percent", "percentage", "pourcentage", "prozent", "rate", "ratio", "taux"])
KEY_WORDS = {
    "id",
    "code",
    "no",
    "nr",
    "num",
    "numero",
    "number",
    "key",
    "ref",
    "reference",
    "uuid",
    "guid",
    "sku",
    "siret",
}


def table_name(text: str) -> str:
    """A name of ASCII letters, digits and ``_``; letters lose their accents."""
    return _name(re.sub(f"(?:{ESCAPED}|[^A-Za-z0-9])+", "_", ascii_letters(text)), "data", "t")


def column_name(header: str) -> str:
    """A name of letters of any alphabet, digits and ``_``."""
    return _name(re.sub(r"\W+", "_", header), "column", "c")


def project_name(text: str) -> str:
    """A name of lower-case ASCII letters, digits, ``-`` and ``_``."""
    name = re.sub(r"[^a-z0-9_-]+", "-", ascii_letters(text).lower()).strip("-_") or "project"
    return name if name[0].isalpha() else f"p-{name}"


def title_of(name: str) -> str:
    """A name for people: its words, the first with a capital."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def ascii_letters(text: str) -> str:
    """A text without accents, and without characters that have no ASCII base letter."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def distinct(names: Iterable[str]) -> list[str]:
    """The same names in order; a name that occurred before, regardless of case, gets a number."""
    taken: set[str] = set()
    numbered = []
    for name in names:
        choices = chain([name], (f"{name}_{number}" for number in count(2)))
        free = next(choice for choice in choices if choice.casefold() not in taken)
        taken.add(free.casefold())
        numbered.append(free)
    return numbered


def words_in(name: str) -> frozenset[str]:
    """The words of a header or a name, in lower case and without accents: ``codePostal`` has two."""
    apart = re.sub("(?<=[a-z])(?=[A-Z])", " ", name)
    return frozenset(filter(None, re.split("[^a-z0-9]+", ascii_letters(apart).lower())))


def is_called_like_a_key(name: str) -> bool:
    """Whether a word of a name is one for keys; numbers behind it do not count."""
    return bool(KEY_WORDS & {word.rstrip(digits) for word in words_in(name)})


def is_called_like_a_rate(name: str) -> bool:
    """Whether a name is one of percentages, of which no sum means anything."""
    return "%" in name or bool(RATE_WORDS & words_in(name))


def _name(text: str, otherwise: str, prefix: str) -> str:
    name = text.strip("_")[:LONGEST].strip("_") or otherwise
    return name if name[0].isalpha() else f"{prefix}_{name}"
