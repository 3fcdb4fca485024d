"""The colours of charts: the same for the same thing on every page, told apart by colour-blind eyes too.

Each colour stands out from a white and from a near-black page by at least 3:1, so light and dark share them. They were
chosen one after the other as far as possible from those before, as seen with normal, protan, deutan and tritan eyes.
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
    """A colour for each value, by its place among all values of its dimension; they repeat when there are many."""
    return {value: SERIES[index % len(SERIES)] for index, value in enumerate(sorted(set(values)))}


def tint(colour: str, strength: float) -> str:
    """The colour, so far transparent."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{strength})"
