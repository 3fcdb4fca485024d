"""How the files of a table are divided, as its contract declares it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filon.project.columns import Column
from filon.project.document import Document, Place
from filon.project.types import Kind
from filon.project.vocabulary import PartitionBy, PartitionSpec
from filon.sql import identifier
from filon.suggestions import suggestion

_PATTERNS = {PartitionBy.DAY: "%Y-%m-%d", PartitionBy.MONTH: "%Y-%m", PartitionBy.YEAR: "%Y"}


@dataclass(frozen=True)
class Partition:
    """Each file has the rows of one day, month or year of ``column``; those without a date lie together too."""

    column: Column
    by: PartitionBy

    @property
    def name(self) -> str:
        """The column of the partition in Delta tables, which the files do not have: ``_day``, ``_month``, ``_year``."""
        return f"_{self.by}"

    def over(self, column: str) -> str:
        """An expression for the partition, a text such as ``2024-05``, of an expression for the column's value."""
        moment = f"({column} AT TIME ZONE 'UTC')" if self.column.type.kind is Kind.TIMESTAMP else column
        return f"strftime({moment}, '{_PATTERNS[self.by]}')"

    def divided(self, query: str) -> str:
        """A query with one more column, the partition of each row."""
        expression = self.over(identifier(self.column.name))
        return f"SELECT *, {expression} AS {identifier(self.name)} FROM ({query}) AS undivided"

    @property
    def facts(self) -> dict[str, str]:
        """What decides which file a row is in."""
        return {"column": self.column.name, "by": self.by}


def partition_of(document: Document, place: Place, columns: Sequence[Column], spec: PartitionSpec) -> Partition | None:
    """The partition that a contract declares; None when its column will not do, which is reported."""
    dated = {column.name: column for column in columns if column.type.kind in (Kind.DATE, Kind.TIMESTAMP)}
    if spec.column in dated:
        return Partition(dated[spec.column], spec.by)
    is_known = any(column.name == spec.column for column in columns)
    name = f"`{spec.column}`"
    what = f"{name} has neither dates nor timestamps" if is_known else f"there is no column {name}"
    document.report(place, what, suggestion(spec.column, dated) if dated else "declare a date or timestamp column")
    return None
