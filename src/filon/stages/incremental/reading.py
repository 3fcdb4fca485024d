"""The SELECT of a model as one tree: each column names its source, each step of a WITH stands where it is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from filon.engines import Columns
from filon.project.grammar import DEEPEST_TREE, faults_in, read_plain
from filon.sql import DIALECT, caseless
from filon.stages.incremental.reasons import NotLocal, Reason
from filon.stages.incremental.trees import is_aggregate, walk

MOST_TABLES = 200
"""How often tables may be named when each step stands where it is read."""
START, END, ALIASED = "start", "end", "aliased"
SUSPECTS, STARRED, UNSPELLABLE = "suspects", "starred", "unspellable"

BY_ORDER = frozenset(
    {"any_value", "array_agg", "first", "group_concat", "last", "list", "listagg", "mode", "string_agg"}
)
"""Aggregates that depend on the order of rows, unless they name it."""
RANKING = frozenset(
    {"cume_dist", "dense_rank", "first_value", "lag", "last_value", "lead", "nth_value", "ntile", "percent_rank"}
    | {"rank", "rank_dense", "row_number"}
)
"""What depends on the order of rows in a window."""


def read_model(sql: str, inputs: Mapping[str, Columns]) -> exp.Expr:
    """The tree of a model's SELECT.

    Args:
        sql: the SELECT
        inputs: the columns of the tables that it reads, in order

    Returns:
        The tree without WITH. Names are in small letters. The ``meta`` of a table says where the text names it (START,
        END, both inclusive) and whether an alias follows (ALIASED).

    Raises:
        NotLocal: nothing can be said of such a SELECT

    """
    if faults_in(sql):
        raise NotLocal(Reason.NON_DETERMINISTIC)
    tree = read_plain(sql)
    _require_known(tree)
    _mark(tree)
    schema: dict[str, object] = {
        caseless(table): {caseless(name): kind.sql for name, kind in columns} for table, columns in inputs.items()
    }
    try:
        tree = qualify(tree, schema=schema, dialect=DIALECT)
    except SqlglotError as error:
        raise NotLocal(Reason.NOT_UNDERSTOOD, tree) from error
    return _in_place(tree, {})


def read_part(sql: str) -> exp.Expr:
    """An expression of a model's columns, in the same way."""
    select = read_plain(f"SELECT {sql}")
    if not isinstance(select, exp.Select) or len(select.expressions) != 1:
        raise NotLocal(Reason.NOT_UNDERSTOOD, select)
    part: exp.Expr = select.expressions[0].unalias()
    return part.pop()


def _require_known(tree: exp.Expr) -> None:
    """Refuse what no rule of locality covers, wherever it stands."""
    for node in tree.walk():
        if isinstance(node, exp.With) and node.args.get("recursive"):
            raise NotLocal(Reason.RECURSIVE, node)
        if isinstance(node, (exp.Collate, exp.Pivot)):
            raise NotLocal(Reason.NOT_UNDERSTOOD, node)
        if isinstance(node, exp.Select) and not _joins_plainly(node):
            raise NotLocal(Reason.JOIN_NOT_UNDERSTOOD, node)
        if isinstance(node, exp.Anonymous) and node.name in BY_ORDER and not _names_order(node):
            raise NotLocal(Reason.ORDER_DEPENDENT, node)
        if isinstance(node, exp.Window) and not _is_ordered(node):
            raise NotLocal(Reason.ORDER_DEPENDENT, node)


def _joins_plainly(select: exp.Select) -> bool:
    """Whether each join says what it joins by: NATURAL does not, nor does USING beside a FULL or RIGHT JOIN."""
    joins = select.args.get("joins") or []
    is_mixed = len(joins) > 1 and any(join.side in ("FULL", "RIGHT") for join in joins)
    return not any(join.method or (is_mixed and join.args.get("using")) for join in joins)


def _names_order(call: exp.Anonymous) -> bool:
    """Whether an aggregate names its order: in its brackets, in WITHIN GROUP, or in its window."""
    node: exp.Expr = call
    while isinstance(node.parent, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)):
        node = node.parent
        if isinstance(node, exp.WithinGroup):
            return True
    is_over = isinstance(node.parent, exp.Window) and node.parent.this is node
    return call.find(exp.Order) is not None or (is_over and _has_order(node.parent))


def _is_ordered(window: exp.Window) -> bool:
    """Whether a window has the order that its function or its frame needs."""
    called = window.this.find(exp.Anonymous) if isinstance(window.this, exp.Expr) else None
    is_ranking = called is not None and called.name in RANKING
    return not (is_ranking or window.args.get("spec")) or _has_order(window)


def _has_order(window: exp.Expr | None) -> bool:
    """Whether a window says its order itself, or by the window that it names."""
    if window is None or window.args.get("order") is not None:
        return window is not None
    base = window.args.get("alias")
    select = window.find_ancestor(exp.Select)
    defined = (select.args.get("windows") or []) if select is not None and base is not None else []
    return any(_has_order(other) for other in defined if other is not window and other.name == window.alias)


def _mark(tree: exp.Expr) -> None:
    """Note what is lost when names are completed."""
    for node in tree.find_all(exp.RegexpLike):  # an operator only: functions are not understood
        node.replace(exp.Anonymous(this="regexp_full_match", expressions=[node.this, node.expression]))
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier):
            table.meta.update({START: table.this.meta.get("start"), END: table.this.meta.get("end")})
            table.meta[ALIASED] = bool(table.alias)
    for select in tree.find_all(exp.Select):
        _take_having(select)
        select.meta[SUSPECTS] = frozenset(_suspects(select))
        select.meta[STARRED] = any(part.is_star for part in select.expressions)


def _suspects(select: exp.Select) -> Iterator[str]:
    """Names of computed columns that a clause reads without a table: this parser may mistake one for another there.

    In the SELECT list, in WHERE and in GROUP BY, engines and this parser agree that a column that is read comes first.
    """
    group = select.args.get("group")
    is_all = group is not None and bool(group.args.get("all"))
    for name in _computed(select):
        clauses = (select.args.get(word) for word in ("having", "qualify", "windows", "distinct"))
        if is_all or any(_reads(part, name) for clause in clauses for part in _listed(clause)):
            yield name


def _computed(select: exp.Select) -> Iterator[str]:
    """Names that a SELECT gives to something else than a column of that name."""
    for part in select.expressions:
        name = caseless(part.alias)
        if name and not (isinstance(part.unalias(), exp.Column) and caseless(part.unalias().name) == name):
            yield name


def _take_having(select: exp.Select) -> None:
    """Put a HAVING aside that this parser would read wrongly: an aggregate of a column, under a name of the SELECT's.

    Whatever it says of its groups, it says of each alone. Only the query cannot be written again.
    """
    having, given = select.args.get("having"), set(_computed(select))
    if having is not None and any(is_aggregate(node) and _reads_any(node, given) for node in walk(having)):
        if having.find(exp.Query) is not None:
            raise NotLocal(Reason.SCALAR_SUBQUERY, having)
        select.set("having", None)
        select.meta[UNSPELLABLE] = True


def _listed(clause: object) -> list[exp.Expr]:
    if isinstance(clause, list):
        return [part for part in clause if isinstance(part, exp.Expr)]
    return [clause] if isinstance(clause, exp.Expr) else []


def _reads_any(part: exp.Expr, given: Collection[str]) -> bool:
    return any(_reads(part, name) for name in given)


def _reads(part: exp.Expr, name: str) -> bool:
    return any(isinstance(node, exp.Column) and not node.table and caseless(node.name) == name for node in part.walk())


def _in_place(query: exp.Expr, steps: Mapping[str, exp.Expr]) -> exp.Expr:
    """A copy of a query in which each step stands where it is read."""
    query = query.copy()
    known = dict(steps)
    with_ = query.args.get("with_")
    if with_ is not None:
        query.set("with_", None)
        for step in with_.expressions:
            if step.args["alias"].columns:
                raise NotLocal(Reason.NOT_UNDERSTOOD, step)
            known[step.alias] = _in_place(step.this, known)
            _require_shallow(known[step.alias])
    inner = [node for node in query.find_all(exp.Query) if node is not query and node.args.get("with_") is not None]
    hidden = {id(below) for node in inner for below in node.walk() if below is not node}
    read = [table for table in query.find_all(exp.Table) if id(table) not in hidden and _names_step(table, known)]
    if sum(1 + len(list(known[table.name].find_all(exp.Table))) for table in read) > MOST_TABLES:
        raise NotLocal(Reason.TOO_LARGE, query)
    for node in inner:
        if id(node) not in hidden:
            node.replace(_in_place(node, known))
    for table in read:
        alias = table.args.get("alias")
        table.replace(exp.Subquery(this=known[table.name].copy(), alias=alias.copy() if alias else None))
    return query


def _require_shallow(query: exp.Expr) -> None:
    """Refuse what stands deeper in each other than the grammar allows, now that steps stand in each other."""
    waiting = [(query, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST_TREE:
            raise NotLocal(Reason.TOO_LARGE, query)
        waiting += [(below, depth + 1) for below in node.iter_expressions()]


def _names_step(table: exp.Table, steps: Mapping[str, exp.Expr]) -> bool:
    return isinstance(table.this, exp.Identifier) and table.name in steps


def own_nodes(select: exp.Select, kind: type[exp.Expr]) -> list[exp.Expr]:
    """The nodes of a kind in a SELECT, those of its subqueries apart."""
    return [node for node in walk(select) if isinstance(node, kind)]
