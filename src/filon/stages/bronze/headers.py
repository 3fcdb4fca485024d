"""Match a file's header with the contract: the field of each column, undeclared columns, missing columns."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from filon.project import Column, Dataset
from filon.project.vocabulary import Drift
from filon.stages.bronze.refusals import FileRejected


@dataclass(frozen=True)
class Header:
    """A header that fits the contract.

    ``names`` are those of all fields, in order; ``columns`` are the declared ones and ``extras`` the undeclared ones,
    each a name with the position of its field, from 0.
    """

    names: tuple[str, ...]
    columns: tuple[tuple[str, int], ...]
    extras: tuple[tuple[str, int], ...]


def match_header(cells: Sequence[str], dataset: Dataset) -> Header:
    """Find the contract's columns in a header: by exact name first, then without regard to case.

    Args:
        cells: the fields of the header
        dataset: its columns, and what it does when columns drift

    Raises:
        FileRejected: a name occurs twice, a required column is missing, or the contract freezes its columns

    """
    names = [unicodedata.normalize("NFC", cell).strip() for cell in cells]
    twice = [name for name, count in Counter(name.casefold() for name in names if name).items() if count > 1]
    if twice:
        raise FileRejected(
            "duplicate_header", f"the header names {', '.join(twice)} twice; rename or remove one of them"
        )
    positions: dict[str, int] = {}
    extras: list[tuple[str, int]] = []
    wanted = {column.header: column.name for column in dataset.contract.columns}
    folded = {header.casefold(): name for header, name in wanted.items()}
    for index, name in enumerate(names):
        column = wanted.get(name) or folded.get(name.casefold())
        if column is not None:
            positions[column] = index
        else:
            names[index] = name or _unnamed(index, names)
            extras.append((names[index], index))
    _check_required(names, positions, dataset)
    _check_drift(positions, extras, dataset)
    return Header(tuple(names), tuple(positions.items()), tuple(extras))


def _unnamed(index: int, names: Sequence[str]) -> str:
    """A name for a column that has none; no other column has it."""
    name = f"column {index + 1}"
    while name in names:
        name += "_"
    return name


def _check_required(names: Sequence[str], positions: dict[str, int], dataset: Dataset) -> None:
    missing = [column for column in dataset.contract.columns if column.required and column.name not in positions]
    if not missing:
        return
    detail = f"the header has no {', '.join(column.header for column in missing)} (it has: {', '.join(names)[:200]})"
    raise FileRejected("missing_column", f"{detail}. {_likely_delimiter(names, missing, dataset)}")


def _likely_delimiter(names: Sequence[str], missing: Sequence[Column], dataset: Dataset) -> str:
    for other in ";,\t|":
        cells = {cell.strip(' "').casefold() for name in names for cell in name.split(other)}
        if other != dataset.dialect.delimiter and all(column.header.casefold() in cells for column in missing):
            return f"It looks separated by {other!r}: set `dialect: {{delimiter: {other!r}}}`."
    return "Send the column, or make it optional in the contract."


def _check_drift(positions: dict[str, int], extras: list[tuple[str, int]], dataset: Dataset) -> None:
    if dataset.drift is not Drift.FREEZE:
        return
    absent = [column.header for column in dataset.contract.columns if column.name not in positions]
    if extras or absent:
        parts = [f"unexpected: {', '.join(name for name, _ in extras)}"] if extras else []
        parts += [f"absent: {', '.join(absent)}"] if absent else []
        raise FileRejected(
            "drift", f"the contract freezes its columns ({'; '.join(parts)}). Declare them, or let it evolve."
        )
