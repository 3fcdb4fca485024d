"""What spells an expression: a scope, what functions read, and how each kind of expression and function is spelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlglot import exp

from filon.engines.spark import casts
from filon.engines.spark.scopes import Scope, Typed
from filon.engines.spark.terms import Term, Unspellable, require
from filon.engines.spark.types import BOOLEAN, NULL, TEXT, Type, common_type


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
"""How a function is spelled."""


class Speller:
    """Spells expressions of one scope.

    Args:
        scope: what names mean
        facts: what functions read
        expressions: how each kind of expression is spelled
        functions: how each function is spelled
        query: spells a subquery
        trying: what fails is null

    """

    def __init__(
        self,
        scope: Scope,
        facts: Facts,
        expressions: Expressions,
        functions: dict[str, Spelling],
        query: Callable[[exp.Expr, Scope], Subquery],
        *,
        trying: bool = False,
    ) -> None:
        self.scope = scope
        self.facts = facts
        self.expressions = expressions
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
        return Speller(scope, self.facts, self.expressions, self.functions, self.query, trying=trying)

    def term(self, node: exp.Expr) -> Term:
        """An expression."""
        spell = self.expressions.get(type(node))
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


Expressions = Mapping[type[exp.Expr], Callable[[Speller, exp.Expr], Term]]
"""How each kind of expression is spelled."""
