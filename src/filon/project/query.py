"""The SELECT of a gold model: what it reads, and that it says the same thing whenever it is run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import ParseError, SqlglotError, TokenError

from filon.errors import Problem
from filon.project.contract import Contract, Model

CLOCK_OR_CHANCE = (
    exp.CurrentDate,
    exp.CurrentTime,
    exp.CurrentTimestamp,
    exp.CurrentDatetime,
    exp.CurrentUser,
    exp.Localtime,
    exp.Localtimestamp,
    exp.Rand,
    exp.Randn,
    exp.TableSample,
    exp.Uuid,
)
CLOCK_OR_CHANCE_NAMES = {
    "current_localtime",
    "current_localtimestamp",
    "gen_random_uuid",
    "get_current_timestamp",
    "getenv",
    "nextval",
    "now",
    "random",
    "today",
    "transaction_timestamp",
    "txid_current",
    "uuidv4",
    "uuidv7",
}
TABLE_FUNCTIONS = (exp.GenerateSeries, exp.Unnest, exp.Explode)
"""What may stand in FROM beside tables; every other table function reads files or the engine's own state."""


class NotOneSelect(SqlglotError):
    """A text is valid SQL, but not one SELECT."""


def read_model(path: Path, contract: Contract) -> tuple[Model | None, list[Problem]]:
    """Read a model's SQL file; the model is None when its mistakes leave nothing to use."""
    try:
        sql = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        problem = Problem(
            contract.document.path,
            1,
            f"{path.name} is missing",
            f"write the SELECT of `{contract.name}` into it",
        )
        return None, [problem]
    except UnicodeDecodeError as error:
        return None, [Problem(path, 1, f"not UTF-8 text: {error.reason}", "save the file as UTF-8")]
    try:
        select = one_select(sql)
    except NotOneSelect:
        fix = "keep one SELECT; a WITH clause may hold the steps"
        return None, [Problem(path, 1, "a model is exactly one SELECT", fix)]
    except SqlglotError as error:
        what = f"not valid SQL: {describe_error(error)}"
        is_open = not isinstance(error, ParseError)
        fix = "close the quote or comment that is open" if is_open else "mend the SQL at that line"
        return None, [Problem(path, _error_line(sql, error), what, fix)]
    problems = [Problem(path, _line_of(sql, part), what, fix) for part, what, fix in forbidden_parts(select.tree)]
    problems += _misplaced(path, select.tree)
    model = Model(
        contract=contract,
        path=path,
        sql=select.sql,
        inputs=tuple(sorted(table_lines(select.tree))),
        uses_as_of=reads_as_of(select.sql),
    )
    return model, problems


@dataclass(frozen=True)
class Select:
    """One SELECT: its text without what ends the statement, and its tree."""

    sql: str
    tree: exp.Query


def one_select(sql: str) -> Select:
    """Read a text that holds one SELECT; NotOneSelect, or another SqlglotError, when it is something else."""
    tokens = sqlglot.tokenize(sql, dialect="duckdb")
    ends = [token for token in tokens if token.token_type is TokenType.SEMICOLON]
    text = (sql[: ends[0].start] if ends else sql).strip()
    if ends and any(token.start > ends[0].start for token in tokens if token.token_type is not TokenType.SEMICOLON):
        raise NotOneSelect("several statements")
    trees = sqlglot.parse(text, dialect="duckdb")
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise NotOneSelect("no SELECT")
    return Select(text, trees[0])


def reads_as_of(sql: str) -> bool:
    """Whether a query or an expression asks for the as-of date."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    return any(node.name.lower() == "as_of" for node in tree.find_all(exp.Anonymous))


def table_lines(tree: exp.Query) -> dict[str, int]:
    """The tables that a query reads, each with the line where it is first named; a WITH clause hides others."""
    found: dict[str, int] = {}
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and table.name.casefold() not in _steps_seen_from(table):
            found.setdefault(table.name, table.this.meta.get("line", 1))
    return found


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


def forbidden_parts(tree: exp.Expr) -> list[tuple[str, str, str]]:
    """The parts of a query that read the clock, a die or files: each part, what is wrong with it, and what to write."""
    found = []
    for node in tree.walk():
        part = node.sql(dialect="duckdb")
        name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
        since_now = name == "age" and len(node.expressions) == 1
        if isinstance(node, CLOCK_OR_CHANCE) or name in CLOCK_OR_CHANCE_NAMES or since_now:
            what = f"`{part}` gives another answer at each run"
            found.append((part, what, "use as_of(), the date that the run was given"))
        elif isinstance(node, exp.Table) and not isinstance(node.this, (exp.Identifier, *TABLE_FUNCTIONS)):
            what = "a query reads tables, not files"
            found.append((part, what, "describe the file by a contract under sources/"))
    return found


def _line_of(sql: str, part: str) -> int:
    """The line on which a function is first named."""
    name = re.escape(part.split("(", 1)[0])
    found = re.search(rf"\b{name}\b", sql, re.IGNORECASE)
    return sql.count("\n", 0, found.start()) + 1 if found else 1


def _misplaced(path: Path, tree: exp.Expr) -> list[Problem]:
    return [
        Problem(
            path,
            table.this.meta.get("line", 1),
            f"`{table.sql()}` names a schema or a file",
            "name the table alone",
        )
        for table in tree.find_all(exp.Table)
        if isinstance(table.this, exp.Identifier) and (table.args.get("db") or "." in table.name or "/" in table.name)
    ]
