"""Compile models, row rules and checks against the contracts, on an engine but without data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from sqlglot import exp
from sqlglot.errors import SqlglotError

from filon.engines import FoundType, Nature, SqlEngine, StatementInvalid, has_nature
from filon.errors import EngineError, Problem, ProjectInvalid
from filon.project import PLACE, TEXT, ColumnType, Contract, Dataset, Kind, Project, TypedColumn
from filon.project.query import one_expression
from filon.project.source_words import rule_place
from filon.sql import DIALECT, identifier, literal
from filon.stages.models import contract_columns, model_problems
from filon.stages.rules import BRONZE, judged_query
from filon.validation.strategies import strict_problems

BEYOND_ONE_ROW = (exp.Query, exp.Window, exp.AggFunc, exp.Unnest, exp.Explode, exp.Star, exp.Columns)


def check_project(engine: SqlEngine, project: Project) -> None:
    """Compile everything against empty tables; ProjectInvalid lists every mistake."""
    problems: list[Problem] = []
    for name in project.silver:
        engine.bind(name, [], silver_columns(project.contracts[name]))
    for dataset in project.datasets.values():
        problems += _rule_problems(engine, dataset)
    for model in project.models.values():
        found = list(model_problems(engine, model))
        problems += found or strict_problems(project, model)
        engine.bind(model.name, [], contract_columns(model.contract))
    for contract in project.contracts.values():
        problems += _check_problems(engine, contract)
    engine.drop([BRONZE, *project.contracts])  # so that a run cannot read these empty tables
    if problems:
        raise ProjectInvalid(problems)


def silver_columns(contract: Contract) -> tuple[TypedColumn, ...]:
    """Columns of a silver table: the declared ones and the place of the record."""
    return (*contract_columns(contract), *PLACE)


def _rule_problems(engine: SqlEngine, dataset: Dataset) -> Iterator[Problem]:
    """Where the contract's own SQL (row rules, patterns) cannot be compiled."""
    problems = [*_row_rule_problems(engine, dataset), *_pattern_problems(engine, dataset)]
    yield from problems
    if problems:
        return
    contract = dataset.contract
    columns = [TypedColumn(name, TEXT) for name in (*contract.column_names, "_extra", "_malformed", "_raw")]
    engine.bind(BRONZE, [], [*columns, *PLACE])
    try:
        engine.describe(judged_query(dataset, dt.date(2000, 1, 1), "_raw"))
    except StatementInvalid as error:
        what = f"the contract cannot be compiled: {error.message}"
        yield Problem(contract.document.path, 1, what, "see docs/contracts.md")


def _row_rule_problems(engine: SqlEngine, dataset: Dataset) -> Iterator[Problem]:
    path = dataset.contract.document.path
    for index, rule in enumerate(dataset.rules):
        line = dataset.contract.document.line(rule_place(dataset.contract.document, index))
        fix = "write a condition over the columns of this contract"
        try:
            tree = one_expression(rule.expression)
            columns = engine.describe(f"SELECT ({rule.expression}\n) AS met FROM {identifier(dataset.name)}")
        except (StatementInvalid, SqlglotError) as error:
            what = f"the rule `{rule.name}` cannot be compiled: {str(error).splitlines()[0]}"
            yield Problem(path, line, what, fix)
            continue
        if [column.type for column in columns] != [ColumnType(Kind.BOOLEAN)]:
            types = ", ".join(str(column.type) for column in columns)
            yield Problem(path, line, f"the rule `{rule.name}` gives {types}, not true or false", fix)
        if beyond := tree.find(*BEYOND_ONE_ROW):
            what = f"`{beyond.sql(dialect=DIALECT)}` in the rule `{rule.name}` looks at other rows than the one judged"
            yield Problem(path, line, what, "use `relationships` for other tables, a `quality` check for whole tables")
        elif (found := _raising_constant(engine, tree)) is not None:
            part, message = found
            what = f"`{part}` in the rule `{rule.name}` fails whatever the row is: {message}"
            yield Problem(path, line, what, "no row could meet the rule: mend that part")


def _raising_constant(engine: SqlEngine, tree: exp.Expr) -> tuple[str, str] | None:
    """The first part of an expression that names no column and cannot be computed, and the engine's message."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node.find(exp.Column) is not None:
            waiting += node.iter_expressions(reverse=True)
        elif isinstance(node, (exp.Func, exp.Binary, exp.Unary)):
            part = node.sql(dialect=DIALECT)
            try:
                engine.rows(f"SELECT ({part}) IS NULL")
            except EngineError as error:
                return part, str(error)
    return None


def _pattern_problems(engine: SqlEngine, dataset: Dataset) -> Iterator[Problem]:
    contract = dataset.contract
    for column in contract.columns:
        for rule in column.rules:
            if rule.name != "pattern":
                continue
            try:
                engine.rows(f"SELECT regexp_full_match('', {literal(str(rule.bound))})")
            except EngineError as error:
                line = contract.document.line((*contract.place_of(column.name), "logicalTypeOptions", "pattern"))
                what = f"the pattern `{rule.bound}` of `{column.name}` is not understood: {error}"
                yield Problem(contract.document.path, line, what, "use RE2 syntax: no look-around, no back-references")


def _check_problems(engine: SqlEngine, contract: Contract) -> Iterable[Problem]:
    for check in contract.checks:
        try:
            columns = engine.describe(check.query)
        except StatementInvalid as error:
            line = contract.document.line(check.place)
            what = f"the check `{check.name}` cannot be compiled: {error.message}"
            yield Problem(contract.document.path, line, what, "mend its query")
            continue
        if len(columns) == 1 and not _is_number(columns[0].type):
            line = contract.document.line(check.place)
            what = f"the check `{check.name}` gives {columns[0].type}"
            yield Problem(contract.document.path, line, what, "a check gives one number")
        if len(columns) != 1:
            line = contract.document.line(check.place)
            what = f"the check `{check.name}` gives {len(columns)} columns"
            yield Problem(contract.document.path, line, what, "a check gives one number")


def _is_number(found: FoundType) -> bool:
    if isinstance(found, ColumnType):
        return found.is_number
    return has_nature(found, Nature.WHOLE, Nature.FLOATING, Nature.NULL)
