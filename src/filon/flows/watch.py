"""Poll the sources for new files, and emit an event of Prefect for them."""

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
    """The id of a project as a resource of Prefect's events."""
    return f"filon.project.{project.name}"


def unseen(files: Iterable[SourceFile], ledger: Ledger) -> Files:
    """The files, as path, size and tag, that no run has read in their present state."""
    observed = {path: (observation.size, observation.tag) for path, observation in ledger.observations.items()}
    return frozenset(
        (file.path, file.size, file.tag) for file in files if observed.get(file.path) != (file.size, file.tag)
    )


@dataclass
class FileChangeDetector:
    """Decides when to emit an event: for new files that did not change between two polls.

    ``last``: the files of the poll before; ``told``: those that an event was emitted for.
    """

    last: Files = NONE
    told: Files = NONE

    def should_emit(self, files: Files) -> bool:
        """Whether a poll found files without an event that are no longer being written."""
        is_settled, self.last = files == self.last, files
        is_new = bool(files - self.told) and is_settled
        self.told = files if is_new else self.told & files
        return is_new


def watch(settings: Settings, project: Project, stop: Event) -> None:
    """Poll the sources every ``flows_look_s`` seconds until ``stop`` is set; errors are logged, and polling goes on."""
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
            emit_changed(project, files)
        if stop.wait(settings.flows_look_s):
            return


def emit_changed(project: Project, files: Files) -> None:
    """Emit the event that triggers a run for new files."""
    names = sorted(path for path, _, _ in files)
    log.info("new files: %s", ", ".join(names[:MOST_NAMED]))
    emit_event(
        CHANGED,
        resource={"prefect.resource.id": resource_of(project), "prefect.resource.name": project.title},
        payload={"files": names[:MOST_NAMED], "count": len(names)},
    )
