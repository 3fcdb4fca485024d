"""A project with its sources, its lake and its store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from filon.access.release import OpenRelease
from filon.errors import NotFound
from filon.pipeline.resources import lake_of, loadable_store, open_project, sources_of, today
from filon.pipeline.runner import Until
from filon.settings import Settings

if TYPE_CHECKING:
    from filon.access.rows import Rows
    from filon.differences.document import Difference
    from filon.explain.report import Explanation
    from filon.pipeline.report import RunReport
    from filon.project.guard import GuardRule
    from filon.stages.context import RunListener


class Pipeline:
    """A project, ready to be run and read.

    Args:
        settings: name the project and its places, and bound the engine's memory and threads

    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.project = open_project(settings)
        self.lake = lake_of(settings, self.project)

    def __repr__(self) -> str:
        return f"<filon.Pipeline {self.project.name}, lake {self.lake.root}>"

    def run(
        self,
        *,
        as_of: dt.date | None = None,
        until: Until = Until.SERVING,
        force: bool = False,
        retry_quarantined: bool = False,
        listener: RunListener | None = None,
    ) -> RunReport:
        """Bring the published tables, and the store, up to date with the sources.

        Args:
            as_of: the date that rules and models compare with; today in the project's time zone if None
            until: the last layer that is carried out
            force: hash every file again, retry quarantined ones, build silver and gold anew
            retry_quarantined: try quarantined files again
            listener: told about each table as it is started and finished

        Returns:
            The report, also of a run that failed: see its ``status`` and ``error``.

        Raises:
            FilonError: nothing could be started: the lake cannot be opened, or the sources cannot be listed

        """
        from filon.pipeline.run import run_pipeline  # brings all stages, which who reads a release does not need

        with loadable_store(self.settings, self.project) as store:
            return run_pipeline(
                self.settings,
                self.project,
                self.lake,
                sources_of(self.settings, self.project),
                store,
                as_of=as_of or today(self.project),
                now=dt.datetime.now(dt.UTC),
                until=until,
                force=force,
                retry_quarantined=retry_quarantined,
                listener=listener,
            )

    def plan(
        self,
        *,
        rules: Sequence[GuardRule] = (),
        as_of: dt.date | None = None,
        force: bool = False,
        listener: RunListener | None = None,
    ) -> RunReport:
        """Do all of a run but publishing, and report what it would change; the next run goes on from there.

        Args:
            rules: what the change is held to, beside the project's own guard
            as_of: as for ``run``
            force: as for ``run``
            listener: as for ``run``

        Returns:
            The report: ``difference`` is what would change, None when the run failed before it was known.

        Raises:
            FilonError: nothing could be started

        """
        from filon.pipeline.run import run_pipeline

        return run_pipeline(
            self.settings,
            self.project,
            self.lake,
            sources_of(self.settings, self.project),
            as_of=as_of or today(self.project),
            now=dt.datetime.now(dt.UTC),
            until=Until.RELEASE,
            force=force,
            plan=(*self.project.guard, *rules),
            listener=listener,
        )

    def difference(self, before: int, after: int) -> Difference:
        """What a release that is kept has that another one has not; ReleaseMissing when one of them is not kept."""
        from filon.pipeline.review import compare_releases

        return compare_releases(self.settings, self.project, self.lake, before, after)

    def release(self, number: int | None = None) -> OpenRelease:
        """A release to read from: the published one, or that of a number.

        NotFound when there is none yet; ReleaseMissing when that number is not kept.
        """
        release = self.lake.release(number)
        if release is None:
            raise NotFound("nothing is published yet: `filon run`")
        return OpenRelease(self.settings, self.project, self.lake, release)

    def table(self, name: str, *, layer: str | None = None, where: str | None = None, limit: int | None = None) -> Rows:
        """Rows of a table of the published release; see ``OpenRelease.table``."""
        return self.release().table(name, layer=layer, where=where, limit=limit)

    def sql(self, query: str) -> Rows:
        """The rows of a SELECT over the published release; see ``OpenRelease.sql``."""
        return self.release().sql(query)

    def explain(self, table: str, *key: object) -> Explanation:
        """What a published row was computed from; see ``OpenRelease.explain``."""
        return self.release().explain(table, *key)
