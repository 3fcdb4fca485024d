"""What a load writes of the columns of facts: the months whose rows differ from those of the load before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass

from filon.engines import Engine
from filon.serving.affected import CAME, LEFT, FactsRead, Versions
from filon.serving.analysis import Analysis
from filon.serving.columns.selecting import columns_query
from filon.serving.columns.stored import DAY, MONTH, USUAL_SIZE, group_column, sum_column
from filon.serving.protocol import Batch
from filon.sql import identifier, identifiers, literals

CACHED = "columns of facts"
MOST_AT_ONCE = 2_000_000
"""Facts of several months that are read at once; they take about 70 bytes each until they are written."""


@dataclass(frozen=True)
class Difference:
    """The months that a load writes, and those whose chunks it closes, with the numbers of their rows."""

    written: Mapping[str, int]
    ended: Mapping[str, int]

    def keys(self) -> Iterator[Batch]:
        """The keys of all chunks that these months may have had. Keys of chunks that were not there close nothing."""
        for month, rows in self.ended.items():
            yield [(month, part) for part in range(USUAL_SIZE.most_parts(rows))]


def facts_read(analysis: Analysis) -> FactsRead:
    """What the columns need of facts."""
    own = (column.name for name, column in analysis.grouped.items() if name not in analysis.dimensions)
    return FactsRead(analysis.table, (analysis.time.name, *own, *analysis.summed), analysis.dimensions)


def affected_months(engine: Engine, analysis: Analysis, versions: Versions) -> Difference:
    """The months of the affected facts that differ, where ``find_affected`` made tables of these.

    The rows of the months as they are now stay in the engine as ``CACHED``, from which ``rows`` reads.
    """
    left = columns_query(analysis, versions.before, LEFT)
    came = columns_query(analysis, versions.now, CAME)
    both = (
        f"SELECT {MONTH}, 1 AS went, 0 AS came FROM ({left} EXCEPT ALL {came}) AS gone "
        f"UNION ALL SELECT {MONTH}, 0 AS went, 1 AS came FROM ({came} EXCEPT ALL {left}) AS new"
    )
    query = f"SELECT {MONTH}, sum(went) AS went, sum(came) AS came FROM ({both}) AS differing GROUP BY {MONTH}"
    changed = {month: int(went) - int(came) for month, went, came in engine.rows(query)}
    wanted = f" WHERE {MONTH} IN ({literals(changed)})" if changed else " WHERE FALSE"
    engine.cache(CACHED, f"SELECT * FROM ({columns_query(analysis, versions.now)}) AS chosen{wanted} ORDER BY {MONTH}")
    now = _sizes(engine)
    ended = {month: now.get(month, 0) + fewer for month, fewer in changed.items()}
    return Difference(now, {month: rows for month, rows in ended.items() if rows})


def _sizes(engine: Engine) -> dict[str, int]:
    """The number of facts of each month that is kept."""
    counted = f"SELECT {MONTH}, count(*) AS facts FROM {identifier(CACHED)} GROUP BY {MONTH}"
    return {month: int(rows) for month, rows in engine.rows(counted)}


def difference(engine: Engine, new: str, old: str | None) -> Difference:
    """Which months differ between two queries of columns; without an old one all do.

    The rows of ``new`` stay in the engine as ``CACHED``, by month, since ``rows`` reads a few months at a time.
    """
    engine.cache(CACHED, f"SELECT * FROM ({new}) AS facts ORDER BY {MONTH}")
    if old is None:
        return Difference(_sizes(engine), {})
    after = engine.contents(f"SELECT * FROM {identifier(CACHED)}", MONTH)
    before = engine.contents(old, MONTH)
    written = {month: item.rows for month, item in after.items() if item != before.get(month)}
    return Difference(written, {month: item.rows for month, item in before.items() if item != after.get(month)})


def rows(engine: Engine, analysis: Analysis, written: Mapping[str, int]) -> Iterator[Batch]:
    """The chunks of months, one after the other, as rows of their table."""
    # NumPy and Arrow are slow to import, and most runs write no columns
    from filon.serving.columns.chunks import by_month, chunks_of

    names = identifiers([MONTH, DAY, *map(group_column, analysis.grouped), *map(sum_column, analysis.summed)])
    for months in _together(written):
        query = f"SELECT {names} FROM {identifier(CACHED)} WHERE {MONTH} IN ({literals(months)})"
        for month, facts in by_month(engine.arrow(query)):
            for chunk in chunks_of(month, facts):
                yield [astuple(chunk)]


def _together(written: Mapping[str, int]) -> Iterator[list[str]]:
    """Months that are read at once."""
    months: list[str] = []
    for month in sorted(written):
        if months and sum(written[other] for other in [*months, month]) > MOST_AT_ONCE:
            yield months
            months = []
        months.append(month)
    if months:
        yield months
