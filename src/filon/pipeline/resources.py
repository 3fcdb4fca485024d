"""The project, lake, sources and store that the settings name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from filon.lake import Lake, Sources
from filon.project.folder import FILE, read_name
from filon.projects import retail
from filon.settings import STATE, Settings, cache_folder

if TYPE_CHECKING:
    from filon.project import Project
    from filon.serving.protocol import Store


def open_project(settings: Settings) -> Project:
    """The project of the settings, else that in the current folder, else the demo project of Filon."""
    # who only looks at a lake needs no more than the name
    from filon.project.kept import content_key, find_kept, keep_project

    folder, cache = _project_folder(settings), cache_folder("projects")
    key = content_key(folder) if cache is not None else None
    if cache is not None and key is not None and (kept := find_kept(cache, folder, key)) is not None:
        return kept
    from filon.project.loader import load_project  # brings the parsers of SQL and of contracts

    project = load_project(folder)
    if cache is not None and key is not None and content_key(folder) == key:  # nobody wrote to a file meanwhile
        keep_project(cache, project, key)
    return project


def project_name(settings: Settings) -> str:
    """The name of that project; ProjectInvalid when it cannot be read."""
    return read_name(_project_folder(settings)) or open_project(settings).name


def _project_folder(settings: Settings) -> Path:
    if settings.project is not None:
        return settings.project
    current = Path.cwd()
    return current if (current / FILE).is_file() else retail.FOLDER


def lake_of(settings: Settings, project: Project) -> Lake:
    """The lake of a project."""
    return lake_named(settings, project.name)


def lake_named(settings: Settings, project: str) -> Lake:
    """The lake of a project, by its name."""
    return Lake(settings.lake or str(STATE / project / "lake"))


def sources_of(settings: Settings, project: Project) -> Sources:
    """Where a project's files arrive: as given, as ``filon.yaml`` says (relative to it), or under ``.filon/``."""
    if settings.sources is not None:
        return Sources(settings.sources)
    if project.sources is not None:
        inside = "://" not in project.sources and not Path(project.sources).is_absolute()
        return Sources(str(project.folder / project.sources), project.folder) if inside else Sources(project.sources)
    return Sources(str(STATE / project.name / "sources"))


def store_of(settings: Settings, project: Project) -> Store | None:
    """The store that a project is served from; None when the settings want none."""
    from filon.serving.stores import NONE, open_store

    if settings.serving == NONE:
        return None
    return open_store(settings.serving or f"sqlite:///{STATE / project.name / 'serving.db'}")


@contextmanager
def loadable_store(settings: Settings, project: Project) -> Iterator[Store | None]:
    """The store that a project is served from, closed when the block ends; None when the settings want none."""
    store = store_of(settings, project)
    try:
        yield store
    finally:
        if store is not None:
            store.shut()


def today(project: Project) -> dt.date:
    """The current date in the project's time zone."""
    return dt.datetime.now(ZoneInfo(project.timezone)).date()
