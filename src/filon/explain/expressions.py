"""What parts of a query say: conditions, the columns in them, groups, and how they read over other columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from sqlglot import exp, parse_one

from filon.explain.report import EVERY_ROW
from filon.project.contract import Contract
from filon.sql import DIALECT, caseless


def operands(condition: exp.Expr) -> list[exp.Expr]:
    """The operands of a condition's top-level ANDs."""
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        return [*operands(condition.left), *operands(condition.right)]
    return [condition]


def columns_in(part: exp.Expr) -> list[exp.Column]:
    """The columns of an expression, those of its subqueries apart."""
    nodes = part.walk(prune=lambda node: isinstance(node, exp.Query))
    return [node for node in nodes if isinstance(node, exp.Column)]


def sources_in(part: exp.Expr) -> set[str]:
    """The aliases of the tables whose columns an expression names."""
    return {column.table for column in columns_in(part)}


def equalities(joins: list[exp.Join]) -> Iterator[exp.EQ]:
    """The equalities that all of these joins ask for."""
    for join in joins:
        parts = operands(join.args["on"]) if join.args.get("on") else []
        yield from (part for part in parts if isinstance(part, exp.EQ))


def ends_of(condition: exp.Expr) -> tuple[tuple[str, exp.Expr], tuple[str, exp.Expr]] | None:
    """The two sources whose rows an equality links, each with its side."""
    if not isinstance(condition, exp.EQ):
        return None
    left_side, right_side = condition.this, condition.expression
    left_sources, right_sources = sources_in(left_side), sources_in(right_side)
    return (
        ((*left_sources, left_side), (*right_sources, right_side))
        if len(left_sources) == len(right_sources) == 1 and left_sources != right_sources
        else None
    )


def equates(condition: exp.Expr, expression: exp.Expr) -> bool:
    """Whether a condition equates an expression with a constant."""
    if not isinstance(condition, exp.EQ):
        return False
    left, right = condition.this.unnest(), condition.expression.unnest()
    return (left == expression and not columns_in(right)) or (right == expression and not columns_in(left))


def fixes(condition: exp.Expr, expression: exp.Expr) -> bool:
    """Whether a condition equates an expression with a constant, or with one of some constants."""
    if isinstance(condition, exp.In) and not condition.args.get("query"):
        return condition.this.unnest() == expression and not any(map(columns_in, condition.expressions))
    return equates(condition, expression)


def outputs_of(query: exp.Expr) -> list[str]:
    """The names of the columns that a query gives."""
    return query.named_selects if isinstance(query, exp.Query) else []


def drops_rows(query: exp.Query) -> bool:
    """Whether a query drops rows after it computed them."""
    wrapped = query.parent if isinstance(query.parent, exp.Subquery) else query
    words = [part.args.get(word) for part in (query, wrapped) for word in ("having", "qualify", "limit", "offset")]
    distinct = query.args.get("distinct")
    is_distinct_on = isinstance(distinct, exp.Distinct) and distinct.args.get("on") is not None
    return any(words) or is_distinct_on or any(part.find(exp.UDTF) for part in query.selects)


def groups_of(select: exp.Select) -> tuple[exp.Expr, ...] | None:
    """The expressions that rows are grouped by: none for an aggregate over all rows; None without grouping."""
    group = select.args.get("group")
    if group is None:
        return () if select.args.get("having") or any(map(_aggregates, select.selects)) else None
    if group.args.get("all"):
        return tuple(part.unalias() for part in select.selects if not part.find(exp.AggFunc, exp.Window, exp.Query))
    return tuple(part.unnest() for part in group.expressions)


def _aggregates(part: exp.Expr) -> bool:
    inside = part.walk(prune=lambda node: isinstance(node, (exp.Window, exp.Query)))
    return any(isinstance(node, exp.AggFunc) for node in inside)


def _is_per_row(output: exp.Expr, groups: tuple[exp.Expr, ...] | None) -> bool:
    """Whether a column is a function of each single row that was read."""
    if groups is None:
        return not output.find(exp.AggFunc, exp.Window, exp.Query, exp.UDTF)
    if output in groups:
        return True
    if isinstance(output, (exp.Column, exp.AggFunc, exp.Window, exp.Query, exp.UDTF)):
        return False
    return all(_is_per_row(part, groups) for part in output.iter_expressions())


def replaced(condition: exp.Expr, old: exp.Expr, new: exp.Expr) -> exp.Expr:
    """A condition with another expression wherever one stands."""
    changed: exp.Expr = condition.transform(lambda part: new.copy() if part == old else part)
    return changed


def with_columns(part: exp.Expr, new: Callable[[exp.Column], exp.Expr]) -> exp.Expr:
    """An expression with other expressions in place of its columns."""
    holder = exp.Paren(this=part.copy())
    for column in columns_in(holder):
        column.replace(new(column).copy())
    replaced: exp.Expr = holder.this
    return replaced


def push_through(
    conditions: Iterable[exp.Expr], outputs: Mapping[str, exp.Expr], groups: tuple[exp.Expr, ...] | None = None
) -> list[exp.Expr]:
    """Conditions with each column replaced by its expression; those over columns that are not per row are dropped."""
    by_name = {
        caseless(name): exp.Paren(this=output.copy())
        if isinstance(output, (exp.Binary, exp.Unary, exp.Predicate))
        else output
        for name, output in outputs.items()
        if _is_per_row(output, groups)
    }
    followed = (part for part in conditions if all(caseless(column.name) in by_name for column in columns_in(part)))
    return [with_columns(part, lambda column: by_name[caseless(column.name)]) for part in followed]


def over_table(part: exp.Expr, contract: Contract) -> exp.Expr:
    """An expression over a table's own columns, quoted and in the case of the contract."""
    names = {caseless(name): name for name in contract.column_names}
    return with_columns(part, lambda column: exp.column(names.get(caseless(column.name), column.name), quoted=True))


def condition_sql(conditions: Iterable[exp.Expr], contract: Contract) -> str:
    """Conditions as one, in SQL, over the columns of a table."""
    parts = [over_table(part, contract) for part in conditions if not _is_tautology(part)]
    return exp.and_(*dict.fromkeys(parts)).sql(dialect=DIALECT) if parts else EVERY_ROW


def _is_tautology(condition: exp.Expr) -> bool:
    return isinstance(condition, exp.EQ) and condition.this.is_string and condition.this == condition.expression


def is_named(table: exp.Expr, contracts: Mapping[str, Contract]) -> bool:
    """Whether a source is a table of a contract, with its own column names, and no table function."""
    is_table = isinstance(table, exp.Table) and isinstance(table.this, exp.Identifier)
    return is_table and caseless(table.name) in contracts and not table.alias_column_names


def constants(condition: str, names: Iterable[str]) -> dict[str, str] | None:
    """The texts of the constants that a condition equates these columns with; None when it leaves one open."""
    found = {}
    for part in operands(parse_one(condition, dialect=DIALECT)):
        if isinstance(part, exp.EQ) and isinstance(part.this, exp.Column):
            value = part.expression.this if isinstance(part.expression, exp.Cast) else part.expression
            sign = "-" if isinstance(value, exp.Neg) else ""
            if isinstance(value.this if sign else value, exp.Literal):
                found[part.this.name] = sign + value.name
    return {name: found[name] for name in names} if found.keys() >= set(names) else None
