"""Which column each field of a header holds, by the names that the contract gives it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol


class NamedColumn(Protocol):
    """A column as headers name it."""

    @property
    def name(self) -> str:
        """Its name in the tables."""

    @property
    def header(self) -> str:
        """Its name in files."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names that it has in files, the preferred ones first."""


def folded(name: str) -> str:
    """A name as headers are compared: without regard to case, to blanks around, and to the kind of blanks inside."""
    return " ".join(name.split()).casefold()


def fields_of(names: Sequence[str], columns: Iterable[NamedColumn]) -> Iterator[tuple[str, list[int]]]:
    """The fields of a header that hold each column.

    A column is found by its exact name first, then by its name as ``folded``, then by its aliases in the same way.

    Args:
        names: the fields of the header, in order
        columns: the columns of the contract

    Yields:
        The name of each column that is found, with the positions (from 0) of the fields that fit it best: more than one
        when the header is ambiguous.

    """
    taken: set[int] = set()
    exact: dict[str, list[int]] = {}
    alike: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        exact.setdefault(name, []).append(index)
        alike.setdefault(folded(name), []).append(index)
    waiting = {column.name: column for column in columns}
    for rank in range(1 + max((len(column.aliases) for column in waiting.values()), default=0)):
        for found, spell in ((exact, str), (alike, folded)):
            for column in [column for column in waiting.values() if rank <= len(column.aliases)]:
                wanted = (column.header, *column.aliases)[rank]
                fitting = [index for index in found.get(spell(wanted), []) if index not in taken]
                if fitting:
                    taken.update(fitting)
                    del waiting[column.name]
                    yield column.name, fitting
