"""The publish stage: create the release, a document that names every table."""

from __future__ import annotations

from collections.abc import Sequence

from filon.lake import Build, CheckResult, Release
from filon.project.surfacing import surface_of
from filon.stages.context import Context, left_by_rollback


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
    release = make_release(context, builds, checks, ledger, published)
    if not publishes(context, release, published):
        return None
    context.lake.publish(release)
    return release


def make_release(
    context: Context,
    builds: Sequence[Build],
    checks: tuple[CheckResult, ...],
    ledger: int,
    published: Release | None,
) -> Release:
    """The release that a run would publish; see ``publish`` for the arguments."""
    return Release(
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
        surface=surface_of(context.project),
    )


def publishes(context: Context, release: Release, published: Release | None) -> bool:
    """Whether a run would publish this release rather than leave the one that is."""
    return context.inputs.force or not _is_known(context, release, published)


def _is_known(context: Context, release: Release, published: Release | None) -> bool:
    """Whether the published release has this content and these checks, or a rollback replaced a release with it."""
    if published is None:
        return False
    if release.content == published.content:
        if release.objects != published.objects:  # damaged files were built again
            return False
        return [c.fingerprint for c in release.checks] == [c.fingerprint for c in published.checks]
    return any(release.content == replaced.content for replaced in left_by_rollback(context.lake, published))
