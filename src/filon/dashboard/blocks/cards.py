"""Cards: a number each, compared with other days, with a small line."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import streamlit as st

from filon.dashboard.blocks.asking import MOST_GROUPS, lengths, shown_days, step_of, unapplied, value_of
from filon.dashboard.blocks.explained import figure_of_card
from filon.dashboard.client import Row
from filon.dashboard.colours import MAIN
from filon.dashboard.context import Context
from filon.dashboard.markup import plain
from filon.dashboard.numbers import format_of, measure_writer
from filon.dashboard.parts import container_key
from filon.dashboard.timeline import between
from filon.dashboard.why import address
from filon.pages import Card, Compare, NumberFormat, Summary

COLUMNS = 5
CENTS_BELOW = 10_000
"""Larger amounts are written without cents on a card; what explains them has all digits."""
SPARK_WIDTH, SPARK_HEIGHT = 200, 36


@dataclass(frozen=True)
class Answer:
    """The number of a card.

    ``before`` on the compared days, ``line`` along time, ``at`` the period that it is of; ``periods`` that a mean
    divides by, ``groups`` that have a share.
    """

    value: Any
    before: Any = None
    line: tuple[float, ...] = ()
    at: str = ""
    periods: int = 0
    groups: tuple[Any, ...] = ()


def ask_card(context: Context, card: Card) -> Answer:
    """Ask for the number of a card, and for what it is compared with."""
    if card.count is not None:
        path = context.tables[card.count]["path"]
        query = [*context.row_choice_of(card.count), ("limit", "1")]
        return Answer(int(context.answer(path, query).data["total"]))
    table, measure = str(card.of), str(card.measure)
    if card.take is not None and card.by is not None:
        return _summed_up(context, card, step_of(context, str(card.of), card.by))
    total = context.analyse(table)[0]
    if card.share is not None:
        best = context.analyse(table, card.share.by, sort=f"-{measure}", limit=card.share.top)
        share = sum(row[measure] for row in best) / total[measure] if total[measure] else None
        return Answer(share, groups=tuple(row[card.share.by] for row in best))
    filters = context.filters
    earlier = filters.year_before() if card.compare is Compare.LAST_YEAR else filters.before()
    before = None
    if card.compare is not None and earlier is not None:
        before = value_of(context.analyse(table, filters=earlier)[0], measure)
    return Answer(value_of(total, measure), before, _line(context, card))


def _summed_up(context: Context, card: Card, by: str) -> Answer:
    """The mean, largest or smallest of all periods; a period without facts counts as zero."""
    table, measure = str(card.of), str(card.measure)
    rows = _by_period(context, table, by)
    values = {row[by]: value_of(row, measure) for row in rows}
    present = {text: value for text, value in values.items() if value is not None}
    if not present:
        return Answer(None)
    if card.take is Summary.MEAN:
        return Answer(sum(present.values()) / len(present), periods=len(present))
    best = (max if card.take is Summary.MAX else min)(present, key=lambda text: present[text])
    return Answer(present[best], at=best)


def _by_period(context: Context, table: str, by: str) -> list[Row]:
    rows = {row[by]: row for row in context.analyse(table, by, sort="value", limit=MOST_GROUPS)}
    days = shown_days(context, table)
    if days is None:
        return []
    empty = dict.fromkeys(context.tables[table]["analysis"]["measures"], Decimal(0))
    return [rows.get(text, {by: text, **empty}) for text in between(days, lengths(context)[by])]


def _line(context: Context, card: Card) -> tuple[float, ...]:
    if card.spark is None:
        return ()
    table = str(card.of)
    values = [
        value_of(row, str(card.measure)) for row in _by_period(context, table, step_of(context, table, card.spark))
    ]
    return tuple(float(value) for value in values if value is not None)


def draw_cards(context: Context, cards: Sequence[tuple[str, Card, Answer]]) -> None:
    """Draw numbers side by side, each under a key."""
    for start in range(0, len(cards), COLUMNS):
        group = cards[start : start + COLUMNS]
        for place, (key, card, answer) in zip(st.columns(len(group)), group, strict=True):
            with place:
                _draw_card(context, key, card, answer)


def _draw_card(context: Context, key: str, card: Card, answer: Answer) -> None:
    language = context.language
    compares = card.compare is not None and context.filters.period is not None
    change = float(answer.value) / float(answer.before) - 1 if answer.before and answer.value is not None else None
    delta = None
    if compares and change is None:
        delta = language.text("card.no_before")
    elif compares:
        delta = language.text(f"card.delta.{card.compare}", change=language.percent(change, signed=True))
    others = unapplied(context, card)
    with st.container(border=True, height="stretch", key=container_key(key, is_inert=bool(others))):
        st.metric(
            title_of(context, card),
            text_of(context, card, answer),
            delta=delta,
            delta_color="normal" if change else "off",
            delta_arrow="auto" if change else "off",
            help=language.said(card.help) or (language.period(answer.at) if answer.at else None),
        )
        if others:
            names = ", ".join(map(language.name, others))
            st.caption(f":material/filter_alt_off: {language.text('chips.inert', names=plain(names))}")
        if len(answer.line) > 1:
            st.html(_spark(answer.line))
        figure = figure_of_card(context, card, at=answer.at, periods=answer.periods, groups=answer.groups)
        with st.container(key=f"ask-{key.replace('.', '-')}"):
            st.button(
                language.text("why.of", name=plain(title_of(context, card))),
                icon=":material/help:",
                key=f"{key}.why",
                on_click=address.explain,
                args=[figure],
                type="tertiary",
            )


def _spark(values: Sequence[float]) -> str:
    """A small line as an image, since Streamlit takes drawings out of HTML.

    The marks of its own small lines have no text for screen readers, and their axes no zero.
    """
    low, high = min(*values, 0), max(*values, 0) or 1
    step = SPARK_WIDTH / (len(values) - 1)
    points = " ".join(
        f"{index * step:.1f},{SPARK_HEIGHT - (value - low) / (high - low) * SPARK_HEIGHT:.1f}"
        for index, value in enumerate(values)
    )
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -2 {SPARK_WIDTH} {SPARK_HEIGHT + 4}" '
        f'preserveAspectRatio="none"><polyline points="{points}" fill="none" stroke="{MAIN}" stroke-width="2" '
        'vector-effect="non-scaling-stroke"/></svg>'
    )
    source = f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"
    return f'<img class="spark" alt="" src="{source}" style="width: 100%; height: {SPARK_HEIGHT}px">'


def text_of(context: Context, card: Card, answer: Answer) -> str:
    """The number of a card, as it is written."""
    if card.share is not None:
        return context.language.percent(answer.value)
    if card.count is not None:
        return context.language.number(answer.value)
    kind = format_of(context.tables[str(card.of)], str(card.measure), card.format)
    if kind == NumberFormat.MONEY and answer.value is not None:
        return context.language.money(answer.value, cents=abs(answer.value) < CENTS_BELOW)
    return measure_writer(context, str(card.of), str(card.measure), card.format)(answer.value)


def title_of(context: Context, card: Card) -> str:
    """What a card is called."""
    language = context.language
    if card.title is not None:
        return language.said(card.title)
    if card.take is not None and card.by is not None:
        step = step_of(context, str(card.of), card.by)
        each = next(name for name in ("day", "month", "year") if context.words[name] == step)
        return f"{language.text(f'take.{card.take}')} {language.text(f'each.{each}')}"
    return language.name(card.count or str(card.measure))
