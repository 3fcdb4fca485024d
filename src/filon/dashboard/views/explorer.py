"""Explorateur: any table of any project, as its contract describes it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import streamlit as st

from filon.dashboard.blocks import draw_block
from filon.dashboard.client import Row
from filon.dashboard.context import Context
from filon.dashboard.markup import plain
from filon.dashboard.paging import paged_table
from filon.dashboard.parts import table
from filon.pages import Chart, ChartKind

SIZES = (25, 50, 100)
DRAWN = 100


def filters(context: Context) -> list[str]:
    """The dimensions and the date column of analyses that rows of the chosen table are filtered by."""
    described = context.tables.get(str(st.session_state.get("table") or st.query_params.get("table", "")))
    if described is None:
        described = next((entry for entry in context.tables.values() if entry["rows"] is not None), None)
    offered = set(described["filters"]) if described else set()
    names = [name for table in context.analysed for name in table["analysis"]["dimensions"] if name in offered]
    return list(dict.fromkeys([*(name for name in context.times() if f"{name}_min" in offered), *names]))


def show(context: Context) -> None:
    """Draw the page."""
    language = context.language
    names = [name for name, entry in context.tables.items() if entry["rows"] is not None]
    if not names:
        st.info(language.text("explorer.nothing"), icon=":material/inbox:")
        return
    name = st.selectbox(language.text("explorer.table"), names, key="table", bind="query-params")
    described = context.tables[name or names[0]]
    _describe(context, described)
    parameters = [*context.row_choice_of(described["name"]), *_own_filters(context, described)]
    _draw(context, described)
    with st.container(border=True):
        st.subheader(language.text("explorer.rows"), anchor=False)
        left, middle, right = st.columns([3, 2, 2])
        order = left.selectbox(
            language.text("explorer.sort"),
            [""] + [sign + column for column in described["sortable"] for sign in ("", "-")],
            format_func=lambda value: _order_text(context, described, value),
            key=f"sort.{described['name']}",
        )
        size = middle.selectbox(language.text("explorer.size"), _sizes(described), index=0, key="explorer.size")
        right.metric(language.text("explorer.count"), language.number(described["rows"]))
        query = [*parameters, ("sort", order)] if order else parameters
        paged_table(context, "explorer.page", described, query, size or SIZES[0])


def _sizes(described: Row) -> list[int]:
    most = described.get("maximum_limit") or SIZES[-1]
    return [size for size in SIZES if size <= most] or [most]


def _describe(context: Context, described: Row) -> None:
    language = context.language
    if said := described.get("deprecated"):
        parts = [language.text("explorer.deprecated", day=language.date(said["since"]))]
        if said["sunset"]:
            parts.append(language.text("explorer.sunset", day=language.date(said["sunset"])))
        if said["successor"]:
            parts.append(language.text("explorer.successor", table=plain(said["successor"])))
        st.warning(" ".join(parts), icon=":material/event_busy:")
    about = (described["description"], language.text("explorer.grain", grain=described["grain"]))
    st.markdown("  \n".join(plain(text) for text in about if text))
    with st.expander(language.text("explorer.columns", count=len(described["columns"]))):
        rows = [
            {
                "name": column["name"],
                "sql_type": column["sql_type"],
                "is_key": language.truth(column["name"] in described["key"]),
                "required": language.truth(column["required"]),
                "description": column["description"],
            }
            for column in described["columns"]
        ]
        table(context, "explorer.contract", rows)


def _order_text(context: Context, described: Row, value: str) -> str:
    language = context.language
    if not value:
        usual = ", ".join(_order_text(context, described, step) for step in described["sort"])
        return language.text("explorer.usual_order", order=usual)
    arrow = "↓" if value.startswith("-") else "↑"
    return f"{language.name(value.removeprefix('-'))} {arrow}"


def _own_filters(context: Context, described: Row) -> list[tuple[str, str]]:
    language = context.language
    columns = {column["name"]: column for column in described["columns"]}
    offered = [name for name in described["filters"] if name in columns and name not in context.filters.choices]
    if not offered:
        return []
    with st.expander(language.text("explorer.filters"), icon=":material/filter_alt:"):
        parameters: list[tuple[str, str]] = []
        for place, name in zip(_places(len(offered)), offered, strict=True):
            with place:
                parameters += _filter(context, described["name"], columns[name])
    return parameters


def _places(count: int) -> Sequence[st.delta_generator.DeltaGenerator]:
    columns = st.columns(min(3, count))
    return [columns[index % len(columns)] for index in range(count)]


def _filter(context: Context, of: str, column: Row) -> list[tuple[str, str]]:
    """Draw the filter of a column: bounds for ordered types, else values; returns its parameters."""
    language, name = context.language, column["name"]
    label, key = plain(language.name(name)), f"filter.{of}.{name}"
    if column["type"] == "date":
        first = st.date_input(f"{label} ≥", value=None, key=f"{key}.min", format=language.date_input)
        last = st.date_input(f"{label} ≤", value=None, key=f"{key}.max", format=language.date_input)
        bounds = (("min", first), ("max", last))
        return [(f"{name}_{end}", day.isoformat()) for end, day in bounds if isinstance(day, dt.date)]
    if column["type"] == "boolean":
        chosen = st.selectbox(label, ["", "true", "false"], format_func=lambda value: _truth(context, value), key=key)
        return [(name, chosen)] if chosen else []
    if column["type"] in ("decimal", "double", "timestamp"):
        bounds_text = (
            (end, st.text_input(f"{label} {sign}", key=f"{key}.{end}")) for end, sign in (("min", "≥"), ("max", "≤"))
        )
        return [(f"{name}_{end}", text.strip()) for end, text in bounds_text if text.strip()]
    values = st.multiselect(
        label, [], accept_new_options=True, key=key, placeholder=language.text("explorer.type_values")
    )
    return [(name, str(value)) for value in values]


def _truth(context: Context, value: str) -> str:
    return context.language.truth(value == "true") if value else context.language.text("filters.all")


def _draw(context: Context, described: Row) -> None:
    """Draw the chart of the contract, over the first rows in the table's order."""
    hint = described["chart"]
    if hint is None or hint["kind"] == ChartKind.TABLE:
        return
    most = min(DRAWN, described["maximum_limit"])
    block = Chart(
        kind=hint["kind"],
        of=described["name"],
        title=context.language.text("explorer.chart.title"),
        about=context.language.text("explorer.first_rows", count=most) if described["rows"] > most else None,
        **_axes(hint),
        limit=most,
    )
    draw_block(context, block, "explorer.chart")


def _axes(hint: Row) -> dict[str, object]:
    """What a contract calls ``x``, ``y`` and ``color``, as the words of a page."""
    match hint["kind"]:
        case ChartKind.SCATTER:
            return {"measure": (hint["x"], hint["y"][0]), "by": (hint["x"],), "color": hint["color"]}
        case ChartKind.HEATMAP | ChartKind.PIVOT:
            return {"measure": hint["y"], "by": (hint["x"], hint["color"])}
        case _:
            return {"measure": hint["y"], "by": (hint["x"],), "color": hint["color"]}
