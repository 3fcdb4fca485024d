"""Who sees what of an explanation."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from filon.api.explanations import View
from filon.explain.report import OBSTACLES, Obstacle
from filon.project.loader import load_project
from filon.project.vocabulary import Window
from filon.projects import retail
from filon.serving.served import ServedTable, served_tables

RECORD = {"file": "a.csv", "version": 1, "sha256": "0", "record": 3, "fields": {"id": "1"}, "text": "1"}


@pytest.fixture(scope="module")
def served() -> dict[str, ServedTable]:
    return served_tables(load_project(retail.FOLDER))


def found(**given: Any) -> dict[str, Any]:
    """An explanation as the process gives it."""
    nothing = {
        "table": "fact_ventes",
        "release": 1,
        "sql": None,
        "inputs": [],
        "others_total": 0,
        "counts_forgotten": 0,
        "row": {},
    }
    return {**nothing, "contributions": [], "not_followed": [], "others": [], **given}


def part(table: str) -> dict[str, Any]:
    facts = {"read_by": "m", "rows": 1, "exact": True, "of_shown": False, "skip": 0}
    return {"table": table, **facts, "condition": "id = 1", "shown": [{"id": 1}], "keys": [[1]], "records": [RECORD]}


def test_rows_that_the_store_does_not_show_are_withheld(served: dict[str, ServedTable]) -> None:
    spec = served["dim_clients"].spec.model_copy(update={"window": Window(column="date_inscription", last="30 days")})
    cut = {**served, "dim_clients": dataclasses.replace(served["dim_clients"], spec=spec)}
    shown = {"condition": "id = 1", "data": [{"id": 1}]}
    withheld: dict[str, Any] = {"condition": None, "data": []}
    for view, table, expected in (
        (View(everything=False, served=served), "dim_clients", shown),
        (View(everything=False, served=cut), "dim_clients", withheld),
        (View(everything=False, served=served), "clients", withheld),
        (View(everything=True, served=cut), "clients", shown),
    ):
        explanation = view.explanation(found(contributions=[part(table)]))
        [given] = explanation["contributions"]
        assert {name: given[name] for name in expected} == expected
        assert (given["rows"], explanation["withheld"]) == (1, not view.everything)
        assert given["records"] == [RECORD if view.everything else {**RECORD, "fields": None, "text": None}]


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({"row": {"id": 1}, "others": [{"reasons": {"a": ""}}]}, "found"),
        ({"others": [{"reasons": {}}, {"reasons": {"a": ""}}], "contributions": [part("clients")]}, "rejected"),
        ({"others": [{"reasons": {}}], "contributions": [part("clients")]}, "left_out"),
        ({"others": [{"reasons": {}}]}, "superseded"),
    ],
)
def test_the_state_says_why_there_is_no_row(served: dict[str, ServedTable], given: Any, state: str) -> None:
    others = [{"table": "clients", "record": RECORD, **other} for other in given.pop("others")]
    assert View(everything=True, served=served).explanation(found(**given, others=others))["state"] == state


def test_what_an_engine_says_stays_on_the_server(served: dict[str, ServedTable]) -> None:
    words = OBSTACLES[Obstacle.REFUSED]
    refused = {"table": "clients", "read_by": "m", "code": "refused", "reason": f"{words}: IO Error: /secret/place"}
    followed = {"table": "achats", "read_by": "m", "code": "subquery", "reason": "a subquery reads it"}
    for view in (View(everything=True, served=served), View(everything=False, served=served)):
        given = view.explanation(found(not_followed=[refused, followed]))["not_followed"]
        assert [item["reason"] for item in given] == [words, "a subquery reads it"]
