"""Match a file's header with the contract: which field is which column, and what drifted."""

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
    """The names in a file's header, and for each whether it is a column of the contract or an extra."""

    names: tuple[str, ...]
    columns: tuple[tuple[str, int], ...]
    extras: tuple[tuple[str, int], ...]


def match_header(cells: Sequence[str], dataset: Dataset) -> Header:
    """Find the contract's columns in a header, by name, then without regard to case; Refused when it does not fit."""
    names = [unicodedata.normalize("NFC", cell).strip() for cell in cells]
    twice = [name for name, count in Counter(name.casefold() for name in names if name).items() if count > 1]
    if twice:
        raise FileRejected(
            "duplicate_header", f"the header names {', '.join(twice)} twice; rename or remove one of them"
        )
    found: dict[str, int] = {}
    extras: list[tuple[str, int]] = []
    wanted = {column.header: column.name for column in dataset.contract.columns}
    folded = {header.casefold(): name for header, name in wanted.items()}
    for index, name in enumerate(names):
        column = wanted.get(name) or folded.get(name.casefold())
        if column is not None:
            found[column] = index
        else:
            names[index] = name or _unnamed(index, names)
            extras.append((names[index], index))
    _check_required(names, found, dataset)
    _check_drift(found, extras, dataset)
    return Header(tuple(names), tuple(found.items()), tuple(extras))


def _unnamed(index: int, names: Sequence[str]) -> str:
    """A name for a column without one that no other column has."""
    name = f"column {index + 1}"
    while name in names:
        name += "_"
    return name


def _check_required(names: Sequence[str], found: dict[str, int], dataset: Dataset) -> None:
    missing = [column for column in dataset.contract.columns if column.required and column.name not in found]
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


def _check_drift(found: dict[str, int], extras: list[tuple[str, int]], dataset: Dataset) -> None:
    if dataset.drift is not Drift.FREEZE:
        return
    absent = [column.header for column in dataset.contract.columns if column.name not in found]
    if extras or absent:
        parts = [f"unexpected: {', '.join(name for name, _ in extras)}"] if extras else []
        parts += [f"absent: {', '.join(absent)}"] if absent else []
        raise FileRejected(
            "drift", f"the contract freezes its columns ({'; '.join(parts)}). Declare them, or let it evolve."
        )
