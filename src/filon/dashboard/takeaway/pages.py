"""A page of the project as a report: every block asked for, as the page on the screen asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from filon.dashboard.blocks.asking import BEFORE, DETAIL, LABEL, SHARE, ask, by_of, is_analysed, lengths
from filon.dashboard.blocks.cards import Answer, ask_card, title_of
from filon.dashboard.blocks.tables import query_of
from filon.dashboard.blocks.titles import title_of_block
from filon.dashboard.client import Row
from filon.dashboard.context import Context
from filon.dashboard.numbers import decimals_of, format_of
from filon.dashboard.takeaway.content import Column, Kind, Part, Report, Value
from filon.dashboard.takeaway.facts import facts_of
from filon.dashboard.takeaway.rows import FORMATS, TYPES, rows_part
from filon.dashboard.timeline import DAY, MONTH
from filon.pages import ROWS, Card, Chart, ChartKind, NumberFormat, Page, Table

MOST_ROWS = 5_000
"""The most rows of a table of rows; all of them are saved by the table's own buttons."""
DRAWN = (ChartKind.LINE, ChartKind.AREA, ChartKind.BAR, ChartKind.RANKING, ChartKind.DONUT, ChartKind.TREEMAP)


def report_of(context: Context, page: Page, limits: Sequence[int | None], now: dt.datetime) -> Report:
    """The report of a page as it is filtered; ``limits`` are those of its blocks, in order."""
    language = context.language
    blocks = list(page.blocks)
    asked: list[Callable[[], Any]] = [
        partial(ask_card, context, block) if isinstance(block, Card) else partial(part_of, context, block, limit)
        for block, limit in zip(blocks, limits, strict=True)
    ]
    answers = list(zip(blocks, context.together(*asked), strict=True))
    cards = [
        _card(context, block, answer)
        for block, answer in answers
        if isinstance(block, Card) and isinstance(answer, Answer)
    ]
    parts = [answer for _, answer in answers if isinstance(answer, Part)]
    return Report(language.said(page.title), facts_of(context, page.tables, now), cards, parts, language)


def _card(context: Context, card: Card, answer: Answer) -> tuple[Column, Value]:
    title = title_of(context, card)
    if card.count is not None:
        return Column("", title, Kind.NUMBER, 0), answer.value
    if card.share is not None:
        return Column("", title, Kind.SHARE), answer.value
    column = _measure(context, card, str(card.measure), title)
    return column, column.value_of({column.name: answer.value})


def part_of(context: Context, block: Chart | Table, limit: int | None) -> Part:
    """A chart or table with its rows."""
    title = title_of_block(context, block)
    if not is_analysed(context, block) and isinstance(block, Table):
        return _rows(context, block, title)
    by = by_of(context, block)
    if is_analysed(context, block) and by[0] == ROWS:
        return _rows(context, Table(of=block.of), title)
    rows = [_spread(row) for row in ask(context, block, limit)]
    columns = list(_columns(context, block, by, rows))
    drawn = block.measure if isinstance(block, Chart) and block.kind in DRAWN and not block.color else ()
    label = LABEL if any(column.name == LABEL for column in columns) else (by[0] if by else "")
    return Part(title, columns, rows, label, drawn, is_time=bool(by) and by[0] in lengths(context))


def _spread(row: Row) -> Row:
    """A row with its statistics as columns."""
    return {**row, **(row.get("stats") or {})}


def _columns(context: Context, block: Chart | Table, by: tuple[str, ...], rows: list[Row]) -> Iterator[Column]:
    language, described = context.language, context.tables[str(block.of)]
    first = rows[0] if rows else {}
    color = (block.color,) if isinstance(block, Chart) and block.color else ()
    known = {column["name"]: column for column in described["columns"]}
    for name in (*by, *color):
        length = lengths(context).get(name) if is_analysed(context, block) else None
        kind = {DAY: Kind.DAY, MONTH: Kind.MONTH}.get(
            length or 0, TYPES.get(known.get(name, {}).get("type"), Kind.TEXT)
        )
        yield Column(name, language.name(name), kind)
    for name, word in ((LABEL, getattr(block, "label", None)), (DETAIL, getattr(block, "detail", None))):
        if name in first and word:
            yield Column(name, language.name(str(word)))
    for measure in block.measure:
        yield _measure(context, block, measure, language.name(measure))
    if isinstance(block, Chart) and BEFORE in first:
        yield _measure(context, block, block.measure[0], language.text(f"chart.{block.compare}"), BEFORE)
    if SHARE in first:
        yield Column(SHARE, language.name("share"), Kind.SHARE)
    stats = block.stats if isinstance(block, Table) else None
    for name in first.get("stats") or ():
        amount = _measure(context, block, stats or block.measure[0], language.name(name), name)
        yield Column(name, language.name(name), Kind.NUMBER, 0) if name == "count" else amount


def _measure(context: Context, block: Card | Chart | Table, measure: str, title: str, name: str = "") -> Column:
    kind = format_of(context.tables[str(block.of)], measure, block.format)
    return Column(name or measure, title, FORMATS.get(NumberFormat(kind), Kind.NUMBER), decimals_of(measure))


def _rows(context: Context, block: Table, title: str) -> Part:
    described = context.tables[str(block.of)]
    return rows_part(context, described, query_of(context, block), title, MOST_ROWS, block.columns)
