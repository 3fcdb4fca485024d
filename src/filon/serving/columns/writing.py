"""What a load writes of the columns of facts: the months whose rows differ from those of the load before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass

from filon.engines import Content, Engine
from filon.serving.analysis import Analysis
from filon.serving.columns.chunks import DAY, MONTH, USUAL_SIZE, chunks_of, group_column, sum_column
from filon.serving.protocol import Batch
from filon.sql import identifier, identifiers, literal

CACHED = "columns of facts"


@dataclass(frozen=True)
class Difference:
    """The months that a load writes, and those whose chunks it closes, with the number of rows that these had."""

    written: tuple[str, ...]
    ended: Mapping[str, int]

    def keys(self) -> Iterator[Batch]:
        """The keys of all chunks that these months may have had. Keys of chunks that were not there close nothing."""
        for month, rows in self.ended.items():
            yield [(month, part) for part in range(USUAL_SIZE.most_parts(rows))]


def difference(engine: Engine, new: str, old: str | None) -> Difference:
    """Which months differ between two queries of columns; without an old one all do.

    The rows of ``new`` stay in the engine as ``CACHED``, from which ``rows`` reads.
    """
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
