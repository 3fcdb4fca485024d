"""Types of expressions, as far as they are needed to say that two are of one type.

The *shape* of an expression is its text with each column replaced by the type of the table's column that it comes from.
Two expressions of one shape have one type, whatever an engine's rules are.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from filon.project import INTEGER, TEXT, parse_type
from filon.sql import DIALECT
from filon.stages.incremental.reasons import NotLocal
from filon.stages.incremental.trees import columns, names, outputs, query_of, with_columns

NULL = "NULL"


class Shapes:
    """The shapes of columns of relations; None where one is not known."""

    def __init__(self, types: Mapping[str, Mapping[str, str]]) -> None:
        """``types``: the SQL type of each column of each table, all names in small letters."""
        self._types = types
        self._known: dict[tuple[int, str], str | None] = {}

    def of_column(self, relation: exp.Expr, name: str) -> str | None:
        """The shape of a column of a table or of a query."""
        place = (id(relation), name)
        if place not in self._known:
            self._known[place] = self._found(relation, name)
        return self._known[place]

    def of(self, part: exp.Expr, sources: Mapping[str, exp.Expr]) -> str | None:
        """The shape of an expression over sources, by alias; a column without one is of the only source."""
        if part.find(exp.Query) is not None:
            return None
        found: dict[str, str] = {}
        for column in columns(part):
            source = sources.get(column.table) if column.table else next(iter(sources.values()), None)
            shape = None if source is None else self.of_column(source, column.name)
            if shape is None:
                return None
            found[column.sql()] = shape
        return _shape(part, found)

    def _found(self, relation: exp.Expr, name: str) -> str | None:
        try:
            query = query_of(relation)
            if isinstance(query, exp.Table):
                return self._types.get(query.name, {}).get(name)
            if isinstance(query, exp.Select):
                return self.of(outputs(query)[name], sources_of(query))
            if isinstance(query, exp.SetOperation):
                position = names(query).index(name)
                branches = (query_of(query.this), query_of(query.expression))
                return merged(*(self.of_column(branch, names(branch)[position]) for branch in branches))
        except (NotLocal, KeyError, ValueError, IndexError):  # such a column has no shape
            return None
        return None


def merged(*shapes: str | None) -> str | None:
    """The shape of a column of several branches."""
    found = {shape for shape in shapes if shape != NULL}
    return found.pop() if len(found) == 1 else None


def sources_of(select: exp.Select) -> dict[str, exp.Expr]:
    """The sources of a SELECT by alias."""
    from_ = select.args.get("from_")
    found = [from_.this] if from_ is not None else []
    found += [join.this for join in select.args.get("joins") or ()]
    return {source.alias_or_name: source for source in found}


def _shape(part: exp.Expr, shapes: Mapping[str, str]) -> str | None:
    part = part.unnest()
    if isinstance(part, exp.Column):
        return shapes[part.sql()]
    if isinstance(part, exp.Null):
        return NULL
    if isinstance(part, exp.Literal):
        kind = TEXT if part.is_string else INTEGER if part.is_int else None
        return f"literal {part.sql()}" if kind is None else kind.sql
    if type(part) is exp.Cast:
        spelled = part.to.sql(dialect=DIALECT)
        known = parse_type(spelled)
        return known.sql if known is not None else spelled
    if isinstance(part, exp.Coalesce) or (isinstance(part, exp.Anonymous) and part.name == "coalesce"):
        return merged(*(_shape(below, shapes) for below in part.iter_expressions()))
    text: str = with_columns(part, lambda column: exp.Var(this=f"<{shapes[column.sql()]}>")).sql(dialect=DIALECT)
    return text
