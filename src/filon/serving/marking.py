"""The page index of a table: made anew, or brought from the rows of a load to those of the next."""

from __future__ import annotations

from collections.abc import Sequence

from filon.engines import SqlEngine
from filon.engines.changes import count
from filon.project import Column, Kind
from filon.serving.marks import Gap, Raw, filled, gaps_of, moved
from filon.serving.state import PageIndex
from filon.serving.tables import Order, StoredTable
from filon.sql import identifier, literal

FEWEST_FOR_MARKS = 10_000
MOST_MARKS = 10_000
SMALLEST_STEP = 100
MOST_MARKED = 2 << 20
"""Characters of marks beyond which a table has none: a document of MongoDB has 16 MB at most."""
FOLLOWED_SHARE = 20
"""One in so many rows at most may have come or gone; else it is less work to sort all."""
MOST_GAPS, GAPS_SHARE = 8, 4
"""Places are looked for between so many neighbours, and among one in so many rows at most; else all rows are sorted."""


def make_index(engine: SqlEngine, table: StoredTable, source: str, rows: int) -> PageIndex | None:
    """Sort all rows of a table, which ``source`` selects, and note every so many; None for a small one."""
    if rows < FEWEST_FOR_MARKS:
        return None
    step = _step(rows)
    sort = table.total_order(table.sort)
    ranked = f"SELECT *, row_number() OVER (ORDER BY {_order_by(sort)}) - 1 AS _n FROM ({source}) AS feed"
    query = f"SELECT {_names(table, sort)} FROM ({ranked}) AS ranked WHERE _n % {step} = 0 ORDER BY _n"
    return _unless_large(PageIndex(step=step, keys=tuple(engine.rows(query)), sort=_spelled(sort)))


def follow_index(
    engine: SqlEngine, table: StoredTable, index: PageIndex | None, source: str, changed: tuple[str, str], rows: int
) -> PageIndex | None:
    """The page index of a table of which some rows changed.

    Args:
        engine: what holds the rows
        table: the table
        index: its page index before; None when it had none
        source: selects all rows that it has now
        changed: the tables of the engine with the rows that left and those that came
        rows: the number of all rows

    Returns:
        The same index when no place moved; one that is made anew where too much changed; None for a small table.

    """
    sort = table.total_order(table.sort)
    is_known = index is not None and index.sort == _spelled(sort) and bool(index.keys)
    few = sum(count(engine, name) for name in changed) <= rows // FOLLOWED_SHARE
    if index is None or not is_known or not few or rows < FEWEST_FOR_MARKS or not _is_near(index.step, _step(rows)):
        return make_index(engine, table, source, rows)
    names = _names(table, sort)
    left, came = (f"SELECT {names} FROM {identifier(name)}" for name in changed)
    gone, new = engine.rows(f"{left} EXCEPT ALL {came}"), engine.rows(f"{came} EXCEPT ALL {left}")
    if not gone and not new:
        return index
    after = moved(index, table, gone, new)
    gaps = gaps_of(after, rows)
    if gaps:
        if len(gaps) > MOST_GAPS or GAPS_SHARE * sum(gap.size for gap in gaps) > rows or not _can_be_spelled(gaps):
            return make_index(engine, table, source, rows)
        after = filled(after, _places(engine, table, source, gaps, after.step))
    return _unless_large(after)


def _places(
    engine: SqlEngine, table: StoredTable, source: str, gaps: Sequence[Gap], step: int
) -> list[tuple[int, Raw]]:
    """Every so manieth row between neighbours that lie too far apart, with the number of rows before it."""
    sort = table.total_order(table.sort)
    cases = " ".join(f"WHEN {_within(table, sort, gap)} THEN {number}" for number, gap in enumerate(gaps))
    placed = f"SELECT *, CASE {cases} END AS _gap FROM ({source}) AS feed"
    numbered = f"row_number() OVER (PARTITION BY _gap ORDER BY {_order_by(sort)}) - 1 AS _n"
    ranked = f"SELECT *, {numbered} FROM ({placed}) AS placed WHERE _gap IS NOT NULL"
    query = f"SELECT _gap, _n, {_names(table, sort)} FROM ({ranked}) AS ranked WHERE _n % {step} = 0"
    found = [(gaps[gap], number, tuple(key)) for gap, number, *key in engine.rows(query)]
    return [(gap.start + number, key) for gap, number, key in found if number or gap.lower is None]


def _within(table: StoredTable, sort: Sequence[Order], gap: Gap) -> str:
    """The condition that a row lies in a gap. It is never null."""
    parts = []
    if gap.lower is not None:
        parts.append(f"NOT ({_before(table, sort, gap.lower)})")
    if gap.upper is not None:
        parts.append(f"({_before(table, sort, gap.upper)})")
    return " AND ".join(parts) or "TRUE"


def _before(table: StoredTable, sort: Sequence[Order], place: Raw) -> str:
    """The condition that a row comes before a place. It is never null."""
    branches, same = [], list[str]()
    for step, value in zip(sort, place, strict=True):
        name, spelled = identifier(step.column), _literal(table.column(step.column), value)
        if value is None:
            earlier = f"{name} IS NOT NULL" if step.descending else ""
        elif step.descending:
            earlier = f"({name} IS NOT NULL AND {name} > {spelled})"
        else:
            earlier = f"({name} IS NULL OR {name} < {spelled})"
        if earlier:
            branches.append(" AND ".join([*same, earlier]))
        same.append(f"{name} IS NOT DISTINCT FROM {spelled}")
    return " OR ".join(branches) or "FALSE"


def _literal(column: Column, value: object) -> str:
    if value is None:
        return f"CAST(NULL AS {column.type.sql})"
    return f"CAST({literal(str(value))} AS {column.type.sql})"


def _can_be_spelled(gaps: Sequence[Gap]) -> bool:
    """Whether SQL can name all places: it holds no control characters."""
    ends = [value for gap in gaps for end in (gap.lower, gap.upper) if end is not None for value in end]
    return all(value.isprintable() for value in ends if isinstance(value, str))


def _step(rows: int) -> int:
    return max(SMALLEST_STEP, -(-rows // MOST_MARKS))


def _is_near(step: int, wanted: int) -> bool:
    """Whether a table has neither grown nor shrunk much since the step was chosen."""
    return step <= 2 * wanted and wanted <= 2 * step


def _unless_large(index: PageIndex) -> PageIndex | None:
    size = sum(len(value) for key in index.keys for value in key if isinstance(value, str))
    return index if size <= MOST_MARKED else None


def _spelled(sort: Sequence[Order]) -> tuple[str, ...]:
    return tuple(map(str, sort))


def _order_by(sort: Sequence[Order]) -> str:
    """The order of all stores: nulls first, or last where it descends."""
    return ", ".join(
        f"{identifier(item.column)} {'DESC NULLS LAST' if item.descending else 'ASC NULLS FIRST'}" for item in sort
    )


def _names(table: StoredTable, sort: Sequence[Order]) -> str:
    return ", ".join(_as_yaml(table, item) for item in sort)


def _as_yaml(table: StoredTable, item: Order) -> str:
    name = identifier(item.column)
    plain = table.column(item.column).type.kind in (Kind.INTEGER, Kind.TEXT, Kind.DOUBLE, Kind.BOOLEAN)
    return name if plain else f"CAST({name} AS VARCHAR) AS {name}"
