"""The columns of a bronze table, and its fingerprint."""

from __future__ import annotations

from collections.abc import Iterable

from filon.project import PLACE, TEXT, Dataset, TypedColumn, fingerprint_of

BRONZE_EXTRAS = (*(TypedColumn(name, TEXT) for name in ("_extra", "_malformed", "_raw")), *PLACE)
"""Beside the contract's columns: undeclared ones as JSON, the fault and text of a malformed record, its place."""


def bronze_columns(dataset: Dataset) -> tuple[TypedColumn, ...]:
    """Columns of a dataset's bronze table: the declared ones as text, then those of every bronze table."""
    return (*(TypedColumn(name, TEXT) for name in dataset.contract.column_names), *BRONZE_EXTRAS)


def bronze_fingerprint(files: Iterable[str], columns: Iterable[TypedColumn]) -> str:
    """The fingerprint of a bronze table: of the names of its files, in the order of the ledger, and its columns."""
    return fingerprint_of({"files": list(files), "columns": [(name, kind.sql) for name, kind in columns]})
