"""Expressions of Filon's SQL as Spark spells them, with their types."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sqlglot import exp

from filon.engines.spark import casts, operators
from filon.engines.spark.scopes import Scope, Typed
from filon.engines.spark.terms import NOTHING, Term, Unspellable, name, quoted, require, text_term
from filon.engines.spark.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    HUGEINT,
    INTEGER,
    INTERVAL,
    NULL,
    TEXT,
    TIMESTAMP,
    TIMESTAMPTZ,
    Type,
    common_type,
    decimal,
    list_of,
    struct_of,
    type_named,
)

MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12, "DECADE": 120, "CENTURY": 1200, "MILLENNIUM": 12000}
MICROSECONDS = {
    "MICROSECOND": 1,
    "MILLISECOND": 1_000,
    "SECOND": 1_000_000,
    "MINUTE": 60_000_000,
    "HOUR": 3_600_000_000,
    "DAY": 86_400_000_000,
    "WEEK": 604_800_000_000,
}
UNNESTED = "_unnested"
LARGEST_INTEGER, LARGEST_BIGINT = 2**31 - 1, 2**63 - 1


class Subquery(Protocol):
    """A query that was spelled: its text and its columns."""

    @property
    def sql(self) -> str:
        """Its text."""

    @property
    def columns(self) -> tuple[Typed, ...]:
        """Its columns."""


@dataclass(frozen=True)
class Facts:
    """What some functions read beside their arguments."""

    locale: str = "en"
    timezone: str = "UTC"
    as_of: str = "1970-01-01"


@dataclass(frozen=True)
class Call:
    """A call of a function, its arguments spelled.

    Args:
        name: the function
        terms: its arguments
        speller: spells what else is needed
        distinct: equal arguments count once
        order: what an aggregate orders its rows by: the value, and whether it goes down, and whether nulls come first
        where: the condition of the rows that an aggregate counts
        over: the window, as text
        ignores_nulls: a window function passes over nulls
        fields: the names of arguments, of those that have names
        line: where it stands

    """

    name: str
    terms: tuple[Term, ...]
    speller: Speller
    distinct: bool = False
    order: tuple[tuple[Term, bool, bool], ...] = ()
    where: str = ""
    over: str = ""
    ignores_nulls: bool = False
    fields: tuple[str, ...] = ()
    line: int = 0

    @property
    def trying(self) -> bool:
        """Whether what fails is null."""
        return self.speller.trying

    def take(self, least: int, most: int | None = None) -> tuple[Term, ...]:
        """The arguments, of which there must be so many."""
        most = least if most is None else most
        if not least <= len(self.terms) <= most:
            raise Unspellable(f"{self.name} takes {least} to {most} arguments, and {len(self.terms)} were given")
        return self.terms

    def literal(self, index: int, what: str) -> str:
        """A text argument that must be a literal, since it is translated."""
        term = self.terms[index]
        if term.text is None:
            raise Unspellable(f"{self.name} needs {what} as a text literal on Spark")
        return term.text


Spelling = Callable[[Call], Term]


class Speller:
    """Spells expressions of one scope.

    Args:
        scope: what names mean
        facts: what functions read
        functions: how each function is spelled
        query: spells a subquery
        trying: what fails is null

    """

    def __init__(
        self,
        scope: Scope,
        facts: Facts,
        functions: dict[str, Spelling],
        query: Callable[[exp.Expr, Scope], Subquery],
        *,
        trying: bool = False,
    ) -> None:
        self.scope = scope
        self.facts = facts
        self.functions = functions
        self.query = query
        self.trying = trying
        self.prefers_given = False
        self.looked_up: set[int] = set()
        """The nodes ``x IN (SELECT …)`` that Spark computes alike: elsewhere it says false for null."""
        self.unnested: list[str] | None = None
        """Lists that become rows beside what FROM reads; None where unnest must be a column by itself."""

    def in_scope(self, scope: Scope, *, trying: bool | None = None) -> Speller:
        """The same for another scope."""
        trying = self.trying if trying is None else trying
        return Speller(scope, self.facts, self.functions, self.query, trying=trying)

    def term(self, node: exp.Expr) -> Term:
        """An expression."""
        spell = _SPELLINGS.get(type(node))
        if spell is None:
            raise Unspellable(f"`{node.sql(dialect='duckdb')}` cannot be said in Spark's SQL", line_of(node))
        try:
            return spell(self, node)
        except Unspellable as error:
            error.line = error.line or line_of(node)
            raise

    def terms(self, nodes: Sequence[exp.Expr]) -> tuple[Term, ...]:
        """Several of them."""
        return tuple(self.term(node) for node in nodes)

    def condition(self, node: exp.Expr) -> Term:
        """An expression that is true or not."""
        found = self.term(node)
        return casts.cast(require(found, "a condition", fits=found.type == BOOLEAN), BOOLEAN)

    def filter(self, node: exp.Expr) -> Term:
        """A condition that rows must meet, where null is as good as false."""
        self.looked_up = set(_plain_lookups(node))
        found = self.condition(node)
        self.looked_up = set()
        return found

    def settled(self, *terms: Term) -> None:
        """Refuse what may have failed, where the answer would hide that."""
        if any(term.tried for term in terms):
            raise Unspellable(
                "inside of attempt(…), what may fail must not stand in CASE, coalesce, AND, OR or IS on Spark; "
                "put attempt(…) around that part alone"
            )


def _plain_lookups(node: exp.Expr, *, below_or: bool = False) -> Iterator[int]:
    """The lookups in a query that stand in a condition so that null is as good as false."""
    if isinstance(node, exp.Paren):
        yield from _plain_lookups(node.this, below_or=below_or)
    elif isinstance(node, (exp.And, exp.Or)):
        for part in (node.this, node.args["expression"]):
            yield from _plain_lookups(part, below_or=below_or or isinstance(node, exp.Or))
    elif isinstance(node, exp.Not) and not below_or and isinstance(node.this.unnest(), (exp.In, exp.EQ)):
        yield id(node.this.unnest())  # Spark has a join for a lookup that is denied as a whole
    elif isinstance(node, (exp.In, exp.EQ)):
        yield id(node)


def line_of(node: exp.Expr) -> int:
    """The line of the first part of an expression that knows its own; 0 where none does."""
    return next((int(part.meta["line"]) for part in node.walk() if "line" in part.meta), 0)


def unified(terms: Sequence[Term]) -> tuple[tuple[Term, ...], Type]:
    """Values of which one is chosen, all in their common type."""
    plain = [term for term in terms if term.text is None]
    kind = common_type([term.type for term in plain or terms])
    if kind is None or (plain and kind not in (TEXT, NULL) and not all(_reads(term, kind) for term in terms)):
        raise Unspellable(
            f"values of {' and '.join(str(term.type) for term in terms)} have no common type; write a CAST"
        )
    if kind == NULL:
        kind = TEXT if any(term.text is not None for term in terms) else NULL
    return tuple(casts.cast(t, kind) if t.text is not None else _widened(t, kind) for t in terms), kind


def _reads(term: Term, kind: Type) -> bool:
    """Whether a text literal is read as a value of another type, as a day in quotes is."""
    return term.text is None or kind.is_moment or kind.name == "BOOLEAN" or kind.is_number


def _widened(term: Term, kind: Type) -> Term:
    return term if term.type in (kind, NULL) else term.cast(kind)


def _column(speller: Speller, node: exp.Expr) -> Term:
    table, line = node.text("table"), line_of(node)
    if not table:
        return speller.scope.column(node.name, line, prefer_given=speller.prefers_given)
    source = speller.scope.source(table)
    if source is None:
        return _field(speller.scope.column(table, line), node.name)
    column = source.find(node.name)
    if column is None:
        raise Unspellable(f"there is no column {node.name} in {table}", line)
    return source.term(column)


def _field(value: Term, wanted: str) -> Term:
    for field, kind in value.type.fields:
        if field.casefold() == wanted.casefold():
            return Term(f"{value.sql}.{name(field)}", kind, tried=value.tried)
    raise Unspellable(f"a {value.type} has no field {wanted}")


def _literal(__: Speller, node: exp.Expr) -> Term:
    if node.args.get("is_string"):
        return text_term(node.name, TEXT)
    digits = node.name.replace("_", "")
    if "e" in digits.lower():
        return Term(f"{digits}D", DOUBLE, number=digits)
    if "." in digits:
        whole, _, fraction = digits.partition(".")
        precision = len((whole or "0") + fraction)
        if precision > 38:
            return Term(f"{digits}D", DOUBLE, number=digits)
        return Term(f"{whole or '0'}.{fraction or ''}BD", decimal(precision, len(fraction)), number=digits)
    value = int(digits)
    kind = INTEGER if value <= LARGEST_INTEGER else BIGINT if value <= LARGEST_BIGINT else HUGEINT
    if kind == HUGEINT and len(digits) > 38:
        raise Unspellable(f"{digits} has more than 38 digits")
    return Term(digits if kind != HUGEINT else f"CAST({digits}BD AS DECIMAL(38,0))", kind, number=digits)


def _and_or(speller: Speller, node: exp.Expr) -> Term:
    """Chains of conditions may be long, so that they are not read by recursion."""
    word, parts = ("AND" if isinstance(node, exp.And) else "OR"), []
    left: exp.Expr = node
    while type(left) is type(node):
        parts.append(left.args["expression"])
        left = left.this
    terms = [speller.condition(part) for part in [left, *reversed(parts)]]
    speller.settled(*terms)
    return Term(f"({f' {word} '.join(term.sql for term in terms)})", BOOLEAN)


def _concatenated(speller: Speller, node: exp.Expr) -> Term:
    parts: list[exp.Expr] = []
    left: exp.Expr = node
    while isinstance(left, exp.DPipe):
        parts.append(left.args["expression"])
        left = left.this
    terms = [speller.term(part) for part in [left, *reversed(parts)]]
    tried = any(term.tried for term in terms)
    if any(term.type.name == "LIST" for term in terms):
        lists, kind = unified(terms)
        return Term(f"concat({', '.join(term.sql for term in lists)})", kind, tried=tried)
    return Term(f"concat({', '.join(casts.cast(term, TEXT).sql for term in terms)})", TEXT, tried=tried)


def _not(speller: Speller, node: exp.Expr) -> Term:
    value = speller.condition(node.this)
    return Term(f"(NOT {value.sql})", BOOLEAN, tried=value.tried)


COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.NullSafeEQ: "<=>",
}


def _compared(speller: Speller, node: exp.Expr) -> Term:
    right = node.args["expression"]
    if isinstance(right, exp.Any) and isinstance(node, exp.EQ):
        return _in_query(speller, node, right.this)
    left, right = unified((speller.term(node.this), speller.term(right)))[0]
    tried = left.tried or right.tried
    if isinstance(node, (exp.NullSafeEQ, exp.NullSafeNEQ)):
        speller.settled(left, right)
    if isinstance(node, exp.NullSafeNEQ):
        return Term(f"(NOT ({left.sql} <=> {right.sql}))", BOOLEAN)
    return Term(f"({left.sql} {COMPARISONS[type(node)]} {right.sql})", BOOLEAN, tried=tried)


def _between(speller: Speller, node: exp.Expr) -> Term:
    terms, _ = unified(speller.terms([node.this, node.args["low"], node.args["high"]]))
    speller.settled(*terms)
    value, low, high = (term.sql for term in terms)
    return Term(f"({value} BETWEEN {low} AND {high})", BOOLEAN)


def _is(speller: Speller, node: exp.Expr) -> Term:
    value, what = speller.term(node.this), node.args["expression"]
    speller.settled(value)
    if isinstance(what, exp.Null):
        return Term(f"({value.sql} IS NULL)", BOOLEAN)
    if isinstance(what, exp.Boolean):
        require(value, "a condition", fits=value.type == BOOLEAN)
        return Term(f"({value.sql} <=> {'TRUE' if what.this else 'FALSE'})", BOOLEAN)
    raise Unspellable(f"`{node.sql(dialect='duckdb')}` cannot be said in Spark's SQL")


def _in(speller: Speller, node: exp.Expr) -> Term:
    if node.args.get("query"):
        return _in_query(speller, node, node.args["query"])
    value = speller.term(node.this)
    if not node.expressions:
        raise Unspellable("a list that is a value is asked with list_contains(list, value)")
    (first, *others), _ = unified([value, *speller.terms(node.expressions)])
    speller.settled(first, *others)
    return Term(f"({first.sql} IN ({', '.join(other.sql for other in others)}))", BOOLEAN)


def _in_query(speller: Speller, node: exp.Expr, query: exp.Expr) -> Term:
    if id(node) not in speller.looked_up:
        raise Unspellable("IN (SELECT …) stands in a condition by itself or beside AND on Spark; use EXISTS")
    value, found = speller.term(node.this), speller.query(query, speller.scope)
    if len(found.columns) != 1 or common_type([value.type, found.columns[0].type]) is None:
        raise Unspellable(f"a {value.type} cannot be looked for in that query")
    return Term(f"({value.sql} IN ({found.sql}))", BOOLEAN)


def _exists(speller: Speller, node: exp.Expr) -> Term:
    return Term(f"(EXISTS ({speller.query(node.this, speller.scope).sql}))", BOOLEAN)


def _scalar(speller: Speller, node: exp.Expr) -> Term:
    found = speller.query(node, speller.scope)
    if len(found.columns) != 1:
        raise Unspellable("a query that stands for a value has one column")
    return Term(f"({found.sql})", found.columns[0].type, query=found.sql)


def _case(speller: Speller, node: exp.Expr) -> Term:
    subject = speller.term(node.this) if node.this else None
    whens = []
    for branch in node.args["ifs"]:
        if subject is None:
            whens.append(speller.condition(branch.this))
        else:
            left, right = unified((subject, speller.term(branch.this)))[0]
            whens.append(Term(f"{left.sql} = {right.sql}", BOOLEAN, tried=left.tried or right.tried))
    default = node.args.get("default")
    results = speller.terms([branch.args["true"] for branch in node.args["ifs"]])
    values, kind = unified([*results, speller.term(default) if default else NOTHING])
    speller.settled(*whens, *values)
    branches = " ".join(f"WHEN {when.sql} THEN {value.sql}" for when, value in zip(whens, values, strict=False))
    return Term(f"(CASE {branches} ELSE {values[-1].sql} END)", kind)


def _cast(speller: Speller, node: exp.Expr) -> Term:
    kind = type_named(node.args["to"])
    if kind is None:
        raise Unspellable(f"Spark has no type {node.args['to'].sql(dialect='duckdb')}")
    value = speller.term(node.this)
    if isinstance(node, exp.TryCast):
        speller.settled(value)
        return replace(casts.cast(value, kind, trying=True), tried=False)
    return casts.cast(value, kind, trying=speller.trying)


def _call(speller: Speller, node: exp.Expr, **more: object) -> Term:
    called = node.name.lower()
    spell = speller.functions.get(called)
    line = line_of(node)
    if spell is None:
        raise Unspellable(f"the function {called} is not available on Spark", line)
    if called == "attempt":
        return replace(speller.in_scope(speller.scope, trying=True).term(node.expressions[0]), tried=False)
    return spell(_read_call(speller, node, line, **more))


def _read_call(speller: Speller, node: exp.Expr, line: int, **more: object) -> Call:
    nodes, distinct, order, fields, ignores = list(node.expressions), False, more.pop("order", ()), [], False
    if nodes and isinstance(nodes[-1], exp.Order):
        order, nodes[-1] = _order(speller, nodes[-1]), nodes[-1].this
    if nodes and isinstance(nodes[0], exp.Distinct):
        distinct, nodes = True, [*nodes[0].expressions, *nodes[1:]]
    if nodes and isinstance(nodes[0], (exp.IgnoreNulls, exp.RespectNulls)):
        ignores, nodes[0] = isinstance(nodes[0], exp.IgnoreNulls), nodes[0].this
    terms = []
    for part in nodes:
        if isinstance(part, exp.PropertyEQ):
            fields.append(part.this.name)
            terms.append(speller.term(part.args["expression"]))
        else:
            terms.append(Term("*", NULL) if isinstance(part, exp.Star) else speller.term(part))
    given = {"distinct": distinct, "order": order, "fields": tuple(fields), "ignores_nulls": ignores, **more}
    return Call(node.name.lower(), tuple(terms), speller, line=line, **given)  # type: ignore[arg-type]


def _order(speller: Speller, node: exp.Expr) -> tuple[tuple[Term, bool, bool], ...]:
    return tuple(
        (speller.term(part.this), bool(part.args.get("desc")), bool(part.args.get("nulls_first")))
        for part in node.expressions
    )


def order_by(terms: Sequence[tuple[Term, bool, bool]]) -> str:
    """What rows are ordered by."""
    return ", ".join(
        f"{term.sql} {'DESC' if down else 'ASC'} NULLS {'FIRST' if first else 'LAST'}" for term, down, first in terms
    )


def _filtered(speller: Speller, node: exp.Expr) -> Term:
    where = speller.condition(node.args["expression"].this)
    if isinstance(node.this, exp.WithinGroup):
        return _within_group(speller, node.this, where=where.sql)
    return _call(speller, node.this, where=where.sql)


def _within_group(speller: Speller, node: exp.Expr, **more: object) -> Term:
    return _call(speller, node.this, order=_order(speller, node.args["expression"]), **more)


def _window(speller: Speller, node: exp.Expr) -> Term:
    inner, more = node.this, {}
    if isinstance(inner, exp.Filter):
        more["where"] = speller.condition(inner.args["expression"].this).sql
        inner = inner.this
    ignores = isinstance(inner, exp.IgnoreNulls)
    if isinstance(inner, (exp.IgnoreNulls, exp.RespectNulls)):
        inner = inner.this
    if ignores:
        more["ignores_nulls"] = True  # type: ignore[assignment]
    return _call(speller, inner, over=f"OVER {window(speller, node)}", **more)


def window(speller: Speller, node: exp.Expr) -> str:
    """The window of a function, or a window that has a name."""
    if node.args.get("alias"):
        return name(node.args["alias"].name)
    parts = []
    if keys := node.args.get("partition_by"):
        parts.append(f"PARTITION BY {', '.join(speller.term(key).sql for key in keys)}")
    if order := node.args.get("order"):
        parts.append(f"ORDER BY {order_by(_order(speller, order))}")
    if spec := node.args.get("spec"):
        parts.append(_frame(speller, spec))
    return f"({' '.join(parts)})"


def _frame(speller: Speller, spec: exp.Expr) -> str:
    if spec.args.get("exclude") or spec.args.get("kind") not in ("ROWS", "RANGE"):
        raise Unspellable("a window has GROUPS or EXCLUDE, which Spark does not know")
    sides = []
    for side in ("start", "end"):
        bound = spec.args.get(side) or "CURRENT ROW"
        text = bound if isinstance(bound, str) else speller.term(bound).sql
        sides.append(f"{text} {spec.args.get(f'{side}_side') or ''}".strip())
    return f"{spec.args['kind']} BETWEEN {sides[0]} AND {sides[1]}"


def _interval(speller: Speller, node: exp.Expr) -> Term:
    unit = node.args.get("unit")
    number = node.this
    digits = number.name if isinstance(number, exp.Literal) else ""
    if unit is None or not digits.lstrip("-").isdigit():
        if unit is not None and number is not None:
            inner = number.this if isinstance(number, exp.Paren) else number
            return interval(speller.term(inner), unit.name.upper().removesuffix("S"))
        raise Unspellable("an interval is a whole number and one unit on Spark, such as INTERVAL 30 DAY")
    return interval(Term(digits, INTEGER, number=digits), unit.name.upper().removesuffix("S"))


def interval(count: Term, unit: str) -> Term:
    """So many of a unit of time."""
    require(count, "a whole number", fits=count.type.is_whole)
    unit = {"CENTURIE": "CENTURY", "MILLENNIA": "MILLENNIUM"}.get(unit, unit)
    if unit in MONTHS:
        return Term(f"make_ym_interval(0, CAST({count.sql} AS INT) * {MONTHS[unit]})", INTERVAL)
    if unit not in MICROSECONDS:
        raise Unspellable(f"Spark has no interval of {unit}")
    for whole, place in (("DAY", 0), ("HOUR", 1), ("MINUTE", 2)):
        if MICROSECONDS[unit] % MICROSECONDS[whole] == 0:
            size = MICROSECONDS[unit] // MICROSECONDS[whole]
            given = ["0"] * place + [f"CAST({count.sql} AS INT) * {size}"]
            return Term(f"make_dt_interval({', '.join(given)})", INTERVAL)
    size = MICROSECONDS[unit]
    seconds = f"CAST(CAST({count.sql} AS BIGINT) * {size} AS DECIMAL(20,0)) * CAST(0.000001 AS DECIMAL(7,6))"
    return Term(f"make_dt_interval(0, 0, 0, CAST({seconds} AS DECIMAL(18,6)))", INTERVAL)


def _array(speller: Speller, node: exp.Expr) -> Term:
    values, kind = unified(speller.terms(node.expressions)) if node.expressions else ((), NULL)
    return Term(
        f"array({', '.join(value.sql for value in values)})", list_of(kind), tried=any(value.tried for value in values)
    )


def _tuple(speller: Speller, node: exp.Expr) -> Term:
    values = speller.terms(node.expressions)
    kind = struct_of(*(("", value.type) for value in values))
    return Term(f"struct({', '.join(value.sql for value in values)})", kind)


def _struct(speller: Speller, node: exp.Expr) -> Term:
    fields, parts = [], []
    for part in node.expressions:
        value = speller.term(part.args["expression"])
        fields.append((part.this.name, value.type))
        parts += [quoted(part.this.name), value.sql]
    return Term(f"named_struct({', '.join(parts)})", struct_of(*fields))


def _map(speller: Speller, node: exp.Expr) -> Term:
    parts = node.this.expressions
    keys, key = unified([speller.term(part.this) for part in parts])
    values, item = unified([speller.term(part.args["expression"]) for part in parts])
    pairs = ", ".join(f"{left.sql}, {right.sql}" for left, right in zip(keys, values, strict=True))
    return Term(f"map({pairs})", Type("MAP", key=key, item=item))


def _bracket(speller: Speller, node: exp.Expr) -> Term:
    value, [index] = speller.term(node.this), node.expressions
    if isinstance(index, exp.Slice):
        raise Unspellable("a part of a list is taken with list_slice(list, first, last)")
    if value.type.name == "STRUCT" and isinstance(index, exp.Literal) and index.is_string:
        return _field(value, index.name)
    if value.type.name != "LIST" or value.type.item is None or not isinstance(index, exp.Literal):
        raise Unspellable("an element is taken out of a list by a number")
    return Term(f"get({value.sql}, {index.name})", value.type.item, tried=value.tried)


def _time_zone(speller: Speller, node: exp.Expr) -> Term:
    return at_zone(speller.term(node.this), speller.term(node.args["zone"]), trying=speller.trying)


def at_zone(moment: Term, zone: Term, *, trying: bool) -> Term:
    """A local time as a moment, or a moment as a local time of a zone."""
    require(zone, "the name of a time zone", fits=zone.type == TEXT)
    require(moment, "a timestamp", fits=moment.type.is_moment)
    known = _zone(zone, trying=trying)
    if moment.type == TIMESTAMPTZ:
        local = f"CAST(from_utc_timestamp({moment.sql}, {known}) AS TIMESTAMP_NTZ)"
        return Term(local, TIMESTAMP, tried=trying)
    local = f"CAST({moment.sql} AS TIMESTAMP)"
    first = f"to_utc_timestamp({local}, {known})"
    day = "make_dt_interval(1)"
    # of two moments with one local time, the later one; a day later, the offset is the one after any change
    later = f"(to_utc_timestamp({local} + {day}, {known}) - {day})"
    chosen = f"if(from_utc_timestamp({later}, {known}) = {local} AND {later} > {first}, {later}, {first})"
    return Term(chosen if zone.text not in ("UTC", "GMT") else local, TIMESTAMPTZ, tried=trying)


def _zone(zone: Term, *, trying: bool) -> str:
    """The name of a time zone as Spark reads it, which asks for the right case."""
    names = {each.casefold(): each for each in zoneinfo.available_timezones()}
    if zone.text is not None and zone.text.casefold() in names:
        return quoted(names[zone.text.casefold()])
    if not trying:
        return zone.sql
    listed = sorted(names.items())
    known, spelled = (", ".join(quoted(pair[side]) for pair in listed) for side in (0, 1))
    return f"try_element_at(map_from_arrays(array({known}), array({spelled})), lower({zone.sql}))"


def _unnest(speller: Speller, node: exp.Expr) -> Term:
    value = speller.term(node.this)
    if value.type.name != "LIST" or value.type.item is None:
        raise Unspellable("unnest takes a list")
    if speller.unnested is None:
        return Term(f"explode({value.sql})", value.type.item)
    if speller.unnested:
        raise Unspellable("several calls of unnest stand in one SELECT; put each into a step of its own")
    speller.unnested.append(value.sql)
    return Term(f"{name(UNNESTED)}.{name(UNNESTED)}", value.type.item)


def _paren(speller: Speller, node: exp.Expr) -> Term:
    return speller.term(node.this)


def _negated(speller: Speller, node: exp.Expr) -> Term:
    value = speller.term(node.this)
    require(value, "a number", fits=value.type.is_number or value.type == INTERVAL)
    if value.number is not None:
        return replace(
            value, sql=f"-{value.sql}" if value.type != HUGEINT else f"(- {value.sql})", number=f"-{value.number}"
        )
    return Term(f"(- {value.sql})", value.type, tried=value.tried)


def _as_call(called: str, *parts: str) -> Callable[[Speller, exp.Expr], Term]:
    """Some functions have a grammar of their own."""

    def spell(speller: Speller, node: exp.Expr) -> Term:
        nodes = [node.args[part] for part in parts if node.args.get(part) is not None]
        terms = tuple(text_term(part.name, TEXT) if isinstance(part, exp.Var) else speller.term(part) for part in nodes)
        return speller.functions[called](Call(called, terms, speller, line=line_of(node)))

    return spell


def _binary(speller: Speller, node: exp.Expr) -> Term:
    left, right = speller.term(node.this), speller.term(node.args["expression"])
    return operators.apply(type(node).__name__, left, right, trying=speller.trying)


def _like(speller: Speller, node: exp.Expr) -> Term:
    escape = None
    if isinstance(node, exp.Escape):
        escape, node = node.args["expression"].name, node.this
    left, right = speller.term(node.this), speller.term(node.args["expression"])
    for term in (left, right):
        require(term, "a text", fits=term.type == TEXT)
    pattern = right.sql
    if escape is None:
        pattern = f"replace({pattern}, {quoted(chr(92))}, {quoted(chr(92) * 2)})"
        if right.text is not None:
            pattern = quoted(right.text.replace("\\", "\\\\"))
    ending = f" ESCAPE {quoted(escape)}" if escape is not None and escape != "\\" else ""
    sides = (left.sql, pattern) if isinstance(node, exp.Like) else (f"lower({left.sql})", f"lower({pattern})")
    return Term(f"({sides[0]} LIKE {sides[1]}{ending})", BOOLEAN, tried=left.tried or right.tried)


_SPELLINGS: dict[type[exp.Expr], Callable[[Speller, exp.Expr], Term]] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Boolean: lambda _, node: Term("TRUE" if node.this else "FALSE", BOOLEAN),
    exp.Null: lambda *_: NOTHING,
    exp.Paren: _paren,
    exp.And: _and_or,
    exp.Or: _and_or,
    exp.Not: _not,
    exp.DPipe: _concatenated,
    **dict.fromkeys((*COMPARISONS, exp.NullSafeNEQ), _compared),
    exp.Between: _between,
    exp.Is: _is,
    exp.In: _in,
    exp.Exists: _exists,
    exp.Subquery: _scalar,
    exp.Case: _case,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Anonymous: _call,
    exp.Filter: _filtered,
    exp.WithinGroup: _within_group,
    exp.Window: _window,
    exp.Interval: _interval,
    exp.Array: _array,
    exp.Tuple: _tuple,
    exp.Struct: _struct,
    exp.ToMap: _map,
    exp.Bracket: _bracket,
    exp.AtTimeZone: _time_zone,
    exp.Explode: _unnest,
    exp.Neg: _negated,
    exp.Like: _like,
    exp.ILike: _like,
    exp.Escape: _like,
    exp.SimilarTo: _as_call("regexp_full_match", "this", "expression"),
    exp.RegexpLike: _as_call("regexp_full_match", "this", "expression"),
    exp.Extract: _as_call("date_part", "this", "expression"),
    exp.Trim: _as_call("trim", "this", "expression"),
    exp.Substring: _as_call("substr", "this", "start", "length"),
    exp.StrPosition: _as_call("strpos", "this", "substr"),
    exp.Pow: _as_call("pow", "this", "expression"),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod), _binary),
}
