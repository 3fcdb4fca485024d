"""Functions of windows."""

from __future__ import annotations

from filon.engines.spark.casts import cast
from filon.engines.spark.expressions import Call, Spelling, unified
from filon.engines.spark.terms import Term, Unspellable
from filon.engines.spark.types import BIGINT, DOUBLE, Type


def _ranked(function: str, kind: Type) -> Spelling:
    def spell(call: Call) -> Term:
        if not call.over or call.where:
            raise Unspellable(f"{call.name} stands before OVER, without FILTER")
        given = ", ".join(term.sql for term in call.terms)
        found = f"{function}({given}) {call.over}"
        return Term(f"CAST({found} AS BIGINT)" if kind == BIGINT else found, kind)

    return spell


def _shifted(call: Call) -> Term:
    value, *more = call.take(1, 3)
    offset = more[0].number if more else "1"
    if offset is None:
        raise Unspellable(f"{call.name} needs the number of rows as a literal on Spark")
    given = [value.sql, offset]
    if len(more) > 1:
        (value, default), _ = unified((value, more[1]))
        given = [value.sql, offset, cast(default, value.type).sql]
    word = " IGNORE NULLS" if call.ignores_nulls else ""
    return Term(f"{call.name}({', '.join(given)}){word} {call.over}", value.type)


def _taken(call: Call) -> Term:
    value, *more = call.take(1, 2)
    word = " IGNORE NULLS" if call.ignores_nulls else ""
    given = ", ".join([value.sql, *(term.sql for term in more)])
    return Term(f"{call.name}({given}){word} {call.over}", value.type)


WINDOWS: dict[str, Spelling] = {
    "cume_dist": _ranked("cume_dist", DOUBLE),
    **dict.fromkeys(("dense_rank", "rank_dense"), _ranked("dense_rank", BIGINT)),
    **dict.fromkeys(("first_value", "last_value", "nth_value"), _taken),
    **dict.fromkeys(("lag", "lead"), _shifted),
    "ntile": _ranked("ntile", BIGINT),
    "percent_rank": _ranked("percent_rank", DOUBLE),
    "rank": _ranked("rank", BIGINT),
    "row_number": _ranked("row_number", BIGINT),
}
