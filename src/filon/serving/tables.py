"""Tables as stores keep them: columns, key, order, and what readers look rows up by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from filon.project import Column

CUBE = "_cube_"
"""How the name of a table of sums begins; the name of the table of facts follows."""
COLUMNS = "_columns_"
"""How the name of a table of chunks begins; the name of the table of facts follows."""


@dataclass(frozen=True)
class Order:
    """One step of a sort: a column, and whether its values descend."""

    column: str
    descending: bool = False

    @classmethod
    def parse(cls, text: str) -> Order:
        """The step that ``column`` or ``-column`` (descending) stands for."""
        return cls(text.removeprefix("-"), text.startswith("-"))

    def __str__(self) -> str:
        return f"-{self.column}" if self.descending else self.column


@dataclass(frozen=True)
class StoredTable:
    """What a store must know of a table: its columns, its key, and the columns that readers look rows up by.

    ``sort`` is the order in which readers page through it when they ask for no other; the key breaks ties.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    sort: tuple[Order, ...] = ()
    looked_up: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The table as its author knows it, for messages."""
        for begin, what in ((CUBE, "sums"), (COLUMNS, "columns")):
            if self.name.startswith(begin):
                return f"the {what} of {self.name.removeprefix(begin)}"
        return self.name

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def total_order(self, sort: Iterable[Order]) -> tuple[Order, ...]:
        """A sort, made total by the key."""
        steps = tuple(sort)
        named = {step.column for step in steps}
        return (*steps, *(Order(name) for name in self.key if name not in named))

    @property
    def sortable(self) -> tuple[str, ...]:
        """The columns by which readers may sort, since an index or the key has them."""
        return tuple(dict.fromkeys((*self.key, *self.looked_up, *(step.column for step in self.sort))))
