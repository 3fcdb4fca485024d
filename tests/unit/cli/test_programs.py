"""Programs of the services are found on the PATH or in wheels, or what to do is said."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from pathlib import Path

import pytest

from filon.cli.up import programs
from filon.cli.up.programs import Missing


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing but Python: no programs, no extras."""

    def absent(name: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    return tmp_path


def put(folder: Path, *names: str) -> None:
    """Make programs."""
    for name in names:
        (folder / name).touch(0o755)


@pytest.mark.parametrize(
    ("find", "fix"),
    [
        (programs.object_store, "pip install 'filon[services]'"),
        (programs.prefect, "pip install 'filon[services]'"),
        (programs.mongod, "install MongoDB; SQLite is used without it"),
        (programs.npm, "install Node.js and npm"),
        (
            programs.spark,
            "pip install 'pyspark>=4.2' into another environment, and set SPARK_HOME to its folder pyspark",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_program_that_is_missing_says_what_to_do(nothing: Path, find: object, fix: str) -> None:
    assert callable(find)
    assert find() == Missing(fix)


def test_seaweed_beside_python_comes_before_minio_on_the_path(nothing: Path) -> None:
    put(nothing, "minio")
    assert programs.object_store() == nothing / "minio"
    put(nothing, "weed")
    assert programs.object_store() == nothing / "weed"


def test_npm_counts_only_with_node(nothing: Path) -> None:
    put(nothing, "npm")
    assert isinstance(programs.npm(), Missing)
    put(nothing, "node")
    assert programs.npm() == nothing / "npm"


def test_mongod_on_the_path_is_used(nothing: Path) -> None:
    put(nothing, "mongod")
    assert programs.mongod() == nothing / "mongod"
