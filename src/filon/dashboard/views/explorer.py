"""Explorateur: any table of any project, as its contract describes it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import streamlit as st

from filon.dashboard import charts
from filon.dashboard.client import Row
from filon.dashboard.colours import colours_of
from filon.dashboard.context import Context
from filon.dashboard.markup import plain
from filon.dashboard.paging import paged_table
from filon.dashboard.parts import chart, table

SIZES = (25, 50, 100)
DRAWN = 100


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
    parameters = [*_shared(context, described), *_own_filters(context, described)]
    _draw(context, described, parameters)
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


def _shared(context: Context, described: Row) -> list[tuple[str, str]]:
    """The filters of the sidebar that the table has."""
    return [(name, value) for name, value in context.filters.parameters() if name in described["filters"]]


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


def _draw(context: Context, described: Row, parameters: list[tuple[str, str]]) -> None:
    """Draw the chart of the contract, over the first rows in the table's order."""
    hint = described.get("chart")
    if not hint or hint["kind"] == "table":
        return
    most = min(DRAWN, described.get("maximum_limit") or DRAWN)
    rows = context.rows(described["path"], [*parameters, ("limit", str(most))])
    measures = hint["y"] if isinstance(hint["y"], list) else [hint["y"]]
    about = context.language.text("explorer.first_rows", count=len(rows)) if len(rows) == most else ""
    chart(
        context,
        "explorer.chart",
        lambda style: _figure(style, hint, described, rows, measures[0]),
        rows,
        (described["name"],),
        about=f"{plain(context.language.name(measures[0]))}. {about}".strip(),
    )


def _figure(style: charts.Style, hint: Row, described: Row, rows: list[Row], measure: str) -> charts.Figure:
    x, kind = hint["x"], hint["kind"]
    shades = colours_of(str(row[x]) for row in rows)
    if kind in ("line", "area"):
        types = {column["name"]: column["type"] for column in described["columns"]}
        step = "jour" if types[x] == "date" else "mois"
        oldest_first = sorted(rows, key=lambda row: (row[x] is None, row[x]))
        return charts.over_time(style, oldest_first, x, measure, line=True, step=step)
    if kind == "pie":
        return charts.shares(style, rows, x, measure, shades)
    if kind == "treemap":
        return charts.treemap(style, rows, x, measure, shades)
    if kind == "scatter":
        return charts.scatter(style, rows, x, measure, hint.get("color"))
    return charts.ranked(style, rows[:30], x, measure)
