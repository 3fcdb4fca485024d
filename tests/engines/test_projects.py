"""Whole projects on both engines, over dirty files: the same rows, rejected records, reasons and superseded places."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from filon.project.loader import load_project
from filon.settings import Settings
from tests.engines.every_rule import PROJECT, dirty_files
from tests.engines.parity import assert_same_tables, run
from tests.integration.changes.shop import write_project

EXAMPLE = Path(__file__).parents[2] / "examples" / "completejourney"
SEEDS = range(1, 11) if "FILON_TEST_LONG" in os.environ else (1,)
EVERY = 20
"""Of so many lines of baskets, one is taken."""


@pytest.mark.parametrize("seed", SEEDS)
def test_every_rule_and_dialect_judges_alike(tmp_path: Path, spark_remote: str, seed: int) -> None:
    write_project(PROJECT, tmp_path / "project")
    project = load_project(tmp_path / "project")
    duck, spark = Settings(threads=2), Settings(engine="spark", spark_remote=spark_remote)
    (tmp_path / "sources").mkdir()
    dirty_files(tmp_path / "sources", seed)
    reports = [run(tmp_path, name, 0, settings, project) for name, settings in (("duckdb", duck), ("spark", spark))]
    assert_same_tables(tmp_path, "duckdb", "spark")
    found = [{dataset.dataset: dataset.reasons for dataset in report.datasets} for report in reports]
    assert found[0] == found[1]

    dirty_files(tmp_path / "sources", seed + 100, 30)
    run(tmp_path, "duckdb", 1, spark, project)
    run(tmp_path, "spark", 1, duck, project)
    assert_same_tables(tmp_path, "duckdb", "spark")


def test_a_year_of_real_baskets_is_the_same(tmp_path: Path, spark_remote: str) -> None:
    sources = tmp_path / "sources"
    subprocess.run([sys.executable, EXAMPLE / "prepare.py", sources], check=True)
    lines = (sources / "transactions.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (sources / "transactions.csv").write_text("".join([lines[0], *lines[1::EVERY]]), encoding="utf-8")
    project = load_project(EXAMPLE)
    run(tmp_path, "duckdb", 0, Settings(threads=2), project)
    run(tmp_path, "spark", 0, Settings(engine="spark", spark_remote=spark_remote), project)
    assert_same_tables(tmp_path, "duckdb", "spark")
