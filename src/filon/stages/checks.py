"""The checks of all contracts, run over the tables that are about to be published.

A check that a contract implies counts rows. Where none was counted before, and it is known what changed since, only the
changed rows are counted: the number is the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from filon.engines.changes import Changes
from filon.errors import ChecksFailed, EngineError, EngineExhausted
from filon.lake import Build, CheckResult, CheckStatus, Release
from filon.project import Check, Contract, Kind, Project, fingerprint_of
from filon.project.implied import duplicates
from filon.sql import identifier, identifiers
from filon.stages.context import Context

ANSWERED_AT_ONCE = 4
"""Checks that one query answers. Engines plan them as a join, and of nine that takes longer than to compute them."""


@dataclass(frozen=True)
class Answer:
    """What a check's query gave: an exact number, or None and, where the query raised, why."""

    value: Decimal | None
    message: str | None = None


def run_checks(context: Context, tables: Mapping[str, Build], published: Release | None) -> tuple[CheckResult, ...]:
    """Run the checks of all contracts, in their order; one whose fingerprint is unchanged keeps its published result.

    Args:
        context: the run; with ``force`` every check is run
        tables: the builds of all tables by name
        published: the release before this run

    Raises:
        EngineError: a check of severity error cannot be answered; the message names it

    """
    reusable = published is not None and not context.inputs.force
    earlier = {result.fingerprint: result for result in published.checks} if published and reusable else {}
    results = []
    for contract in context.project.contracts.values():
        fingerprints = {
            check: _fingerprint(check, contract, tables, context.project, context.inputs.as_of)
            for check in contract.checks
        }
        due = [check for check, fingerprint in fingerprints.items() if fingerprint not in earlier]
        asked = [_of_changes(context, check, contract, tables, published) for check in due]
        values = _values(context, contract, asked, tables)
        values = dict(zip(due, values.values(), strict=True))
        for check, fingerprint in fingerprints.items():
            results.append(
                earlier[fingerprint] if fingerprint in earlier else _result(contract, check, values[check], fingerprint)
            )
    return tuple(results)


def require_passed(results: Iterable[CheckResult]) -> None:
    """ChecksFailed when a blocking check failed."""
    failed = [(r.table, r.check, r.detail) for r in results if r.status is CheckStatus.FAILED]
    if failed:
        raise ChecksFailed(failed)


def _tables_of(check: Check, tables: Iterable[str]) -> list[str]:
    """The tables that a check reads, by their names in the contracts."""
    return sorted(name for name in tables if name.casefold() in check.tables)


def _fingerprint(
    check: Check, contract: Contract, tables: Mapping[str, Build], project: Project, as_of: dt.date
) -> str:
    return fingerprint_of(
        {
            "table": contract.name,
            "check": check.facts,
            "reads": {name: tables[name].fingerprint for name in _tables_of(check, tables)},
            "settings": project.settings(check.reads, as_of),
        }
    )


def _of_changes(
    context: Context, check: Check, contract: Contract, tables: Mapping[str, Build], published: Release | None
) -> Check:
    """The check over changed rows, where it counted none before and these are known; else as it is."""
    counted = check.counted
    names = _tables_of(check, tables)
    before = {name: build for name in names if published and (build := published.named(name)) is not None}
    if counted is None or published is None or context.inputs.force or len(before) < len(names):
        return check
    known = _fingerprint(check, contract, before, context.project, context.inputs.as_of)
    if not any(result.fingerprint == known and result.value == 0 for result in published.checks):
        return check
    found = {name: context.changes.since(before[name].fingerprint, tables[name]) for name in names}
    changes = {name: since for name, since in found.items() if since is not None}
    if len(changes) < len(found):
        return check
    own = changes[contract.name]
    if counted.refers is not None:
        targets = changes[counted.refers[1]]
        return replace(check, query=_missing(contract.name, *counted.refers, own, targets), counted=None)
    if not own:
        return replace(check, query="SELECT 0", counted=None)
    if counted.unique:
        return replace(check, query=_further(contract.name, counted.unique, own), counted=None)
    return replace(check, query=f"SELECT count(*) FROM {identifier(own.new)} WHERE {counted.condition}", counted=None)


def _further(table: str, key: tuple[str, ...], changes: Changes) -> str:
    """Counts further rows with a key that came: all others are there once."""
    same = " AND ".join(f"came.{name} IS NOT DISTINCT FROM rows.{name}" for name in map(identifier, key))
    came = f"SEMI JOIN {identifier(changes.new)} AS came ON {same}"
    return f"SELECT {duplicates(key)} FROM (SELECT {identifiers(key)} FROM {identifier(table)} AS rows {came}) AS rows"


def _missing(table: str, column: str, target: str, parent: str, own: Changes, targets: Changes) -> str:
    """Counts rows that refer to a value which is gone, and rows that came and refer to none that is there."""
    name, key = identifier(column), identifier(parent)
    absent = (
        f"child.{name} IS NOT NULL AND NOT EXISTS "
        f"(SELECT 1 FROM {identifier(target)} AS parent WHERE parent.{key} = child.{name})"
    )
    lost, parts = "FALSE", []
    if targets:
        old, new = (f"SELECT {key} FROM {identifier(rows)}" for rows in (targets.old, targets.new))
        lost = f"child.{name} IN ({old} WHERE {key} IS NOT NULL EXCEPT {new})"  # IN a set with null is never false
        parts.append(f"(SELECT count(*) FROM {identifier(table)} AS child WHERE {lost} AND {absent})")
    if own:
        came = f"{identifier(own.new)} AS child WHERE NOT ({lost}) AND {absent}"
        parts.append(f"(SELECT count(*) FROM {came})")
    return f"SELECT {' + '.join(parts) or '0'}"


def _values(
    context: Context, contract: Contract, due: Sequence[Check], tables: Mapping[str, Build]
) -> dict[Check, Answer]:
    """The answer of each check, in their order."""
    for name in {name for check in due for name in _tables_of(check, tables)}:
        context.engine.bind(name, context.lake.paths(tables[name]), tables[name].columns)
    keys = {check: key for check in due if (key := _integer_key(contract, check))}
    answers = {check: _repeated(context, contract, check, key) for check, key in keys.items()}
    others = [check for check in due if check not in answers]
    for start in range(0, len(others), ANSWERED_AT_ONCE):
        answers |= _answers(context, others[start : start + ANSWERED_AT_ONCE])
    return {check: answers[check] for check in due}


def _integer_key(contract: Contract, check: Check) -> str:
    """The column of which a check counts repeated values, if it is one of integers; else nothing."""
    key = check.counted.unique if check.counted is not None else ()
    return key[0] if len(key) == 1 and contract.column(key[0]).type.kind is Kind.INTEGER else ""


def _repeated(context: Context, contract: Contract, check: Check, column: str) -> Answer:
    try:
        return Answer(Decimal(context.engine.repeated(contract.name, column)))
    except EngineExhausted:
        raise
    except EngineError:
        return _answer_alone(context, check)


def _answers(context: Context, due: Sequence[Check]) -> dict[Check, Answer]:
    answers = ", ".join(f"({check.query}\n)" for check in due)
    try:
        [row] = context.engine.rows(f"SELECT {answers}")
    except EngineExhausted:
        raise
    except EngineError:
        return {check: _answer_alone(context, check) for check in due}
    return {check: Answer(_number(value)) for check, value in zip(due, row, strict=True)}


def _answer_alone(context: Context, check: Check) -> Answer:
    """The answer of one check; one that raises has none, and fails the run if the check is to block a release."""
    try:
        [(value,)] = context.engine.rows(f"SELECT ({check.query}\n)")
    except EngineExhausted:
        raise
    except EngineError as error:
        message = f"the check `{check.name}` cannot be answered: {error}"
        if check.blocking:
            raise EngineError(message) from error
        return Answer(None, message)
    return Answer(_number(value))


def _number(value: Any) -> Decimal | None:
    """The value of a check as an exact number; None for null, NaN and infinity."""
    number = None if value is None else Decimal(str(value))
    return number if number is not None and number.is_finite() else None


def _result(contract: Contract, check: Check, answer: Answer, fingerprint: str) -> CheckResult:
    value = answer.value
    holds = check.holds(value)
    failing = CheckStatus.FAILED if check.blocking else CheckStatus.WARNED
    rows = 0 if holds else int(value) if check.counts_rows and value is not None else 1
    return CheckResult(
        table=contract.name,
        check=check.name,
        status=CheckStatus.PASSED if holds else failing,
        failed_rows=rows,
        value=value,
        detail="" if holds else answer.message or check.compare(value),
        fingerprint=fingerprint,
    )
