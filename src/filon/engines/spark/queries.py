"""Queries of Filon's SQL as Spark spells them, with their columns.

A star becomes the names of its columns and a name that SELECT gave becomes its expression, so that nothing is left to
rules of names in which engines differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from filon.engines.spark.expressions import (
    EXPRESSIONS,
    UNNESTED,
    Facts,
    Speller,
    Spelling,
    line_of,
    order_by,
    unified,
    window,
)
from filon.engines.spark.scopes import Scope, Source, Tables, Typed
from filon.engines.spark.terms import Term, Unspellable, name, require
from filon.engines.spark.types import BIGINT, DATE, INTERVAL, TIMESTAMP, Type, common_type

NOT_IN_VALUES = ("raise_error(", "reflect(", "SELECT ")
"""What Spark does not compute in VALUES."""


@dataclass(frozen=True)
class Spelled:
    """A query: its text, and its columns."""

    sql: str
    columns: tuple[Typed, ...]


@dataclass(frozen=True)
class QuerySpeller:
    """Spells queries.

    Args:
        facts: what functions read
        functions: how each function is spelled

    """

    facts: Facts
    functions: dict[str, Spelling]

    def query(self, node: exp.Expr, tables: Tables, outer: Scope | None = None) -> Spelled:
        """A whole query."""
        try:
            return self._with_steps(node, tables, outer)
        except Unspellable as error:
            error.line = error.line or line_of(node)
            raise

    def _inner(self, node: exp.Expr, scope: Scope) -> Spelled:
        return self.query(node, scope.tables, scope)

    def _with_steps(self, node: exp.Expr, tables: Tables, outer: Scope | None) -> Spelled:
        steps, known = [], dict(tables)
        if having := node.args.get("with_"):
            if having.args.get("recursive"):
                raise Unspellable("a step that reads itself (RECURSIVE) cannot be said in Spark's SQL")
            for step in having.expressions:
                spelled = self.query(step.this, known, outer)
                columns = _renamed(spelled.columns, step.args["alias"].columns)
                known[step.alias.casefold()] = columns
                names = f"({', '.join(name(column.name) for column in columns)})" if step.args["alias"].columns else ""
                steps.append(f"{name(step.alias)}{names} AS ({spelled.sql})")
        body = self._body(node, known, outer)
        return replace(body, sql=f"WITH {', '.join(steps)} {body.sql}") if steps else body

    def _body(self, node: exp.Expr, tables: Tables, outer: Scope | None) -> Spelled:
        if isinstance(node, exp.Select):
            return _Select(self, node, Scope(tables, outer)).spell()
        if isinstance(node, exp.Subquery):
            inner = self.query(node.this, tables, outer)
            return self._ordered(node, inner, Scope(tables, outer))
        if isinstance(node, exp.SetOperation):
            return self._ordered(node, self._set_operation(node, tables, outer), Scope(tables, outer))
        if isinstance(node, exp.Values):
            return self.values(node, Scope(tables, outer))
        if isinstance(node, exp.Table):
            columns = Scope(tables, outer).table(node.name, line_of(node))
            return Spelled(f"SELECT * FROM {name(node.name)}", columns)
        raise Unspellable(f"`{node.sql(dialect='duckdb')}` is no query that Spark can run")

    def _set_operation(self, node: exp.SetOperation, tables: Tables, outer: Scope | None) -> Spelled:
        """Of a chain of them, the first is spelled first, without recursion."""
        chain: list[exp.SetOperation] = []
        left: exp.Expr = node
        while isinstance(left, exp.SetOperation) and not (chain and _has_own_order(left)):
            chain.append(left)
            left = left.this
        found = self.query(left, tables, outer)
        for operation in reversed(chain):
            found = self._combined(operation, found, self.query(operation.args["expression"], tables, outer))
        return found

    def _combined(self, node: exp.SetOperation, left: Spelled, right: Spelled) -> Spelled:
        if node.args.get("by_name"):
            raise Unspellable("BY NAME cannot be said in Spark's SQL; write the columns in one order")
        if len(left.columns) != len(right.columns):
            raise Unspellable(f"queries with {len(left.columns)} and {len(right.columns)} columns are put together")
        columns = []
        for first, second in zip(left.columns, right.columns, strict=True):
            kind = common_type([first.type, second.type])
            if kind is None:
                raise Unspellable(
                    f"the column {first.name} is {first.type} in one query and {second.type} in the other"
                )
            columns.append(Typed(first.name, kind))
        word = {"union": "UNION", "except": "EXCEPT", "intersect": "INTERSECT"}[node.key]
        every = "" if node.args.get("distinct") else " ALL"
        return Spelled(f"({left.sql}) {word}{every} ({right.sql})", tuple(columns))

    def _ordered(self, node: exp.Expr, inner: Spelled, scope: Scope) -> Spelled:
        """ORDER BY and LIMIT behind a query in brackets, or behind several that are put together."""
        source = Source("_rows", inner.columns)
        scope.sources.append(source)
        ending = ending_of(node, self.speller(scope), inner.columns)
        if not ending:
            return inner
        return Spelled(f"SELECT * FROM ({inner.sql}) AS `_rows`{ending}", inner.columns)

    def speller(self, scope: Scope) -> Speller:
        """Spells expressions of a scope."""
        return Speller(scope, self.facts, EXPRESSIONS, self.functions, self._inner)

    def values(self, node: exp.Expr, scope: Scope) -> Spelled:
        """Rows that are written out."""
        speller = self.speller(scope)
        rows = [speller.terms(row.expressions if isinstance(row, exp.Tuple) else [row]) for row in node.expressions]
        unified_columns = [unified(column) for column in zip(*rows, strict=True)]
        lines = zip(*(terms for terms, _ in unified_columns), strict=True)
        columns = tuple(Typed(f"col{index}", kind) for index, (_, kind) in enumerate(unified_columns))
        names = ", ".join(name(column.name) for column in columns)
        rows_given = [", ".join(term.sql for term in line) for line in lines]
        if any(word in row for row in rows_given for word in NOT_IN_VALUES):
            union = " UNION ALL ".join(f"SELECT {row}" for row in rows_given)
            return Spelled(f"SELECT * FROM ({union}) AS `_values`({names})", columns)
        spelled = ", ".join(f"({row})" for row in rows_given)
        return Spelled(f"SELECT * FROM VALUES {spelled} AS `_values`({names})", columns)


def _has_own_order(node: exp.Expr) -> bool:
    return any(node.args.get(part) for part in ("order", "limit", "offset", "with_"))


def _renamed(columns: Sequence[Typed], names: Sequence[exp.Expr]) -> tuple[Typed, ...]:
    if len(names) > len(columns):
        raise Unspellable(f"{len(names)} names are given to {len(columns)} columns")
    new = [part.name for part in names] + [column.name for column in columns[len(names) :]]
    return tuple(Typed(label, column.type) for label, column in zip(new, columns, strict=True))


def ending_of(node: exp.Expr, speller: Speller, columns: Sequence[Typed]) -> str:
    """ORDER BY, LIMIT and OFFSET of a query, each with a blank before."""
    parts = []
    if order := node.args.get("order"):
        parts.append(f" ORDER BY {order_by(list(_order_terms(order, speller, columns)))}")
    for part in ("limit", "offset"):
        if limit := node.args.get(part):
            term = speller.term(limit.args["expression"])
            if term.number is None:
                raise Unspellable(f"{part.upper()} takes a number")
            parts.append(f" {part.upper()} {term.number}")
    return "".join(parts)


def _order_terms(order: exp.Expr, speller: Speller, columns: Sequence[Typed]) -> Iterator[tuple[Term, bool, bool]]:
    names = {column.name.casefold(): column for column in columns}
    for part in order.expressions:
        down, first = bool(part.args.get("desc")), bool(part.args.get("nulls_first"))
        what = part.this
        if isinstance(what, exp.Var) and what.name.upper() == "ALL":
            yield from ((Term(str(place), column.type), down, first) for place, column in enumerate(columns, start=1))
        elif isinstance(what, exp.Literal) and not what.is_string:
            yield Term(what.name, columns[int(what.name) - 1].type), down, first
        elif isinstance(what, exp.Column) and not what.table and what.name.casefold() in names:
            column = names[what.name.casefold()]
            yield Term(name(column.name), column.type), down, first
        else:
            yield speller.term(what), down, first


@dataclass
class _Select:
    """One SELECT."""

    spellers: QuerySpeller
    node: exp.Select
    scope: Scope

    def __post_init__(self) -> None:
        self.speller = self.spellers.speller(self.scope)

    def spell(self) -> Spelled:
        node = self.node
        source = self._from()
        if not node.args.get("group"):
            self.speller.unnested = []
        items = list(self._items())
        if self.speller.unnested:
            rows = f"explode({self.speller.unnested[0]}) AS {name(UNNESTED)}({name(UNNESTED)})"
            source = f"{source} CROSS JOIN LATERAL {rows}" if source else f" FROM {rows}"
        self.speller.unnested = None
        columns = tuple(Typed(label, term.type) for label, term in items)
        distinct = node.args.get("distinct")
        if distinct and distinct.args.get("on"):
            raise Unspellable("DISTINCT ON cannot be said in Spark's SQL; use row_number() and QUALIFY")
        listed = ", ".join(
            term.sql if term.sql.endswith(f".{name(label)}") else f"{term.sql} AS {name(label)}"
            for label, term in items
        )
        parts = [f"SELECT {'DISTINCT ' if distinct else ''}{listed}", source]
        if where := node.args.get("where"):
            parts.append(f" WHERE {self.speller.filter(where.this).sql}")
        if group := node.args.get("group"):
            parts.append(f" GROUP BY {self._group(group)}")
        parts += [
            f" {part.upper()} {self.speller.filter(node.args[part].this).sql}"
            for part in ("having", "qualify")
            if node.args.get(part)
        ]
        if windows := node.args.get("windows"):
            named = (f"{name(each.name)} AS {window(self.speller, each)}" for each in windows)
            parts.append(f" WINDOW {', '.join(named)}")
        self.speller.prefers_given = True
        parts.append(ending_of(node, self.speller, columns))
        return Spelled("".join(parts), columns)

    def _items(self) -> Iterator[tuple[str, Term]]:
        for item in self.node.expressions:
            star = item if isinstance(item, exp.Star) else item.this if isinstance(item, exp.Column) else None
            if isinstance(star, exp.Star):
                yield from self._star(star, item.table if isinstance(item, exp.Column) else "")
                continue
            label = item.alias if isinstance(item, exp.Alias) else _label(item)
            term = self.speller.term(item.this if isinstance(item, exp.Alias) else item)
            if isinstance(item, exp.Alias):
                self.scope.given[label.casefold()] = term
            yield label, term

    def _star(self, star: exp.Star, table: str) -> Iterator[tuple[str, Term]]:
        of = self.scope.source(table) if table else None
        if table and of is None:
            raise Unspellable(f"there is no table {table}", line_of(star))
        left_out = {part.name.casefold() for part in star.args.get("except_") or ()}
        replaced = {part.alias.casefold(): part.this for part in star.args.get("replace") or ()}
        if star.args.get("rename"):
            raise Unspellable("RENAME cannot be said in Spark's SQL; write the columns out")
        for label, term in self.scope.stars(of):
            if label.casefold() in replaced:
                yield label, self.speller.term(replaced[label.casefold()])
            elif label.casefold() not in left_out:
                yield label, term

    def _group(self, group: exp.Expr) -> str:
        if group.args.get("all"):
            return "ALL"
        parts = [self._group_item(item) for item in group.expressions]
        for key in ("rollup", "cube", "grouping_sets"):
            parts += [self._group_item(item) for item in group.args.get(key) or ()]
        return ", ".join(parts)

    def _group_item(self, item: exp.Expr) -> str:
        words = {exp.GroupingSets: "GROUPING SETS", exp.Rollup: "ROLLUP", exp.Cube: "CUBE"}
        if word := words.get(type(item)):  # type: ignore[arg-type]
            return f"{word} ({', '.join(self._group_item(part) for part in item.expressions)})"
        if isinstance(item, exp.Tuple):
            return f"({', '.join(self.speller.term(part).sql for part in item.expressions)})"
        if isinstance(item, exp.Literal) and not item.is_string:
            return item.name
        return self.speller.term(item).sql

    def _from(self) -> str:
        parts = []
        if first := self.node.args.get("from_"):
            sql, source = self._source(first.this)
            self.scope.sources.append(source)
            parts.append(f" FROM {sql}")
        parts += [self._join(join) for join in self.node.args.get("joins") or ()]
        if laterals := self.node.args.get("laterals"):
            raise Unspellable("LATERAL VIEW is no SQL of Filon", line_of(laterals[0]))
        return "".join(parts)

    def _join(self, join: exp.Expr) -> str:
        side, kind = (join.args.get("side") or "").upper(), (join.args.get("kind") or "").upper()
        if join.args.get("method") or kind not in ("", "INNER", "CROSS", "OUTER", "SEMI", "ANTI"):
            raise Unspellable(f"{join.args.get('method') or kind} JOIN cannot be said in Spark's SQL", line_of(join))
        before = list(self.scope.sources)
        sql, source = self._source(join.this)
        self.scope.sources.append(source)
        using, condition = join.args.get("using") or (), join.args.get("on")
        on = ""
        if using:
            on = f" ON {' AND '.join(self._merge(part.name, before, source, side) for part in using)}"
        elif condition is not None:
            on = f" ON {self.speller.condition(condition).sql}"
        word = f"LEFT {kind}" if kind in ("SEMI", "ANTI") else side or ("INNER" if on else "CROSS")
        if kind in ("SEMI", "ANTI"):
            self.scope.sources.pop()
        return f" {word} JOIN {sql}{on}"

    def _merge(self, wanted: str, before: Sequence[Source], source: Source, side: str) -> str:
        right = source.find(wanted)
        known = self.scope.merged.get(wanted.casefold())
        left = known or next((each.term(found) for each in before if (found := each.find(wanted))), None)
        if right is None or left is None:
            raise Unspellable(f"USING names {wanted}, which is not a column of both sides")
        here = source.term(right)
        (first, second), kind = unified((left, here))
        merged = {"RIGHT": second, "FULL": Term(f"coalesce({first.sql}, {second.sql})", kind)}.get(side, first)
        self.scope.merged[wanted.casefold()] = merged
        return f"{first.sql} = {second.sql}"

    def _source(self, node: exp.Expr) -> tuple[str, Source]:
        alias = node.args.get("alias")
        given = alias.name if alias and alias.name else ""
        names = alias.columns if alias else ()
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            columns = self.scope.table(node.name, line_of(node))
            return self._aliased(name(node.name), given or node.name, columns, names)
        label = given or f"_source{len(self.scope.sources)}"
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            return self._source(node.this)
        if isinstance(node, exp.Subquery):
            inner = self.spellers.query(node.this, self.scope.tables, self.scope.outer)
            return self._aliased(f"({inner.sql})", label, inner.columns, names)
        if isinstance(node, exp.Values):
            inner = self.spellers.values(node, Scope(self.scope.tables, self.scope.outer))
            return self._aliased(f"({inner.sql})", label, inner.columns, names)
        if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            inner = self.spellers.query(node.this.this, self.scope.tables, self.scope)
            return self._aliased(f"LATERAL ({inner.sql})", label, inner.columns, names)
        return self._rows_of_function(node, given, names)

    def _aliased(self, sql: str, label: str, columns: Sequence[Typed], names: Sequence[exp.Expr]) -> tuple[str, Source]:
        renamed = _renamed(columns, names)
        listed = f"({', '.join(name(column.name) for column in renamed)})" if names else ""
        return f"{sql} AS {name(label)}{listed}", Source(label, renamed)

    def _rows_of_function(self, node: exp.Expr, given: str, names: Sequence[exp.Expr]) -> tuple[str, Source]:
        called = node if isinstance(node, exp.Unnest) else node.this
        if isinstance(called, (exp.Unnest, exp.Explode)):
            inner = called.this if isinstance(called, exp.Explode) else called.expressions[0]
            values = self.speller.term(inner)
            label = "unnest"
        elif isinstance(called, exp.Anonymous):
            label = called.name.lower()
            values = self.speller.term(called)
        else:
            raise Unspellable("FROM reads tables, queries, unnest, range and generate_series", line_of(node))
        if values.type.name != "LIST" or values.type.item is None:
            raise Unspellable(f"{label} makes rows of a list", line_of(node))
        column = names[0].name if names else label
        kind = values.type.item
        lateral = "LATERAL " if self.scope.sources else ""
        source = Source(given or label, (Typed(column, kind),))
        return f"{lateral}explode({values.sql}) AS {name(source.name)}({name(column)})", source


def _label(node: exp.Expr) -> str:
    """The name of a column that got none."""
    if isinstance(node, exp.Column):
        return node.name
    return node.sql(dialect="duckdb")


def series(first: Term, last: Term, step: Term | None) -> Term:
    """The list of values from one to another, both counted."""
    kind = first.type
    if kind.is_moment:
        if step is None or step.type != INTERVAL:
            raise Unspellable("a series of days needs an interval")
        start, end = (term.cast(TIMESTAMP) if kind == DATE else term for term in (first, last))
        spelled = f"if({end.sql} < {start.sql}, array(), sequence({start.sql}, {end.sql}, {step.sql}))"
        return Term(spelled, Type("LIST", item=start.type))
    for term in (first, last):
        require(term, "a whole number", fits=term.type.is_whole)
    start, end = first.cast(BIGINT), last.cast(BIGINT)
    by = step.cast(BIGINT).sql if step else "1L"
    spelled = (
        f"CASE WHEN {by} > 0 AND {end.sql} >= {start.sql} OR {by} < 0 AND {end.sql} <= {start.sql} "
        f"THEN sequence({start.sql}, {end.sql}, {by}) WHEN {end.sql} IS NOT NULL AND {start.sql} IS NOT NULL "
        f"THEN CAST(array() AS ARRAY<BIGINT>) END"
    )
    return Term(f"({spelled})", Type("LIST", item=BIGINT))
