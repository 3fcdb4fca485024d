"""Contracts as people write them: names of every kind, values of every type, and rules at the edges of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from deltalake import DeltaTable

from tests.integration.conftest import AS_OF, Shop

HEAD = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "version": "1", "status": "active"}
ID = {"name": "id", "logicalType": "integer", "primaryKey": True}


def column(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    """A column; ``kind`` is a logical type, or the physical type of a number."""
    if kind.isupper():
        return {"name": name, "logicalType": "number", "physicalType": kind, **more}
    return {"name": name, "logicalType": kind, **more}


@pytest.fixture
def lab(tmp_path: Path) -> Shop:
    """A project without tables; each test describes its own."""
    project = tmp_path / "project"
    (project / "sources").mkdir(parents=True)
    (project / "gold").mkdir()
    (project / "filon.yaml").write_text("name: lab\ntimezone: Europe/Paris\n")
    return Shop(tmp_path, project)


def describe(
    lab: Shop,
    name: str,
    columns: Sequence[Mapping[str, Any]],
    *,
    pattern: str = "",
    file: str = "",
    quality: Sequence[Mapping[str, Any]] = (),
    **words: Any,
) -> None:
    """Write the contract of a source."""
    assert lab.project is not None
    properties = [{"property": "filePattern", "value": pattern or f"{name}*.csv"}]
    properties += [{"property": word, "value": value} for word, value in words.items()]
    table = {"name": name, "customProperties": properties, "quality": list(quality), "properties": list(columns)}
    text = yaml.safe_dump({**HEAD, "schema": [table]})
    (lab.project / "sources" / f"{file or name}.yaml").write_text(text)


def model(lab: Shop, name: str, sql: str, columns: Sequence[Mapping[str, Any]]) -> None:
    """Write a model and its contract."""
    assert lab.project is not None
    (lab.project / "gold" / f"{name}.sql").write_text(sql)
    table = {"name": name, "properties": list(columns)}
    (lab.project / "gold" / f"{name}.yaml").write_text(yaml.safe_dump({**HEAD, "schema": [table]}))


def verdicts(report: Mapping[str, Any], dataset: str) -> tuple[int, int, dict[str, int]]:
    """Accepted and rejected rows of a dataset, and the reasons."""
    [line] = [line for line in report["datasets"] if line["dataset"] == dataset]
    return line["accepted"], line["rejected"], line["reasons"]


# names


@pytest.mark.parametrize(
    "name",
    ["typed", "judged", "bronze", "losers", "order"],
)
def test_a_table_may_have_any_name(lab: Shop, name: str) -> None:
    describe(lab, name, [ID])
    describe(lab, "child", [ID, column("parent", "integer", relationships=[{"to": f"{name}.id"}])])
    model(
        lab,
        "n",
        f'SELECT parent AS id, count(*) AS n FROM child JOIN "{name}" AS p ON p.id = parent GROUP BY 1',
        [ID, column("n", "integer")],
    )
    lab.put(f"{name}.csv", "id\n1\n2\n")
    lab.put("child.csv", "id,parent\n1,1\n2,77\n77,2\n")
    report = lab.run()
    assert verdicts(report, name) == (2, 0, {})
    assert verdicts(report, "child") == (2, 1, {"parent:reference": 1})
    assert lab.rows("n", "id, n") == [(1, 1), (2, 1)]
    assert lab.run("--force")["status"] == "published"
    assert verdicts(lab.run("--force"), "child") == (2, 1, {"parent:reference": 1})


def test_a_step_of_a_model_may_have_the_name_of_the_table_that_it_reads(lab: Shop) -> None:
    describe(lab, "orders", [ID])
    model(lab, "m", "WITH orders AS (SELECT id FROM orders WHERE id > 1) SELECT id FROM orders", [ID])
    lab.put("orders.csv", "id\n1\n2\n")
    lab.run()
    assert lab.rows("m", "id") == [(2,)]


def test_sql_may_spell_tables_in_any_case(lab: Shop) -> None:
    describe(
        lab,
        "Orders",
        [ID],
        pattern="*.csv",
        quality=[{"name": "some", "query": "SELECT count(*) FROM ORDERS", "mustBeGreaterThan": 0}],
    )
    model(lab, "m", "SELECT a.ID AS id FROM ORDERS AS a JOIN orders AS b ON a.id = b.Id", [ID])
    lab.put("o.csv", "id\n1\n")
    lab.run()
    assert lab.rows("m", "id") == [(1,)]


def test_names_that_differ_by_case_only_are_one_name_too_many(lab: Shop) -> None:
    describe(lab, "orders", [ID])
    describe(lab, "Orders", [ID])
    assert "`orders` is also a source, `Orders`" in lab.filon("check", exit_code=2)


def test_one_contract_may_not_stand_in_two_files(lab: Shop) -> None:
    assert lab.project is not None
    describe(lab, "orders", [ID])
    text = (lab.project / "sources" / "orders.yaml").read_text()
    (lab.project / "sources" / "orders.yml").write_text(text)
    assert "orders.yaml is a contract of the same table" in lab.filon("check", exit_code=2)


def test_decomposed_letters_are_the_same_letters(lab: Shop) -> None:
    decomposed = "e\u0301"
    describe(
        lab,
        "t",
        [
            column("nom", primaryKey=True, physicalName=f" pr{decomposed}nom "),
            column("pays", enum=[{"value": f"Br{decomposed}sil"}]),
            column(
                "ville", customProperties=[{"property": "normalise", "value": {"canonical": [f"Gu{decomposed}ret"]}}]
            ),
        ],
        pattern="*\u00e9t*.csv",
    )
    lab.put(f"{decomposed}t{decomposed}.csv", "pr\u00e9nom,pays,ville\na,Br\u00e9sil,GU\u00c9RET\n")
    assert verdicts(lab.run(), "t") == (1, 0, {})
    assert lab.rows("t", "ville", layer="silver") == [("Gu\u00e9ret",)]


# values


@pytest.mark.parametrize(
    ("kind", "allowed", "good", "bad"),
    [
        ("DECIMAL(10,2)", [1, 2.5], ["1", "1.00", "2.50", "2.5"], ["1.01", "3"]),
        ("DOUBLE", [1.5, 100], ["1.5", "1.50", "1e2"], ["1.6"]),
        ("integer", [1, 7], ["1", "007"], ["2"]),
        ("boolean", [True], ["true", "TRUE"], ["false"]),
        ("date", ["2024-01-31"], ["2024-01-31"], ["2024-02-01"]),
        ("timestamp", ["2024-07-01T10:00:00"], ["2024-07-01 10:00:00"], ["2024-07-01 10:00:01"]),
        ("string", ["a", "1"], ["a", "1"], ["A", "01"]),
    ],
)
def test_an_enum_compares_values_not_their_spelling(
    lab: Shop, kind: str, allowed: list[Any], good: list[str], bad: list[str]
) -> None:
    describe(lab, "t", [ID, column("v", kind, enum=[{"value": value} for value in allowed])])
    lab.put("t.csv", "id,v\n" + "".join(f"{number},{value}\n" for number, value in enumerate(good + bad)))
    assert verdicts(lab.run(), "t") == (len(good), len(bad), {"v:enum": len(bad)})


def test_a_measurement_beyond_all_measure_is_no_number(lab: Shop) -> None:
    describe(lab, "t", [ID, column("v", "DOUBLE")])
    lab.put("t.csv", f"id,v\n1,{'9' * 320}\n2,-{'9' * 400}\n3,{'9' * 300}\n4,1e99\n")
    assert verdicts(lab.run(), "t") == (2, 2, {"v:type": 2})


def test_a_bound_finer_than_the_type_judges_the_largest_values(lab: Shop) -> None:
    bounds = {"minimum": 0.001, "maximum": "9e35"}
    describe(lab, "t", [ID, column("v", "DECIMAL(38,2)", logicalTypeOptions=bounds)])
    lab.put("t.csv", f"id,v\n1,{'9' * 36}.99\n2,0\n3,0.01\n4,-1\n5,899999999999999999999999999999999999.99\n")
    assert verdicts(lab.run(), "t") == (2, 3, {"v:minimum": 2, "v:maximum": 1})


@pytest.mark.parametrize(
    ("bounds", "accepted"),
    [
        ({"minimum": 1.5}, ["2", "3"]),
        ({"maximum": 1.5}, ["0", "1"]),
        ({"exclusiveMinimum": 1.5}, ["2", "3"]),
        ({"exclusiveMaximum": 1.5}, ["0", "1"]),
        ({"exclusiveMinimum": 1}, ["2", "3"]),
        ({"exclusiveMaximum": 2}, ["0", "1"]),
        ({"minimum": 1, "maximum": 2}, ["1", "2"]),
    ],
)
def test_bounds_between_two_whole_numbers(lab: Shop, bounds: dict[str, Any], accepted: list[str]) -> None:
    describe(lab, "t", [ID, column("v", "integer", logicalTypeOptions=bounds)])
    lab.put("t.csv", "id,v\n0,0\n1,1\n2,2\n3,3\n")
    lab.run()
    assert [str(value) for (value,) in lab.rows("t", "v", layer="silver")] == accepted


@pytest.mark.parametrize("pattern", [r"\p{Lu}\d+", r"\x{41}1", r"\QA1\E", "[[:alpha:]]1", "^A1$"])
def test_patterns_are_those_of_the_engine(lab: Shop, pattern: str) -> None:
    describe(lab, "t", [ID, column("v", logicalTypeOptions={"pattern": pattern})])
    lab.put("t.csv", "id,v\n1,A1\n2,-1\n")
    assert verdicts(lab.run(), "t") == (1, 1, {"v:pattern": 1})


# checks


def test_duplicates_over_several_columns_count_rows_whose_first_is_null(lab: Shop) -> None:
    check = {"metric": "duplicateValues", "arguments": {"properties": ["a", "b"]}, "mustBe": 0, "severity": "warning"}
    describe(lab, "t", [ID, column("a"), column("b")], quality=[check])
    lab.put("t.csv", "id,a,b\n1,,x\n2,,x\n3,y,\n4,y,\n5,z,z\n")
    [line] = [line for line in lab.run()["checks"] if line["check"].startswith("duplicateValues")]
    assert (line["status"], line["failed_rows"]) == ("warned", 2)


@pytest.mark.parametrize("answer", ["'nan'", "'inf'", "'-inf'"])
@pytest.mark.parametrize("bound", ["mustBe", "mustNotBe", "mustBeLessThan"])
def test_an_answer_that_is_no_number_meets_no_check(lab: Shop, answer: str, bound: str) -> None:
    query = f"SELECT max(CAST({answer} AS DOUBLE)) FROM t"
    describe(lab, "t", [ID], quality=[{"name": "finite", "query": query, bound: 0}])
    lab.put("t.csv", "id\n1\n")
    report = lab.run(exit_code=1)
    assert "t: finite (found no number, must" in report["error"]


def test_a_rule_that_names_the_as_of_date_is_judged_again_the_next_day(lab: Shop) -> None:
    rule = {"name": "past", "expression": "day < as_of() -- yesterday at the latest"}
    describe(lab, "t", [ID, column("day", "date")], rules=[rule])
    lab.put("t.csv", "id,day\n1,2026-01-01\n")
    assert verdicts(lab.run("--as-of", "2026-01-01"), "t") == (0, 1, {"past": 1})
    assert verdicts(lab.run("--as-of", "2026-01-02"), "t") == (1, 0, {})


# the as-of date of what is not judged again


def future(lab: Shop) -> None:
    words = [{"property": "notAfter", "value": "as_of"}]
    describe(lab, "t", [ID, column("day", "date", customProperties=words)])


def test_a_file_that_arrives_later_is_judged_on_its_own_day(lab: Shop) -> None:
    future(lab)
    lab.put("t1.csv", "id,day\n1,2026-01-01\n")
    lab.run("--as-of", "2026-01-01")
    lab.put("t2.csv", "id,day\n2,2026-01-15\n3,2026-02-01\n")
    assert verdicts(lab.run("--as-of", "2026-01-20"), "t") == (2, 1, {"day:notAfter": 1})
    assert lab.run("--as-of", "2026-01-31")["status"] == "unchanged"
    assert verdicts(lab.run("--as-of", "2026-02-01"), "t") == (3, 0, {})


def test_a_rollback_stays_on_the_next_day(lab: Shop) -> None:
    future(lab)
    lab.put("t1.csv", "id,day\n1,2025-01-01\n")
    lab.run("--as-of", "2025-06-01")
    lab.put("t2.csv", "id,day\n2,2025-01-02\n")
    lab.run("--as-of", AS_OF)
    lab.filon("rollback", "1")
    report = lab.run("--as-of", "2026-02-01")
    assert (report["status"], report["release"]) == ("unchanged", 3)
    lab.put("t3.csv", "id,day\n3,2025-01-03\n")
    assert lab.run("--as-of", "2026-02-02")["status"] == "published"
    assert lab.rows("t", "id", layer="silver") == [(1,), (2,), (3,)]


# which files are whose


def test_a_file_that_another_contract_claims_leaves_the_first(lab: Shop) -> None:
    describe(lab, "a", [ID], pattern="*.csv")
    describe(lab, "b", [ID], pattern="none.csv")
    lab.put("x1.csv", "id\n1\n")
    lab.put("y1.csv", "id\n2\n")
    lab.run()
    describe(lab, "a", [ID], pattern="x*.csv")
    describe(lab, "b", [ID], pattern="y*.csv")
    lab.run()
    assert lab.rows("a", "id", layer="silver") == [(1,)]
    assert lab.rows("b", "id", layer="silver") == [(2,)]
    describe(lab, "b", [ID], pattern="none.csv")
    report = lab.run()
    assert report["ignored_files"] == ["y1.csv"]
    assert lab.rows("b", "id", layer="silver") == []
    describe(lab, "a", [ID], pattern="*.csv")
    lab.run()
    assert lab.rows("a", "id", layer="silver") == [(1,), (2,)]


def test_a_refused_file_is_tried_again_under_another_name(lab: Shop) -> None:
    describe(lab, "t", [ID, column("v", required=True)])
    lab.put("t_a.csv", "id\n1\n")
    assert lab.run()["files"][0]["reason"] == "missing_column"
    (lab.sources / "t_a.csv").rename(lab.sources / "t_b.csv")
    describe(lab, "t", [ID, column("v")])
    assert verdicts(lab.run(), "t") == (1, 0, {})
    assert lab.json("quarantine", "list")["files"] == []


def test_empty_lines_of_a_file_with_one_column_are_no_records(lab: Shop) -> None:
    describe(lab, "t", [column("name")])
    lab.put("t1.csv", "name\n1\n\n2\n\n")
    lab.put("t2.csv", 'name\n3\n""\n4\n')
    report = lab.run()
    assert [file["rows_read"] for file in report["files"]] == [2, 3]


@pytest.mark.parametrize("other", ["", "9\n", '9,"x\ny"\n', '9,"x\n', "9,x,,z\n"])
def test_the_verdict_on_a_line_does_not_depend_on_the_others(lab: Shop, other: str) -> None:
    describe(lab, "t", [ID, column("v")], malformedThreshold=1)
    lab.put("t.csv", f'id,v\n1,a\n2,b,\n3,c,,,\n4,d,""\n5,e,f\n{other}')
    lab.run()
    rows = lab.rows("t", "id, v", layer="silver")
    assert [row for row in rows if row[0] < 9] == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]


def test_a_wide_table_is_inferred_column_by_column(lab: Shop) -> None:
    names = [f"c{number}" for number in range(120)]
    describe(lab, "t", [column(name, "integer") for name in names])
    lab.put("t.csv", ",".join(names) + "\n" + ",".join("x" if n % 2 else "1" for n in range(120)) + "\n")
    [notes] = [file["notes"] for file in lab.run()["files"]]
    assert [note.split()[0] for note in notes] == names[1::2]


def test_columns_once_discarded_come_back_when_they_may_evolve(lab: Shop) -> None:
    describe(lab, "t", [ID], drift="discard")
    lab.put("t.csv", "id,more\n1,x\n")
    lab.run()
    assert lab.rows("t", "_extra", layer="bronze") == [(None,)]
    describe(lab, "t", [ID], drift="evolve")
    lab.run()
    assert ('{"more":"x"}',) in lab.rows("t", "_extra", layer="bronze")


# commands


def test_a_model_test_compares_moments(lab: Shop) -> None:
    assert lab.project is not None
    describe(lab, "t", [ID, column("moment", "timestamp")])
    model(lab, "m", "SELECT id, moment FROM t", [ID, column("moment", "timestamp")])
    (lab.project / "tests").mkdir()
    (lab.project / "tests" / "m.yaml").write_text(
        "- name: kept\n  model: m\n  given:\n    t: [{id: 1, moment: 2024-01-01 10:00:00}]\n"
        "  expected: [{id: 1, moment: 2024-01-01 10:00:00}]\n"
    )
    assert "1 passed, 0 failed" in lab.filon("test")


@pytest.mark.parametrize("end", ["\n;\n;\n", "; -- done\n", " -- done", ";;"])
def test_a_model_may_end_as_statements_do(lab: Shop, end: str) -> None:
    describe(lab, "t", [ID])
    model(lab, "m", f"SELECT id FROM t{end}", [ID])
    lab.put("t.csv", "id\n1\n")
    lab.run()
    assert lab.rows("m", "id") == [(1,)]


@pytest.mark.parametrize("hours", ["inf", "nan", "1e18", "-1"])
def test_sweeping_takes_hours_that_a_clock_knows(lab: Shop, hours: str) -> None:
    describe(lab, "t", [ID])
    assert "--hours" in lab.filon("sweep", "--hours", hours, exit_code=2)


def test_a_time_zone_is_a_place_not_a_part_of_the_world(lab: Shop) -> None:
    assert lab.project is not None
    (lab.project / "filon.yaml").write_text("name: lab\ntimezone: Europe\n")
    assert "no such time zone" in lab.filon("check", exit_code=2)


def test_an_empty_variable_counts_as_not_set(lab: Shop) -> None:
    describe(lab, "t", [ID])
    (lab.folder / ".filon" / "lab" / "sources").mkdir(parents=True)
    (lab.folder / ".filon" / "lab" / "sources" / "t.csv").write_text("id\n1\n")
    lab.filon_with("run", exit_code=0, FILON_SOURCES="", FILON_LAKE="")
    assert (lab.folder / ".filon" / "lab" / "lake" / "metadata").is_dir()


# histories of files


def history(lab: Shop) -> tuple[Any, ...]:
    """What the table `t` holds now, and what a fresh lake makes of the same sources."""
    fresh = replace(lab, folder=lab.folder / "fresh", extra={"FILON_SOURCES": str(lab.sources)})
    fresh.folder.mkdir(exist_ok=True)
    fresh.run()
    return lab.rows("t", "id, v", layer="silver"), fresh.rows("t", "id, v", layer="silver")


def test_a_file_that_is_read_again_counts_once_beside_those_that_are_gone(lab: Shop) -> None:
    describe(lab, "t", [ID, column("v")])
    lab.put("t1.csv", "id,v\n1,x\n")
    lab.put("t2.csv", "id,v\n2,y\n")
    lab.run()
    (lab.sources / "t1.csv").unlink()
    describe(lab, "t", [ID, column("v"), column("w")])
    lab.run()
    assert lab.rows("t", "id, v", layer="silver") == [(1, "x"), (2, "y")]
    describe(lab, "t", [ID, column("v")])
    lab.run()
    assert verdicts(lab.run("--force"), "t") == (2, 0, {}), "judged anew, not found where it was judged before"
    assert lab.rows("t", "id, v", layer="silver") == [(1, "x"), (2, "y")]


def test_the_number_of_a_file_that_was_dropped_is_not_given_again(lab: Shop) -> None:
    describe(lab, "t", [ID, column("v")])
    lab.put("t_a.csv", "id,v\n1,X\n")
    lab.run()
    lab.put("t_a.csv", "oops\n1\n")
    lab.put("t_r.csv", "id,v\n5,r\n")
    lab.put("t_z.csv", "id,v\n1,X\n")
    lab.run()
    lab.put("t_new.csv", "id,v\n1,NEW\n")
    lab.run()
    assert lab.rows("t", "id, v", layer="silver") == [(1, "NEW"), (5, "r")]


def test_what_a_retried_file_replaces_may_be_found_elsewhere(lab: Shop) -> None:
    describe(lab, "t", [ID, column("v")], malformedThreshold=0)
    lab.put("t_a.csv", "id,v\n1,X\n")
    lab.run()
    lab.put("t_a.csv", "id,v\n2,y\n3\n")
    lab.put("t_b.csv", "id,v\n1,X\n")
    lab.run()
    describe(lab, "t", [ID, column("v")], malformedThreshold=1)
    lab.run()
    now, fresh = history(lab)
    assert now == fresh == [(1, "X"), (2, "y")]
    assert lab.run()["status"] == "unchanged"


def test_two_paths_with_one_refused_content_are_both_tried_again(lab: Shop) -> None:
    describe(lab, "t", [ID, column("v")], malformedThreshold=0)
    lab.put("t_b.csv", "id,v\n1,X\n")
    lab.run()
    lab.put("t_a.csv", "id,v\n2,y\n3\n")
    lab.put("t_b.csv", "id,v\n2,y\n3\n")
    lab.run()
    describe(lab, "t", [ID, column("v")], malformedThreshold=1)
    lab.run()
    now, fresh = history(lab)
    assert now == fresh == [(2, "y")]
    assert lab.run()["status"] == "unchanged"


def test_a_stricter_contract_judges_accepted_files_again(lab: Shop) -> None:
    describe(lab, "t", [ID, column("v")])
    lab.put("t1.csv", "id,v,more\n1,x,z\n")
    lab.put("t2.csv", "id,v\n2,y\n")
    lab.run()
    describe(lab, "t", [ID, column("v")], drift="freeze")
    assert [file["status"] for file in lab.run()["files"]] == ["quarantined", "ingested"]
    now, fresh = history(lab)
    assert now == fresh == [(2, "y")]


def test_a_refused_file_that_was_put_right_leaves_the_quarantine(lab: Shop) -> None:
    describe(lab, "t", [ID, column("v")])
    lab.put("t.csv", "id,v\n1,x\n")
    lab.run()
    lab.put("t.csv", "oops\n1\n")
    lab.run()
    assert len(lab.json("quarantine", "list")["files"]) == 1
    lab.put("t.csv", "id,v\n1,x\n")
    lab.run()
    assert lab.json("quarantine", "list")["files"] == []
    assert lab.rows("t", "id, v", layer="silver") == [(1, "x")]


def test_a_sweep_after_a_run_that_published_nothing_keeps_its_tables(lab: Shop) -> None:
    describe(lab, "t", [ID], quality=[{"name": "many", "query": "SELECT count(*) FROM t", "mustBe": 7}])
    lab.put("t.csv", "id\n1\nx\n")
    lab.run(exit_code=1)
    lab.filon("sweep", "--hours", "0")
    for layer, rows in (("bronze", 2), ("silver", 1), ("quarantine", 1)):
        names = DeltaTable(str(lab.lake / layer / "t")).file_uris()
        assert duckdb.sql(f"SELECT count(*) FROM read_parquet({names})").fetchall() == [(rows,)]


# texts


def test_a_blank_line_before_the_only_header_is_no_header(lab: Shop) -> None:
    describe(lab, "t", [column("name")])
    lab.put("t.csv", "  \nname\nAda\n")
    lab.run()
    assert lab.rows("t", "name", layer="silver") == [("Ada",)]


@pytest.mark.parametrize("other", ["", '9,"x'])
def test_blanks_beside_quotes_are_read_alike_in_every_file(lab: Shop, other: str) -> None:
    describe(lab, "t", [ID, column("v")], malformedThreshold=1)
    lab.put("t.csv", f'id,v\n1, "x"\n2,  "y,z"\n3,"w"  \n{other}\n')
    lab.run()
    assert lab.rows("t", "id, v", layer="silver") == [(1, "x"), (2, "y,z"), (3, "w")]


@pytest.mark.parametrize("other", ["", "9"])
def test_a_line_of_tabs_is_a_record_where_tabs_are_delimiters(lab: Shop, other: str) -> None:
    describe(lab, "t", [column("a"), column("b"), column("c")], malformedThreshold=1, dialect={"delimiter": "\t"})
    lab.put("t.csv", f"a\tb\tc\n1\t2\t3\n\t\t\n{other}\n")
    assert verdicts(lab.run(), "t")[0] == 2


def test_a_long_malformed_line_of_any_letters_is_one_rejected_record(lab: Shop) -> None:
    describe(lab, "t", [ID, column("v")], malformedThreshold=1)
    for shift in range(4):
        lab.put(f"t{shift}.csv", f"id,v\n{shift},ok\n1,{'a' * shift}{'é' * 6000},x\n")
    assert verdicts(lab.run(), "t") == (4, 4, {"record:too_many_fields": 4})


def test_half_a_letter_is_not_text(lab: Shop) -> None:
    describe(lab, "t", [ID, column("v")], dialect={"encoding": "utf-7"})
    lab.put("t.csv", b"id,v\n1,+2AA-\n")
    assert lab.run()["files"][0]["reason"] == "undecodable"


def test_the_last_moment_of_the_calendar_is_in_the_future(lab: Shop) -> None:
    words = [{"property": "notAfter", "value": "as_of"}]
    describe(lab, "t", [ID, column("moment", "timestamp", customProperties=words)])
    lab.put("t.csv", "id,moment\n1,9999-12-31 23:30:00\n2,2025-01-01 00:00:00\n")
    assert verdicts(lab.run(), "t") == (1, 1, {"moment:notAfter": 1})
    assert lab.run("--as-of", "2026-05-01")["status"] == "unchanged"


# numbers and words of contracts


def test_bounds_and_enums_are_exact_beyond_binary_floating_point(lab: Shop) -> None:
    exact = "123456789012345678.91"
    assert lab.project is not None
    describe(
        lab,
        "t",
        [
            ID,
            column("v", "DECIMAL(20,2)", logicalTypeOptions={"maximum": "M"}),
            column("w", "DECIMAL(38,2)", enum=[{"value": "E"}]),
        ],
    )
    path = lab.project / "sources" / "t.yaml"
    path.write_text(path.read_text().replace("maximum: M", f"maximum: {exact}").replace("value: E", f"value: {exact}0"))
    lab.put("t.csv", f"id,v,w\n1,{exact},{exact}\n2,123456789012345680.00,{exact}\n3,1,1\n")
    assert verdicts(lab.run(), "t") == (1, 2, {"v:maximum": 1, "w:enum": 1})


@pytest.mark.parametrize(
    ("kind", "valid", "text"),
    [
        ("DECIMAL(10,2)", [1, 2.5], "1.00"),
        ("boolean", [True], "true"),
        ("timestamp", ["2024-07-01T10:00:00+02:00"], "2024-07-01 10:00:00"),
        ("string", ["e\u0301"], "\u00e9"),
    ],
)
def test_valid_values_of_a_check_are_compared_as_values(lab: Shop, kind: str, valid: list[Any], text: str) -> None:
    check = {"metric": "invalidValues", "arguments": {"validValues": valid}, "mustBe": 0}
    zone = {"timezone": "Europe/Paris"}
    describe(lab, "t", [ID, column("v", kind, quality=[check])], dialect=zone)
    lab.put("t.csv", f"id,v\n1,{text}\n")
    assert lab.run()["status"] == "published"


def test_gold_holds_no_number_that_is_none(lab: Shop) -> None:
    describe(lab, "t", [ID, column("v", "DOUBLE")])
    model(lab, "m", "SELECT id, v / 0 AS v FROM t", [ID, column("v", "DOUBLE")])
    lab.put("t.csv", "id,v\n1,1.5\n")
    assert "m: finite(v) (found 1, must be 0)" in lab.run(exit_code=1)["error"]


def test_words_for_true_and_false_may_have_blanks_around(lab: Shop) -> None:
    describe(lab, "t", [ID, column("v", "boolean")], dialect={"true": " oui ", "false": "non"})
    lab.put("t.csv", "id,v\n1,oui\n2, NON \n")
    assert verdicts(lab.run(), "t") == (2, 0, {})


def test_a_check_that_cannot_be_answered_is_named(lab: Shop) -> None:
    query = "SELECT sum(CAST(v AS INTEGER)) FROM t"
    describe(lab, "t", [ID, column("v")], quality=[{"name": "all numbers", "query": query, "mustBe": 0}])
    lab.put("t.csv", "id,v\n1,x\n")
    assert "the check `all numbers` cannot be answered" in lab.run(exit_code=1)["error"]


def test_a_check_that_only_warns_does_not_fail_the_run_when_it_cannot_be_answered(lab: Shop) -> None:
    number = {"name": "all numbers", "query": "SELECT sum(CAST(v AS INTEGER)) FROM t", "mustBe": 0}
    rows = {"name": "rows", "query": "SELECT count(*) FROM t", "mustBe": 1}
    describe(lab, "t", [ID, column("v")], quality=[{**number, "severity": "warning"}, rows])
    lab.put("t.csv", "id,v\n1,x\n")
    report = lab.run()
    assert [check["status"] for check in report["checks"] if check["check"] in ("all numbers", "rows")] == [
        "warned",
        "passed",
    ]


RAISING = {
    "a cast": ("CAST(nom AS INTEGER) > 0", "abc", "12"),
    "a cast in a branch": ("CASE WHEN id > 0 THEN CAST(nom AS INTEGER) > 0 ELSE TRUE END", "abc", "12"),
    "a cast in a list": ("id IN (CAST(nom AS INTEGER), 1)", "abc", "12"),
    "an overflow": ("length(nom) * 3000000000000000000 > id", "four", "abc"),
    "a date that does not exist": (
        "make_date(2026, CAST(length(nom) AS BIGINT), 1) > DATE '2020-01-01'",
        "a" * 13,
        "a",
    ),
    "a format": ("strptime(nom, '%Y-%m-%d') > TIMESTAMP '2020-01-01'", "05/01/2026", "2026-01-05"),
    "an expression": ("regexp_matches('a', nom)", "(", "a"),
    "JSON": ("json_extract_string(nom, '$.a') = 'b'", "{", '{"a":"b"}'),
    "a logarithm": ("ln(length(nom) - 1) >= 0", "a", "abc"),
    "a time zone": (
        "from_zone(TIMESTAMP '2026-01-01 00:00:00', nom) > TIMESTAMPTZ '2020-01-01 00:00:00+00'",
        "Nowhere/Land",
        "Europe/Paris",
    ),
}


@pytest.mark.parametrize("case", RAISING)
def test_a_rule_that_raises_on_a_record_rejects_that_record(lab: Shop, case: str) -> None:
    expression, bad, good = RAISING[case]
    rules = [{"name": "raises", "expression": expression}, {"name": "small", "expression": "id < 3"}]
    describe(lab, "t", [ID, column("nom")], dialect={"delimiter": ";", "quote": "'"}, rules=rules)
    lab.put("t.csv", f"id;nom\n1;{good}\n2;{bad}\n3;{bad}\n4;\n")
    assert verdicts(lab.run(), "t") == (1, 3, {"raises": 2, "small": 2})
    reasons = [(record, reasons) for _, record, reasons, _ in lab.delta("quarantine", "t")]
    assert reasons == [(2, ["raises"]), (3, ["raises", "small"]), (4, ["small"])]


@pytest.mark.parametrize(
    ("grouping", "decimal", "texts"),
    [
        (".", ",", ["1.5", "12.50", "1,5.5", "05.01.2026", "192.168.1.1"]),
        (",", ".", ["12,50"]),
        (" ", ",", ["1 2,3 4", "5€00"]),
    ],
)
def test_marks_that_group_no_thousands_are_no_part_of_a_number(
    lab: Shop, grouping: str, decimal: str, texts: list[str]
) -> None:
    describe(
        lab,
        "t",
        [ID, column("v", "DECIMAL(12,2)")],
        dialect={"delimiter": ";", "decimal": decimal, "grouping": grouping},
    )
    lines = [f"{number};{text}" for number, text in enumerate([*texts, f"1{grouping}234{decimal}5"])]
    lab.put("t.csv", "\n".join(["id;v", *lines]))
    assert verdicts(lab.run(), "t") == (1, len(texts), {"v:type": len(texts)})
    assert lab.rows("t", "v", "silver") == [(Decimal("1234.50"),)]


@pytest.mark.parametrize("given", [["NA", "N/A", "-", None], ["NA", "N/A", "-", "NULL"]])
def test_words_for_null_are_null_in_columns_of_every_type(lab: Shop, given: list[str | None]) -> None:
    kinds = {"a": "string", "b": "integer", "c": "DECIMAL(9,2)", "d": "date", "e": "timestamp", "f": "boolean"}
    columns = [ID, *(column(name, kind) for name, kind in kinds.items()), column("must", required=True)]
    describe(lab, "t", columns, dialect={"nullValues": given}, malformedThreshold=1)
    words = ["NA", " N/A ", "-", "NULL", ""]
    lines = [f"{place},{','.join([word] * 6)},x" for place, word in enumerate(words)]
    lab.put("t.csv", "\n".join(["id,a,b,c,d,e,f,must", *lines, "7,na,1,1,2026-01-01,,true,NA"]))
    assert verdicts(lab.run(), "t") == (5, 1, {"must:required": 1})
    assert lab.rows("t", "DISTINCT a, b, c, d, e, f", "silver") == [(None,) * 6]


def test_a_word_for_null_may_be_a_number_and_letter_case_counts(lab: Shop) -> None:
    describe(lab, "t", [ID, column("n", "integer"), column("s")], dialect={"nullValues": [-999, "NA"]})
    lab.put("t.csv", "id,n,s\n1,-999,na\n2,-998,NA\n")
    lab.run()
    assert lab.rows("t", "id, n, s", "silver") == [(1, None, "na"), (2, -998, None)]


def test_a_column_may_be_spelled_otherwise_than_its_table(lab: Shop) -> None:
    own = {
        "rate": {"decimal": ".", "grouping": "", "nullValues": []},
        "open": {"true": "1", "false": "0"},
        "seen": {"timezone": "UTC"},
        "day": {"dateFormat": "yyyyMMdd"},
    }
    kinds = {"price": "DECIMAL(9,2)", "rate": "DECIMAL(9,4)", "open": "boolean", "sold": "boolean"}
    kinds |= {"seen": "timestamp", "met": "timestamp", "day": "date", "born": "date"}
    columns = [
        column(name, kind, customProperties=[{"property": "dialect", "value": own[name]}] if name in own else [])
        for name, kind in kinds.items()
    ]
    table = {"delimiter": ";", "decimal": ",", "grouping": ".", "nullValues": ["-"], "true": "oui", "false": "non"}
    table |= {"timezone": "Europe/Paris", "dateFormat": "dd/MM/yyyy"}
    describe(lab, "t", [ID, *columns], dialect=table)
    moment = "2026-07-01 12:00:00"
    lab.put(
        "t.csv",
        f"id;{';'.join(kinds)}\n1;1.234,5;1.2345;1;oui;{moment};{moment};20260131;31/01/2026\n"
        f"2;-;-;0;non;-;-;-;-\n3;1.5;1,5;oui;1;-;-;-;-\n",
    )
    reasons = {"rate:type": 2, "price:type": 1, "open:type": 1, "sold:type": 1}
    assert verdicts(lab.run(), "t") == (1, 2, reasons)
    [row] = lab.rows("t", "* EXCLUDE (_file, _record)", "silver")
    assert [str(value) for value in row] == [
        "1", "1234.50", "1.2345", "True", "True",
        "2026-07-01 12:00:00+00:00", "2026-07-01 10:00:00+00:00", "2026-01-31", "2026-01-31",
    ]  # fmt: skip


def test_names_of_months_are_those_of_the_locale_and_are_judged_again_with_another(lab: Shop) -> None:
    assert lab.project is not None
    formats = {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]", "timezone": "Europe/Paris"}
    describe(
        lab, "t", [ID, column("d", "date"), column("m", "timestamp")], dialect={"dateFormat": "d MMM yyyy", **formats}
    )
    lab.put(
        "t.csv",
        "id,d,m\n1,5 févr. 2026,2026-02-05T10:00:00.5+02:00\n2,5 Feb 2026,2026-02-05T10:00:00\n3,5 janv. 2026,Z\n",
    )
    utc = "CAST(timezone('UTC', m) AS VARCHAR)"
    for locale, rows in (("fr", [(1, "2026-02-05 08:00:00.5")]), ("en", [(2, "2026-02-05 09:00:00")])):
        (lab.project / "filon.yaml").write_text(f"name: lab\nlocale: {locale}\n")
        report = lab.run()
        assert lab.rows("t", f"id, {utc}", "silver") == rows
        assert verdicts(report, "t")[1] == 2
    [row] = lab.json("quarantine", "show", "t", "--limit", "1")["rows"]
    assert row["reasons"] == ["d:type"]


def test_dates_and_timestamps_may_have_several_formats_of_which_the_first_that_reads_a_text_counts(lab: Shop) -> None:
    own = [{"property": "dialect", "value": {"timestampFormat": ["dd/MM/yyyy HH:mm", "dd/MM/yyyy HH:mm:ss.SSS"]}}]
    columns = [
        column("d", "date"),
        column("e", "date", logicalTypeOptions={"format": ["dd-MM-yy", "yyyyMMdd"]}),
        column("t", "timestamp", customProperties=own),
    ]
    describe(lab, "t", [ID, *columns], dialect={"dateFormat": ["dd/MM/yyyy", "yyyy-MM-dd", "MM/dd/yyyy"]})
    lines = [
        "1,03/04/2026,31-12-25,03/04/2026 10:30",
        "2,2026-04-03,20251231,03/04/2026 10:30:00.250",
        "3,12/31/2026,,",
        "4,31.12.2026,2025-12-31,03/04/2026",
    ]
    lab.put("t.csv", "\n".join(["id,d,e,t", *lines]))
    assert verdicts(lab.run(), "t") == (3, 1, {"d:type": 1, "e:type": 1, "t:type": 1})
    rows = lab.rows("t", "id, CAST(d AS VARCHAR), CAST(e AS VARCHAR), strftime(t, '%d %H:%M:%S.%g')", "silver")
    assert rows == [
        (1, "2026-04-03", "2025-12-31", "03 10:30:00.000"),
        (2, "2026-04-03", "2025-12-31", "03 10:30:00.250"),
        (3, "2026-12-31", None, None),
    ]


def test_a_model_reads_the_table_that_a_step_turns_around(lab: Shop) -> None:
    describe(lab, "t", [ID, column("v")])
    turned = ", ".join(f"count(*) FILTER (WHERE v = '{value}') AS {value}" for value in ("a", "b"))
    sql = f"WITH p AS (SELECT id, {turned} FROM t GROUP BY id) SELECT id, a + b AS n FROM p"
    model(lab, "m", sql, [ID, column("n", "integer")])
    lab.put("t.csv", "id,v\n1,a\n2,c\n")
    lab.run()
    assert lab.rows("m", "id, n") == [(1, 1), (2, 0)]
    lab.put("t.csv", "id,v\n1,a\n")
    lab.run()
    assert lab.rows("m", "id, n") == [(1, 1)]


def test_the_same_refused_bytes_at_two_paths_free_nothing(lab: Shop) -> None:
    describe(lab, "t", [column("id"), column("v")])
    lab.put("t1.csv", "id,v\n1,x\n")
    lab.put("t9.csv", "")
    lab.run()
    (lab.sources / "t1.csv").rename(lab.sources / "t2.csv")
    lab.put("t1.csv", "")
    lab.run()
    assert lab.rows("t", "id, v", layer="silver") == [("1", "x")]


def test_content_that_counts_elsewhere_takes_the_place_of_what_was_there(lab: Shop) -> None:
    describe(lab, "t", [ID, column("v")], malformedThreshold=1)
    lab.put("t1.csv", "id,v\n7,g\n8\n")
    lab.put("t2.csv", "id,v\n1,d\n")
    lab.run()
    lab.put("t1.csv", "nope")
    lab.put("t2.csv", "id,v\n7,g\n8\n")
    describe(lab, "t", [ID, column("v")], malformedThreshold=0)
    lab.run()
    describe(lab, "t", [ID, column("v")], malformedThreshold=1)
    lab.run()
    now, fresh = history(lab)
    assert now == fresh == [(7, "g")]
    assert lab.run()["status"] == "unchanged"
