"""The engine that settings ask for, and the folder that it works in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filon.engines import Engine
from filon.errors import ConfigError
from filon.lake import Location
from filon.project import Project
from filon.settings import Settings
from filon.workspace import temporary_folder


def make_engine(
    settings: Settings, project: Project, as_of: dt.date, workspace: Path, places: Sequence[Location] = ()
) -> Engine:
    """The engine that the settings ask for. It reaches files in the workspace and in these places, and no others."""
    # the only place that knows which engines there are; each is slow to import, and many runs need none
    from filon.engines.duckdb import DuckDBEngine

    return DuckDBEngine(
        project, as_of.isoformat(), workspace, places, memory=settings.memory_limit, threads=settings.threads
    )


@contextmanager
def open_workspace(settings: Settings) -> Iterator[Path]:
    """A folder for temporary files that is removed afterwards; ConfigError when FILON_WORKSPACE is no folder."""
    if settings.workspace is not None and not settings.workspace.is_dir():
        raise ConfigError(f"the workspace {settings.workspace} is no folder; create it, or unset FILON_WORKSPACE")
    with temporary_folder(settings.workspace) as folder:
        yield folder


@contextmanager
def open_engine(
    settings: Settings, project: Project, as_of: dt.date, places: Sequence[Location] = ()
) -> Iterator[Engine]:
    """An engine with a workspace of its own, closed afterwards."""
    with open_workspace(settings) as workspace:
        engine = make_engine(settings, project, as_of, workspace, places)
        try:
            yield engine
        finally:
            engine.close()
