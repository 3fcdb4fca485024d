"""Match a file's header with the contract: the field of each column, undeclared columns, missing columns."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from filon.project import Column, Dataset
from filon.project.headers import fields_of, folded
from filon.project.vocabulary import Drift, FileFormat
from filon.stages.bronze.refusals import FileRejected

DELIMITERS = ";,\t|"
"""What may stand between fields when a contract says something else."""
VALUE = re.compile(r"[+-]?[.,]?[0-9]|$")
"""How a field of data may begin, and the name of a column hardly ever: with a digit, or not at all."""
SHOWN = 200


@dataclass(frozen=True)
class Header:
    """A header that fits the contract.

    ``names`` are those of all fields, in order; ``columns`` are the declared ones and ``extras`` the undeclared ones,
    each a name with the position of its field, from 0. If ``packed_extras`` is given, the field at that position holds
    all undeclared ones as an object of JSON.
    """

    names: tuple[str, ...]
    columns: tuple[tuple[str, int], ...]
    extras: tuple[tuple[str, int], ...]
    packed_extras: int | None = None

    @property
    def width(self) -> int:
        """How many fields a record has."""
        return len(self.names) if self.packed_extras is None else self.packed_extras + 1


def match_header(cells: Sequence[str], dataset: Dataset) -> Header:
    """Find the contract's columns in a header, as ``fields_of`` does.

    Args:
        cells: the fields of the header
        dataset: its columns, and what it does when columns drift

    Raises:
        FileRejected: no column is found, a name occurs twice, a required column is missing, or the contract freezes its
            columns

    """
    names = [unicodedata.normalize("NFC", cell).strip() for cell in cells]
    found = dict(fields_of(names, dataset.read_columns))
    positions = {column: indexes[0] for column, indexes in found.items()}
    extras = [(name, index) for index, name in enumerate(names) if index not in positions.values()]
    if dataset.needs_some_column and not positions:
        raise FileRejected("no_declared_column", _none_declared(names, dataset))
    _check_repeated(names, found)
    _check_required(names, positions, dataset)
    for place, (name, index) in enumerate(extras):
        names[index] = name or _unnamed(index, names)
        extras[place] = (names[index], index)
    _check_drift(positions, extras, dataset)
    return Header(tuple(names), tuple(positions.items()), tuple(extras))


def header_by_place(widths: Sequence[int], dataset: Dataset) -> Header:
    """The header of a file that has none: its first fields are the contract's columns, in their order.

    Args:
        widths: how many fields each of the first records has; most of them tell whether there are undeclared columns
        dataset: its columns, and what it does when columns drift

    Raises:
        FileRejected: the contract freezes its columns, and there are others

    """
    names = [column.header for column in dataset.read_columns]
    columns = tuple((column.name, index) for index, column in enumerate(dataset.read_columns))
    extras: list[tuple[str, int]] = []
    [(usual, _)] = Counter(widths).most_common(1) or [(0, 0)]
    for index in range(len(names), usual):
        names.append(_unnamed(index, names))
        extras.append((names[index], index))
    _check_drift(dict(columns), extras, dataset)
    return Header(tuple(names), columns, tuple(extras))


def _check_repeated(names: Sequence[str], found: Mapping[str, Sequence[int]]) -> None:
    twice = [name for name, count in Counter(name.casefold() for name in names if name).items() if count > 1]
    twice = twice or [names[indexes[1]] for indexes in found.values() if len(indexes) > 1]
    if twice:
        raise FileRejected(
            "duplicate_header", f"the header names {', '.join(twice)} twice; rename or remove one of them"
        )


def _unnamed(index: int, names: Sequence[str]) -> str:
    """A name for a column that has none; no other column has it."""
    name = f"column {index + 1}"
    while name in names:
        name += "_"
    return name


def _none_declared(names: Sequence[str], dataset: Dataset) -> str:
    line = dataset.dialect.separator.join(names)[:SHOWN]
    wanted = ", ".join(column.header for column in dataset.read_columns)[:SHOWN]
    if dataset.format is not FileFormat.CSV:
        return f"it has none of the columns {wanted}, but {', '.join(names)[:SHOWN]}. Name them in the contract."
    detail = f"its first line has none of the columns {wanted}: {line}"
    other = _likely_delimiter(names, dataset)
    cells = [cell for name in names for cell in (name.split(other) if other else [name])]
    hints = []
    if other is not None:
        shown = "tabs" if other == "\t" else other
        hints.append(f"It looks separated by {shown} (set `dialect: {{delimiter: {other!r}}}`).")
    if any(VALUE.match(cell.strip(' "')) for cell in cells):
        hints.append("It looks like data: if the file has no header, set `dialect: {header: false}`.")
    hints = hints or ["Send the file with a header, or set `dialect: {header: false}` if this is its first record."]
    return f"{detail}. {' '.join(hints)}"


def _check_required(names: Sequence[str], positions: dict[str, int], dataset: Dataset) -> None:
    missing = [column for column in dataset.read_columns if column.required and column.name not in positions]
    if not missing:
        return
    detail = f"the header has no {', '.join(column.header for column in missing)} (it has: {', '.join(names)[:SHOWN]})"
    raise FileRejected("missing_column", f"{detail}. {_what_to_send(names, positions, missing, dataset)}")


def _what_to_send(names: Sequence[str], positions: dict[str, int], missing: Sequence[Column], dataset: Dataset) -> str:
    for other in _others(dataset) if dataset.format is FileFormat.CSV else ():
        cells = _cells(names, other)
        if all(_names(column) & cells for column in missing):
            return f"It looks separated by {other!r}: set `dialect: {{delimiter: {other!r}}}`."
    if not positions and any(VALUE.match(name) for name in names):
        return "It looks like data: if the file has no header, set `dialect: {header: false}`."
    return "Send the column, or make it optional in the contract."


def _likely_delimiter(names: Sequence[str], dataset: Dataset) -> str | None:
    """Another delimiter that gives a declared column, or fields where the contract's gives a single one."""
    wanted = {name for column in dataset.read_columns for name in _names(column)}
    for other in _others(dataset):
        if wanted & _cells(names, other):
            return other
    if len(names) > 1:
        return None
    counts = {other: names[0].count(other) for other in _others(dataset)}
    best = max(counts, key=lambda other: counts[other])
    return best if counts[best] else None


def _others(dataset: Dataset) -> list[str]:
    return [other for other in DELIMITERS if other != dataset.dialect.delimiter]


def _cells(names: Sequence[str], delimiter: str) -> set[str]:
    return {folded(cell.strip(' "')) for name in names for cell in name.split(delimiter)}


def _names(column: Column) -> set[str]:
    return {folded(name) for name in (column.header, *column.aliases)}


def _check_drift(positions: dict[str, int], extras: list[tuple[str, int]], dataset: Dataset) -> None:
    if dataset.drift is not Drift.FREEZE:
        return
    absent = [column.header for column in dataset.read_columns if column.name not in positions]
    if extras or absent:
        parts = [f"unexpected: {', '.join(name for name, _ in extras)}"] if extras else []
        parts += [f"absent: {', '.join(absent)}"] if absent else []
        raise FileRejected(
            "drift", f"the contract freezes its columns ({'; '.join(parts)}). Declare them, or let it evolve."
        )
