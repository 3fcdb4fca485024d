"""Functions that are one expression of their arguments: which types they take, and what they give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from filon.engines.spark.casts import cast
from filon.engines.spark.expressions import Call, Spelling
from filon.engines.spark.terms import Term, Unspellable
from filon.engines.spark.types import BIGINT, BLOB, BOOLEAN, DATE, DOUBLE, NULL, TEXT, TIMESTAMP, Type

TAKES: dict[str, tuple[str, Callable[[Type], bool]]] = {
    "T": ("a text", lambda kind: kind == TEXT),
    "I": ("a whole number", lambda kind: kind.is_whole),
    "N": ("a number", lambda kind: kind.is_number),
    "E": ("an exact number", lambda kind: kind.is_exact),
    "D": ("a number", lambda kind: kind.is_number),
    "F": ("a floating-point number", lambda kind: kind.is_floating),
    "M": ("a date or a timestamp", lambda kind: kind.is_moment),
    "Y": ("a date", lambda kind: kind == DATE),
    "S": ("a timestamp without a time zone", lambda kind: kind == TIMESTAMP),
    "B": ("a condition", lambda kind: kind == BOOLEAN),
    "X": ("bytes", lambda kind: kind == BLOB),
    "L": ("a list", lambda kind: kind.name == "LIST"),
    "P": ("a map", lambda kind: kind.name == "MAP"),
    "A": ("a value", lambda _: True),
}
MADE = {
    "T": TEXT, "I": BIGINT, "N": DOUBLE, "E": BIGINT, "D": DOUBLE, "F": DOUBLE, "M": TIMESTAMP, "Y": DATE,
    "S": TIMESTAMP, "B": BOOLEAN, "X": BLOB,
}  # fmt: skip
"""What a null is made where a letter takes it. Other values stay as they are, but for those of ``D`` and ``I``."""


@dataclass(frozen=True)
class Form:
    """One way to call a function.

    Args:
        takes: a letter of ``TAKES`` for each argument
        gives: the type of the result, or a function of the types of the arguments
        sql: the expression, with ``{0}`` for the first argument
        trying: the expression that is null where the other one fails, if that can happen

    """

    takes: str
    gives: Type | Callable[..., Type]
    sql: str
    trying: str = ""

    def fits(self, terms: tuple[Term, ...]) -> bool:
        """Whether the arguments are of the types that it takes."""
        return len(terms) == len(self.takes) and all(
            term.type == NULL or TAKES[letter][1](term.type) for letter, term in zip(self.takes, terms, strict=True)
        )

    def spell(self, call: Call) -> Term:
        """The expression of a call."""
        terms = [
            cast(term, MADE[letter]) if letter in MADE and (letter in "DI" or term.type == NULL) else term
            for letter, term in zip(self.takes, call.terms, strict=True)
        ]
        sql = self.trying if call.trying and self.trying else self.sql
        gives = self.gives if isinstance(self.gives, Type) else self.gives(*(term.type for term in call.terms))
        tried = any(term.tried for term in terms) or bool(call.trying and self.trying)
        return Term(sql.format(*(term.sql for term in terms)), gives, tried=tried)


def forms(*given: Form) -> Spelling:
    """A function that can be called in these ways."""

    def spell(call: Call) -> Term:
        for form in given:
            if form.fits(call.terms):
                return form.spell(call)
        wanted = " or ".join("(" + ", ".join(TAKES[letter][0] for letter in form.takes) + ")" for form in given)
        found = ", ".join(str(term.type) for term in call.terms)
        raise Unspellable(f"{call.name} takes {wanted} on Spark, and ({found}) was given", call.line)

    return spell


def form(takes: str, gives: Type | Callable[..., Type], sql: str, trying: str = "") -> Spelling:
    """A function that can be called in one way."""
    return forms(Form(takes, gives, sql, trying))


def let(values: dict[str, str], body: str, *, spread: bool = False) -> str:
    """An expression in which values that are expensive or long stand once: each is ``_let.name`` in it.

    With ``spread`` they stand wherever they are used: no query may stand in a function of lists.
    """
    if spread:
        for name, value in values.items():
            body = body.replace(f"_let.{name}", f"({value})")
        return f"({body})"
    parts = ", ".join(f"'{name}', {value}" for name, value in values.items())
    return f"get(transform(array(named_struct({parts})), _let -> {body}), 0)"
