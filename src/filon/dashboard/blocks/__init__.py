"""A page of the project, drawn: what its blocks show is asked for at once, then drawn from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import streamlit as st

from filon.dashboard.address import chosen
from filon.dashboard.blocks.asking import ask, by_of, is_analysed, unapplied
from filon.dashboard.blocks.cards import ask_card, draw_cards
from filon.dashboard.blocks.charts import draw_chart
from filon.dashboard.blocks.tables import draw_table, query_of
from filon.dashboard.blocks.titles import title_of_block
from filon.dashboard.context import Context
from filon.dashboard.markup import plain
from filon.dashboard.parts import container_key
from filon.dashboard.states import show_no_rows
from filon.pages import ROWS, Card, Chart, Page, Row, Table, parts_of

__all__ = ["draw_block", "draw_page", "lacking", "limits_of", "prepared"]

STEP = 5
Answers = Iterator[Any]


def lacking(context: Context, page: Page) -> dict[str, list[str]]:
    """What a page shows and the tables that are loaded lack, by table."""
    missing: dict[str, list[str]] = {}
    for block in page.blocks:
        name = str(block.count or block.of) if isinstance(block, Card) else str(block.of)
        described = context.tables.get(name)
        if described is None or described["rows"] is None:
            missing[name] = ["table"]
            continue
        measures = (block.measure or "",) if isinstance(block, Card) else block.measure
        known = {*(column["name"] for column in described["columns"])}
        if described["analysis"] is not None:
            known |= set(described["analysis"]["measures"])
        parts = [part for measure in measures if measure for part in parts_of(measure)]
        if found := [part for part in parts if part not in known]:
            missing[name] = [f"analysis: {part}" for part in found]
    return missing


def prepared(context: Context, page: Page) -> Context:
    """The page with the choice that its blocks follow, which is drawn."""
    return context.with_choice(granularity=_choose_granularity(context, page), offered=page.filters)


def limits_of(page: Page) -> list[int | None]:
    """How many rows each block shows, as the reader chose."""
    return [_limit(block) for block in page.blocks]


def draw_page(context: Context, page: Page) -> None:
    """Draw a page that the tables have all of, and that was prepared."""
    asked = [_asked(context, block, limit) for block, limit in zip(page.blocks, limits_of(page), strict=True)]
    answers = iter(context.together(*asked))
    places = iter(range(len(asked)))
    for row in page.rows:
        _draw_row(context, row, page, answers, places)


def _choose_granularity(context: Context, page: Page) -> str:
    """Draw the choice of the periods, if a block follows it."""
    words = context.words
    name = words["granularity"]
    used = {part for block in page.blocks for part in ([block.by] if isinstance(block, Card) else block.by)}
    default = page.granularity or words["month"]
    if name not in used:
        return default
    steps = {words[step]: step for step in ("day", "month", "year")}
    return chosen(
        name,
        list(steps),
        default,
        lambda key: st.segmented_control(
            context.language.text("page.granularity"),
            list(steps),
            required=True,
            format_func=lambda value: context.language.text(f"step.{steps[value]}"),
            key=key,
            persist_state="session",
        ),
    )


def _limit(block: Card | Chart | Table) -> int | None:
    """How many rows a block shows; where the reader may choose, the choice that the session has."""
    if isinstance(block, Card) or block.upto is None or block.limit is None:
        return None if isinstance(block, Card) else block.limit
    asked = str(st.session_state.get("top") or st.query_params.get("top", ""))
    return min(int(asked), block.upto) if asked.isdecimal() and int(asked) else block.limit


def _asked(context: Context, block: Card | Chart | Table, limit: int | None) -> Callable[[], Any]:
    if isinstance(block, Card):
        return partial(ask_card, context, block)
    if isinstance(block, Table) and not is_analysed(context, block):
        described = context.tables[str(block.of)]
        return partial(context.page, described, query_of(context, block), block.limit or 50)
    return partial(ask, context, block, limit)


def _draw_row(context: Context, row: Row, page: Page, answers: Answers, places: Iterator[int]) -> None:
    if row.cards is not None:
        found = [(f"{page.path}.{next(places)}", card, next(answers)) for card in row.cards]
        draw_cards(context, found)
    elif row.text is not None:
        st.markdown(context.language.said(row.text))
    elif row.columns is not None:
        for place, part in zip(st.columns(len(row.columns)), row.columns, strict=True):
            with place:
                _draw_row(context, part, page, answers, places)
    else:
        block = row.chart or row.table
        if block is not None:
            _draw(context, block, f"{page.path}.{next(places)}", next(answers))


def draw_block(context: Context, block: Chart | Table, key: str) -> None:
    """Draw a single block."""
    _draw(context, block, key, ask(context, block, block.limit))


def _draw(context: Context, block: Chart | Table, key: str, rows: Sequence[Any]) -> None:
    language = context.language
    title = title_of_block(context, block)
    others = unapplied(context, block)
    with st.container(border=True, key=container_key(key, is_inert=bool(others))):
        st.subheader(plain(title), anchor=False)
        if block.about is not None:
            st.caption(plain(language.said(block.about)))
        if others:
            names = ", ".join(map(language.name, others))
            st.caption(f":material/filter_alt_off: {language.text('chips.unapplied', names=plain(names))}")
        if block.upto is not None and block.limit is not None:
            st.slider(language.text("page.most"), STEP, block.upto, block.limit, STEP, key="top", bind="query-params")
        if isinstance(block, Table) and not is_analysed(context, block):
            draw_table(context, block, key, [])
        elif not rows:
            show_no_rows(language, is_filtered=not context.filters.is_empty)
        elif isinstance(block, Table):
            draw_table(context, block, key, rows)
        elif is_analysed(context, block) and by_of(context, block)[:1] == (ROWS,):
            draw_table(context, Table(of=block.of), key, [])
        else:
            draw_chart(context, block, key, rows, title)
