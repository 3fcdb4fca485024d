"""The rows of a block: what it asks the API, and what follows from the answers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any

from filon.dashboard.client import Row
from filon.dashboard.context import Context
from filon.dashboard.filters import Filters, Period
from filon.dashboard.timeline import DAY, MONTH, YEAR, between, count_between, period_from, year_before
from filon.pages import ROWS, Card, Chart, Compare, Table, parts_of

BEFORE, SHARE, LABEL, DETAIL = "_before", "_share", "_label", "_detail"
"""Columns that are added to the rows of an answer."""
MOST_GROUPS = 10_000
ALONG_TIME = ("line", "area", "bar")
"""Charts that draw periods where they lie in time."""


def is_analysed(context: Context, block: Chart | Table) -> bool:
    """Whether the block shows measures of an analysis, not rows of a table."""
    return context.tables[str(block.of)]["analysis"] is not None and bool(block.by or isinstance(block, Chart))


def lengths(context: Context) -> dict[str, int]:
    """Names of periods, with the number of characters of one."""
    words = context.words
    return {words["day"]: DAY, words["month"]: MONTH, words["year"]: YEAR}


def by_of(context: Context, block: Chart | Table) -> tuple[str, ...]:
    """What the rows are by: the granularity that is chosen, and below the period that was drilled into."""
    if block.drill and context.filters.spelled:
        levels = lengths(context)
        for level in block.drill:
            if level == ROWS or levels[level] > len(context.filters.spelled):
                return (level, *block.by[1:])
        return (block.drill[-1], *block.by[1:])
    return tuple(step_of(context, str(block.of), name) for name in block.by)


def step_of(context: Context, table: str, name: str) -> str:
    """What a block by this name is by: the chosen period for the word that stands for it.

    The API answers with ``MOST_GROUPS`` periods at most: where an analysis has more days or months than that, a
    longer period is taken, never a part of them.
    """
    step = context.granularity if name == context.words["granularity"] else name
    if step not in lengths(context) or context.tables[table]["analysis"] is None:
        return step
    days, finest = shown_days(context, table), lengths(context)[step]
    possible = (period for period, length in lengths(context).items() if length <= finest)
    return next(
        (period for period in possible if days is None or count_between(days, lengths(context)[period]) <= MOST_GROUPS),
        context.words["year"],
    )


def shortened(context: Context, block: Chart) -> str | None:
    """The longer period that a chart is by where there are too many of its own; None when it is by its own."""
    if not is_analysed(context, block) or (block.drill and context.filters.spelled):
        return None
    by, word = block.by[0], context.words["granularity"]
    step = by_of(context, block)[0]
    return step if step != (context.granularity if by == word else by) else None


def is_cut(context: Context, block: Chart, rows: Sequence[Row]) -> bool:
    """Whether a chart of colours along time lacks its last groups, since the API answers with no more."""
    left_out = 1  # the group without a day
    return block.color is not None and is_analysed(context, block) and len(rows) + left_out >= MOST_GROUPS


def value_of(row: Row, measure: str) -> Any:
    """A measure of a row, or the ratio of two; None where that is not defined."""
    first, *rest = parts_of(measure)
    if not rest:
        return row[first]
    return row[first] / row[rest[0]] if row[first] is not None and row[rest[0]] else None


def ask(context: Context, block: Chart | Table, limit: int | None) -> list[Row]:
    """The rows that a block shows."""
    if not is_analysed(context, block):
        return rows_of(context, block, limit)
    by, filters = by_of(context, block), own_filters(context, block)
    if by[0] == ROWS:
        return rows_of(context, Table(of=block.of), limit)
    color = block.color if isinstance(block, Chart) else None
    stats = block.stats if isinstance(block, Table) else block.measure[0] if block.kind == "box" else None
    is_time = by[0] in lengths(context)
    rows = context.analyse(
        str(block.of),
        ",".join([*by, *([color] if color else [])]),
        filters=filters,
        sort=block.sort or ("value" if is_time else None),
        limit=limit or (MOST_GROUPS if is_time else None),
        stats=stats,
    )
    measures = block.measure or ((block.stats,) if isinstance(block, Table) and block.stats else ())
    rows = [{**row, **{measure: value_of(row, measure) for measure in measures}} for row in rows]
    if isinstance(block, Chart):
        if is_time and block.kind in ALONG_TIME:
            rows = [row for row in rows if row[by[0]] is not None]  # what they leave out is said below the chart
        if is_time and not color:
            rows = _filled(context, block, by[0], rows)
        if block.compare is not None and is_time:
            rows = _compared(context, block, by[0], rows, filters)
        if block.label or block.detail:
            rows = _labelled(context, block, rows)
    if measures and not stats:
        total = context.analyse(str(block.of), filters=filters)[0]
        whole = value_of(total, measures[0])
        rows = [
            {**row, SHARE: row[measures[0]] / whole if whole and row[measures[0]] is not None else None} for row in rows
        ]
    return rows


def undated(context: Context, block: Chart | Table) -> Any:
    """The first measure of the facts without a day, which have no place along time; None when there are none."""
    if not (isinstance(block, Chart) and block.kind in ALONG_TIME and is_analysed(context, block)):
        return None
    [by, *_], filters = by_of(context, block), own_filters(context, block)
    if by not in lengths(context) or filters.period is not None:
        return None
    rows = context.analyse(str(block.of), by, filters=filters, sort="value", limit=1)
    return next((value_of(row, block.measure[0]) for row in rows if row[by] is None), None)


def unapplied(context: Context, block: Card | Chart | Table) -> list[str]:
    """The chosen filters that the table of a block does not have."""
    is_sum = block.count is None if isinstance(block, Card) else is_analysed(context, block)
    name = str(block.count or block.of) if isinstance(block, Card) else str(block.of)
    described, filters = context.tables[name], context.filters
    own = set(described["analysis"]["dimensions"] if is_sum else described["filters"])
    names = [name for name in filters.choices if name not in own]
    has_days = is_sum or any(f"{name}_min" in own for name in context.times())
    return names if filters.period is None or has_days else [context.words["period"], *names]


def own_filters(context: Context, block: Chart | Table) -> Filters:
    """The filters of a block: a chart that a click chooses values in shows the others too."""
    name = chosen_by(context, block)
    return context.filters.without(name) if isinstance(block, Chart) and name else context.filters


def chosen_by(context: Context, block: Chart | Table) -> str | None:
    """The dimension of which a click on the block chooses a value; None when it chooses none."""
    if block.select:
        return block.select
    dimensions = context.tables[str(block.of)]["analysis"]["dimensions"] if is_analysed(context, block) else ()
    return next((name for name in block.by if name in dimensions and name in context.offered), None)


def rows_of(context: Context, block: Chart | Table, limit: int | None) -> list[Row]:
    """The first rows of a table, in its order or that of the block; along time, the oldest first."""
    described = context.tables[str(block.of)]
    most = min(limit or described["maximum_limit"], described["maximum_limit"])
    query = [*context.row_choice_of(described["name"]), ("limit", str(most))]
    rows = context.rows(described["path"], [*query, *([("sort", block.sort)] if block.sort else [])])
    if isinstance(block, Chart) and block.kind in ("line", "area") and block.by:
        return sorted(rows, key=lambda row: (row[block.by[0]] is None, row[block.by[0]]))
    return rows


def shown_days(context: Context, table: str) -> Period | None:
    """The chosen days of a table, from its first to its last that has facts; None when it has none."""
    chosen, known = context.filters.period, context.days([table])
    if chosen is None or known is None:
        return known
    return Period(max(chosen.first, known.first), min(chosen.last, known.last))


def _filled(context: Context, block: Chart, by: str, rows: Sequence[Row]) -> list[Row]:
    """A row for every period: nothing is sold in one without facts, and no ratio is defined."""
    days = shown_days(context, str(block.of))
    if days is None:
        return list(rows)
    empty = {name: None if " / " in name else 0 for name in block.measure}
    found = {row[by]: row for row in rows}
    return [found.get(text, {by: text, **empty}) for text in between(days, lengths(context)[by])]


def _compared(context: Context, block: Chart, by: str, rows: Sequence[Row], filters: Filters) -> list[Row]:
    """The rows with the first measure of the same period a year before, or at the same place of the period before."""
    earlier = filters.year_before() if block.compare is Compare.LAST_YEAR else filters.before()
    if filters.period is not None and earlier is None:
        return list(rows)
    others = context.analyse(str(block.of), by, filters=earlier or filters, sort="value", limit=MOST_GROUPS)
    measure = block.measure[0]
    if block.compare is Compare.LAST_YEAR:
        found = {row[by]: value_of(row, measure) for row in others}
        return [{**row, BEFORE: found.get(year_before(row[by])) if row[by] else None} for row in rows]
    if earlier is None:
        return list(rows)
    found = {row[by]: value_of(row, measure) for row in others}
    places = between(earlier.period, lengths(context)[by]) if earlier.period else ()
    return [{**row, BEFORE: found.get(place)} for row, place in zip(rows, chain(places, repeat("")), strict=False)]


def _labelled(context: Context, block: Chart, rows: Sequence[Row]) -> list[Row]:
    """The rows with the label and the detail of what they are by, from the table that it refers to."""
    by = block.by[0]
    columns = {column["name"]: column for column in context.tables[str(block.of)]["columns"]}
    table, _, key = columns[by]["refers_to"].rpartition(".")
    wanted = [(key, str(row[by])) for row in rows if row[by] is not None]
    path = context.tables[table]["path"]
    found: dict[Any, Row] = {}
    for start in range(0, len(wanted), 100):
        part = wanted[start : start + 100]
        found |= {row[key]: row for row in context.rows(path, [*part, ("limit", str(len(part)))])}
    return [
        {
            **row,
            LABEL: found.get(row[by], {}).get(block.label or key, row[by]),
            DETAIL: found.get(row[by], {}).get(block.detail) if block.detail else None,
        }
        for row in rows
    ]


def is_partial(context: Context, table: str, text: str) -> bool:
    """Whether a period is cut: by the days that are chosen, or by the last day that has facts."""
    period, known = period_from(text), context.days([table])
    if period is None or known is None:
        return False
    chosen = context.filters.period
    cut = chosen is not None and (period.first < chosen.first or period.last > chosen.last)
    return cut or period.last > known.last
