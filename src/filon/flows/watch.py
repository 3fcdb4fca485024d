"""New files: who looks for them, and the event that tells Prefect of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Event

from prefect.events import emit_event

from filon.errors import FilonError, SourcesMissing
from filon.lake import Ledger, SourceFile
from filon.pipeline.resources import lake_of, sources_of
from filon.project import Project
from filon.settings import Settings
from filon.stages.bronze import list_files

CHANGED = "filon.sources.changed"
MOST_NAMED = 100
Files = frozenset[tuple[str, int, str]]
NONE: Files = frozenset()
log = logging.getLogger("prefect.filon")


def resource_of(project: Project) -> str:
    """What events about a project are about."""
    return f"filon.project.{project.name}"


def unseen(files: Iterable[SourceFile], ledger: Ledger) -> Files:
    """The files that no run has read as they are now."""
    known = {path: (seen.size, seen.tag) for path, seen in ledger.observations.items()}
    return frozenset(
        (file.path, file.size, file.tag) for file in files if known.get(file.path) != (file.size, file.tag)
    )


@dataclass
class FileChangeDetector:
    """Decides which of several looks is worth telling: new files, once they stay the same between two looks."""

    last: Files = NONE
    told: Files = NONE

    def should_emit(self, found: Files) -> bool:
        """Whether this look found something that was not told yet and is no longer being written."""
        is_settled, self.last = found == self.last, found
        is_new = bool(found - self.told) and is_settled
        self.told = found if is_new else self.told & found
        return is_new


def watch(settings: Settings, project: Project, stop: Event) -> None:
    """Look for new files until told to stop. What cannot be read now is looked at again later."""
    sources, lake, news = sources_of(settings, project), lake_of(settings, project), FileChangeDetector()
    while True:
        try:
            found = unseen((file for _, file in list_files(project, sources).files), lake.ledger())
        except SourcesMissing:
            found = NONE
        except FilonError as error:
            log.warning("%s", error)
            found = NONE
        if news.should_emit(found):
            tell(project, found)
        if stop.wait(settings.flows_look_s):
            return


def tell(project: Project, found: Files) -> None:
    """Tell Prefect of new files."""
    names = sorted(path for path, _, _ in found)
    log.info("new files: %s", ", ".join(names[:MOST_NAMED]))
    emit_event(
        CHANGED,
        resource={"prefect.resource.id": resource_of(project), "prefect.resource.name": project.title},
        payload={"files": names[:MOST_NAMED], "count": len(names)},
    )
