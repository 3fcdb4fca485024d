"""The order in which files of one run arrive: by the dates and numbers in their names, as people read them."""

from __future__ import annotations

import re

DAY_FIRST = re.compile(r"(?<![0-9])([0-9]{1,2})([-_. ])([0-9]{1,2})\2([0-9]{4})(?![0-9])")
"""A day, a month and a year, such as 31-12-2025."""
MONTH_FIRST = re.compile(r"(?<![0-9])(?<![0-9][-_. ])([0-9]{1,2})([-_. ])([0-9]{4})(?![0-9])(?!\2[0-9])")
"""A month and a year, such as 12-2025."""
EIGHT_DIGITS = re.compile(r"(?<![0-9])([0-9]{2})([0-9]{2})((?:19|20)[0-9]{2})(?![0-9])")
"""A day, a month and a year without marks, such as 31122025; with the year first, numbers are in the right order."""
NUMBER = re.compile("([0-9]+)")
FIRST_YEARS = ("19", "20")
MAY_HOLD_DATE = re.compile(r"[0-9][-_. ][0-9]|[0-9]{8}")
"""What every date is found by: most names have none, and are not searched three times."""


def natural_key(path: str) -> tuple[tuple[str | int, ...], str]:
    """What paths are sorted by: ``t_9`` comes before ``t_10``, ``31-12-2025`` before ``01-01-2026``.

    Numbers (digits 0 to 9) are compared as numbers, all else letter by letter. Dates with the year at their end count
    as if it stood first; of two numbers that may both be the month, the second one is. Paths that are alike so far, as
    ``t_1`` and ``t_01``, are compared letter by letter.
    """
    text = path
    if MAY_HOLD_DATE.search(path):
        text = DAY_FIRST.sub(_dated, text)
        text = MONTH_FIRST.sub(_month_of_year, text)
        text = EIGHT_DIGITS.sub(_undivided, text)
    parts: list[str | int] = [*NUMBER.split(text)]
    parts[1::2] = map(int, parts[1::2])
    return tuple(parts), path


def _dated(found: re.Match[str]) -> str:
    mark = found[2]
    numbers = _year_first(int(found[1]), int(found[3]), found[4])
    return mark.join(numbers) if numbers else found[0]


def _month_of_year(found: re.Match[str]) -> str:
    is_date = 1 <= int(found[1]) <= 12 and found[3].startswith(FIRST_YEARS)
    return f"{found[3]}{found[2]}{int(found[1]):02}" if is_date else found[0]


def _undivided(found: re.Match[str]) -> str:
    year_first = found[0].startswith(FIRST_YEARS) and 1 <= int(found[0][4:6]) <= 12 and 1 <= int(found[0][6:]) <= 31
    numbers = None if year_first else _year_first(int(found[1]), int(found[2]), found[3])
    return "".join(numbers) if numbers else found[0]


def _year_first(first: int, second: int, year: str) -> tuple[str, str, str] | None:
    """Year, month and day of a date that begins with two numbers; None when it is no date."""
    day, month = (second, first) if second > 12 else (first, second)
    if not (1 <= day <= 31 and 1 <= month <= 12 and year.startswith(FIRST_YEARS)):
        return None
    return year, f"{month:02}", f"{day:02}"
