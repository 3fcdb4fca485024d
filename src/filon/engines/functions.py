"""What the functions of ``docs/sql.md`` need beside SQL, the same for every engine."""

from __future__ import annotations

from babel import Locale


def grouping_sizes(locale: str) -> tuple[int, int]:
    """How many digits stand between the marks of large numbers: in the last group, and in each other one."""
    last, others = Locale.parse(locale).decimal_formats[None].grouping
    return last, others


def day_names(locale: str) -> list[str]:
    """Names of the days in a locale, Monday first."""
    names = Locale.parse(locale).days["stand-alone"]["wide"]
    return [names[day] for day in range(7)]


def month_names(locale: str) -> list[str]:
    """Names of the months in a locale, January first."""
    names = Locale.parse(locale).months["stand-alone"]["wide"]
    return [names[month] for month in range(1, 13)]
