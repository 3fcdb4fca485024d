"""The colours of charts: the same for a value on every page, and distinct with colour blindness.

Each colour has a contrast of at least 3:1 to a white and to a near-black page, so both themes share them. They were
chosen one after the other, as distant as possible from those before with normal, protan, deutan and tritan vision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

SERIES = (
    "#2d69d2",
    "#c38700",
    "#009669",
    "#ff3c78",
    "#3c96ff",
    "#b45a1e",
    "#695a96",
    "#8796a5",
    "#964b5a",
    "#7878b4",
)
MAIN = SERIES[0]
GOOD = "#009669"
WARNING = "#c38700"
BAD = "#d83a52"
QUIET = "#8796a5"
LIGHT_PAGE = "#ffffff"
DARK_PAGE = "#0f1419"


def colours_of(values: Iterable[str]) -> Mapping[str, str]:
    """A colour for each value, by its rank among all values of a dimension; colours repeat after ``SERIES``."""
    return {value: SERIES[index % len(SERIES)] for index, value in enumerate(sorted(set(values)))}


def tint(colour: str, strength: float) -> str:
    """A colour ``#rrggbb`` with an opacity from 0 to 1, as CSS."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{strength})"
