"""Parts of pages: cards, charts, tables, and the provenance of numbers."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from filon.dashboard.charts import Figure, Style
from filon.dashboard.client import Row
from filon.dashboard.context import Context
from filon.dashboard.language import Language
from filon.dashboard.markup import plain
from filon.dashboard.states import show_no_rows
from filon.dashboard.takeaway.csvs import as_csv
from filon.spreadsheet import guarded

Formats = Mapping[str, Callable[[Any], str]]
AGES_EVERY = dt.timedelta(seconds=20)
ROW_PX = 35
MOST_PX = 420
ASK, ASK_PX = "?", 44
"""The column of buttons that ask why a row is what it is."""
LARGEST_WHOLE, LARGEST_AMOUNT = 2**53 - 1, 10**12
"""Larger numbers keep all digits only as Decimal."""
MOST_DIGITS = 38
"""Digits that a decimal of a table has at most: numbers that need more are binary floating point."""


@dataclass(frozen=True)
class Card:
    """A number of a page, as it is written."""

    label: str
    text: str


def provenance(context: Context, tables: Sequence[str], later_s: float = 0) -> str:
    """The release, and age (``later_s`` from now) and quality of tables; only the release when there are none."""
    language = context.language
    if not tables:
        return language.text("provenance.release", release=context.release)
    quality = context.quality(tables)
    return language.text(
        "provenance",
        release=context.release,
        ago=language.ago(context.age_s(tables) + later_s),
        quality=language.text(f"quality.{quality}"),
    ) + _forgotten(context, tables)


def _forgotten(context: Context, tables: Sequence[str]) -> str:
    """A sentence where numbers of tables still count people who were erased since; else nothing."""
    language = context.language
    counting = [name for name in tables if context.tables[name]["counts_forgotten"]]
    names = ", ".join(plain(language.name(name)) for name in counting)
    return f" · {language.text('provenance.forgotten', tables=names)}" if counting else ""


def provenance_sign(context: Context, tables: Sequence[str]) -> None:
    """Draw a sign that tells where rows come from when somebody asks; the page says it once for all."""
    st.caption("", help=provenance(context, tables), width="content")


def draw_provenance(context: Context, tables: Sequence[str]) -> None:
    """Draw where the numbers of a page come from; their age goes on while the page stays open."""
    drawn = time.monotonic()

    @st.fragment(run_every=AGES_EVERY)
    def draw() -> None:
        st.caption(provenance(context, tables, time.monotonic() - drawn))

    draw()


def chart(
    context: Context,
    key: str,
    figure: Callable[[Style], Figure],
    rows: Sequence[Row],
    tables: Sequence[str],
    *,
    about: str = "",
    height: int | None = None,
    selects: bool = False,
) -> Any:
    """Draw a titled chart with downloads of its rows as CSV and its figure as PNG.

    Args:
        context: the page
        key: key of the widget; ``KEY.title`` is the key of its title
        figure: draws the figure in a style
        rows: the data of the figure
        tables: where the data come from
        about: text below the title
        height: height in pixels; the default of ``Style`` if None
        selects: whether clicks on points draw the page again

    Returns:
        The selection of points; None without rows.

    """
    language = context.language
    title = language.text(f"{key}.title")
    with st.container(border=True):
        st.subheader(title, anchor=False)
        if about:
            st.caption(about)
        if not rows:
            show_no_rows(language, is_filtered=not context.filters.is_empty)
            return None
        style = Style(language, height) if height else Style(language)
        file = key.replace(".", "-")
        selected = st.plotly_chart(
            figure(style),
            key=key,
            config=plotly_config(f"filon-{file}-{context.release}"),
            alt=language.text("chart.alt", title=title),
            on_select="rerun" if selects else "ignore",
            selection_mode="points",
        )
        footer(context, key, rows, tables)
    return selected


def plotly_config(file: str) -> dict[str, Any]:
    """Plotly's options: a bar with one button, which saves the figure as PNG."""
    return {
        "displayModeBar": True,
        "modeBarButtons": [["toImage"]],
        "displaylogo": False,
        "toImageButtonOptions": {"format": "png", "filename": file, "scale": 2},
    }


def footer(
    context: Context,
    key: str,
    rows: Sequence[Row],
    tables: Sequence[str],
    more: Callable[[], None] | None = None,
) -> None:
    """Draw the sign of the provenance of rows, a button that saves them as CSV, and what ``more`` draws beside it."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        provenance_sign(context, tables)
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            if more is not None:
                more()
            csv_button(context, key, rows)


def csv_button(context: Context, key: str, rows: Sequence[Row]) -> None:
    """Draw a button that saves rows as CSV."""
    st.download_button(
        context.language.text("chart.csv"),
        lambda: as_csv(lines_of(rows), context.language),
        file_name=f"filon-{key.replace('.', '-')}-{context.release}.csv",
        mime="text/csv",
        key=f"{key}.csv",
        icon=":material/download:",
        on_click="ignore",
        type="tertiary",
    )


def lines_of(rows: Sequence[Row]) -> list[list[Any]]:
    """The names of the columns, and the values of each row; lists are texts."""
    flat = [_flat(row) for row in rows]
    lines = [[_scalar(value) for value in row.values()] for row in flat]
    return [list(flat[0]), *lines] if flat else []


def _flat(row: Row) -> Row:
    """A row without nested mappings: each of their keys becomes a column."""
    flat: Row = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= value
        else:
            flat[name] = value
    return flat


def _scalar(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def table(
    context: Context,
    key: str,
    rows: Sequence[Row],
    formats: Formats | None = None,
    choose: Callable[[Row], None] | None = None,
    explain: Callable[[int], None] | None = None,
) -> None:
    """Draw rows as a table with translated column names; it sorts by values, not by their formatted text.

    Args:
        context: the page
        key: key of the widget
        rows: the rows, all with the same columns
        formats: formatters by column; other values are shown as they are
        choose: called with the row that is picked; rows cannot be picked if None
        explain: called with the place of the row that somebody asks about; rows have no button for it if None

    """
    language = context.language
    titles = headings(language, list(rows[0]) if rows else [])
    frame = pd.DataFrame({title: column([row[name] for row in rows]) for name, title in titles.items()})
    formatters = {titles[name]: formatter for name, formatter in (formats or {}).items() if name in titles}
    formatters = {**escape_formulas(frame), **formatters}
    asking: dict[str, Any] = {}
    if explain is not None:
        frame.insert(0, ASK, ASK)
        asking[ASK] = st.column_config.ButtonColumn(
            ASK,
            help=language.text("why.title"),
            pinned=True,
            width=ASK_PX,
            type="tertiary",
            key=f"{key}.why",
            on_click=_ask,
            args=(f"{key}.why", explain),
        )
    styled = frame.style.format(formatters, na_rep=language.text("none"))
    options: dict[str, Any] = {
        "column_config": asking,
        "hide_index": True,
        "height": min(MOST_PX, ROW_PX * (len(rows) + 1) + 3),
        "placeholder": language.text("none"),
        "alt": language.text("table.alt", columns=", ".join(map(str, frame.columns))),
    }
    if choose is None:
        st.dataframe(styled, key=key, **options)
        return
    widget = one_time_key(key)
    st.dataframe(
        styled,
        key=widget,
        on_select=lambda: _pick(key, widget, rows, choose),
        selection_mode="single-row",
        **options,
    )


def _ask(key: str, explain: Callable[[int], None]) -> None:
    explain(int(st.session_state[key]["row"]))


def container_key(key: str, *, is_inert: bool) -> str:
    """The key of what is around a block; ``page.css`` makes those pale that a chosen filter does not act on."""
    return f"{'inert' if is_inert else 'block'}-{key.replace('.', '-')}"


def one_time_key(key: str) -> str:
    """The key of a widget until something is picked in it: the next one has nothing selected, so every pick is new."""
    return f"{key}#{st.session_state.get(f'{key}.picks', 0)}"


def count_pick(key: str) -> None:
    """Let the next widget of a key be a new one."""
    st.session_state[f"{key}.picks"] = int(st.session_state.get(f"{key}.picks", 0)) + 1


def _pick(key: str, widget: str, rows: Sequence[Row], choose: Callable[[Row], None]) -> None:
    picked = st.session_state[widget]["selection"]["rows"]
    count_pick(key)
    if picked:
        choose(rows[picked[0]])


def escape_formulas(frame: pd.DataFrame) -> Formats:
    """Escape formulas in a frame in place, since the table's own CSV button saves its values.

    Returns:
        Formatters of the changed columns, which show the original texts.

    """
    originals: dict[str, Callable[[Any], str]] = {}
    for title, values in frame.items():
        plain = {guarded(value): value for value in values if isinstance(value, str)}
        if any(safe != value for safe, value in plain.items()):
            frame[title] = values.map(lambda value: guarded(value) if isinstance(value, str) else value)
            originals[title] = lambda value, plain=plain: str(plain.get(value, value))  # type: ignore[misc]
    return originals


def headings(language: Language, names: Sequence[str]) -> dict[str, str]:
    """Translated headings by column; columns with the same translation get their own name in brackets."""
    counts = Counter(language.name(name) for name in names)
    titles = {name: language.name(name) for name in names}
    return {name: title if counts[title] == 1 else f"{title} ({name})" for name, title in titles.items()}


def column(values: Sequence[Any]) -> pd.Series:
    """Values as a series that sorts correctly and keeps all digits: Int64, float, or object with Decimal."""
    plain: list[Any] = [", ".join(map(str, value)) if isinstance(value, list) else value for value in values]
    present = [value for value in plain if value is not None]
    if present and all(type(value) in (int, Decimal) for value in present):
        if _digits(present) > MOST_DIGITS:
            return pd.Series([None if value is None else float(value) for value in plain], dtype=float)
        largest = max(map(abs, present))
        if largest > (LARGEST_WHOLE if type(largest) is int else LARGEST_AMOUNT):
            return pd.Series([None if value is None else Decimal(value) for value in plain], dtype=object)
        if all(type(value) is int for value in present):
            return pd.Series(plain, dtype="Int64")  # int64 has no nulls, and float shows fractions
        return pd.Series([None if value is None else float(value) for value in plain], dtype=float)
    return pd.Series(plain)


def _digits(numbers: Sequence[int | Decimal]) -> int:
    """The digits of a decimal type that holds all of these numbers."""
    exact = [Decimal(number) for number in numbers]
    whole = max(number.adjusted() + 1 for number in exact)
    fraction = max(-int(number.as_tuple().exponent) for number in exact)
    return max(whole, 0) + max(fraction, 0)
