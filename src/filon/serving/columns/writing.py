"""What a load writes of the columns of facts: the months whose rows differ from those of the load before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from filon.engines import Engine
from filon.serving.affected import CAME, LEFT, FactsRead, Versions
from filon.serving.analysis import Analysis
from filon.serving.columns.selecting import coded_query, columns_query, is_text, texts_query, texts_table
from filon.serving.columns.stored import DATA, DAY, DIGEST, MONTH, PART, ROWS, USUAL_SIZE, group_column, month_name
from filon.serving.protocol import Batch
from filon.sql import identifier, literal

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

MOST_AT_ONCE = 2_000_000
"""Facts of several months that are read at once; they take about 70 bytes each until they are written."""


@dataclass(frozen=True)
class Difference:
    """The months that a load writes, and those whose chunks it closes, by number, and how many facts each has."""

    written: Mapping[int, int]
    ended: Mapping[int, int]

    def keys(self) -> Iterator[Batch]:
        """The keys of all chunks that these months may have had. Keys of chunks that were not there close nothing."""
        for month, rows in self.ended.items():
            yield [(month_name(month), part) for part in range(USUAL_SIZE.most_parts(rows))]


def cached_table(analysis: Analysis) -> str:
    """The table of the engine that has the rows of the months which a load writes."""
    return f"columns of {analysis.table}"


def made(analysis: Analysis) -> tuple[str, ...]:
    """Tables of the engine that stay until the chunks are written."""
    return cached_table(analysis), texts_table(analysis)


def facts_read(analysis: Analysis) -> FactsRead:
    """What the columns need of facts."""
    own = (column.name for name, column in analysis.grouped.items() if name not in analysis.dimensions)
    return FactsRead(analysis.table, (analysis.time.name, *own, *analysis.summed), analysis.dimensions)


def affected_months(engine: Engine, analysis: Analysis, versions: Versions) -> Difference:
    """The months of the affected facts that differ, where ``find_affected`` made tables of these.

    The rows of the months as they are now stay in the engine as ``cached_table``, from which ``rows`` reads.
    """
    left = columns_query(analysis, versions.before, LEFT)
    came = columns_query(analysis, versions.now, CAME)
    both = (
        f"SELECT {MONTH}, 1 AS went, 0 AS came FROM ({left} EXCEPT ALL {came}) AS gone "
        f"UNION ALL SELECT {MONTH}, 0 AS went, 1 AS came FROM ({came} EXCEPT ALL {left}) AS new"
    )
    query = f"SELECT {MONTH}, sum(went) AS went, sum(came) AS came FROM ({both}) AS differing GROUP BY {MONTH}"
    changed = {int(month): int(went) - int(came) for month, went, came in engine.rows(query)}
    wanted = _among(changed) if changed else "FALSE"
    now = _keep(
        engine, analysis, versions.now, f"SELECT * FROM ({columns_query(analysis, versions.now)}) AS f WHERE {wanted}"
    )
    ended = {month: now.get(month, 0) + fewer for month, fewer in changed.items()}
    return Difference(now, {month: rows for month, rows in ended.items() if rows})


def difference(engine: Engine, analysis: Analysis, new: Mapping[str, str], old: Mapping[str, str] | None) -> Difference:
    """Which months differ between the columns of two versions of the inputs; without an old one all do.

    The rows of ``new`` stay in the engine as ``cached_table``, from which ``rows`` reads.
    """
    now = _keep(engine, analysis, new, columns_query(analysis, new))
    if old is None:
        return Difference(now, {})
    after = engine.contents(f"SELECT * FROM {identifier(cached_table(analysis))}", MONTH)
    before = engine.contents(coded_query(analysis, columns_query(analysis, old)), MONTH)
    written = {int(month): item.rows for month, item in after.items() if item != before.get(month)}
    return Difference(written, {int(month): item.rows for month, item in before.items() if item != after.get(month)})


def _keep(engine: Engine, analysis: Analysis, bound: Mapping[str, str], query: str) -> dict[int, int]:
    """Keep the columns of facts by month, since a few months are read at a time; returns the facts of each month."""
    cached = cached_table(analysis)
    engine.cache(texts_table(analysis), texts_query(analysis, bound))
    engine.cache(cached, f"SELECT * FROM ({coded_query(analysis, query)}) AS coded ORDER BY {MONTH}, {DAY}")
    counted = f"SELECT {MONTH}, count(*) AS facts FROM {identifier(cached)} GROUP BY {MONTH}"
    return {int(month): int(rows) for month, rows in engine.rows(counted)}


def rows(engine: Engine, analysis: Analysis, written: Mapping[int, int]) -> Iterator[Batch]:
    """The chunks of months, one after the other, as rows of their table."""
    if not written:
        return
    # NumPy and Arrow are slow to import, and most runs write no columns
    from filon.serving.columns.chunks import by_month, chunks_of

    texts = {
        group_column(name): engine.arrow(
            f"SELECT value FROM {identifier(texts_table(analysis))} WHERE name = {literal(name)} ORDER BY code"
        ).column(0)
        for name, column in analysis.grouped.items()
        if is_text(column)
    }
    for months in _together(written):
        facts = engine.arrow(f"SELECT * FROM {identifier(cached_table(analysis))} WHERE {_among(months)}")
        for month, of_month in by_month(facts, texts):
            for chunk in chunks_of(month_name(month), of_month):
                yield [astuple(chunk)]


def batches(engine: Engine, analysis: Analysis, written: Mapping[int, int]) -> Iterator[pa.RecordBatch]:
    """The same rows as columns of Arrow. The first batch is empty, and nothing is computed for it."""
    import pyarrow as pa

    types = {MONTH: pa.string(), PART: pa.int64(), ROWS: pa.int64(), DIGEST: pa.string(), DATA: pa.string()}
    schema = pa.schema(types)
    yield pa.RecordBatch.from_pylist([], schema)
    for batch in rows(engine, analysis, written):
        yield pa.RecordBatch.from_pylist([dict(zip(types, row, strict=True)) for row in batch], schema)


def _among(months: Iterable[int]) -> str:
    return f"{MONTH} IN ({', '.join(map(str, months))})"


def _together(written: Mapping[int, int]) -> Iterator[list[int]]:
    """Months that are read at once."""
    months: list[int] = []
    for month in sorted(written):
        if months and sum(written[other] for other in [*months, month]) > MOST_AT_ONCE:
            yield months
            months = []
        months.append(month)
    if months:
        yield months
