"""Options that several commands share, and how they are read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from filon.errors import ConfigError, ErasureUnfinished
from filon.lake import Lake
from filon.pipeline.resources import lake_named, lake_of, open_project, project_name, today
from filon.settings import read_settings

if TYPE_CHECKING:
    from filon.project import Project

ProjectOption = Annotated[Path | None, typer.Option("--project", help="Project folder [FILON_PROJECT]")]
SourcesOption = Annotated[str | None, typer.Option("--sources", help="Folder or URI of the files [FILON_SOURCES]")]
LakeOption = Annotated[str | None, typer.Option("--lake", help="Folder or URI of the lake [FILON_LAKE]")]
ServingOption = Annotated[
    str | None, typer.Option("--serving", metavar="URL", help="The store to load, or none [FILON_SERVING]")
]
EngineOption = Annotated[str | None, typer.Option("--engine", help="duckdb or spark [FILON_ENGINE]")]
AsOfOption = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="Date that rules compare with; today if not given"),
]
HtmlOption = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page, too")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text")]


def open_lake(project_folder: Path | None, lake_uri: str | None) -> tuple[Project, Lake]:
    """The project and its lake; ``None`` takes the setting, else the default."""
    settings = read_settings(project=project_folder, lake=lake_uri)
    project = open_project(settings)
    return project, _readable(lake_of(settings, project))


def open_lake_alone(project_folder: Path | None, lake_uri: str | None) -> tuple[str, Lake]:
    """The name of the project and its lake, for commands that need nothing else of the project."""
    settings = read_settings(project=project_folder, lake=lake_uri)
    name = project_name(settings)
    return name, _readable(lake_named(settings, name))


def _readable(lake: Lake) -> Lake:
    """The lake; ErasureUnfinished when its documents may not fit each other."""
    if lake.erasures.unfinished():
        raise ErasureUnfinished
    return lake


def read_as_of(text: str | None, project: Project) -> dt.date:
    """The date of ``--as-of``, else today in the project's time zone; ConfigError when it is no ISO date."""
    if text is None:
        return today(project)
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--as-of {text} is no date; write it as 2026-11-30") from None
