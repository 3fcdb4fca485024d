"""The checks that a contract implies. Unlike those that it writes out, they are made without a parser of SQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from filon.project.contract import Check, Contract, Counted
from filon.project.types import Kind
from filon.project.values import LARGEST_DOUBLE
from filon.sql import identifier, identifiers

NONE = (Decimal(0),)


def contract_checks(contract: Contract) -> Iterator[Check]:
    """Keys are unique, required columns are filled, references are met."""
    table = identifier(contract.name)
    alone = [(column.name,) for column in contract.columns if column.unique]
    for key in dict.fromkeys([contract.key, *alone]):
        if key:
            query = f"SELECT {duplicates(key)} FROM {table}"
            yield _count(f"unique({', '.join(key)})", query, Counted(unique=key))
    for column in contract.columns:
        name = identifier(column.name)
        if column.type.kind is Kind.DOUBLE:
            condition = f"NOT (abs({name}) <= {LARGEST_DOUBLE})"
            query = f"SELECT count(*) FROM {table} WHERE {condition}"
            yield _count(f"finite({column.name})", query, Counted(condition))
        if column.required:
            query = f"SELECT count(*) FROM {table} WHERE {name} IS NULL"
            yield _count(f"required({column.name})", query, Counted(f"{name} IS NULL"))
        if column.reference:
            target, parent = identifier(column.reference.table), identifier(column.reference.column)
            query = (
                f"SELECT count(*) FROM {table} AS child WHERE child.{name} IS NOT NULL "
                f"AND NOT EXISTS (SELECT 1 FROM {target} AS parent WHERE parent.{parent} = child.{name})"
            )
            refers = Counted(refers=(column.name, column.reference.table, column.reference.column))
            yield replace(_count(f"reference({column.name})", query, refers), blocking=column.is_bound)


def duplicates(key: tuple[str, ...]) -> str:
    """An expression that counts the rows of which another one has the same key."""
    if len(key) == 1:
        return f"count({identifier(key[0])}) - count(DISTINCT {identifier(key[0])})"
    return f"count(*) - count(DISTINCT ({identifiers(key)}))"


def _count(name: str, query: str, counted: Counted) -> Check:
    return Check(name, query, "mustBe", NONE, counts_rows=True, counted=counted)
