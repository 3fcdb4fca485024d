"""The SELECT of a gold model and the expressions of contracts: read, and refused where they are no SQL of Filon's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import ParseError, SqlglotError, TokenError

from filon.errors import Problem
from filon.project.contract import Contract
from filon.project.document import UnreadableText, read_text
from filon.project.functions import Setting
from filon.project.grammar import DIVIDE, SqlRefused, faults_in, read_tokens, settings_read
from filon.sql import DIALECT


class NotOneSelect(SqlglotError):
    """A text is valid SQL, but not one SELECT."""


@dataclass(frozen=True)
class ModelQuery:
    """The SELECT of a model; ``inputs`` are the tables that it reads, in order, as the SQL spells them."""

    path: Path
    sql: str
    inputs: tuple[str, ...]
    reads: frozenset[Setting]


def read_query(path: Path, contract: Contract) -> tuple[ModelQuery | None, list[Problem]]:
    """Read a model's SQL file; the query is None when its mistakes leave nothing to use."""
    try:
        sql = read_text(path)
    except FileNotFoundError:
        problem = Problem(
            contract.document.path,
            1,
            f"{path.name} is missing",
            f"write the SELECT of `{contract.name}` into it",
        )
        return None, [problem]
    except UnreadableText as error:
        return None, [Problem(path, 1, error.what, error.fix)]
    try:
        select = one_select(sql)
        faults = faults_in(select.sql)
    except SqlRefused as error:
        return None, [Problem(path, *error.fault)]
    except NotOneSelect:
        fix = "keep one SELECT; a WITH clause may hold the steps"
        return None, [Problem(path, 1, "a model is exactly one SELECT", fix)]
    except SqlglotError as error:
        what = f"not valid SQL: {describe_error(error)}"
        is_open = not isinstance(error, ParseError)
        fix = "close the quote or comment that is open" if is_open else "mend the SQL at that line"
        return None, [Problem(path, _error_line(sql, error), what, fix)]
    blank = sql[: len(sql) - len(sql.lstrip())].count("\n")
    problems = [Problem(path, blank + line, what, fix) for line, what, fix in faults]
    inputs = tuple(sorted(table_lines(select.tree)))
    return ModelQuery(path, select.sql, inputs, settings_read(select.sql)), problems


@dataclass(frozen=True)
class Select:
    """One SELECT: its text without what ends the statement, and its tree."""

    sql: str
    tree: exp.Query


def one_select(sql: str) -> Select:
    """Read a text that holds one SELECT; NotOneSelect, or another SqlglotError, when it is something else."""
    tokens = read_tokens(sql)
    ends = [token for token in tokens if token.token_type is TokenType.SEMICOLON]
    text = (sql[: ends[0].start] if ends else sql).strip()
    if ends and any(token.start > ends[0].start for token in tokens if token.token_type is not TokenType.SEMICOLON):
        raise NotOneSelect("several statements")
    trees = _parsed(text)
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise NotOneSelect("no SELECT")
    return Select(text, trees[0])


def one_expression(text: str) -> exp.Expr:
    """Read a text that holds one expression, which is no query; SqlglotError when it is something else."""
    if any(token.token_type is TokenType.SEMICOLON for token in read_tokens(text)):
        raise NotOneSelect("one condition is expected, without a semicolon")
    trees = _parsed(text)
    if len(trees) != 1 or trees[0] is None:
        raise NotOneSelect("one condition is expected")
    return trees[0]


def _parsed(text: str) -> list[exp.Expr | None]:
    try:
        return list(sqlglot.parse(text, dialect=DIALECT))
    except RecursionError:
        raise SqlRefused(1, "parts of the SQL stand too deep in each other", DIVIDE) from None


def table_lines(tree: exp.Query) -> dict[str, int]:
    """The tables that a query reads, each with the line where it is first named; a WITH clause hides others."""
    lines: dict[str, int] = {}
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and table.name.casefold() not in _steps_seen_from(table):
            lines.setdefault(table.name, table.this.meta.get("line", 1))
    return lines


def _steps_seen_from(table: exp.Table) -> set[str]:
    """Names of the steps (WITH clauses) that a table's name may mean where it stands."""
    names: set[str] = set()
    below: exp.Expr = table
    while (above := below.parent) is not None:
        if isinstance(above, exp.With):  # inside a step: those before it, and itself if it may be recursive
            steps = [step.alias.casefold() for step in above.expressions]
            own = next(index for index, step in enumerate(above.expressions) if step is below)
            names |= set(steps[: own + bool(above.recursive)])
        elif (steps_of := above.args.get("with_")) is not None and steps_of is not below:
            names |= {step.alias.casefold() for step in steps_of.expressions}
        below = above
    return names


def describe_error(error: SqlglotError) -> str:
    """What a parser found wrong, in one line."""
    if isinstance(error, (SqlRefused, NotOneSelect)):
        return str(error)
    if isinstance(error, ParseError) and error.errors:
        first = error.errors[0]
        return f"{first.get('description')} near `{first.get('highlight')}`"
    cause = error.__context__
    return str(cause).split("\n", 1)[0] if isinstance(cause, TokenError) else "a quote or comment is not closed"


def _error_line(sql: str, error: SqlglotError) -> int:
    if isinstance(error, ParseError) and error.errors:
        return error.errors[0].get("line") or 1
    # what the tokenizer cannot read is a quote that nothing closes, and it names the end of the text
    *_, opened = [match.start() for match in re.finditer("'", sql)][::2] or [0]
    return sql.count("\n", 0, opened) + 1
