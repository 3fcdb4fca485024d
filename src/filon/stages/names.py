"""Names of months and of days of the week in texts, as SQL: which texts are one, and the number of which.

Names are compared as ``folded``: regardless of case, accents and other marks. A whole name is one of the locale. A
short one is an abbreviation of the locale, or the beginning of a whole name that begins no other, of three letters at
least; a point may follow it. Months are numbered from 1, days from 1 for Monday.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

from filon.engines.functions import names_in
from filon.project.formats import Field, Names, Part
from filon.sql import literal

SHORTEST = 3
CONTEXTS = ("format", "stand-alone")
"""Names beside a day, and names alone: some languages have different ones."""


def folded(text: str) -> str:
    """An expression for a text as names are compared."""
    return f"strip_accents(lower({text}))"


def name_number(field: Field, name: str, locale: str) -> str:
    """An expression for the number of a name, as two digits; other characters when it is no name.

    Args:
        field: reads names of months or of days
        name: an expression, as ``folded``
        locale: of the names, such as ``fr``

    """
    numbers = _numbers(field.part, field.names, locale)
    # one text to look in costs less than a comparison with each name
    table = literal("".join(f"{number:02}|{spelled}|" for spelled, number in sorted(numbers.items())) + "|")
    return f"substr({table}, strpos({table}, '|' || {name} || '|') - 2, 2)"


@lru_cache(maxsize=64)
def _numbers(part: Part, names: Names, locale: str) -> Mapping[str, int]:
    """The names of a locale as ``folded``, each with its number; one that means two months or days is left out."""
    whole = _unique((name, number) for name, number in _names(part, "wide", locale))
    if names is Names.LONG:
        return whole
    short = _unique((name.removesuffix("."), number) for name, number in _names(part, "abbreviated", locale))
    beginnings = _unique((name[:end], number) for name, number in whole.items() for end in _ends(name))
    return {**beginnings, **short, **whole}


def _ends(name: str) -> range:
    return range(SHORTEST, len(name) + 1)


def _names(part: Part, width: str, locale: str) -> Iterable[tuple[str, int]]:
    names = names_in(locale, "months" if part is Part.MONTH else "days")
    shift = 0 if part is Part.MONTH else 1
    for context in CONTEXTS:
        for number, name in names[context][width].items():
            yield fold(name), number + shift


def _unique(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    numbers: dict[str, set[int]] = {}
    for name, number in pairs:
        numbers.setdefault(name, set()).add(number)
    return {name: only for name, (only, *more) in numbers.items() if not more}


def fold(name: str) -> str:
    """What ``folded`` gives for a name."""
    parts = unicodedata.normalize("NFD", name.lower())
    return unicodedata.normalize("NFC", "".join(letter for letter in parts if unicodedata.category(letter)[0] != "M"))
