"""What statements are spelled with: expressions with their types, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace

from filon.engines.protocol import StatementInvalid
from filon.engines.spark.types import NULL, Type


class Unspellable(Exception):
    """A part of a statement that Spark's SQL cannot say, or not in the same sense; ``line`` where that is known."""

    def __init__(self, what: str, line: int = 0) -> None:
        self.what = what
        self.line = line
        super().__init__(what)

    def at(self, line: int) -> StatementInvalid:
        """The error of the statement; ``line`` counts where no part of it said its own."""
        return StatementInvalid(self.what, self.line or line)


@dataclass(frozen=True)
class Term:
    """An expression as Spark spells it.

    Args:
        sql: its text, with brackets around it where it has operators
        type: its type in Filon's SQL
        text: its value when it is a text literal
        number: its digits when it is a literal of a number
        tried: it is null where it would otherwise fail, inside of ``attempt``
        query: the query, when it is one that stands for a value

    """

    sql: str
    type: Type
    text: str | None = None
    number: str | None = None
    tried: bool = False
    query: str = ""

    def cast(self, kind: Type) -> Term:
        """The value in the type of another one, where that can hold it for sure."""
        if self.type == kind or self.type.spark == kind.spark:
            return replace(self, type=kind)
        return Term(f"CAST({self.sql} AS {kind.spark})", kind, tried=self.tried)


def name(text: str) -> str:
    """Quote the name of a column or table."""
    return "`" + text.replace("`", "``") + "`"


def quoted(value: str) -> str:
    """Quote a text value."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\x00", "\\0").replace("\x1a", "\\Z") + "'"


def text_term(value: str, kind: Type) -> Term:
    """A text literal."""
    return Term(quoted(value), kind, text=value)


NOTHING = Term("NULL", NULL)


def require(term: Term, what: str, *, fits: bool) -> Term:
    """The term, if it has a type that is asked for; a null has every type."""
    if not fits and term.type != NULL:
        raise Unspellable(f"{what} is asked for, and a {term.type} was given; write a CAST")
    return term
