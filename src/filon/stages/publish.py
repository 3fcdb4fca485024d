"""Publish: run the checks that guard a release, then name every table in one document."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from filon.errors import ChecksFailed, EngineError
from filon.lake import Build, CheckResult, CheckStatus, Release
from filon.project import Check, Contract, Project, fingerprint_of
from filon.project.grammar import settings_read
from filon.project.query import one_select, table_lines
from filon.stages.context import Context, left_by_rollback


def run_checks(context: Context, tables: Mapping[str, Build], published: Release | None) -> tuple[CheckResult, ...]:
    """Every check of every contract, in order; one whose tables did not change keeps its result."""
    reusable = published is not None and not context.inputs.force
    before = {result.fingerprint: result for result in published.checks} if published and reusable else {}
    results = []
    for contract in context.project.contracts.values():
        fingerprints = {
            check: _fingerprint(check, contract, tables, context.project, context.inputs.as_of)
            for check in contract.checks
        }
        due = [check for check, fingerprint in fingerprints.items() if fingerprint not in before]
        values = _values(context, due, tables)
        for check, fingerprint in fingerprints.items():
            results.append(
                before[fingerprint] if fingerprint in before else _result(contract, check, values[check], fingerprint)
            )
    return tuple(results)


def require_passed(results: Iterable[CheckResult]) -> None:
    """ChecksFailed when a blocking check failed."""
    failed = [(r.table, r.check, r.failed_rows) for r in results if r.status is CheckStatus.FAILED]
    if failed:
        raise ChecksFailed(failed)


def publish(
    context: Context,
    builds: Sequence[Build],
    checks: tuple[CheckResult, ...],
    ledger: int,
    published: Release | None,
) -> Release | None:
    """Publish these tables as the next release; None when the published one, or one rolled back from, is the same.

    ReleaseConflict when another run published first.
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
    """Whether readers see this already, or were taken away from it on purpose by a rollback."""
    if published is None:
        return False
    if release.content == published.content:
        if release.objects != published.objects:  # damaged files were built again
            return False
        return [c.fingerprint for c in release.checks] == [c.fingerprint for c in published.checks]
    return any(release.content == left.content for left in left_by_rollback(context.lake, published))


def _tables_of(check: Check, tables: Iterable[str]) -> list[str]:
    """The tables that a check reads, named as their contracts name them."""
    read = {name.casefold() for name in table_lines(one_select(check.query).tree)}
    return sorted(name for name in tables if name.casefold() in read)


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


def _values(context: Context, due: Sequence[Check], tables: Mapping[str, Build]) -> dict[Check, Decimal | None]:
    if not due:
        return {}
    for name in {name for check in due for name in _tables_of(check, tables)}:
        context.engine.bind(name, context.lake.paths(tables[name]), tables[name].columns)
    answers = ", ".join(f"({check.query}\n)" for check in due)
    try:
        [row] = context.engine.rows(f"SELECT {answers}")
    except EngineError:
        _blame(context, due)
        raise
    return {check: _number(value) for check, value in zip(due, row, strict=True)}


def _blame(context: Context, checks: Sequence[Check]) -> None:
    """Ask one by one; EngineError names the check that cannot be answered."""
    for check in checks:
        try:
            context.engine.rows(f"SELECT ({check.query}\n)")
        except EngineError as error:
            raise EngineError(f"the check `{check.name}` cannot be answered: {error}") from error


def _number(value: Any) -> Decimal | None:
    """An answer as an exact number; None when it is none, as NaN and infinity are."""
    number = None if value is None else Decimal(str(value))
    return number if number is not None and number.is_finite() else None


def _result(contract: Contract, check: Check, value: Decimal | None, fingerprint: str) -> CheckResult:
    holds = check.holds(value)
    failing = CheckStatus.FAILED if check.blocking else CheckStatus.WARNED
    rows = 0 if holds else int(value) if check.counts_rows and value is not None else 1
    return CheckResult(
        table=contract.name,
        check=check.name,
        status=CheckStatus.PASSED if holds else failing,
        failed_rows=rows,
        value=value,
        fingerprint=fingerprint,
    )
