"""SQL that people ask with: one SELECT, or one condition, in Filon's SQL."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot.errors import SqlglotError

from filon.errors import QueryInvalid
from filon.project.grammar import SqlRefused, faults_in
from filon.project.query import Select, describe_error, one_expression, one_select, table_lines

__all__ = ["read_select", "require_condition", "table_lines"]


def read_select(query: str) -> Select:
    """Read a query; QueryInvalid when it is something else than one SELECT in Filon's SQL."""
    try:
        select = one_select(query)
        faults = faults_in(select.sql)
    except SqlRefused as error:
        raise QueryInvalid(*error.fault) from None
    except SqlglotError as error:
        raise QueryInvalid(1, describe_error(error), "write one SELECT") from None
    _require_none(faults)
    return select


def require_condition(where: str, columns: Iterable[str]) -> None:
    """QueryInvalid when a text is no condition over these columns."""
    try:
        one_expression(where)
        faults = faults_in(where, list(columns))
    except SqlRefused as error:
        raise QueryInvalid(*error.fault) from None
    except SqlglotError as error:
        raise QueryInvalid(1, describe_error(error), "write one condition, such as amount > 10") from None
    _require_none(faults)


def _require_none(faults: Iterable[tuple[int, str, str]]) -> None:
    for fault in faults:
        raise QueryInvalid(*fault)
