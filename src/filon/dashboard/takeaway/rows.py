"""Rows of a table to take away, read page by page from one release."""

from __future__ import annotations

from collections.abc import Sequence

from filon.dashboard.client import Parameters, Row
from filon.dashboard.context import Context
from filon.dashboard.takeaway.content import Column, Kind, Part
from filon.pages import NumberFormat

FORMATS = {NumberFormat.MONEY: Kind.MONEY, NumberFormat.PLAIN: Kind.PLAIN, NumberFormat.PERCENT: Kind.PERCENT}
TYPES = {"date": Kind.DAY, "timestamp": Kind.MOMENT, "boolean": Kind.TRUTH}


def rows_part(
    context: Context, described: Row, query: Parameters, title: str, most: int, names: Sequence[str] = ()
) -> Part:
    """The first rows of a table, ``most`` at most; ``names``: these columns, or all."""
    size = int(described["maximum_limit"])
    answer = context.page(described, query, size)
    rows: list[Row] = list(answer.data["data"])
    while answer.cursor is not None and len(rows) < most:
        answer = context.page(described, query, size, answer.cursor)
        rows += answer.data["data"]
    total, rows = int(answer.data["total"]), rows[:most]
    note = ""
    if total > len(rows):
        shown, whole = context.language.number(len(rows)), context.language.number(total)
        note = context.language.text("takeaway.first", shown=shown, total=whole)
    known = {column["name"]: column for column in described["columns"]}
    return Part(title, [_column(context, known[name]) for name in names or known], rows, note=note)


def _column(context: Context, described: Row) -> Column:
    name, kind = described["name"], TYPES.get(described["type"], Kind.TEXT)
    if described["format"] is not None:
        kind = FORMATS.get(NumberFormat(described["format"]), Kind.NUMBER)
    sql_type = described["sql_type"]
    decimals = int(sql_type.rstrip(")").rpartition(",")[2]) if "," in sql_type else None
    return Column(name, context.language.name(name), kind, decimals)
