"""What a load writes of the columns of facts: the months whose rows differ from those of the load before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass

from filon.engines import Content, Engine
from filon.project import Column, Kind
from filon.project.analysis import Analysis
from filon.serving.columns.chunks import DAY, MONTH, chunks_of, group_column, most_parts, sum_column
from filon.serving.cube import dimensions_of
from filon.serving.encoding import unscaled
from filon.serving.protocol import Batch
from filon.sql import identifier, identifiers, literal

CACHED = "columns of facts"


@dataclass(frozen=True)
class Difference:
    """Months that a load writes, and those whose chunks it ends, with the number of their rows."""

    written: tuple[str, ...]
    ended: Mapping[str, int]

    def keys(self) -> Iterator[Batch]:
        """The keys of all chunks that a month may have had: what was not there is not ended."""
        for month, rows in self.ended.items():
            yield [(month, part) for part in range(most_parts(rows))]


def columns_query(analysis: Analysis, bound: Mapping[str, str]) -> str:
    """The columns that analyses need, a row per fact; ``bound`` gives the names of the inputs in the engine."""
    dimensions, joins = dimensions_of(analysis.dimensions, bound)
    time = f"fact.{identifier(analysis.time.name)}"
    chosen = [
        f"coalesce(substr(CAST({time} AS VARCHAR), 1, 7), '') AS {MONTH}",
        f"CAST(coalesce(extract(day FROM {time}), 0) AS SMALLINT) AS {DAY}",
    ]
    for name, column in analysis.grouped.items():
        place = dimensions.get(name, f"fact.{identifier(column.name)}")
        kind = "BIGINT" if column.type.kind is Kind.INTEGER else "VARCHAR"
        chosen.append(f"CAST({place} AS {kind}) AS {identifier(group_column(name))}")
    chosen += [f"{_as_integer(column)} AS {identifier(sum_column(name))}" for name, column in analysis.summed.items()]
    return f"SELECT {', '.join(chosen)} FROM {identifier(bound[analysis.table])} AS fact{joins}"


def _as_integer(column: Column) -> str:
    """A number as a whole one of its last decimal."""
    value = unscaled(column, of="fact") if column.type.kind is Kind.DECIMAL else f"fact.{identifier(column.name)}"
    return f"CAST({value} AS BIGINT)"


def difference(engine: Engine, new: str, old: str | None) -> Difference:
    """Which months differ between two queries of columns; without an old one all do. The new rows stay for ``rows``."""
    engine.cache(CACHED, new)
    after = engine.contents(f"SELECT * FROM {identifier(CACHED)}", MONTH)
    before: dict[str, Content] = engine.contents(old, MONTH) if old is not None else {}
    written = tuple(month for month in sorted(after) if after[month] != before.get(month))
    return Difference(written, {month: item.rows for month, item in before.items() if item != after.get(month)})


def rows(engine: Engine, analysis: Analysis, months: tuple[str, ...]) -> Iterator[Batch]:
    """The chunks of months, a month at a time, as rows of their table."""
    names = identifiers([DAY, *map(group_column, analysis.grouped), *map(sum_column, analysis.summed)])
    for month in months:
        condition = f"{MONTH} = {literal(month)} ORDER BY {DAY}"
        query = f"SELECT {names} FROM {identifier(CACHED)} WHERE {condition}"
        for chunk in chunks_of(month, engine.arrow(query)):
            yield [astuple(chunk)]
