"""Figures in one style, from rows and the names of their columns; independent of the data's meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import plotly.graph_objects as go  # type: ignore[import-untyped]

from filon.dashboard.client import Row
from filon.dashboard.colours import MAIN, QUIET, SERIES, tint
from filon.dashboard.language import Language, Unit
from filon.dashboard.markup import labels, literal

PLAIN = Unit()
HEIGHT = 340
BAR_PX = 30
FEWEST_BARS = 5
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
            legend={"orientation": "h", "yanchor": "top", "y": -0.12, "x": 0},
            bargap=0.25,
            dragmode=False,
            **layout,
        )
        figure.update_xaxes(automargin=True, title_standoff=8, zeroline=False)
        figure.update_yaxes(automargin=True, title_standoff=8)
        return figure


def height_of(bars: int) -> int:
    """The height, in pixels, of a figure with so many horizontal bars."""
    return max(HEIGHT, BAR_PX * bars + 80)


def _numbers(rows: Sequence[Row], column: str) -> list[float | None]:
    return [None if row[column] is None else float(row[column]) for row in rows]


def _name(style: Style, value: object) -> str:
    """A value of the data as text."""
    if value is None:
        return style.language.text("none")
    return style.language.truth(value) if isinstance(value, bool) else str(value)


def _names(style: Style, rows: Sequence[Row], column: str) -> list[str]:
    return [_name(style, row[column]) for row in rows]


def over_time(
    style: Style,
    rows: Sequence[Row],
    time: str,
    value: str,
    *,
    unit: Unit = PLAIN,
    line: bool = False,
    step: str = "mois",
) -> Figure:
    """A value per period, as bars or as a line.

    Args:
        style: language and height
        rows: a row per period, oldest first
        time: column of the periods: days, months or years as the API gives them
        value: column of the values
        unit: text before and after numbers
        line: draw a line instead of bars
        step: ``jour``, ``mois`` or ``annee``; days get a time axis

    """
    names = [literal(style.language.period(name)) for name in _names(style, rows, time)]
    numbers = _numbers(rows, value)
    hover = f"%{{customdata}}<br><b>{unit.before}%{{y:,.2f}}</b>{unit.after}<extra></extra>"
    trace: Any
    if line:
        is_day = step == "jour"
        trace = go.Scatter(
            x=[row[time] for row in rows] if is_day else names,
            y=numbers,
            customdata=names,
            mode="lines",
            line={"color": MAIN, "width": 2},
            fill="tozeroy",
            fillcolor=tint(MAIN, 0.12),
            hovertemplate=hover,
        )
    else:
        trace = go.Bar(x=names, y=numbers, customdata=names, marker_color=MAIN, hovertemplate=hover)
    figure = style.finish(go.Figure(trace), showlegend=False, hovermode="x")
    figure.update_yaxes(rangemode="tozero", tickprefix=unit.before, ticksuffix=unit.after)
    if line and step == "jour":
        figure.update_xaxes(type="date", tickformat=style.language.date_axis)
    else:
        figure.update_xaxes(type="category", nticks=14)
    return figure


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
        x=_numbers(rows, value),
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
    """A ring of the shares of ``value`` per ``label``; ``colours``: colour per label."""
    names = [str(row[label]) for row in rows]
    trace = go.Pie(
        labels=labels(_names(style, rows, label)),
        values=_numbers(rows, value),
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
    """Rectangles with areas proportional to ``value``; ``colours``: colour per label."""
    names = [str(row[label]) for row in rows]
    trace = go.Treemap(
        ids=[str(place) for place in range(len(rows))],  # rows may share a name
        labels=labels(_names(style, rows, label)),
        parents=[""] * len(rows),
        values=_numbers(rows, value),
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

    Column ``stats`` holds a mapping with the keys ``min``, ``25%``, ``50%``, ``75%``, ``max`` and ``mean``.
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
    figure.update_yaxes(tickprefix=unit.before, ticksuffix=unit.after, rangemode="tozero")
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
    """Stacked bars of several columns per period; ``series``: name and colour per column."""
    figure = go.Figure()
    names = [literal(str(row[time])) for row in rows]
    for column, (title, colour) in series.items():
        name = literal(title)
        figure.add_trace(
            go.Bar(
                x=names,
                y=_numbers(rows, column),
                name=name,
                marker_color=colour,
                hovertemplate=f"%{{x}}<br>{name}: <b>{unit.before}%{{y:,}}</b>{unit.after}<extra></extra>",
            )
        )
    style.finish(figure, barmode="stack")
    figure.update_xaxes(type="category", nticks=10)
    return figure


@dataclass(frozen=True)
class Flow:
    """A band of a Sankey diagram: an amount between two nodes."""

    source: str
    target: str
    amount: int
    colour: str


def sankey(style: Style, flows: Sequence[Flow], words: Mapping[str, str], colours: Mapping[str, str]) -> Figure:
    """A Sankey diagram; ``words`` and ``colours``: label and colour per node."""
    places = list(dict.fromkeys(name for flow in flows for name in (flow.source, flow.target)))
    number = {name: index for index, name in enumerate(places)}
    trace = go.Sankey(
        arrangement="snap",
        node={
            "label": [literal(words[name]) for name in places],
            "color": [colours[name] for name in places],
            "pad": 26,
            "thickness": 16,
            "line": {"width": 0},
            "hovertemplate": "%{label}<extra></extra>",
        },
        link={
            "source": [number[flow.source] for flow in flows],
            "target": [number[flow.target] for flow in flows],
            "value": [flow.amount for flow in flows],
            "color": [tint(flow.colour, 0.4) for flow in flows],
            "hovertemplate": "%{source.label} → %{target.label}<extra></extra>",
        },
        textfont={"size": 13, "shadow": "none"},
        valueformat=",d",
    )
    return style.finish(go.Figure(trace))


def gantt(style: Style, rows: Sequence[Row], groups: Mapping[str, tuple[str, str]]) -> Figure:
    """A bar per row from ``start``, of ``duration`` seconds; ``groups``: name and colour per ``group``."""
    figure = go.Figure()
    names = list(dict.fromkeys(str(row["label"]) for row in rows))
    for group, (name, colour) in groups.items():
        bars = [row for row in rows if row["group"] == group]
        if bars:
            figure.add_trace(
                go.Bar(
                    base=_numbers(bars, "start"),
                    x=_numbers(bars, "duration"),
                    y=[str(row["label"]) for row in bars],
                    orientation="h",
                    name=name,
                    marker_color=colour,
                    customdata=[row["text"] for row in bars],
                    hovertemplate="%{y}<br><b>%{customdata}</b><extra></extra>",
                )
            )
    tall = Style(style.language, max(style.height, 22 * len(names) + 90))
    tall.finish(figure, barmode="overlay")
    figure.update_yaxes(categoryorder="array", categoryarray=names, autorange="reversed", showgrid=False)
    figure.update_xaxes(ticksuffix=" s", rangemode="tozero")
    return figure


@dataclass(frozen=True)
class Node:
    """A node of a graph: its column from the left, and its place from the top."""

    name: str
    column: int
    place: float
    colour: str
    chosen: bool = False


def graph(style: Style, nodes: Sequence[Node], edges: Sequence[tuple[str, str]]) -> Figure:
    """Nodes in columns, with a curve per edge (source, target); a click on a node selects it."""
    positions = {node.name: (float(node.column), -node.place) for node in nodes}
    figure = go.Figure()
    for source, target in edges:
        (x0, y0), (x1, y1) = positions[source], positions[target]
        middle = (x0 + x1) / 2
        is_highlighted = any(node.chosen for node in nodes if node.name in (source, target))
        figure.add_shape(
            type="path",
            path=f"M {x0},{y0} C {middle},{y0} {middle},{y1} {x1},{y1}",
            line={"color": MAIN if is_highlighted else tint(QUIET, 0.55), "width": 2 if is_highlighted else 1.2},
            layer="below",
        )
    figure.add_trace(
        go.Scatter(
            x=[positions[node.name][0] for node in nodes],
            y=[positions[node.name][1] for node in nodes],
            mode="markers+text",
            text=[literal(node.name) for node in nodes],
            customdata=[node.name for node in nodes],
            textposition="top center",
            marker={
                "size": [22 if node.chosen else 16 for node in nodes],
                "color": [node.colour for node in nodes],
                "symbol": "square",
                "opacity": 1,
            },
            unselected={"marker": {"opacity": 1}},
            hovertemplate="%{text}<extra></extra>",
        )
    )
    style.finish(figure, showlegend=False, clickmode="event+select")
    reach = max((node.column for node in nodes), default=0)
    figure.update_xaxes(visible=False, range=[-0.5, reach + 0.5])
    figure.update_yaxes(visible=False, range=[min((y for _, y in positions.values()), default=0) - 0.7, 0.9])
    return figure


def scatter(style: Style, rows: Sequence[Row], x: str, y: str, colour: str | None = None) -> Figure:
    """A point per row; ``colour``: column that decides the colour."""
    marks: Any = MAIN
    if colour is not None:
        values = sorted({str(row[colour]) for row in rows})
        marks = [SERIES[values.index(str(row[colour])) % len(SERIES)] for row in rows]
    along = [literal(row[x]) if isinstance(row[x], str) else row[x] for row in rows]
    trace = go.Scatter(x=along, y=_numbers(rows, y), mode="markers", marker={"color": marks})
    return style.finish(go.Figure(trace), showlegend=False)
