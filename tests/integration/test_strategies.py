"""How models are computed when their inputs change: shown by a check, and demanded by a contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.conftest import Shop

HEAD = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "version": "1", "status": "active"}
ID, SIZE = {"name": "id", "logicalType": "integer", "primaryKey": True}, {"name": "size", "logicalType": "integer"}
BY_KEY = "SELECT id, size FROM things WHERE size > 1"
FULL = "SELECT\n    id,\n    sum(size) OVER () AS size\nFROM things"
PARTLY = "SELECT id, size FROM things\nWHERE size > (SELECT max(id) FROM others)"


@pytest.fixture
def lab(tmp_path: Path) -> Shop:
    """A project with two sources, and files for them."""
    project = tmp_path / "project"
    for folder in ("sources", "gold"):
        (project / folder).mkdir(parents=True)
    (project / "filon.yaml").write_text("name: lab\n")
    for name in ("things", "others"):
        contract(project / "sources" / f"{name}.yaml", name, filePattern=f"{name}*.csv")
    lab = Shop(tmp_path, project)
    lab.put("things.csv", "id,size\n1,1\n2,2\n")
    lab.put("others.csv", "id,size\n1,1\n")
    return lab


def contract(path: Path, name: str, **words: str) -> None:
    """Write the contract of a table with two columns."""
    custom = [{"property": word, "value": value} for word, value in words.items()]
    table = {"name": name, "properties": [ID, SIZE], "customProperties": custom}
    path.write_text(yaml.safe_dump({**HEAD, "schema": [table]}))


def model(lab: Shop, sql: str, name: str = "m", **words: str) -> None:
    """Write a model and its contract."""
    assert lab.project is not None
    contract(lab.project / "gold" / f"{name}.yaml", name, **words)
    (lab.project / "gold" / f"{name}.sql").write_text(sql)


def why(lab: Shop) -> dict[str, Any]:
    """What a check says of the model."""
    [strategy] = json.loads(lab.filon("check", "--why", "--json"))["strategies"]
    found: dict[str, Any] = strategy
    return found


def test_a_check_says_of_each_model_how_it_is_computed(lab: Shop) -> None:
    model(lab, BY_KEY)
    assert "strategies" not in json.loads(lab.filon("check", "--json"))
    assert lab.filon("check", "--why").splitlines()[1:] == ["m  by_key id"]
    assert why(lab) == {
        "model": "m",
        "strategy": "by_key",
        "key": ["id"],
        "restricted": ["things"],
        "looked_up": [],
        "full_when": [],
    }


def test_a_check_says_why_a_model_is_full(lab: Shop) -> None:
    model(lab, FULL)
    advice = "split the ranking or total into its own model over an intermediate model"
    assert lab.filon("check", "--why").splitlines()[1:] == [
        "m  full",
        f"    because of WINDOW_WITHOUT_PARTITION (m.sql:3): {advice}",
    ]
    reason = {"reason": "WINDOW_WITHOUT_PARTITION", "line": 3, "advice": advice}
    assert why(lab) == {"model": "m", "strategy": "full", **reason}


def test_a_check_says_which_input_makes_a_model_full(lab: Shop) -> None:
    model(lab, PARTLY)
    advice = "write the subquery as a join by an equality of columns"
    assert lab.filon("check", "--why").splitlines()[1:] == [
        "m  by_key id; looks up others",
        f"    full when others changes, because of SCALAR_SUBQUERY (m.sql:2): {advice}",
    ]
    reason = {"table": "others", "reason": "SCALAR_SUBQUERY", "line": 2, "advice": advice}
    assert (why(lab)["looked_up"], why(lab)["full_when"]) == (["others"], [reason])


@pytest.mark.parametrize(
    ("sql", "line", "what"),
    [
        (FULL, 3, "`m` is full: WINDOW_WITHOUT_PARTITION"),
        (PARTLY, 2, "`m` is full when `others` changes: SCALAR_SUBQUERY"),
    ],
)
def test_a_strict_model_that_is_full_is_a_mistake_in_a_check_and_in_a_run(
    lab: Shop, sql: str, line: int, what: str
) -> None:
    model(lab, sql, incremental="strict")
    [problem] = json.loads(lab.filon("check", "--json", exit_code=2))["problems"]
    assert (Path(problem["file"]).name, problem["line"], problem["what"]) == ("m.sql", line, what)
    assert problem["fix"].endswith("or drop `incremental: strict` from m.yaml")
    assert what in lab.filon("run", exit_code=2)


def test_a_strict_model_that_can_be_incremental_runs(lab: Shop) -> None:
    model(lab, BY_KEY, incremental="strict")
    assert lab.run()["status"] == "published"
    assert lab.rows("m", "id, size") == [(2, 2)]


def test_a_run_refuses_a_full_model_that_only_became_strict(lab: Shop) -> None:
    model(lab, FULL, incremental="auto")
    assert lab.run()["status"] == "published"
    model(lab, FULL, incremental="strict")
    assert "`m` is full: WINDOW_WITHOUT_PARTITION" in lab.filon("run", exit_code=2)


def test_a_star_means_the_columns_of_the_contract_when_a_model_is_extended(lab: Shop) -> None:
    model(lab, "SELECT id, size FROM things", "every")
    model(lab, "SELECT id, size FROM things WHERE size > 1", "large")
    model(lab, "SELECT * FROM every EXCEPT SELECT * FROM large")
    lab.put("things.csv", "id,size\n" + "".join(f"{n},{n % 2 + 1}\n" for n in range(20)))
    lab.run()
    lab.put("things-2.csv", "id,size\n100,1\n101,2\n")
    [built] = [table for table in lab.run()["tables"] if table["table"] == "m"]
    assert built["keys"] == 2
    assert lab.rows("m", "id, size")[-1] == (100, 1)
    assert lab.rows("m", "count(*)") == [(11,)]
