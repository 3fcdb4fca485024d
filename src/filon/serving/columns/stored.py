"""The table of a store that holds chunks of columns: its names, and how large chunks may be. Needs no arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from filon.project import INTEGER, TEXT, Column
from filon.serving.analysis import Analysis
from filon.serving.state import TableState
from filon.serving.tables import COLUMNS, StoredTable

MOST_FACTS = 50_000_000
"""Rows of a table beyond which its columns are not kept."""
MONTH, PART, DIGEST, ROWS, DATA = "month", "part", "digest", "rows", "data"
DAY = "day"
GROUP = "by "
YEAR = 12
NO_MONTH = -1


@dataclass(frozen=True)
class ChunkSize:
    """How large chunks may be.

    Attributes:
        most_rows: a longer month has several chunks
        most_text: characters of a chunk beyond which it is halved: a document of MongoDB has 16 MB at most
        fewest_rows: a chunk with fewer than twice as many rows is not halved

    """

    most_rows: int = 250_000
    most_text: int = 8 << 20
    fewest_rows: int = 10_000

    def most_parts(self, rows: int) -> int:
        """How many chunks a month of so many rows has at most."""
        return -(-rows // self.most_rows) * -(-self.most_rows // self.fewest_rows)


USUAL_SIZE = ChunkSize()


def chunk_table(analysis: Analysis) -> StoredTable:
    """The table of a store that holds the chunks of a table of facts."""
    kinds = {MONTH: TEXT, PART: INTEGER, ROWS: INTEGER, DIGEST: TEXT, DATA: TEXT}
    columns = tuple(Column(name, kind, required=True) for name, kind in kinds.items())
    return StoredTable(f"{COLUMNS}{analysis.table}", columns, (MONTH, PART))


def has_columns(state: TableState) -> bool:
    """Whether a load keeps the columns of its facts; it does not if there are more than ``MOST_FACTS``."""
    return state.builds[0].rows <= MOST_FACTS


def month_number(month: str) -> int:
    """A month such as 2026-01 as SQL counts it: months since the year 0; none is ``NO_MONTH``."""
    return int(month[:-3]) * YEAR + int(month[-2:]) - 1 if month else NO_MONTH


def month_name(number: int) -> str:
    """The month of a number, as chunks say it."""
    return f"{number // YEAR:04}-{number % YEAR + 1:02}" if number != NO_MONTH else ""


def group_column(name: str) -> str:
    """The name inside a chunk of what rows are grouped by."""
    return f"{GROUP}{name}"


def is_group_column(column: str) -> bool:
    """Whether rows are grouped by a column of a chunk."""
    return column.startswith(GROUP)


def sum_column(name: str) -> str:
    """The name inside a chunk of a column that is summed."""
    return f"sum of {name}"
