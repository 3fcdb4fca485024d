"""Tables of any size in pages, so that the browser gets only the rows that it shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from filon.dashboard.client import Parameters, Row
from filon.dashboard.context import Context
from filon.dashboard.language import Language
from filon.dashboard.numbers import writer
from filon.dashboard.parts import provenance_sign, table
from filon.dashboard.states import show_no_rows
from filon.dashboard.takeaway.content import Report
from filon.dashboard.takeaway.csvs import respelled
from filon.dashboard.takeaway.facts import facts_of
from filon.dashboard.takeaway.rows import rows_part
from filon.dashboard.takeaway.xlsx import XLSX, as_xlsx
from filon.dashboard.why import address
from filon.dashboard.why.figure import Figure, figure_of_row

PAGE = 50
MOST_SAVED = 200_000
"""The most rows of a downloaded file, which is built in memory; larger ones are downloaded from the API."""
MOST_IN_EXCEL = 50_000
FORMATS = {"csv": "text/csv", "xlsx": XLSX, "parquet": "application/vnd.apache.parquet"}
NAMES = {"csv": "CSV", "xlsx": "Excel", "parquet": "Parquet"}


def paged_table(
    context: Context,
    key: str,
    described: Row,
    parameters: Parameters,
    size: int = PAGE,
    choose: Callable[[Row], None] | None = None,
    explain: Callable[[Figure], None] = address.explain,
) -> list[Row]:
    """Draw a page of a table, with buttons to the next and previous page and downloads of the whole table.

    Args:
        context: the page
        key: prefix of the keys of widgets
        described: the table, as the catalogue describes it
        parameters: filters and order
        size: rows per page
        choose: called with the row that is picked; rows cannot be picked if None
        explain: called with the row that somebody asks about, if the table has a key

    Returns:
        The rows of the page.

    """
    language = context.language
    trail = _trail(key, (context.release, context.stamp, described["name"], tuple(parameters), size))
    response = context.page(described, _with_key(described, parameters), size, trail[-1] if trail else None)
    rows: list[Row] = response.data["data"]
    total = response.data["total"]
    if not rows:
        show_no_rows(language, is_filtered=not context.filters.is_empty)
        return []
    figures = [figure for row in rows if (figure := figure_of_row(described, row))]
    table(
        context,
        key,
        [{name: row[name] for name in _shown(parameters) or row} for row in rows],
        formats_of(language, described),
        choose,
        (lambda place: explain(figures[place])) if len(figures) == len(rows) else None,
    )
    first = len(trail) * size + 1
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        place_text = language.text(
            "paging.place",
            first=language.number(first),
            last=language.number(first + len(rows) - 1),
            total=language.number(total),
        )
        st.markdown(place_text, width="content")
        with st.container(horizontal=True, width="content"):
            st.button(
                language.text("paging.previous"),
                key=f"{key}.previous",
                icon=":material/chevron_left:",
                disabled=not trail,
                on_click=_back,
                args=[trail],
            )
            st.button(
                language.text("paging.next"),
                key=f"{key}.next",
                icon=":material/chevron_right:",
                disabled=response.cursor is None,
                on_click=trail.append,
                args=[response.cursor],
            )
    _draw_downloads(context, key, described, parameters, total)
    return rows


def _shown(parameters: Parameters) -> list[str]:
    """The columns that are asked for; none when that are all."""
    return dict(parameters).get("fields", "").split(",") if "fields" in dict(parameters) else []


def _with_key(described: Row, parameters: Parameters) -> Parameters:
    """The parameters with the columns of the key, by which rows are explained."""
    shown = _shown(parameters)
    names = ",".join(dict.fromkeys([*shown, *described["key"]]))
    return [(name, names if name == "fields" else value) for name, value in parameters] if shown else parameters


def _back(trail: list[str]) -> None:
    trail.pop()


def _trail(key: str, query: tuple[Any, ...]) -> list[str]:
    """The cursors of the pages up to this one, from the session; empty when the query has changed."""
    name = f"{key}.trail"
    if name not in st.session_state or st.session_state[name][0] != query:
        st.session_state[name] = (query, [])
    trail: list[str] = st.session_state[name][1]
    return trail


def _draw_downloads(context: Context, key: str, described: Row, parameters: Parameters, total: int) -> None:
    language = context.language
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        provenance_sign(context, (described["name"],))
        if total > MOST_SAVED:
            address = f"{context.client.url}{described['path']}?format=parquet".replace("`", "")
            st.caption(language.text("paging.too_many", most=language.number(MOST_SAVED), address=address))
            return
        with st.container(horizontal=True, width="content"):
            for kind, media in FORMATS.items():
                if kind == "xlsx" and total > MOST_IN_EXCEL:
                    continue
                st.download_button(
                    language.text("paging.save", kind=NAMES[kind]),
                    _file(context, described, parameters, kind),
                    file_name=f"{described['name']}-{context.release}.{kind}",
                    mime=media,
                    key=f"{key}.{kind}",
                    icon=":material/download:",
                    on_click="ignore",
                    type="tertiary",
                )


def _file(context: Context, described: Row, parameters: Parameters, kind: str) -> Callable[[], bytes]:
    """What makes a file of all rows of a table."""
    if kind == "xlsx":
        return lambda: as_xlsx(_report(context, described, parameters))
    query = [*parameters, ("release", str(context.release)), ("format", kind)]
    if kind == "csv":
        return lambda: respelled(b"".join(context.client.stream(described["path"], query)), described, context.language)
    return lambda: b"".join(context.client.stream(described["path"], query))


def _report(context: Context, described: Row, parameters: Parameters) -> Report:
    name = described["name"]
    part = rows_part(context, described, parameters, name, MOST_IN_EXCEL)
    return Report(name, facts_of(context, [name], dt.datetime.now(dt.UTC)), [], [part], context.language)


def formats_of(language: Language, described: Row) -> Mapping[str, Callable[[Any], str]]:
    """Formatters of columns, by the formats and types of the table's contract."""
    formats: dict[str, Callable[[Any], str]] = {}
    for column in described["columns"]:
        name, kind = column["name"], column["type"]
        if column["format"] is not None:
            formats[name] = _number(language, column)
        elif kind == "date":
            formats[name] = language.date
        elif kind == "timestamp":
            formats[name] = language.moment
        elif kind == "boolean":
            formats[name] = language.truth
    return formats


def _number(language: Language, column: Row) -> Callable[[Any], str]:
    """A formatter with the scale of a DECIMAL type, such as two digits for DECIMAL(12,2)."""
    sql_type = column["sql_type"]
    scale = int(sql_type.rstrip(")").rpartition(",")[2]) if "," in sql_type else None
    return writer(language, column["format"], scale)
