"""Charts of a page: titles, figures, clicks, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from filon.dashboard import chips
from filon.dashboard.blocks.asking import (
    BEFORE,
    DETAIL,
    LABEL,
    MOST_GROUPS,
    SHARE,
    by_of,
    chosen_by,
    is_analysed,
    is_cut,
    lengths,
    shortened,
    undated,
)
from filon.dashboard.blocks.drawing import Drawing
from filon.dashboard.blocks.explained import figure_of_group
from filon.dashboard.blocks.figures import FIGURES
from filon.dashboard.blocks.titles import inside
from filon.dashboard.charts import Style, height_of
from filon.dashboard.client import Row
from filon.dashboard.context import Context
from filon.dashboard.markup import plain
from filon.dashboard.parts import count_pick, footer, one_time_key, plotly_config
from filon.dashboard.why import address
from filon.dashboard.why.figure import Figure
from filon.pages import Chart, ChartKind

TALL = {ChartKind.BOX: 420}


def draw_chart(context: Context, block: Chart, key: str, rows: Sequence[Row], title: str) -> None:
    """Draw the figure of a chart, whose clicks choose values, and what it says of itself."""
    language = context.language
    height = TALL.get(block.kind)
    style = Style(language, height) if height else Style(language)
    if block.kind is ChartKind.RANKING:
        style = Style(language, height_of(len(rows)))
    drawing = Drawing(context, block, rows, by_of(context, block), style)
    name, is_time = _clicks(context, block, drawing)
    widget = one_time_key(key)
    figure = FIGURES[block.kind](drawing)
    if name or is_time:
        if is_time:
            figure.update_layout(dragmode="select", selectdirection="h")
        choices = [list(() if trace.customdata is None else trace.customdata) for trace in figure.data]
        st.plotly_chart(
            figure,
            key=widget,
            config=plotly_config(f"filon-{key.replace('.', '-')}-{context.release}"),
            alt=language.text("chart.alt", title=title),
            on_select=lambda: _click(context, key, widget, name, choices),
            selection_mode=("points", "box") if is_time else "points",
        )
    else:
        st.plotly_chart(
            figure,
            key=widget,
            config=plotly_config(f"filon-{key.replace('.', '-')}-{context.release}"),
            alt=language.text("chart.alt", title=title),
        )
    if (step := shortened(context, block)) is not None:
        text = language.text(
            "chart.shortened", most=language.number(MOST_GROUPS), step=plain(inside(language.name(step)))
        )
        st.caption(f":material/zoom_out: {text}")
    if is_cut(context, block, rows):
        text = language.text("chart.cut", most=language.number(MOST_GROUPS))
        st.caption(f":material/content_cut: {text}")
    if (missing := undated(context, block)) is not None:
        value = plain(drawing.write(block.measure[0])(missing))
        st.caption(f":material/event_busy: {language.text('chart.undated', value=value)}")
    footer(
        context,
        key,
        [_plain(row) for row in rows],
        _tables(context, block),
        lambda: _draw_asking(context, key, drawing),
    )


def _draw_asking(context: Context, key: str, drawing: Drawing) -> None:
    """Draw what asks why a mark is what it is: a list of them, since a click on one filters the page."""
    language, widget = context.language, one_time_key(f"{key}.why")  # a new one is closed
    with st.popover(
        language.text("why.short"), icon=":material/help:", type="tertiary", key=widget, on_change="rerun"
    ) as menu:
        if not menu.open:
            return
        named = [(_name_of(drawing, row), figure_of_group(context, drawing.block, row)) for row in drawing.rows]
        figures = {name: figure for name, figure in reversed(named) if figure is not None}
        st.selectbox(
            language.text("why.mark"),
            list(reversed(figures)),
            index=None,
            placeholder=language.text("why.choose"),
            key=f"{widget}.mark",
            on_change=lambda: _ask(f"{key}.why", figures[st.session_state[f"{widget}.mark"]]),
        )


def _name_of(drawing: Drawing, row: Row) -> str:
    """What a mark is called, and its number."""
    names = [drawing.label_of(row)] if drawing.by else []
    names += [drawing.text_of(row[name]) for name in (*drawing.by[1:], drawing.block.color) if name]
    measure = drawing.block.measure[0]
    return f"{', '.join(names)} : {drawing.write(measure)(row[measure])}" if measure in row else ", ".join(names)


def _ask(key: str, figure: Figure) -> None:
    count_pick(key)
    address.explain(figure)


def _clicks(context: Context, block: Chart, drawing: Drawing) -> tuple[str | None, bool]:
    """The dimension of which clicks choose values, and whether they choose a period."""
    by = drawing.by[0] if drawing.by else ""
    name = chosen_by(context, block)
    is_time = is_analysed(context, block) and by in lengths(context)
    has_time = is_time and context.tables[str(block.of)]["analysis"]["time"] in context.offered
    return (name if name == by else None), has_time


def _click(context: Context, key: str, widget: str, name: str | None, choices: Sequence[Sequence[str | None]]) -> None:
    """Choose what was clicked.

    ``choices``: per trace and mark of the figure the value that it stands for.
    """
    points = st.session_state[widget]["selection"]["points"]
    found = {_chosen(choices[point["curve_number"]], point) for point in points}
    count_pick(key)
    if chosen := sorted(value for value in found if value is not None):
        chips.choose(context, name, chosen)


def _chosen(choices: Sequence[str | None], point: Mapping[str, Any]) -> str | None:
    """The value of a mark; a box has no number among those of its trace, of which it is the only one."""
    place = point.get("point_index", point.get("point_number"))
    if place is None:
        return choices[0] if len(choices) == 1 else None
    return choices[place] if place < len(choices) else None


def _plain(row: Row) -> Row:
    """A row as it is saved, columns for the figure apart."""
    return {name: value for name, value in row.items() if name not in (BEFORE, SHARE, LABEL, DETAIL)}


def _tables(context: Context, block: Chart) -> list[str]:
    tables = [str(block.of)]
    if block.label or block.detail:
        columns = {column["name"]: column["refers_to"] for column in context.tables[tables[0]]["columns"]}
        tables.append(columns[block.by[0]].rpartition(".")[0])
    return tables
