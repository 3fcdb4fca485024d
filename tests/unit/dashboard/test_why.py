"""Figures in the address, and the reasons of rejected records in words."""

from __future__ import annotations

import pytest

from filon.api.project import lineage_of
from filon.dashboard.language import Code, Language, texts
from filon.dashboard.reasons import Reasons
from filon.dashboard.why.figure import Figure, figure_of_row
from filon.explain.demands import RECORDS, RULES
from filon.project.loader import load_project
from filon.projects import retail


@pytest.mark.parametrize(
    ("figure", "spelled"),
    [
        (Figure("kpi", ("France", "2025")), "kpi/France/2025"),
        (Figure("kpi", ("a/b", "", "é ?&")), "kpi/a%2Fb//%C3%A9%20%3F%26"),
        (Figure("kpi", ("..",)), "kpi/%2E%2E"),
        (Figure("..", ("x.y",)), "%2E%2E/x.y"),
        (
            Figure("facts", choice=(("measure", "a / b"), ("pays", "A"), ("pays", ""))),
            "facts?measure=a+%2F+b&pays=A&pays=",
        ),
        (
            Figure("facts", choice=(("measure", "a"),), periods=12, is_share=True),
            "facts?measure=a&_periods=12&_share=1",
        ),
    ],
)
def test_a_figure_stands_in_the_address_and_is_read_from_it(figure: Figure, spelled: str) -> None:
    assert figure.spelled == spelled
    assert Figure.read(spelled) == figure


@pytest.mark.parametrize(
    "text", ["", "?", "a?_periods=-1", "a?_periods=²", "a?_periods=99999999999999", "//", "a?b", "%"]
)
def test_any_text_of_an_address_is_a_figure_of_no_periods(text: str) -> None:
    assert Figure.read(text).periods == 0


def test_another_measure_takes_the_place_of_the_first() -> None:
    cell = Figure("facts", choice=(("measure", "a / b"), ("pays", "A")))
    assert cell.of("b").choice == (("measure", "b"), ("pays", "A"))
    assert cell.without(["pays"]).choice == (("measure", "a / b"),)


def test_a_row_is_known_by_its_whole_key() -> None:
    table = {"name": "kpi", "key": ["pays", "annee"]}
    assert figure_of_row(table, {"pays": "A", "annee": 2025, "ca": 1}) == Figure("kpi", ("A", "2025"))
    assert figure_of_row(table, {"pays": "A", "annee": None}) is None
    assert figure_of_row(table, {"pays": "A"}) is None
    assert figure_of_row({"name": "kpi", "key": []}, {"pays": "A"}) is None


def _reasons(code: Code) -> Reasons:
    tables = [table.model_dump() for table in lineage_of(load_project(retail.FOLDER))]
    return Reasons(Language(code, labels={"montant": {"fr": "Montant", "en": "Amount"}}), tables)


def test_reasons_are_said_in_the_language_of_the_page() -> None:
    assert _reasons(Code.ENGLISH).words("achats", "montant:exclusiveMinimum") == "Amount must be above 0"
    assert _reasons(Code.FRENCH).words("achats", "montant:exclusiveMinimum") == "Montant doit être au-dessus de 0"
    assert _reasons(Code.ENGLISH).words("achats", "montant:type") == "Amount must be a number"
    assert _reasons(Code.ENGLISH).words("achats", "record:too_many_fields").startswith("The line has more fields")
    assert _reasons(Code.ENGLISH).words("achats", "gone:required") == "gone:required"
    assert _reasons(Code.ENGLISH).words("elsewhere", "montant:type") == "montant:type"


def test_every_rule_of_the_demo_has_words() -> None:
    for table in lineage_of(load_project(retail.FOLDER)):
        for rule in table.rules:
            assert _reasons(Code.FRENCH).words(table.name, rule.reason) != rule.reason


def test_every_rule_that_a_contract_can_have_has_words() -> None:
    names = [*RULES, "required", "type", "scale", "precision", "reference", *(f"record.{word}" for word in RECORDS)]
    assert [name for name in names if f"rule.{name}" not in texts()] == []
