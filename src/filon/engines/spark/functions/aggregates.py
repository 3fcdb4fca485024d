"""Aggregates, also over windows."""

from __future__ import annotations

from collections.abc import Sequence

from filon.engines.spark.casts import cast
from filon.engines.spark.expressions import Call, Spelling
from filon.engines.spark.terms import Term, Unspellable, require
from filon.engines.spark.types import BIGINT, BOOLEAN, DOUBLE, HUGEINT, NULL, TEXT, decimal, list_of


def aggregated(call: Call, function: str, *values: str, distinct: bool | None = None) -> str:
    """A call of an aggregate of Spark, with the condition and the window of the call."""
    given, ending = list(values), ""
    if call.where and call.over:  # Spark has no FILTER for windows
        given[0] = f"CASE WHEN {call.where} THEN {'1' if given[0] == '*' else given[0]} END"
    elif call.where:
        ending = f" FILTER (WHERE {call.where})"
    word = "DISTINCT " if (call.distinct if distinct is None else distinct) else ""
    return f"{function}({word}{', '.join(given)}){ending}{f' {call.over}' if call.over else ''}"


def _one(call: Call) -> Term:
    [value] = call.take(1)
    return value


def _number(call: Call) -> Term:
    value = _one(call)
    return require(value, "a number", fits=value.type.is_number)


def _count(call: Call) -> Term:
    if not call.terms:
        return Term(aggregated(call, "count", "*"), BIGINT)
    value = _one(call)
    return Term(aggregated(call, "count", value.sql), BIGINT)


def _count_if(call: Call) -> Term:
    value = _one(call)
    return Term(aggregated(call, "count_if", value.sql), HUGEINT)


def _sum(call: Call) -> Term:
    value = _number(call)
    if value.type.is_floating:
        return Term(aggregated(call, "sum", value.sql), DOUBLE)
    if value.type.is_whole or value.type == NULL:
        return Term(aggregated(call, "sum", f"CAST({value.sql} AS DECIMAL(38,0))"), HUGEINT)
    kind = decimal(38, value.type.scale)
    return Term(f"CAST({aggregated(call, 'sum', value.sql)} AS {kind.spark})", kind)


def _avg(call: Call) -> Term:
    """Exact numbers are added up exactly, and divided once."""
    value = _number(call)
    if value.type.is_floating:
        return Term(aggregated(call, "avg", value.sql), DOUBLE)
    digits = value.type.scale
    total = aggregated(call, "sum", f"CAST({value.sql} AS DECIMAL(38,{digits}))")
    whole = f"CAST(replace(CAST({total} AS STRING), '.', '') AS DOUBLE)" if digits else f"CAST({total} AS DOUBLE)"
    count = aggregated(call, "count", value.sql)
    return Term(f"({whole} / nullif({count} * 1e{digits}D, 0))", DOUBLE)


def _whole(function: str) -> Spelling:
    def spell(call: Call) -> Term:
        value = _one(call)
        require(value, "a whole number", fits=value.type.is_whole)
        return Term(aggregated(call, function, value.sql), value.type)

    return spell


def _condition(function: str) -> Spelling:
    def spell(call: Call) -> Term:
        value = _one(call)
        require(value, "a condition", fits=value.type == BOOLEAN)
        return Term(aggregated(call, function, value.sql), BOOLEAN)

    return spell


def _double(function: str) -> Spelling:
    def spell(call: Call) -> Term:
        values = [cast(require(term, "a number", fits=term.type.is_number), DOUBLE).sql for term in call.terms]
        return Term(aggregated(call, function, *values), DOUBLE)

    return spell


def _spread(function: str) -> Spelling:
    """Of one value, a sample has no variance; Spark says NaN with some settings."""

    def spell(call: Call) -> Term:
        value = cast(_number(call), DOUBLE)
        return Term(aggregated(call, function, value.sql), DOUBLE)

    return spell


def _by(function: str) -> Spelling:
    """The value of the row with the largest or smallest other one."""

    def spell(call: Call) -> Term:
        value, other = call.take(2)
        if call.where or call.over:
            raise Unspellable(f"{call.name} with FILTER or OVER is not available on Spark")
        known = f"{value.sql} IS NOT NULL AND {other.sql} IS NOT NULL"
        return Term(f"{function}({value.sql}, {other.sql}) FILTER (WHERE {known})", value.type)

    return spell


def _any_value(call: Call) -> Term:
    value = _one(call)
    if call.order:
        return _element(call, "get({}, 0)", ignore_nulls=True)
    return Term(aggregated(call, "any_value", f"{value.sql}, true"), value.type)


def _compared(order: Sequence[tuple[Term, bool, bool]]) -> str:
    """The comparison of two rows, for Spark's sorting of lists."""
    cases = []
    for index, (_, down, first) in enumerate(order):
        left, right = f"_a.k{index}", f"_b.k{index}"
        low, high = ("-1", "1") if first else ("1", "-1")
        less, more = ("1", "-1") if down else ("-1", "1")
        cases += [
            f"WHEN {left} IS NULL AND {right} IS NOT NULL THEN {low}",
            f"WHEN {left} IS NOT NULL AND {right} IS NULL THEN {high}",
            f"WHEN {left} < {right} THEN {less}",
            f"WHEN {left} > {right} THEN {more}",
        ]
    return f"(_a, _b) -> CASE {' '.join(cases)} ELSE 0 END"


def collected(call: Call, value: Term, *, ignore_nulls: bool) -> str:
    """The list of an aggregate's values, in its order; Spark itself leaves nulls out."""
    if call.over:
        raise Unspellable(f"{call.name} over a window is not available on Spark")
    if call.distinct:
        return f"array_sort({aggregated(call, 'collect_set', value.sql, distinct=False)})"
    keys = "".join(f", 'k{index}', {term.sql}" for index, (term, _, _) in enumerate(call.order))
    rows = aggregated(call, "collect_list", f"named_struct('v', {value.sql}{keys})")
    if call.order:
        rows = f"array_sort({rows}, {_compared(call.order)})"
    values = f"transform({rows}, _row -> _row.v)"
    return f"filter({values}, _item -> _item IS NOT NULL)" if ignore_nulls else values


def _element(call: Call, taken: str, *, ignore_nulls: bool = False) -> Term:
    value = _one(call)
    return Term(taken.format(collected(call, value, ignore_nulls=ignore_nulls)), value.type)


def _list(call: Call) -> Term:
    value = _one(call)
    if call.distinct:
        raise Unspellable(f"{call.name}(DISTINCT …) is not available on Spark; use a step with DISTINCT")
    found = collected(call, value, ignore_nulls=False)
    return Term(f"nullif({found}, CAST(array() AS {list_of(value.type).spark}))", list_of(value.type))


def _string_agg(call: Call) -> Term:
    value, *separator = call.take(1, 2)
    text = cast(value, TEXT)
    if call.distinct:
        raise Unspellable(f"{call.name}(DISTINCT …) is not available on Spark; use a step with DISTINCT")
    between = separator[0].sql if separator else "','"
    found = collected(call, text, ignore_nulls=True)
    return Term(f"if(size({found}) = 0, NULL, array_join({found}, {between}))", TEXT)


def _first(call: Call) -> Term:
    if call.over:
        value = _one(call)
        word = " IGNORE NULLS" if call.ignores_nulls else ""
        return Term(f"{call.name}_value({value.sql}){word} {call.over}", value.type)
    return _element(call, "get({}, 0)" if call.name == "first" else "try_element_at({}, -1)")


def _quantile(call: Call) -> Term:
    value, share = call.take(2)
    if value.type == DOUBLE or value.type.is_whole:
        return Term(aggregated(call, "percentile", cast(value, DOUBLE).sql, share.sql), DOUBLE)
    raise Unspellable(
        f"{call.name} of a {value.type} is not available on Spark; take it of whole cents, or of a DOUBLE"
    )


def _median(call: Call) -> Term:
    share = Term("0.5", decimal(2, 1), number="0.5")
    return _quantile(Call(call.name, (*call.take(1), share), call.speller, where=call.where, over=call.over))


def _percentile(call: Call) -> Term:
    [share] = call.take(1)
    [(value, down, _)] = call.order
    if down:
        raise Unspellable(f"{call.name} in descending order is not available on Spark")
    if call.name == "percentile_disc":
        return _discrete(Call("quantile_disc", (value, share), call.speller, where=call.where, over=call.over))
    return _quantile(Call(call.name, (value, share), call.speller, where=call.where, over=call.over))


def _discrete(call: Call) -> Term:
    """The smallest value whose share of the rows reaches the one that is asked for."""
    value, share = call.take(2)
    if share.number is None:
        raise Unspellable(f"{call.name} needs the share as a literal on Spark")
    known = f"array_sort({aggregated(call, 'collect_list', value.sql)})"
    if call.over:
        raise Unspellable(f"{call.name} over a window is not available on Spark")
    place = f"greatest(CAST(ceil(size({known}) * {share.number}D) AS INT) - 1, 0)"
    return Term(f"get({known}, {place})", value.type)


def _mode(call: Call) -> Term:
    raise Unspellable(f"{call.name} is not available on Spark: of values that stand equally often, it takes another")


def _extreme(function: str) -> Spelling:
    def spell(call: Call) -> Term:
        value = _one(call)
        return Term(aggregated(call, function, value.sql, distinct=False), value.type)

    return spell


def _grouping(call: Call) -> Term:
    spelled = ", ".join(term.sql for term in call.terms)
    return Term(f"CAST(grouping_id({spelled}) AS BIGINT)", BIGINT)


AGGREGATES: dict[str, Spelling] = {
    "any_value": _any_value,
    **dict.fromkeys(("arg_max", "argmax", "max_by"), _by("max_by")),
    **dict.fromkeys(("arg_min", "argmin", "min_by"), _by("min_by")),
    **dict.fromkeys(("array_agg", "list"), _list),
    **dict.fromkeys(("avg", "mean"), _avg),
    "bit_and": _whole("bit_and"),
    "bit_or": _whole("bit_or"),
    "bit_xor": _whole("bit_xor"),
    "bool_and": _condition("bool_and"),
    "bool_or": _condition("bool_or"),
    "corr": _double("corr"),
    "count": _count,
    **dict.fromkeys(("count_if", "countif"), _count_if),
    "covar_pop": _double("covar_pop"),
    "covar_samp": _double("covar_samp"),
    **dict.fromkeys(("first", "last"), _first),
    **dict.fromkeys(("group_concat", "listagg", "string_agg"), _string_agg),
    **dict.fromkeys(("grouping", "grouping_id"), _grouping),
    "max": _extreme("max"),
    "min": _extreme("min"),
    "median": _median,
    "mode": _mode,
    **dict.fromkeys(("percentile_cont", "percentile_disc"), _percentile),
    "quantile_cont": _quantile,
    **dict.fromkeys(("quantile", "quantile_disc"), _discrete),
    **{name: _double(name) for name in ("regr_avgx", "regr_avgy", "regr_intercept", "regr_r2", "regr_slope",
                                        "regr_sxx", "regr_sxy", "regr_syy")},
    **dict.fromkeys(("stddev", "stddev_samp"), _spread("stddev_samp")),
    "stddev_pop": _spread("stddev_pop"),
    "sum": _sum,
    **dict.fromkeys(("var_samp", "variance"), _spread("var_samp")),
    "var_pop": _spread("var_pop"),
}  # fmt: skip
