"""Columns that are nested in others: found by their path, such as ``customer.address.city``."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from filon.project import Column
from filon.project.headers import fields_of, folded

Path = tuple[str, ...]
"""The names that lead to a value, from the outermost on."""


@dataclass(frozen=True)
class Places:
    """Where the columns are found among the names of a record.

    ``columns`` are names of columns with their paths, ``extras`` the outermost names that hold something undeclared,
    ``ambiguous`` the names of which several fit one column equally well.
    """

    columns: tuple[tuple[str, Path], ...]
    extras: tuple[str, ...]
    ambiguous: tuple[str, ...]


@dataclass(frozen=True)
class PathFinder:
    """Finds columns in nested names."""

    columns: tuple[Column, ...]

    @cached_property
    def _opened(self) -> frozenset[str]:
        """What stands before a point in the name of a column, folded: fields of that name are looked into."""
        names = [folded(name) for column in self.columns for name in (column.header, *column.aliases)]
        return frozenset(name[:index] for name in names for index, letter in enumerate(name) if letter == ".")

    def looks_into(self, path: Path) -> bool:
        """Whether a column may be nested in the field at a path."""
        return folded(".".join(path)) in self._opened

    def places(self, paths: Sequence[Path]) -> Places:
        """Find the columns among the paths of a record, in which fields that are looked into are replaced by theirs."""
        names = [unicodedata.normalize("NFC", ".".join(path)).strip() for path in paths]
        found = {column: _shortest(paths, indexes) for column, indexes in fields_of(names, self.columns)}
        taken = {indexes[0] for indexes in found.values()}
        extras = dict.fromkeys(path[0] for index, path in enumerate(paths) if index not in taken)
        ambiguous = tuple(names[indexes[1]] for indexes in found.values() if len(indexes) > 1)
        return Places(tuple((name, paths[indexes[0]]) for name, indexes in found.items()), tuple(extras), ambiguous)


def _shortest(paths: Sequence[Path], indexes: Sequence[int]) -> list[int]:
    """Those of some paths that are shortest: a name with a point is that name before it is a path."""
    least = min(len(paths[index]) for index in indexes)
    return [index for index in indexes if len(paths[index]) == least]


def header_names(columns: Iterable[Column], found: Iterable[str], extras: Iterable[str]) -> list[str]:
    """The header of a file of named values: the names of the columns that are found, then what is undeclared.

    Of undeclared names that differ in their letters' case only, the first one stands for all.
    """
    wanted = set(found)
    names = {column.header.casefold(): column.header for column in columns if column.name in wanted}
    for extra in extras:
        names.setdefault(extra.casefold(), extra)
    return list(names.values())
