"""The figure behind each number of a block: of a card, a mark of a chart, a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from filon.dashboard.blocks.asking import by_of, is_analysed, own_filters, step_of
from filon.dashboard.client import Row
from filon.dashboard.context import Context, parameter_of
from filon.dashboard.why.figure import EMPTY, MEASURE, Figure, figure_of_row
from filon.pages import Card, Chart, Summary, Table


def figure_of_card(context: Context, card: Card, *, at: str, periods: int, groups: Sequence[Any]) -> Figure:
    """The figure of a card.

    Args:
        context: the page as it is filtered
        card: the card
        at: the period that it is the largest or smallest of, if it is
        periods: by how many periods its mean divides
        groups: the groups whose share it shows

    """
    if card.count is not None:
        return Figure(card.count, choice=tuple(context.row_choice_of(card.count)))
    table, chosen = str(card.of), ((MEASURE, str(card.measure)),)
    cell = Figure(table, choice=(*chosen, *context.choice_of(table)))
    if card.share is not None:
        own = cell.without([card.share.by])
        picked = [(card.share.by, parameter_of(group)) for group in groups if group is not None]
        return Figure(table, choice=(*own.choice, *picked), is_share=True)
    if card.take is Summary.MEAN:
        return Figure(table, choice=cell.choice, periods=periods)
    if at and card.by is not None:
        return Figure(table, choice=(*cell.choice, (step_of(context, table, card.by), at)))
    return cell


def figure_of_group(context: Context, block: Chart | Table, row: Row) -> Figure | None:
    """The figure of a mark of a chart, or of a row by a dimension; None when no parameter of the API says it."""
    described = context.tables[str(block.of)]
    if not is_analysed(context, block):
        return figure_of_row(described, row)
    color = (block.color,) if isinstance(block, Chart) and block.color else ()
    names = [*by_of(context, block), *color]
    periods = described["analysis"]["periods"]
    if any(row[name] is None for name in names if name in periods):
        return None
    stats = block.stats if isinstance(block, Table) else None
    chosen = context.choice_of(described["name"], own_filters(context, block))
    own = [(name, parameter_of(row[name])) for name in names if row[name] is not None]
    empty = [name for name in names if row[name] is None]
    kept = [pair for pair in chosen if pair[0] not in names]
    measures = [*block.measure, *([stats] if stats else [])] or described["analysis"]["measures"]
    missing = [(EMPTY, ",".join(empty))] if empty else []
    return Figure(described["name"], choice=((MEASURE, measures[0]), *kept, *own, *missing))
