"""The engines that the conformance suite runs on, each as one parameter: a new one is a new line here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from filon.engines import Engine, LocalReader
from filon.lake import Location
from filon.pipeline.engine import Backends
from filon.project import Project
from filon.project.loader import load_project
from filon.projects import retail
from filon.settings import Settings

AS_OF = dt.date(2026, 1, 31)


def _duckdb(project: Project, workspace: Path, places: Sequence[Location]) -> Engine:
    return Backends(Settings(threads=2), workspace, places).make_engine(project, AS_OF)


ENGINES: dict[str, Callable[[Project, Path, Sequence[Location]], Engine]] = {"duckdb": _duckdb}


@dataclass(frozen=True)
class Ground:
    """Where an engine works: a workspace, and a place for tables."""

    workspace: Path
    tables: Location


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Folders whose names need quoting."""
    root = tmp_path_factory.mktemp("it's [a] *place*")
    (root / "work").mkdir()
    (root / "tables").mkdir()
    return Ground(root / "work", Location((root / "tables").as_uri()))


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest, ground: Ground) -> Iterator[Engine]:
    """An engine for the retail project: French names, days in Paris."""
    engine = ENGINES[request.param](load_project(retail.FOLDER), ground.workspace, [ground.tables])
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def reader(ground: Ground) -> Iterator[LocalReader]:
    """The reader of files, without an engine beside it."""
    reader = Backends(Settings(threads=2), ground.workspace, [ground.tables]).make_reader()
    yield reader
    reader.close()


@pytest.fixture
def table(ground: Ground, request: pytest.FixtureRequest) -> Location:
    """A folder that no other test writes to."""
    return ground.tables / f"t{abs(hash(request.node.nodeid)):x}"
