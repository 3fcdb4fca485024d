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
    observed = {path: (observation.size, observation.tag) for path, observation in ledger.observations.items()}
    return frozenset(
        (file.path, file.size, file.tag) for file in files if observed.get(file.path) != (file.size, file.tag)
    )


@dataclass
class FileChangeDetector:
    """Decides which of several looks is worth telling: new files, once they stay the same between two looks."""

    last: Files = NONE
    told: Files = NONE

    def should_emit(self, files: Files) -> bool:
        """Whether this look found something that was not told yet and is no longer being written."""
        is_settled, self.last = files == self.last, files
        is_new = bool(files - self.told) and is_settled
        self.told = files if is_new else self.told & files
        return is_new


def watch(settings: Settings, project: Project, stop: Event) -> None:
    """Look for new files until told to stop. What cannot be read now is looked at again later."""
    sources, lake, detector = sources_of(settings, project), lake_of(settings, project), FileChangeDetector()
    while True:
        try:
            files = unseen((file for _, file in list_files(project, sources).files), lake.ledger())
        except SourcesMissing:
            files = NONE
        except FilonError as error:
            log.warning("%s", error)
            files = NONE
        if detector.should_emit(files):
            tell(project, files)
        if stop.wait(settings.flows_look_s):
            return


def tell(project: Project, files: Files) -> None:
    """Tell Prefect of new files."""
    names = sorted(path for path, _, _ in files)
    log.info("new files: %s", ", ".join(names[:MOST_NAMED]))
    emit_event(
        CHANGED,
        resource={"prefect.resource.id": resource_of(project), "prefect.resource.name": project.title},
        payload={"files": names[:MOST_NAMED], "count": len(names)},
    )
