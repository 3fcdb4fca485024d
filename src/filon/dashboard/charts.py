"""Figures in one style, from rows and the names of their columns; independent of the data's meaning."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import plotly.graph_objects as go  # type: ignore[import-untyped]

from filon.dashboard.client import Row
from filon.dashboard.colours import MAIN, QUIET
from filon.dashboard.language import Language, Unit
from filon.dashboard.markup import labels, literal

PLAIN = Unit()
HEIGHT = 340
BAR_PX = 30
FEWEST_BARS = 5
STEPS = 5
"""The marks of an axis of numbers, about."""
Figure: TypeAlias = go.Figure


@dataclass(frozen=True)
class Style:
    """The language of numbers and dates in a figure, and its height in pixels."""

    language: Language
    height: int = HEIGHT

    def finish(self, figure: Figure, **layout: Any) -> Figure:
        """Apply the layout that all figures share."""
        figure.update_layout(
            height=self.height,
            margin={"l": 8, "r": 8, "t": 34, "b": 8},
            separators=self.language.separators,
            hoverlabel={"namelength": -1},
            legend={"orientation": "h", "yanchor": "bottom", "y": 1, "x": 0},  # below, tilted dates would reach into it
            bargap=0.25,
            dragmode=False,
            **layout,
        )
        figure.update_xaxes(automargin=True, title_standoff=8, zeroline=False)
        figure.update_yaxes(automargin=True, title_standoff=8)
        return figure


def scale(language: Language, values: Iterable[float], unit: Unit, steps: int = STEPS) -> dict[str, Any]:
    """The marks of an axis of numbers from zero to the largest (or smallest) of some values, as people write them."""
    numbers = [value for value in values if math.isfinite(value)]
    low, high = min([0.0, *numbers]), max([0.0, *numbers])
    if low == high:
        return {"tickprefix": unit.before, "ticksuffix": unit.after}
    rough = (high - low) / steps
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    places = [step * place for place in range(math.floor(low / step), math.ceil(high / step) + 1)]
    return {"tickvals": places, "ticktext": [literal(language.compact(place, unit)) for place in places]}


def height_of(bars: int) -> int:
    """The height, in pixels, of a figure with so many horizontal bars."""
    return max(HEIGHT, BAR_PX * bars + 80)


def numbers_of(rows: Sequence[Row], column: str) -> list[float | None]:
    """The values of a column as floats, for Plotly."""
    return [None if row[column] is None else float(row[column]) for row in rows]


def _name(style: Style, value: object) -> str:
    """A value of the data as text."""
    if value is None:
        return style.language.text("none")
    return style.language.truth(value) if isinstance(value, bool) else str(value)


def _names(style: Style, rows: Sequence[Row], column: str) -> list[str]:
    return [_name(style, row[column]) for row in rows]


def ranked(
    style: Style,
    rows: Sequence[Row],
    label: str,
    value: str,
    *,
    unit: Unit = PLAIN,
    colours: Mapping[str, str] | None = None,
    colour_by: str | None = None,
) -> Figure:
    """Horizontal bars, the first row on top.

    Args:
        style: language and smallest height
        rows: a row per bar
        label: column of the labels
        value: column of the lengths
        unit: text before and after numbers
        colours: colour per value of ``colour_by``; one colour for all if None
        colour_by: column that decides the colour, and is written in the bar; ``label`` if None

    """
    names = _names(style, rows, label)
    by = colour_by or label
    marks = [(colours or {}).get(str(row[by]), MAIN if colours is None else QUIET) for row in rows]
    trace = go.Bar(
        x=numbers_of(rows, value),
        y=list(range(len(rows))),
        orientation="h",
        marker_color=marks,
        customdata=[literal(name) for name in names],
        text=[literal(name) for name in _names(style, rows, by)] if by != label else None,
        textposition="inside",
        insidetextanchor="start",
        insidetextfont={"color": "#ffffff"},
        hovertemplate=f"%{{customdata}}<br><b>{unit.before}%{{x:,.2f}}</b>{unit.after}<extra></extra>",
    )
    tall = Style(style.language, max(style.height, height_of(len(rows))))
    figure = tall.finish(go.Figure(trace), showlegend=False)
    places = list(range(len(rows)))
    figure.update_yaxes(
        tickvals=places,
        ticktext=labels(names),
        range=[max(len(rows), FEWEST_BARS) - 0.5, -0.5],  # so that a single bar does not fill the chart
        showgrid=False,
    )
    figure.update_xaxes(rangemode="tozero", tickprefix=unit.before, ticksuffix=unit.after, nticks=6)
    return figure


def shares(style: Style, rows: Sequence[Row], label: str, value: str, colours: Mapping[str, str]) -> Figure:
    """A ring of shares: a sector per row, sized by column ``value``; ``colours``: colour per value of ``label``."""
    names = [str(row[label]) for row in rows]
    trace = go.Pie(
        labels=labels(_names(style, rows, label)),
        values=numbers_of(rows, value),
        hole=0.55,
        sort=False,
        direction="clockwise",
        marker={"colors": [colours.get(name, QUIET) for name in names], "line": {"width": 1, "color": "rgba(0,0,0,0)"}},
        textinfo="percent",
        textposition="inside",
        insidetextfont={"color": "#ffffff", "size": 13},
        hovertemplate="%{label}<br><b>%{value:,.2f}</b> (%{percent})<extra></extra>",
    )
    figure = style.finish(go.Figure(trace))
    figure.update_layout(legend={"orientation": "v", "y": 0.5, "yanchor": "middle", "x": 1.02})
    return figure


def treemap(style: Style, rows: Sequence[Row], label: str, value: str, colours: Mapping[str, str]) -> Figure:
    """A rectangle per row, its area proportional to column ``value``; ``colours``: colour per value of ``label``."""
    names = [str(row[label]) for row in rows]
    trace = go.Treemap(
        ids=[str(place) for place in range(len(rows))],  # rows may share a name
        labels=labels(_names(style, rows, label)),
        parents=[""] * len(rows),
        values=numbers_of(rows, value),
        marker={"colors": [colours.get(name, QUIET) for name in names], "cornerradius": 4},
        texttemplate="<b>%{label}</b><br>%{value:,}<br>%{percentRoot:.1%}",
        textfont={"color": "#ffffff", "size": 13},
        hovertemplate="%{label}<br><b>%{value:,}</b><extra></extra>",
        tiling={"pad": 2},
        pathbar={"visible": False},
    )
    return style.finish(go.Figure(trace))


def boxes(
    style: Style, rows: Sequence[Row], label: str, stats: str, colours: Mapping[str, str], *, unit: Unit = PLAIN
) -> Figure:
    """A box per row, with whiskers from the smallest to the largest value.

    Args:
        style: language and height
        rows: a row per box
        label: column of the labels
        stats: column of mappings with the keys ``min``, ``25%``, ``50%``, ``75%``, ``max`` and ``mean``
        colours: colour per value of ``label``
        unit: text before and after numbers

    """
    figure = go.Figure()
    for row, label_text in zip(rows, labels(_names(style, rows, label)), strict=True):
        quartiles = {name: float(number) for name, number in row[stats].items() if number is not None}
        figure.add_trace(
            go.Box(
                name=label_text,
                x=[label_text],
                q1=[quartiles["25%"]],
                median=[quartiles["50%"]],
                q3=[quartiles["75%"]],
                lowerfence=[quartiles["min"]],
                upperfence=[quartiles["max"]],
                mean=[quartiles["mean"]],
                marker_color=colours.get(str(row[label]), QUIET),
                hoverinfo="y+name",
            )
        )
    style.finish(figure, showlegend=False)
    highest = (float(row[stats]["max"]) for row in rows if row[stats]["max"] is not None)
    figure.update_yaxes(rangemode="tozero", **scale(style.language, highest, unit))
    figure.update_xaxes(tickangle=-35, type="category")
    return figure


def stacked(
    style: Style,
    rows: Sequence[Row],
    time: str,
    series: Mapping[str, tuple[str, str]],
    *,
    unit: Unit = PLAIN,
) -> Figure:
    """Stacked bars of several columns per period.

    Args:
        style: language and height
        rows: a row per period, oldest first
        time: column of the periods
        series: name and colour per column
        unit: text before and after numbers

    """
    figure = go.Figure()
    names = [literal(str(row[time])) for row in rows]
    for column, (title, colour) in series.items():
        name = literal(title)
        figure.add_trace(
            go.Bar(
                x=names,
                y=numbers_of(rows, column),
                name=name,
                marker_color=colour,
                hovertemplate=f"%{{x}}<br>{name}: <b>{unit.before}%{{y:,}}</b>{unit.after}<extra></extra>",
            )
        )
    style.finish(figure, barmode="stack")
    figure.update_xaxes(type="category", nticks=10)
    return figure
