"""What a row was computed from, as the command line shows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from filon.explain import contenders
from tests.integration.conftest import Shop

HEAD = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "version": "1", "status": "active"}
EVENTS = """id,client,sent,amount
1,1,2026-01-05 10:00:00,5.00
2,1,2026-01-05 23:30:00,7.50
3,2,2026-01-06 08:00:00,1.00
4,2,2026-01-06 09:00:00,20.00
"""
EVENT_COLUMNS = {"id": "integer", "client": "integer", "sent": "timestamp", "amount": "DECIMAL(10,2)"}


def contract(name: str, columns: Mapping[str, str], key: str, **properties: str) -> str:
    """A contract as a user writes it; in capitals stands the physical type of a number."""
    described: list[dict[str, Any]] = [
        {"name": column, "logicalType": kind, "primaryKey": column == key}
        if kind.islower()
        else {"name": column, "logicalType": "number", "physicalType": kind}
        for column, kind in columns.items()
    ]
    words = [{"property": word, "value": value} for word, value in properties.items()]
    return yaml.safe_dump({**HEAD, "schema": [{"name": name, "customProperties": words, "properties": described}]})


@pytest.fixture
def log(tmp_path: Path) -> Shop:
    """A project with one source, a log of events, and no model yet."""
    project = tmp_path / "project"
    (project / "sources").mkdir(parents=True)
    (project / "gold").mkdir()
    (project / "filon.yaml").write_text("name: log\ntimezone: Europe/Paris\n")
    (project / "sources" / "events.yaml").write_text(contract("events", EVENT_COLUMNS, "id", filePattern="events*.csv"))
    shop = Shop(tmp_path, project)
    shop.put("events.csv", EVENTS)
    return shop


def model(log: Shop, name: str, sql: str, columns: Mapping[str, str], key: str) -> None:
    """Add a model."""
    assert log.project is not None
    (log.project / "gold" / f"{name}.sql").write_text(sql)
    (log.project / "gold" / f"{name}.yaml").write_text(contract(name, columns, key))


def parts(explanation: Mapping[str, Any]) -> list[tuple[str, str, int, bool]]:
    """The contributions: table, reader, rows, whether exactly those."""
    return [(part["table"], part["read_by"], part["rows"], part["exact"]) for part in explanation["contributions"]]


def others(explanation: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The tables that were read too, and by which model."""
    return [(part["table"], part["read_by"]) for part in explanation["not_followed"]]


def test_a_timestamp_is_shown_as_text(log: Shop) -> None:
    model(log, "moments", "SELECT sent, id FROM events", {"sent": "timestamp", "id": "integer"}, "sent")
    model(log, "copies", "SELECT id, sent FROM moments", {"id": "integer", "sent": "timestamp"}, "id")
    log.run()
    assert log.json("explain", "events", "1")["row"]["sent"] == "2026-01-05 10:00:00+00"
    explanation = log.json("explain", "moments", "2026-01-05 10:00:00+00")
    assert explanation["row"] == {"sent": "2026-01-05 10:00:00+00", "id": 1}
    assert parts(explanation) == [("events", "moments", 1, True)]
    assert log.json("explain", "copies", "1")["contributions"][0]["keys"] == [["2026-01-05 10:00:00+00"]]
    shown = log.filon("explain", "copies", "1")
    assert "sent: 2026-01-05 10:00:00+00" in shown
    assert "keys 2026-01-05 10:00:00+00" in shown


def test_rows_that_the_model_drops_are_not_shown(log: Shop) -> None:
    sql = "SELECT client, sum(amount) AS amount FROM events WHERE amount > 2 GROUP BY client"
    model(log, "sums", sql, {"client": "integer", "amount": "DECIMAL(38,2)"}, "client")
    log.run()
    explanation = log.json("explain", "sums", "2")
    assert parts(explanation) == [("events", "sums", 1, True)]
    [part] = explanation["contributions"]
    assert part["condition"] == '"client" = 2 AND "amount" > 2'
    assert [record["fields"]["amount"] for record in part["records"]] == ["20.00"]
    assert 'from events: 1 row where "client" = 2 AND "amount" > 2' in log.filon("explain", "sums", "2")


def test_rows_that_a_filter_may_have_dropped_are_candidates(log: Shop) -> None:
    sql = "SELECT client, amount FROM events QUALIFY row_number() OVER (PARTITION BY client ORDER BY id) = 1"
    model(log, "firsts", sql, {"client": "integer", "amount": "DECIMAL(10,2)"}, "client")
    log.run()
    explanation = log.json("explain", "firsts", "2")
    assert parts(explanation) == [("events", "firsts", 2, False)]
    assert others(explanation) == [("events", "firsts")]
    shown = log.filon("explain", "firsts", "2")
    assert 'from events: candidates, before the model\'s other filters: 2 rows where "client" = 2' in shown
    assert "firsts also reads: events (not followed: a window function reads other rows of it)" in shown


def test_a_row_that_is_named_by_its_rank_is_followed_by_its_other_values(log: Shop) -> None:
    sums = "SELECT client, sum(amount) AS amount FROM events GROUP BY client"
    ranks = f"""WITH sums AS ({sums})
        SELECT row_number() OVER (ORDER BY amount DESC) AS place, client, amount FROM sums"""
    model(log, "ranks", ranks, {"place": "integer", "client": "integer", "amount": "DECIMAL(38,2)"}, "place")
    log.run()
    explanation = log.json("explain", "ranks", "1")
    assert explanation["row"]["client"] == 2
    [part] = explanation["contributions"]
    assert part["condition"] == '"client" = 2'
    assert parts(explanation) == [("events", "ranks", 2, True)]
    assert [told["code"] for told in explanation["not_followed"]] == ["other-rows"]


def test_the_only_candidate_is_the_row(log: Shop) -> None:
    model(log, "largest", "SELECT id FROM events ORDER BY amount DESC LIMIT 1", {"id": "integer"}, "id")
    log.run()
    assert parts(log.json("explain", "largest", "4")) == [("events", "largest", 1, True)]


def test_an_aggregate_over_a_whole_table_used_all_of_it(log: Shop) -> None:
    sql = "WITH n AS (SELECT max(amount) AS top FROM events) SELECT id, top FROM events CROSS JOIN n"
    model(log, "tops", sql, {"id": "integer", "top": "DECIMAL(10,2)"}, "id")
    log.run()
    assert parts(log.json("explain", "tops", "1")) == [("events", "tops", 1, True), ("events", "tops", 4, True)]
    assert "from events: all 4 rows\n" in log.filon("explain", "tops", "1", "--all")


def test_a_table_that_only_a_subquery_reads_is_named(log: Shop) -> None:
    model(
        log,
        "sums",
        "SELECT client, sum(amount) AS n FROM events GROUP BY ALL",
        {"client": "integer", "n": "DECIMAL(38,2)"},
        "client",
    )
    sql = "SELECT id, amount FROM events WHERE amount < (SELECT max(n) FROM sums)"
    model(log, "small", sql, {"id": "integer", "amount": "DECIMAL(10,2)"}, "id")
    log.run()
    explanation = log.json("explain", "small", "1")
    assert parts(explanation) == [("events", "small", 1, True)]
    told = {"table": "sums", "read_by": "small", "code": "subquery", "reason": "a subquery reads it"}
    assert explanation["not_followed"] == [told]


def test_rows_are_followed_through_models_and_their_joins(log: Shop) -> None:
    sums = "SELECT client, sum(amount) AS amount FROM events GROUP BY client"
    model(log, "sums", sums, {"client": "integer", "amount": "DECIMAL(38,2)"}, "client")
    rich = "SELECT events.id, sums.amount FROM events JOIN sums ON events.client = sums.client WHERE sums.amount > 15"
    model(log, "rich", rich, {"id": "integer", "amount": "DECIMAL(38,2)"}, "id")
    log.run()
    explanation = log.json("explain", "rich", "3")
    assert parts(explanation) == [("events", "rich", 1, True), ("sums", "rich", 1, True), ("events", "sums", 2, True)]
    assert "from events, read by sums: 2 rows where" in log.filon("explain", "rich", "3", "--all")


def test_each_branch_of_a_union_is_followed(log: Shop) -> None:
    small, large = "SELECT id, 1 AS size FROM events WHERE amount < 6", "SELECT id, 2 FROM events WHERE amount >= 6"
    model(log, "sizes", f"{small} UNION ALL {large}", {"id": "integer", "size": "integer"}, "id")
    log.run()
    assert parts(log.json("explain", "sizes", "4")) == [("events", "sizes", 0, True), ("events", "sizes", 1, True)]


def test_what_the_engine_refuses_is_named(log: Shop) -> None:
    sql = "WITH e AS (SELECT entropy(amount) AS n FROM events) SELECT id FROM events CROSS JOIN e WHERE n > 0"
    model(log, "mixed", sql, {"id": "integer"}, "id")
    log.run()
    explanation = log.json("explain", "mixed", "1")
    assert parts(explanation) == [("events", "mixed", 1, True)]
    assert others(explanation) == [("events", "mixed")]
    assert "aggregate" in explanation["not_followed"][0]["reason"]


def test_as_of_is_the_date_of_the_release(log: Shop) -> None:
    sql = "SELECT client, count(*) AS n FROM events WHERE CAST(sent AS DATE) < as_of() GROUP BY client"
    model(log, "past", sql, {"client": "integer", "n": "integer"}, "client")
    log.run("--as-of", "2026-01-06")
    assert parts(log.json("explain", "past", "1")) == [("events", "past", 2, True)]
    assert "has no row" in log.filon("explain", "past", "2", exit_code=1)


@pytest.mark.parametrize("name", ["bronze", "records", "explained"])
def test_a_table_may_have_any_name(log: Shop, name: str) -> None:
    assert log.project is not None
    (log.project / "sources" / f"{name}.yaml").write_text(
        contract(name, {"id": "integer"}, "id", filePattern="ids.csv")
    )
    log.put("ids.csv", "id\n1\n2\n")
    sql = f"SELECT events.id, amount FROM events JOIN {name} USING (id)"
    model(log, "joined", sql, {"id": "integer", "amount": "DECIMAL(10,2)"}, "id")
    log.run()
    assert parts(log.json("explain", "joined", "2")) == [("events", "joined", 1, True), (name, "joined", 1, True)]


def test_a_rejected_record_of_a_key_is_shown_with_what_is_demanded(log: Shop) -> None:
    log.put("events_2.csv", "id,client,sent,amount\n7,1,2026-01-05 10:00:00,a lot\n x ,1,2026-01-05 10:00:00,1\n")
    log.run()
    shown = log.filon("explain", "events", "7")
    assert "events has no such row in release 1" in shown
    assert "rejected: amount:type, must be: DECIMAL(10,2)" in shown
    assert "events_2.csv record 1: id=7, client=1, sent=2026-01-05 10:00:00, amount=a lot" in shown
    explanation = log.json("explain", "events", "7")
    assert (explanation["row"], explanation["others_total"]) == ({}, 1)
    assert explanation["others"][0]["reasons"] == {"amount:type": "DECIMAL(10,2)"}
    assert "rejected: id:type" in log.filon("explain", "events", "x"), "a value that is no key is found by its text"
    assert "write dates of a key as" in log.filon("explain", "events", "1.4", exit_code=1), (
        "no number is rounded to a key"
    )
    assert "has no row 8 in release 1" in log.filon("explain", "events", "8", exit_code=1)


def test_keys_of_very_many_rejected_records_are_not_looked_at(log: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    log.put("events_2.csv", "id,client,sent,amount\n7,1,2026-01-05 10:00:00,a lot\n1,1,2026-01-05 10:00:00,6\n")
    log.run()
    assert log.json("explain", "events", "7")["others_total"] == 1
    monkeypatch.setattr(contenders, "MOST_REJECTED", 0)
    assert "has no row 7" in log.filon("explain", "events", "7", exit_code=1)
    assert log.json("explain", "events", "1")["others_total"] == 1, "superseded ones have their keys with them"


def test_a_superseded_record_of_a_key_is_shown_below_the_row(log: Shop) -> None:
    again = "".join(f"1,1,2026-01-05 10:00:0{second},6.00\n" for second in range(8))
    log.put("events_2.csv", f"id,client,sent,amount\n{again}")
    log.run()
    explanation = log.json("explain", "events", "1")
    assert explanation["row"]["sent"] == "2026-01-05 10:00:00+00"
    assert explanation["others_total"] == 8
    assert [(o["record"]["file"], o["record"]["record"], o["reasons"]) for o in explanation["others"]] == [
        ("events.csv", 1, {}),
        *(("events_2.csv", number, {}) for number in range(2, 6)),
    ]
    shown = log.filon("explain", "events", "1")
    assert "superseded by another record of this key:\n  events.csv record 1: id=1" in shown
    assert "and 3 more records of this key" in shown


def test_a_column_from_the_path_is_explained(log: Shop) -> None:
    assert log.project is not None
    columns = {**EVENT_COLUMNS, "shop": "string"}
    text = yaml.safe_load(contract("events", columns, "id", filePattern="**/events*.csv"))
    words = text["schema"][0]["customProperties"]
    words.append({"property": "fromFileName", "value": {"column": "shop", "pattern": "(?<shop>[a-z]+)/"}})
    (log.project / "sources" / "events.yaml").write_text(yaml.safe_dump(text))
    log.put("lyon/events.csv", "id,client,sent,amount\n9,1,2026-01-05 10:00:00,1\n")
    log.run()
    [part] = log.json("explain", "events", "9")["contributions"]
    assert part["records"][0]["fields"]["shop"] == "lyon"


def test_a_short_answer_shows_one_way_to_each_table(log: Shop) -> None:
    sql = "WITH n AS (SELECT max(amount) AS top FROM events) SELECT id, top FROM events CROSS JOIN n"
    model(log, "tops", sql, {"id": "integer", "top": "DECIMAL(10,2)"}, "id")
    log.run()
    short, whole = log.filon("explain", "tops", "1"), log.filon("explain", "tops", "1", "--all")
    assert (short.count("\nfrom events"), whole.count("\nfrom events")) == (1, 2)
    assert "in the end from records: 1 of events" in short
    assert "another way to the same tables: --all" in short
    assert "--all" not in whole


def test_an_older_release_is_explained_by_its_own_tables(log: Shop) -> None:
    sql = "SELECT client, sum(amount) AS amount FROM events GROUP BY client"
    model(log, "sums", sql, {"client": "integer", "amount": "DECIMAL(38,2)"}, "client")
    log.run()
    log.put("events.csv", EVENTS.replace("7.50", "8.50"))
    log.run()
    before, after = (log.json("explain", "sums", "1", "--release", number) for number in ("1", "2"))
    assert [(found["release"], found["row"]["amount"]) for found in (before, after)] == [(1, "12.50"), (2, "13.50")]
    texts = [[record["text"] for record in found["contributions"][0]["records"]] for found in (before, after)]
    assert texts == [
        [EVENTS.splitlines()[1], line] for line in (EVENTS.splitlines()[2], "2,1,2026-01-05 23:30:00,8.50")
    ]
    assert [found["contributions"][0]["records"][1]["version"] for found in (before, after)] == [1, 2]


def test_a_row_that_a_model_does_not_have_is_looked_for_in_its_sources(log: Shop) -> None:
    sql = "SELECT id, amount FROM events WHERE amount > 2"
    model(log, "large", sql, {"id": "integer", "amount": "DECIMAL(10,2)"}, "id")
    model(log, "larger", "SELECT id, amount FROM large", {"id": "integer", "amount": "DECIMAL(10,2)"}, "id")
    log.put("events_2.csv", "id,client,sent,amount\n7,1,2026-01-05 10:00:00,a lot\n")
    log.run()
    for table in ("large", "larger"):
        left_out = log.json("explain", table, "3")
        assert (left_out["row"], parts(left_out)) == ({}, [("events", "large", 1, False)])
        assert left_out["contributions"][0]["records"][0]["text"] == EVENTS.splitlines()[3]
        rejected = log.json("explain", table, "7")
        assert (rejected["row"], rejected["contributions"]) == ({}, [])
        assert [(other["table"], list(other["reasons"])) for other in rejected["others"]] == [
            ("events", ["amount:type"])
        ]
        assert "has no row 8 in release 1" in log.filon("explain", table, "8", exit_code=1)
    assert "large has no such row in release 1" in log.filon("explain", "large", "3")


def test_a_model_that_is_another_one_than_in_the_release_is_not_followed(log: Shop) -> None:
    columns = {"id": "integer", "amount": "DECIMAL(10,2)"}
    model(log, "large", "SELECT id, amount FROM events WHERE amount > 2", columns, "id")
    log.run()
    model(log, "large", "SELECT id, amount FROM events WHERE amount > 3", columns, "id")
    explanation = log.json("explain", "large", "1")
    assert (explanation["row"]["amount"], parts(explanation)) == ("5.00", [])
    assert "is another one today than in release 1" in explanation["not_followed"][0]["reason"]
    log.run()
    assert parts(log.json("explain", "large", "1")) == [("events", "large", 1, True)]


def test_rejected_and_superseded_records_stand_below_the_row_of_a_model_too(log: Shop) -> None:
    model(log, "copies", "SELECT id, amount FROM events", {"id": "integer", "amount": "DECIMAL(10,2)"}, "id")
    again = "1,1,2026-01-05 10:00:00,6.00\n1,1,2026-01-05 10:00:00,much\n"
    log.put("events_2.csv", f"id,client,sent,amount\n{again}")
    log.run()
    explanation = log.json("explain", "copies", "1")
    assert explanation["row"]["amount"] == "6.00"
    assert [(other["record"]["text"], list(other["reasons"])) for other in explanation["others"]] == [
        (EVENTS.splitlines()[1], []),
        ("1,1,2026-01-05 10:00:00,much", ["amount:type"]),
    ]
