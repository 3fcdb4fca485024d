"""What a run would change, before it is published, and what one release has that another one has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from filon.differences.change import ContractChange, Effect
from filon.differences.compare import NOTHING, Side, compare_sides
from filon.differences.document import Difference
from filon.differences.judging import broken_rules
from filon.differences.tables import TableComparer
from filon.engines.changes import ChangeLog
from filon.errors import GuardBroken, ReleaseMissing
from filon.lake import Build, CheckResult, Lake, Ledger, Release
from filon.pipeline.engine import open_engine
from filon.project import Project
from filon.project.guard import GuardRule
from filon.settings import Settings
from filon.stages.context import Context
from filon.stages.publish import make_release, publishes

EXAMPLES = 3
"""Rows of each kind of change that are shown of a table."""


def review_run(
    context: Context,
    published: Release | None,
    builds: Sequence[Build],
    ledger: Ledger,
    checks: tuple[CheckResult, ...],
    rules: Sequence[GuardRule],
) -> Difference:
    """What the tables of a run have that the published release has not, and which rules that breaks."""
    lake = context.lake
    comparer = TableComparer(lambda: context.engine, lake, context.changes, context.project, EXAMPLES)
    if published is None:
        before = NOTHING
    else:
        is_same = published.ledger == ledger.number
        before = Side.of(published, ledger if is_same else lake.ledgers.get(published.ledger))
    candidate = make_release(context, builds, checks, ledger.number, published)
    is_new = publishes(context, candidate, published)
    after = Side(None, candidate.tables, ledger, checks) if is_new else replace(before, release=None)
    difference = compare_sides(comparer, before, after)
    contracts = changes_of_contracts(published, candidate) if published else ()
    broken = tuple(broken_rules(rules, difference))
    return difference.model_copy(update={"broken": broken, "contracts": contracts})


def require_kept(difference: Difference) -> None:
    """GuardBroken when the difference breaks a rule."""
    if difference.broken:
        raise GuardBroken(list(difference.broken))


def compare_releases(settings: Settings, project: Project, lake: Lake, before: int, after: int) -> Difference:
    """What a release that is kept has that another one has not; ReleaseMissing when one of them is not kept."""
    releases = [_kept(lake, number) for number in (before, after)]
    sides = [Side.of(release, lake.ledgers.get(release.ledger)) for release in releases]
    with open_engine(settings, project, releases[-1].as_of, lake.places) as engine:
        comparer = TableComparer(lambda: engine, lake, ChangeLog(lake, lambda: engine), project, EXAMPLES)
        difference = compare_sides(comparer, *sides)
    return difference.model_copy(update={"contracts": changes_of_contracts(*releases)})


def changes_of_contracts(before: Release, after: Release) -> tuple[ContractChange, ...]:
    """What changed in contracts and SQL; nothing where a release does not say what they were."""
    if before.surface is None or after.surface is None or before.surface == after.surface:
        return ()
    from filon.differences.contracts import contract_changes  # few runs have any

    return contract_changes(before.surface, after.surface)


def breaking_changes(before: Release | None, after: Release | None) -> tuple[ContractChange, ...]:
    """What of contracts and SQL breaks for whoever read the release before."""
    if before is None or after is None:
        return ()
    return tuple(change for change in changes_of_contracts(before, after) if change.effect is Effect.BREAKING)


def _kept(lake: Lake, number: int) -> Release:
    release = lake.release(number)
    if release is None:
        raise ReleaseMissing(number, [])
    return release
