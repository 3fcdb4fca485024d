"""The history that faults are put into: its runs extend tables, and make what a rebuild makes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.durability.conftest import History, rebuilt
from tests.integration.durability.shop import EXTENDING, MODEL


@pytest.mark.parametrize("step", EXTENDING)
def test_a_run_that_faults_are_put_into_extends_tables_and_makes_what_a_rebuild_makes(
    history: History, tmp_path: Path, step: str
) -> None:
    stage = history.stages[step]
    report = json.loads(stage.done.output)
    keys = {(table["layer"], table["table"]): table["keys"] for table in report["tables"]}
    assert keys["silver", "achats"]
    assert keys["gold", MODEL]
    assert rebuilt(history, stage, tmp_path / "rebuilt")["tables"] == stage.finished["tables"]
