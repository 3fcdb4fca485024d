"""What the functions of ``docs/sql.md`` need beside SQL, the same for every engine."""

from __future__ import annotations

import copy
from collections.abc import Mapping


def grouping_sizes(locale: str) -> tuple[int, int]:
    """How many digits stand between the marks of large numbers: in the last group, and in each other one."""
    from babel import Locale  # slow to import, and a run that finds nothing new needs no words of a language

    last, others = Locale.parse(locale).decimal_formats[None].grouping
    return last, others


def day_names(locale: str) -> list[str]:
    """Names of the days in a locale, Monday first."""
    names = names_in(locale, "days")["stand-alone"]["wide"]
    return [names[day] for day in range(7)]


def month_names(locale: str) -> list[str]:
    """Names of the months in a locale, January first."""
    names = names_in(locale, "months")["stand-alone"]["wide"]
    return [names[month] for month in range(1, 13)]


def names_in(locale: str, what: str) -> Mapping[str, Mapping[str, Mapping[int, str]]]:
    """The names of ``months`` (from 1) or ``days`` (from 0, Monday) in a locale, by context and width."""
    from babel import Locale, localedata

    data = localedata.load(str(Locale.parse(locale)))
    # Babel writes the names that it looks up for one locale into data that others share, so each gets a copy
    names: Mapping[str, Mapping[str, Mapping[int, str]]] = localedata.LocaleDataDict({what: copy.deepcopy(data[what])})[
        what
    ]
    return names
