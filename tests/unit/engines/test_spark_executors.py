"""What travels to the executors of Spark and back, and what is said when it cannot; no server is needed."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import pytest

from filon.engines.spark.carrying import unpack_result, write_package
from filon.engines.spark.errors import task_error, translated
from filon.engines.spark.executors import NEEDED
from filon.errors import EngineError, FilonError, LakeUnavailable
from filon.lake import ColumnStats, HeaderProfile, TableFile
from filon.project.loader import load_project
from filon.projects import retail
from filon.stages.bronze.refusals import FileRejected
from filon.tasks import installed, pack, unpack_task

EXAMPLES = Path(__file__).parents[3] / "examples"
IMPORTED = """
import json, sys
import filon.pipeline.cluster, filon.stages.bronze.formats, filon.engines.duckdb, filon.lake.s3
print(json.dumps([filon.pipeline.cluster.__file__, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def test_values_of_filon_come_back_as_they_were() -> None:
    stats = {"id": ColumnStats("1", "9", 0), "name": ColumnStats(None, None, 2)}
    file = TableFile(name="part-1.parquet", size=10, rows=3, hash="00", stats=stats)
    sent = [(7, {"data": (file,), "profile": HeaderProfile(header=("id",), inferred={}), "duration_s": 0.5})]
    assert unpack_result(pack(sent)) == sent
    assert unpack_result(pack(sent))[0][1]["data"][0].stats == stats
    refused = unpack_result(pack(FileRejected("empty", "the file holds no text")))
    assert (refused.reason, refused.detail, str(refused)) == ("empty", *["the file holds no text"] * 2)


def test_projects_and_their_contracts_travel(tmp_path: Path) -> None:
    for folder in (retail.FOLDER, EXAMPLES / "completejourney"):
        project = load_project(folder)
        travelled = unpack_task(pack(project))
        assert [dataset.parse_hash for dataset in travelled.datasets.values()] == [
            dataset.parse_hash for dataset in project.datasets.values()
        ]
        assert travelled.fingerprint == project.fingerprint


class Call:
    """What a hostile executor would return."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("false",)


def test_nothing_that_comes_back_is_run() -> None:
    with pytest.raises(pickle.UnpicklingError, match="system, which is no value of Filon"):
        unpack_result(pack(Call()))
    with pytest.raises(pickle.UnpicklingError, match="installed, which is no value of Filon"):
        unpack_result(pack(installed))


def test_the_reader_runs_from_the_package_that_travels_and_imports_what_is_said_to_be_needed(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run([sys.executable, "-c", IMPORTED], env=environment, capture_output=True, text=True, check=True)
    place, modules = json.loads(done.stdout)
    assert place.startswith(str(package))
    known = packages_distributions()
    imported = {each.lower().replace("_", "-") for module in modules for each in known.get(module, ())}
    direct = imported & {requirement.split(">")[0] for requirement in _requirements()}
    assert direct - {"sqlglot[c]"} <= set(NEEDED)


def _requirements() -> list[str]:
    import tomllib

    text = (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    found: list[str] = tomllib.loads(text)["project"]["dependencies"]
    return found


def test_the_package_that_travels_is_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert write_package(tmp_path).read_bytes() == write_package(tmp_path / "other").read_bytes()


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (
            "Traceback …\nPython in worker has different version: 3.12 than that in driver: 3.11, PySpark cannot",
            EngineError,
            "run Python 3.12, and Filon runs on 3.11 here",
        ),
        ("Traceback …\nModuleNotFoundError: No module named 'obstore'\n", EngineError, "lacks obstore; install there"),
        ("Traceback …\nfilon.errors.LakeUnavailable: s3://lake: no answer\n", LakeUnavailable, "s3://lake: no answer"),
        ("Traceback …\nfilon.errors.ConfigError: FILON_X is no setting\n", EngineError, "FILON_X is no setting"),
    ],
)
def test_what_failed_on_an_executor_is_said_here(text: str, kind: type[FilonError], said: str) -> None:
    error = task_error(text)
    assert type(error) is kind
    assert said in str(error)


def test_of_other_failures_the_last_line_of_the_stack_is_said() -> None:
    stack = (
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\nValueError: no such thing\n\tat j\n'
    )
    error = task_error(f"An exception was thrown from the Python worker.\n{stack}")
    assert str(error) == "a task failed on an executor of Spark: ValueError: no such thing"


def test_other_errors_are_no_errors_of_a_task() -> None:
    assert task_error("[DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012") is None


class ConnectionFailed(grpc.RpcError):  # type: ignore[misc]
    """An error as the connection raises it: what is wrong stands between codes and addresses."""

    def __init__(self, details: str) -> None:
        self._details = details

    def details(self) -> str:
        return self._details

    def __str__(self) -> str:
        return f'<_MultiThreadedRendezvous of RPC that terminated with:\n\tdetails = "{self._details}"\n>'


def test_an_error_of_the_connection_says_what_is_wrong() -> None:
    with pytest.raises(EngineError, match=r"^the plan has no end$"), translated("sc://127.0.0.1:1"):
        raise ConnectionFailed("the plan has no end")


@pytest.mark.parametrize(
    "lacking",
    [
        "ClassNotFoundException: Class org.apache.hadoop.fs.s3a.S3AFileSystem not found",
        "NoClassDefFoundError: software/amazon/s3/analyticsaccelerator/request/ObjectClient",
    ],
)
def test_a_server_that_cannot_reach_s3_is_told_what_it_lacks(lacking: str) -> None:
    with pytest.raises(EngineError, match=r"lacks a part of hadoop-aws .* see docs/scaling.md"), translated("sc://x:1"):
        raise ConnectionFailed(f"java.lang.{lacking}")
