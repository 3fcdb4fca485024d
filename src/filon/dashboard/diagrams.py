"""Figures of flows, durations and dependencies, in the style of ``charts``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go  # type: ignore[import-untyped]

from filon.dashboard.charts import Figure, Style, numbers_of
from filon.dashboard.client import Row
from filon.dashboard.colours import MAIN, QUIET, tint
from filon.dashboard.markup import literal


@dataclass(frozen=True)
class Flow:
    """A band of a Sankey diagram: an amount between two nodes."""

    source: str
    target: str
    amount: int
    colour: str


def sankey(style: Style, flows: Sequence[Flow], words: Mapping[str, str], colours: Mapping[str, str]) -> Figure:
    """A Sankey diagram.

    Args:
        style: language and height
        flows: the bands
        words: label per node
        colours: colour per node

    """
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
    """A bar per row on a time axis.

    Args:
        style: language and smallest height
        rows: ``label``, ``group``, ``start`` and ``duration`` in seconds, and ``text`` for the tooltip
        groups: name and colour per value of ``group``

    """
    figure = go.Figure()
    names = list(dict.fromkeys(str(row["label"]) for row in rows))
    for group, (name, colour) in groups.items():
        bars = [row for row in rows if row["group"] == group]
        if bars:
            figure.add_trace(
                go.Bar(
                    base=numbers_of(bars, "start"),
                    x=numbers_of(bars, "duration"),
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
    """A graph with nodes in columns; a click on a node selects it.

    Args:
        style: language and height
        nodes: the nodes
        edges: names of source and target of each curve

    """
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
