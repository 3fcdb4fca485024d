"""Options that several commands share, and what they open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from filon.errors import ConfigError
from filon.lake import Lake, Sources
from filon.project import Project, load_project
from filon.projects import retail
from filon.serving.protocol import Store
from filon.serving.stores import NONE, open_store
from filon.settings import Settings, read_settings

ProjectOption = Annotated[Path | None, typer.Option("--project", help="Project folder [FILON_PROJECT]")]
SourcesOption = Annotated[str | None, typer.Option("--sources", help="Folder or URI of the CSV files [FILON_SOURCES]")]
LakeOption = Annotated[str | None, typer.Option("--lake", help="Folder or URI of the lake [FILON_LAKE]")]
ServingOption = Annotated[
    str | None, typer.Option("--serving", metavar="URL", help="The store to load, or none [FILON_SERVING]")
]
EngineOption = Annotated[str | None, typer.Option("--engine", help="duckdb [FILON_ENGINE]")]
AsOfOption = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="Date that rules compare with; today if not given"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text")]
STATE = Path(".filon")


def open_project(settings: Settings) -> Project:
    """The project that is asked for: given, in the current folder, or the one that comes with Filon."""
    if settings.project is not None:
        return load_project(settings.project)
    here = Path.cwd()
    return load_project(here if (here / "filon.yaml").is_file() else retail.FOLDER)


def lake_of(settings: Settings, project: Project) -> Lake:
    """The lake of a project."""
    return Lake(settings.lake or str(STATE / project.name / "lake"))


def sources_of(settings: Settings, project: Project) -> Sources:
    """Where a project's files arrive: as given, as ``filon.yaml`` says (relative to it), or under ``.filon/``."""
    if settings.sources is not None:
        return Sources(settings.sources)
    if project.sources is not None:
        inside = "://" not in project.sources and not Path(project.sources).is_absolute()
        return Sources(str(project.folder / project.sources) if inside else project.sources)
    return Sources(str(STATE / project.name / "sources"))


def store_of(settings: Settings, project: Project) -> Store | None:
    """The store that a project is served from; None when the settings want none."""
    if settings.serving == NONE:
        return None
    return open_store(settings.serving or f"sqlite:///{STATE / project.name / 'serving.db'}")


@contextmanager
def loadable_store(settings: Settings, project: Project) -> Iterator[Store | None]:
    """The store that a project is served from, for a command that loads it."""
    store = store_of(settings, project)
    try:
        yield store
    finally:
        if store is not None:
            store.shut()


def open_lake(project: Path | None, lake: str | None) -> tuple[Project, Lake]:
    """What commands that look at a lake need."""
    settings = read_settings(project=project, lake=lake)
    found = open_project(settings)
    return found, lake_of(settings, found)


def read_as_of(text: str | None, project: Project) -> dt.date:
    """The as-of date that was asked for, or today where the project is at home."""
    if text is None:
        return dt.datetime.now(ZoneInfo(project.timezone)).date()
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--as-of {text} is no date; write it as 2026-11-30") from None
