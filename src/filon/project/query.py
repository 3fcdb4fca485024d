"""The SELECT of a gold model: what it reads, and that it says the same thing whenever it is run."""

from __future__ import annotations

import re
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from filon.errors import Problem
from filon.project.contract import Contract, Model

CLOCK_OR_CHANCE = (
    exp.CurrentDate,
    exp.CurrentTime,
    exp.CurrentTimestamp,
    exp.CurrentDatetime,
    exp.CurrentUser,
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
    "uuidv4",
    "uuidv7",
}
FILE_FUNCTIONS = {
    "read_csv",
    "read_csv_auto",
    "read_parquet",
    "parquet_scan",
    "read_json",
    "read_json_auto",
    "read_blob",
    "read_text",
    "glob",
}


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
        statements = [tree for tree in sqlglot.parse(sql, dialect="duckdb") if tree is not None]
    except SqlglotError as error:
        what = f"not valid SQL: {describe_error(error)}"
        is_open = not isinstance(error, ParseError)
        fix = "close the quote or comment that is open" if is_open else "mend the SQL at that line"
        return None, [Problem(path, _error_line(sql, error), what, fix)]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        return None, [
            Problem(path, 1, "a model is exactly one SELECT", "keep one SELECT; a WITH clause may hold the steps")
        ]
    tree = statements[0]
    problems = [*_forbidden(path, sql, tree), *_misplaced(path, tree)]
    model = Model(
        contract=contract,
        path=path,
        sql=sql.strip().rstrip(";"),
        inputs=tuple(sorted(table_lines(tree))),
        uses_as_of=reads_as_of(sql),
    )
    return model, problems


def reads_as_of(sql: str) -> bool:
    """Whether a query or an expression asks for the as-of date."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    return any(node.name.lower() == "as_of" for node in tree.find_all(exp.Anonymous))


def table_lines(tree: exp.Expr) -> dict[str, int]:
    """The tables that a query reads, each with the line where it is first named."""
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    found: dict[str, int] = {}
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and table.name not in own:
            found.setdefault(table.name, table.this.meta.get("line", 1))
    return found


def describe_error(error: SqlglotError) -> str:
    """What a parser found wrong, in one line."""
    if isinstance(error, ParseError) and error.errors:
        first = error.errors[0]
        return f"{first.get('description')} near `{first.get('highlight')}`"
    return str(error.__context__ or error).split("\n", 1)[0]


def _error_line(sql: str, error: SqlglotError) -> int:
    if isinstance(error, ParseError) and error.errors:
        return error.errors[0].get("line") or 1
    # what the tokenizer cannot read is a quote that nothing closes, and it names the end of the text
    *_, opened = [match.start() for match in re.finditer("'", sql)][::2] or [0]
    return sql.count("\n", 0, opened) + 1


def unsteady_parts(tree: exp.Expr) -> list[tuple[str, str]]:
    """The parts of a query that read the clock or a die, each with what to write instead."""
    found = []
    for node in tree.walk():
        name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
        if isinstance(node, CLOCK_OR_CHANCE) or name in CLOCK_OR_CHANCE_NAMES:
            found.append((node.sql(dialect="duckdb"), "use as_of(), the date that the run was given"))
    return found


def _forbidden(path: Path, sql: str, tree: exp.Expr) -> list[Problem]:
    problems = [
        Problem(path, _line_of(sql, part), f"`{part}` gives another answer at each run", fix)
        for part, fix in unsteady_parts(tree)
    ]
    for node in tree.walk():
        name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
        if name in FILE_FUNCTIONS or isinstance(node, (exp.ReadCSV, exp.ReadParquet)):
            fix = "describe the file by a contract under sources/"
            problems.append(Problem(path, _line(node), "a model reads tables, not files", fix))
    return problems


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


def _line(node: exp.Expr) -> int:
    for part in node.walk():
        if "line" in part.meta:
            return int(part.meta["line"])
    return 1
