"""The figure of each kind of chart."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import plotly.graph_objects as go  # type: ignore[import-untyped]

from filon.dashboard.blocks.asking import SHARE
from filon.dashboard.blocks.drawing import Drawing
from filon.dashboard.blocks.series import series
from filon.dashboard.charts import (
    BAR_PX,
    FEWEST_BARS,
    Figure,
    Style,
    boxes,
    height_of,
    numbers_of,
    shares,
    treemap,
)
from filon.dashboard.colours import MAIN, SERIES
from filon.dashboard.language import as_sorted
from filon.dashboard.markup import labels, literal
from filon.pages import ChartKind


def ranking(drawing: Drawing) -> Figure:
    """Horizontal bars in one colour, the first row on top, with values and shares."""
    [measure], rows = drawing.block.measure, drawing.rows
    write = drawing.write(measure)
    names = [drawing.label_of(row) for row in rows]
    texts = [write(row[measure]) for row in rows]
    if any(row.get(SHARE) is not None for row in rows):
        texts = [f"{text} · {drawing.language.percent(row[SHARE])}" for text, row in zip(texts, rows, strict=True)]
    details = [literal(drawing.detail_of(row)) for row in rows]
    trace = go.Bar(
        x=numbers_of(rows, measure),
        y=list(range(len(rows))),
        orientation="h",
        marker_color=[drawing.shade(row) for row in rows],
        customdata=[drawing.choice_of(row) for row in rows],
        text=details if any(details) else None,
        textposition="inside",
        insidetextanchor="start",
        insidetextfont={"color": "#ffffff"},
        hovertext=[f"{literal(name)}<br><b>{literal(text)}</b>" for name, text in zip(names, texts, strict=True)],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    tall = Style(drawing.language, max(drawing.style.height, height_of(len(rows))))
    figure = tall.finish(go.Figure(trace), showlegend=False)
    for place, text in enumerate(texts):
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", y=place, yref="y", text=literal(text), showarrow=False, xshift=6
        )
    figure.update_layout(margin_r=8 + 7 * max(map(len, texts), default=0))
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=labels(names),
        range=[max(len(rows), FEWEST_BARS) - 0.5, -0.5],  # so that a single bar does not fill the chart
        showgrid=False,
    )
    figure.update_xaxes(rangemode="tozero", showticklabels=False)  # the values stand beside the bars
    return figure


def _colours(drawing: Drawing) -> Mapping[str, str]:
    """The colour of each value, the same on every page; pale where others are chosen."""
    by = drawing.by[0]
    colours = drawing.context.colours(by, drawing.rows)
    return {str(row[by]): drawing.shade(row, colours.get(str(row[by]), MAIN)) for row in drawing.rows}


def donut(drawing: Drawing) -> Figure:
    """A ring of shares."""
    figure = shares(drawing.style, drawing.rows, drawing.by[0], drawing.block.measure[0], _colours(drawing))
    return figure.update_traces(customdata=[drawing.choice_of(row) for row in drawing.rows])


def tree(drawing: Drawing) -> Figure:
    """Rectangles whose areas are the numbers."""
    figure = treemap(drawing.style, drawing.rows, drawing.by[0], drawing.block.measure[0], _colours(drawing))
    return figure.update_traces(customdata=[drawing.choice_of(row) for row in drawing.rows])


def box(drawing: Drawing) -> Figure:
    """A box per row, of single values."""
    unit = drawing.unit_of(drawing.block.measure[0])
    rows = [row for row in drawing.rows if row["stats"] is not None]
    figure = boxes(drawing.style, rows, drawing.by[0], "stats", _colours(drawing), unit=unit)
    for trace, row in zip(figure.data, rows, strict=True):
        trace.customdata = [drawing.choice_of(row)]
    return figure


def scatter(drawing: Drawing) -> Figure:
    """A point per row: the first measure along, the second up."""
    x, y = drawing.block.measure
    color = drawing.block.color
    shades = drawing.context.colours(color, drawing.rows) if color else {}
    figure = go.Figure()
    for value in sorted(shades) if color else [""]:
        rows = [row for row in drawing.rows if not color or str(row[color]) == value]
        figure.add_trace(
            go.Scatter(
                x=[row[x] if isinstance(row[x], str) else None if row[x] is None else float(row[x]) for row in rows],
                y=numbers_of(rows, y),
                mode="markers",
                name=literal(value),
                marker={"color": shades.get(value, MAIN)},
                customdata=[drawing.choice_of(row) for row in rows],
                hovertext=[literal(" · ".join(drawing.name_of(row[name]) for name in drawing.by)) for row in rows],
                hovertemplate="%{hovertext}<br><b>%{x} · %{y}</b><extra></extra>",
            )
        )
    figure = drawing.style.finish(figure, showlegend=1 < len(shades) <= len(SERIES))
    units = drawing.unit_of(x), drawing.unit_of(y)
    figure.update_xaxes(title=drawing.language.name(x), tickprefix=units[0].before, ticksuffix=units[0].after)
    figure.update_yaxes(title=drawing.language.name(y), tickprefix=units[1].before, ticksuffix=units[1].after)
    return figure


def heatmap(drawing: Drawing) -> Figure:
    """A cell per pair of values, the darker the larger."""
    across, down = drawing.by
    [measure] = drawing.block.measure
    columns = sorted({str(row[across]) for row in drawing.rows}, key=as_sorted)
    lines = sorted({str(row[down]) for row in drawing.rows}, key=as_sorted)
    found = {(str(row[across]), str(row[down])): row[measure] for row in drawing.rows}
    write = drawing.write(measure)
    cells = [[found.get((column, line)) for column in columns] for line in lines]
    trace = go.Heatmap(
        x=labels([drawing.name_of(column) for column in columns]),
        y=labels(lines),
        z=[[None if value is None else float(value) for value in row] for row in cells],
        text=[[write(value) for value in row] for row in cells],
        texttemplate="%{text}" if drawing.block.kind is ChartKind.PIVOT else None,
        colorscale=[[0, "rgba(45,105,210,0.08)"], [1, MAIN]],
        showscale=drawing.block.kind is ChartKind.HEATMAP,
        hovertemplate="%{x} · %{y}<br><b>%{text}</b><extra></extra>",
    )
    tall = Style(drawing.language, max(drawing.style.height, BAR_PX * len(lines) + 80))
    figure = tall.finish(go.Figure(trace))
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def number(drawing: Drawing) -> Figure:
    """The first row's number, large."""
    [measure] = drawing.block.measure
    figure = go.Figure()
    figure.add_annotation(
        x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font_size=40,
        text=literal(drawing.write(measure)(drawing.rows[0][measure])),
    )  # fmt: skip
    figure = Style(drawing.language, 160).finish(figure)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


FIGURES: Mapping[ChartKind, Callable[[Drawing], Figure]] = {
    ChartKind.LINE: series,
    ChartKind.AREA: series,
    ChartKind.BAR: series,
    ChartKind.RANKING: ranking,
    ChartKind.DONUT: donut,
    ChartKind.TREEMAP: tree,
    ChartKind.BOX: box,
    ChartKind.SCATTER: scatter,
    ChartKind.HEATMAP: heatmap,
    ChartKind.PIVOT: heatmap,
    ChartKind.NUMBER: number,
}
