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


def group_column(name: str) -> str:
    """The name inside a chunk of what rows are grouped by."""
    return f"by {name}"


def sum_column(name: str) -> str:
    """The name inside a chunk of a column that is summed."""
    return f"sum of {name}"
