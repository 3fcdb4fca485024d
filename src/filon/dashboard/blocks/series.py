"""Lines, areas and bars: measures along time or along names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import plotly.graph_objects as go  # type: ignore[import-untyped]

from filon.dashboard.blocks.asking import BEFORE, is_analysed, is_partial
from filon.dashboard.blocks.drawing import Drawing
from filon.dashboard.charts import Figure, scale
from filon.dashboard.client import Row
from filon.dashboard.colours import MAIN, QUIET, SERIES, tint
from filon.dashboard.markup import labels, literal
from filon.pages import ChartKind

MOST_TICKS, MOST_BARS = 10, 120


class Series(NamedTuple):
    """A trace: its name, colour, rows and measure."""

    name: str
    colour: str
    rows: Sequence[Row]
    measure: str


def series(drawing: Drawing) -> Figure:
    """One trace per measure or colour, and the compared days as a pale line."""
    by, block = drawing.by[0], drawing.block
    found = list(_series(drawing))
    figure = go.Figure()
    if any(row.get(BEFORE) is not None for row in drawing.rows):
        before = drawing.language.text(f"chart.{block.compare}")
        rows = [{by: row[by], block.measure[0]: row.get(BEFORE)} for row in drawing.rows]
        figure.add_trace(_line(drawing, Series(before, tint(QUIET, 0.8), rows, block.measure[0]), dash="dot"))
    for item in found:
        is_bar = block.kind is ChartKind.BAR and len(item.rows) <= MOST_BARS
        figure.add_trace(_bar(drawing, item) if is_bar else _line(drawing, item, fill=block.kind is not ChartKind.LINE))
    unit = drawing.unit_of(block.measure[0])
    has_legend = len(figure.data) > 1
    figure = drawing.style.finish(
        figure, showlegend=has_legend, hovermode="x", barmode="stack" if block.stack else "group"
    )
    figure.update_yaxes(rangemode="tozero", **scale(drawing.language, _heights(figure, is_stacked=block.stack), unit))
    _along(drawing, figure)
    return figure


def _heights(figure: Figure, *, is_stacked: bool) -> Iterator[float]:
    """How high the marks of a figure reach, above and below zero; bars that stand on each other together."""
    above: Counter[Any] = Counter()
    below: Counter[Any] = Counter()
    for trace in figure.data:
        for place, height in zip(trace.x, trace.y, strict=True):
            if height is None:
                continue
            if is_stacked and trace.type == "bar":
                (above if height > 0 else below)[place] += height
            else:
                yield height
    yield from above.values()
    yield from below.values()


def _series(drawing: Drawing) -> Iterator[Series]:
    block, rows = drawing.block, drawing.rows
    if block.color is None:
        for measure, colour in zip(block.measure, [MAIN, *SERIES[1:]], strict=False):
            yield Series(drawing.language.name(measure), colour, rows, measure)
        return
    colours = drawing.context.colours(block.color, rows)
    for value in dict.fromkeys(row[block.color] for row in rows):
        own = [row for row in rows if row[block.color] == value]
        yield Series(drawing.name_of(value), colours.get(str(value), QUIET), own, block.measure[0])


def _place(drawing: Drawing, row: Row) -> Any:
    """Where a row stands along the axis: the first day of its period, or its name."""
    value = row[drawing.by[0]]
    if drawing.is_time and value is not None:
        return f"{value}-01-01"[:10]
    return drawing.label_of(row)


def _said(drawing: Drawing, item: Series) -> dict[str, Any]:
    write, names = drawing.write(item.measure), [drawing.label_of(row) for row in item.rows]
    if drawing.is_time and is_analysed(drawing.context, drawing.block):
        partial = drawing.language.text("chart.partial")
        names = [
            f"{name} ({partial})" if _is_partial(drawing, row) else name
            for name, row in zip(names, item.rows, strict=True)
        ]
    texts = [
        f"{literal(name)}<br>{literal(item.name)} : <b>{literal(write(row[item.measure]))}</b>"
        for name, row in zip(names, item.rows, strict=True)
    ]
    choices = [drawing.choice_of(row) for row in item.rows]
    return {"customdata": choices, "hovertext": texts, "hovertemplate": "%{hovertext}<extra></extra>"}


def _is_partial(drawing: Drawing, row: Row) -> bool:
    text = row[drawing.by[0]]
    return bool(text) and is_partial(drawing.context, drawing.table, str(text))


def _values(item: Series) -> list[float | None]:
    return [None if row[item.measure] is None else float(row[item.measure]) for row in item.rows]


def _bar(drawing: Drawing, item: Series) -> go.Bar:
    is_period = drawing.is_time and is_analysed(drawing.context, drawing.block)
    hatched = [is_period and _is_partial(drawing, row) for row in item.rows]
    return go.Bar(
        x=[_place(drawing, row) for row in item.rows],
        y=_values(item),
        name=literal(item.name),
        marker={
            "color": [drawing.shade(row, item.colour) for row in item.rows],
            "pattern": {"shape": ["/" if cut else "" for cut in hatched], "size": 6, "solidity": 0.3},
        },
        **_said(drawing, item),
    )


def _line(drawing: Drawing, item: Series, *, dash: str = "solid", fill: bool = False) -> go.Scatter:
    return go.Scatter(
        x=[_place(drawing, row) for row in item.rows],
        y=_values(item),
        name=literal(item.name),
        mode="lines+markers" if len(item.rows) < 3 else "lines",
        line={"color": item.colour, "width": 2, "dash": dash},
        fill="tozeroy" if fill else None,
        fillcolor=tint(item.colour, 0.12) if fill else None,
        **_said(drawing, item),
    )


def _along(drawing: Drawing, figure: Figure) -> None:
    """The axis along: time as it passes, with the names of some periods in the language of the page; else names."""
    rows = list({_place(drawing, row): row for row in drawing.rows}.items())
    if not drawing.is_time:
        names = [place for place, _ in rows]
        figure.update_xaxes(type="category", tickvals=names, ticktext=labels([str(name) for name in names]))
        return
    step = -(-len(rows) // MOST_TICKS) or 1
    shown = rows[::step]
    figure.update_xaxes(
        type="date",
        tickvals=[place for place, _ in shown],
        ticktext=[literal(drawing.label_of(row)) for _, row in shown],
    )
