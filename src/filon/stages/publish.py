"""The publish stage: run the checks of all contracts, then create the release, a document that names every table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from filon.errors import ChecksFailed, EngineError, EngineExhausted
from filon.lake import Build, CheckResult, CheckStatus, Release
from filon.project import Check, Contract, Project, fingerprint_of
from filon.project.grammar import settings_read
from filon.project.query import one_select, table_lines
from filon.stages.context import Context, left_by_rollback


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
        values = _values(context, due, tables)
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


def publish(
    context: Context,
    builds: Sequence[Build],
    checks: tuple[CheckResult, ...],
    ledger: int,
    published: Release | None,
) -> Release | None:
    """Publish tables as the next release.

    Args:
        context: the run; with ``force`` a release is created even if nothing changed
        builds: the builds of all tables
        checks: the results of all checks
        ledger: the number of the ledger that the tables were built from
        published: the release before this run

    Returns:
        The release; None when the published one, or one that a rollback replaced, has the same content.

    Raises:
        ReleaseConflict: another run published first
        LakeDamaged: a file of a table is gone
        LakeUnavailable: the disk refuses to store the files

    """
    release = Release(
        number=context.lake.releases.after(published.number if published else 0),
        run_id=context.inputs.run_id,
        created_at=context.inputs.now,
        as_of=context.inputs.as_of,
        engine=context.inputs.engine,
        project=context.project.name,
        project_fingerprint=context.project.fingerprint,
        ledger=ledger,
        tables={build.id: build for build in builds},
        checks=checks,
    )
    if not context.inputs.force and is_known(context, release, published):
        return None
    context.lake.publish(release)
    return release


def is_known(context: Context, release: Release, published: Release | None) -> bool:
    """Whether the published release has this content and these checks, or a rollback replaced a release with it."""
    if published is None:
        return False
    if release.content == published.content:
        if release.objects != published.objects:  # damaged files were built again
            return False
        return [c.fingerprint for c in release.checks] == [c.fingerprint for c in published.checks]
    return any(release.content == replaced.content for replaced in left_by_rollback(context.lake, published))


def _tables_of(check: Check, tables: Iterable[str]) -> list[str]:
    """The tables that a check reads, by their names in the contracts."""
    read = _names_read(check.query)
    return sorted(name for name in tables if name.casefold() in read)


@lru_cache(maxsize=1_000)
def _names_read(query: str) -> frozenset[str]:
    """The tables that a query reads, without letter case; to parse it takes longer than to run it on few rows."""
    return frozenset(name.casefold() for name in table_lines(one_select(query).tree))


def _fingerprint(
    check: Check, contract: Contract, tables: Mapping[str, Build], project: Project, as_of: dt.date
) -> str:
    return fingerprint_of(
        {
            "table": contract.name,
            "check": check.facts,
            "reads": {name: tables[name].fingerprint for name in _tables_of(check, tables)},
            "settings": project.settings(settings_read(check.query), as_of),
        }
    )


def _values(context: Context, due: Sequence[Check], tables: Mapping[str, Build]) -> dict[Check, Answer]:
    if not due:
        return {}
    for name in {name for check in due for name in _tables_of(check, tables)}:
        context.engine.bind(name, context.lake.paths(tables[name]), tables[name].columns)
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
