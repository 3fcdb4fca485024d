"""Tables of a page: rows of a table, a page at a time, or measures of an analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from filon.dashboard import chips
from filon.dashboard.blocks.asking import SHARE, by_of, chosen_by, is_analysed, lengths
from filon.dashboard.blocks.explained import figure_of_group
from filon.dashboard.client import Row
from filon.dashboard.context import Context, parameter_of
from filon.dashboard.numbers import measure_writer
from filon.dashboard.paging import paged_table
from filon.dashboard.parts import Formats, footer, table
from filon.dashboard.why import address
from filon.dashboard.why.figure import Figure
from filon.pages import ROWS, Table


def draw_table(context: Context, block: Table, key: str, rows: Sequence[Row]) -> None:
    """Draw rows with the formats of their contract."""
    described = context.tables[str(block.of)]
    if not is_analysed(context, block) or by_of(context, block)[0] == ROWS:
        choose = _choice(context, block, block.select or "")
        paged_table(context, key, described, query_of(context, block), block.limit or 50, choose)
        return
    by = by_of(context, block)
    names = [*by, *block.measure]
    shown = [{name: row[name] for name in names} | _stats(block, row) | _share(block, row) for row in rows]
    figures = [figure_of_group(context, block, row) for row in rows]
    table(
        context,
        key,
        shown,
        _formats(context, block, by, shown[0]),
        _choice(context, block, by[0]),
        None if None in figures else lambda place: address.explain(figures[place] or Figure(str(block.of))),
    )
    footer(context, key, shown, (str(block.of),))


def _choice(context: Context, block: Table, column: str) -> Callable[[Row], None] | None:
    """What picking a row does: it chooses its value of a filter, or its period; None if the page has no such filter."""
    if column in lengths(context) and is_analysed(context, block):
        time = context.tables[str(block.of)]["analysis"]["time"]
        return _chooser(context, None, column) if time in context.offered else None
    return _chooser(context, column, column) if column and column == chosen_by(context, block) else None


def _chooser(context: Context, name: str | None, column: str) -> Callable[[Row], None]:
    def choose(row: Row) -> None:
        if row[column] is not None:
            chips.choose(context, name, [parameter_of(row[column])])

    return choose


def query_of(context: Context, block: Table) -> list[tuple[str, str]]:
    """What a table of rows asks: its filters, columns and order."""
    query = context.row_choice_of(str(block.of))
    if block.columns:
        query.append(("fields", ",".join(block.columns)))
    return [*query, ("sort", block.sort)] if block.sort else query


def _stats(block: Table, row: Row) -> Row:
    return dict(row["stats"] or {}) if block.stats else {}


def _share(block: Table, row: Row) -> Row:
    return {"share": row[SHARE]} if block.share else {}


def _formats(context: Context, block: Table, by: Sequence[str], first: Mapping[str, Any]) -> Formats:
    language, of = context.language, str(block.of)
    formats = {name: measure_writer(context, of, name, block.format) for name in block.measure}
    periods = context.tables[of]["analysis"]["periods"]
    formats |= {name: language.period for name in by if name in periods}
    if block.stats:
        amount = measure_writer(context, of, block.stats, block.format)
        formats |= {name: amount for name in first if name not in (*by, *block.measure, "count")}
        formats["count"] = language.number
    if block.share:
        formats["share"] = language.percent
    return formats
