"""A stack that computes on Spark: a server of its own, and the same pipeline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from filon.projects.retail.generate import generate
from tests.engines.conftest import SKIPPED
from tests.integration.servers.spark import spark_home
from tests.integration.up.conftest import running


def test_the_pipeline_runs_on_a_server_of_the_stack(tmp_path: Path) -> None:
    if "spark" in SKIPPED:
        pytest.skip("FILON_TEST_SKIP names spark")
    generate(tmp_path / "sources", 500)
    chosen = ("--engine", "spark", "--only", "spark,pipeline")
    with running(tmp_path, *chosen, FILON_SOURCES="sources", SPARK_HOME=str(spark_home())) as stack:
        assert stack.states() == {"spark": "healthy", "pipeline": "done"}, stack.log("pipeline")
        assert stack.address("spark").startswith("sc://127.0.0.1:")
        assert stack.environment["FILON_SPARK_REMOTE"] == stack.address("spark")
        command = [sys.executable, "-m", "filon", "run", "--sources", "sources", "--json"]
        again = subprocess.run(command, cwd=tmp_path, env=stack.environment, capture_output=True, text=True)
        assert (json.loads(again.stdout)["status"], json.loads(again.stdout)["engine"]) == ("unchanged", "spark")


def test_a_server_that_is_given_takes_the_place_of_one_of_the_stack(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "filon", "up", "--engine", "spark", "--only", "spark"]
    environment = {**os.environ, "FILON_SPARK_REMOTE": "sc://spark.example:15002"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "spark is no service; there are object-store" in done.stderr
