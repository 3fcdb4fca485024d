"""Functions of Filon on the executors of a Spark cluster."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from filon.engines.executors import Item, Result
from filon.engines.spark.carrying import unpack_result, write_package
from filon.engines.spark.session import SparkConnection
from filon.errors import EngineError
from filon.tasks import ITEM, PLACE, RESULT, Task, installed, pack

NEEDED = (
    "babel",
    "boto3",
    "duckdb",
    "duckdb-extension-httpfs",
    "filelock",
    "obstore",
    "pyarrow",
    "pydantic",
    "pyyaml",
    "sqlglot",
    "xxhash",
    "zstandard",
)
"""What the reader of files imports; a test holds the list to it."""
DECISIVE = ("duckdb",)
"""Packages that decide which records a text holds: their versions must agree."""


class SparkExecutors:
    """Runs functions in the Python processes of a cluster. Filon travels there, the packages that it needs do not."""

    def __init__(self, connection: SparkConnection) -> None:
        self._connection = connection
        self._is_ready = False

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """One task for each item; Spark repeats a task whose machine is lost, and one that failed, a few times."""
        if not items:
            return []
        self._prepare()
        return self._run(function, items)

    def check(self) -> None:
        """EngineError unless the Python of the executors has the packages that Filon needs, in versions that fit."""
        self._prepare()

    def _prepare(self) -> None:
        if self._is_ready:
            return
        with tempfile.TemporaryDirectory() as folder, self._connection.translated():
            package = write_package(Path(folder))
            self._connection.session.addArtifacts(str(package), pyfile=True)
        [found] = self._run(installed, [NEEDED])
        if lacking := [name for name in NEEDED if found[name] is None]:
            raise EngineError(
                f"the Python of Spark's executors lacks {', '.join(lacking)}; install there what Filon needs: "
                "pip install filon"
            )
        own = installed(DECISIVE)
        if other := [name for name in DECISIVE if found[name] != own[name]]:
            versions = ", ".join(f"{name} {found[name]} instead of {own[name]}" for name in other)
            raise EngineError(f"Spark's executors have {versions}, and might read files differently; install the same")
        self._is_ready = True

    def _run(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        import pyarrow as pa  # type: ignore[import-untyped]

        contents = pa.array([pack(item) for item in items], pa.binary())
        table = pa.Table.from_arrays([pa.array(range(len(items)), pa.int32()), contents], names=[PLACE, ITEM])
        with self._connection.translated():
            frame = self._connection.session.createDataFrame(table).repartitionById(len(items), PLACE)
            found = frame.mapInArrow(Task(pack(function)), f"{PLACE} INT, {RESULT} BINARY").toArrow()
        results = dict(zip(*(column.to_pylist() for column in found.columns), strict=True))
        return [unpack_result(results[place]) for place in range(len(items))]
