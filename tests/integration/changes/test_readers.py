"""Changes of contracts and SQL, as whoever reads the tables sees them: each is found, and nothing else."""

from __future__ import annotations

import copy
import datetime as dt
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filon.differences.change import ContractChange, Effect
from filon.differences.contracts import contract_changes, is_wider, version_problems
from filon.errors import ProjectInvalid
from filon.project.loader import load_project
from filon.project.surface import Surface
from filon.project.surfacing import surface_of
from tests.integration.changes.shop import FILES, Documents, changed, whole_shop, write_project
from tests.integration.changes.words import CHANGES, Change, both, column, put, schema, sql, word
from tests.integration.conftest import Shop

FOUND = yaml.safe_load(Path(__file__).with_name("readers.yaml").read_text("utf-8"))
EXPECTED = {(where, name): item["found"] for item in FOUND for where, names in item["by"].items() for name in names}
TODAY = dt.date(2026, 11, 1)


def surface(documents: Documents) -> Surface:
    with tempfile.TemporaryDirectory(prefix="filon-test-") as folder:
        write_project(documents, Path(folder))
        return surface_of(load_project(Path(folder)))


@pytest.fixture(scope="module")
def shop() -> Surface:
    return surface(whole_shop())


def said(changes: tuple[ContractChange, ...]) -> list[str]:
    return sorted(f"{change.effect} {change.table} {change.what}" for change in changes)


@pytest.mark.parametrize(("where", "name"), [(where, name) for where, words in CHANGES.items() for name in words])
def test_a_changed_word_is_found_as_what_it_means_and_as_nothing_else(shop: Surface, where: str, name: str) -> None:
    after = surface(changed(CHANGES[where][name]))
    assert said(contract_changes(shop, after)) == EXPECTED[where, name]


def gone(table: str) -> Change:
    def change(documents: Documents) -> None:
        documents.pop(f"{table}.sql", None)
        del documents[table]

    return change


def not_there(table: str, *names: str) -> Change:
    def change(documents: Documents) -> None:
        owner = documents[table]["schema"][0]
        owner["properties"] = [item for item in owner["properties"] if item["name"] not in names]

    return change


OTHERS: dict[str, tuple[Change, list[str]]] = {
    "a table that is gone": (
        gone("days"),
        ["breaking days table gone"],
    ),
    "a column that is gone": (
        both(sql("days", "SELECT ordered, count(*) AS number FROM orders GROUP BY ordered"), not_there("days", "day")),
        ["breaking days column day gone (VARCHAR)", "compatible days SELECT: as it was → another one"],
    ),
    "a column that is new": (
        lambda documents: documents["clients"]["schema"][0]["properties"].append(
            {"name": "city", "logicalType": "string"}
        ),
        ["compatible clients column city new (VARCHAR)"],
    ),
    "a longer window": (
        both(word("sales", "serving.window.last", "36 months"), word("orders", "serving.window.last", "36 months")),
        [f"compatible {table} window: 24 months of ordered → 36 months of ordered" for table in ("orders", "sales")],
    ),
    "a higher limit": (
        word("sales", "serving.maximumLimit", 5000),
        ["compatible sales limit maximum: 1000 → 5000"],
    ),
    "a table that is deprecated": (
        word("days", "deprecated", {"since": "2026-10-01", "sunset": "2027-01-31"}),
        ["compatible days deprecation: not deprecated → since 2026-10-01 until 2027-01-31"],
    ),
    "sums that are gone": (
        lambda documents: documents["sales"]["schema"][0].update(
            customProperties=[
                entry
                for entry in documents["sales"]["schema"][0]["customProperties"]
                if entry["property"] != "aggregations"
            ]
        ),
        sorted(
            [
                "breaking sales dimension country gone (buyers.country)",
                "breaking sales dimension line gone (sales.line)",
                *(f"breaking sales measure {name}" for name in ("buyers gone (distinct client)", "orders gone (rows)")),
                "breaking sales measure revenue gone (sum amount)",
                *(f"breaking sales path sums/{name} gone" for name in ("analysis", "series", "total")),
            ]
        ),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_comes_and_goes_is_found(shop: Surface, name: str) -> None:
    change, expected = OTHERS[name]
    assert said(contract_changes(shop, surface(changed(change)))) == expected


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (None, ["a", "b"], Effect.COMPATIBLE),
        (["a", "b"], None, Effect.BREAKING),
        (["a"], ["a", "b"], Effect.BREAKING),
        (["a", "b"], ["a"], Effect.BREAKING),
        (["a", "b"], ["b", "a"], None),
    ],
)
def test_a_list_of_values_is_a_promise(
    before: list[str] | None, after: list[str] | None, effect: Effect | None
) -> None:
    def listing(values: list[str] | None) -> Surface:
        spelled = [{"value": value} for value in values] if values else None
        return surface(changed(column("orders", "note", enum=spelled)))

    found = contract_changes(listing(before), listing(after))
    assert [change.effect for change in found if change.aspect == "values"] == ([effect] if effect else [])
    assert len(found) == (effect is not None)


@pytest.mark.parametrize(
    ("new", "old", "wider"),
    [
        ("DECIMAL(14,2)", "DECIMAL(12,2)", True),
        ("DECIMAL(14,4)", "DECIMAL(12,2)", True),
        ("DECIMAL(12,4)", "DECIMAL(12,2)", False),
        ("DECIMAL(12,2)", "DECIMAL(14,2)", False),
        ("DECIMAL(19,0)", "BIGINT", True),
        ("DECIMAL(18,0)", "BIGINT", False),
        ("BIGINT", "DECIMAL(18,0)", True),
        ("BIGINT", "DECIMAL(19,0)", False),
        ("DOUBLE", "BIGINT", False),
        ("VARCHAR", "BIGINT", False),
        ("TIMESTAMP WITH TIME ZONE", "DATE", False),
    ],
)
def test_a_type_is_wider_when_it_holds_every_value_exactly(new: str, old: str, *, wider: bool) -> None:
    assert is_wider(new, old) is wider


ALONE = [
    ("a source", "properties.enum"),
    ("a source", "fromFileName.pattern"),
    ("a source", "rules.expression"),
    ("a gold table", "aggregations.measures"),
    ("a gold table", "properties.relationships"),
    ("a gold table", "SELECT"),
    ("a gold table", "slaProperties"),
    ("a gold table", "quality"),
    ("a source", "keep"),
    ("a source", "properties.required"),
    ("the project", "title"),
]
"""Changes of different things, so that several of them are found as each of them is."""


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(names=st.sets(st.sampled_from(ALONE), min_size=2, max_size=6))
def test_several_changes_are_found_as_each_of_them_is(shop: Surface, names: set[tuple[str, str]]) -> None:
    if ("a source", "rules.expression") in names:
        names = names - {("a source", "keep")}  # both decide which records become rows
    after = surface(changed(both(*(CHANGES[where][name] for where, name in sorted(names)))))
    expected = sorted(line for name in names for line in EXPECTED[name])
    assert said(contract_changes(shop, after)) == expected


def test_a_change_names_what_it_reaches(shop: Surface) -> None:
    after = surface(changed(column("clients", "country", required=True)))
    [change] = contract_changes(shop, after)
    assert change.reached.tables == ("buyers",)
    assert set(change.reached.endpoints) == {
        "tables/clients",
        "tables/buyers",
        "sums/total",
        "sums/series",
        "sums/analysis",
    }
    [change] = contract_changes(shop, surface(changed(column("orders", "amount", physicalType="DECIMAL(13,2)"))))
    assert (change.reached.tables, change.reached.charts) == (("sales",), ("sales",))
    assert "sales" in change.reached.endpoints
    [change] = contract_changes(shop, surface(changed(column("orders", "note", required=True))))
    assert (change.reached.tables, change.reached.endpoints) == ((), ("orders",))


# what versions must say


def problems(
    change: Callable[[Documents], None], before: Callable[[Documents], None] = lambda _: None
) -> tuple[list[str], list[str]]:
    documents = copy.deepcopy(changed(before))
    old = surface(documents)
    change(documents)
    with tempfile.TemporaryDirectory(prefix="filon-test-") as folder:
        write_project(documents, Path(folder))
        project = load_project(Path(folder))
        found = version_problems(project, old, contract_changes(old, surface_of(project)), TODAY)
        refused, warned = ([f"{item.file.name}:{item.line} {item.fix}" for item in items] for items in found)
    return refused, warned


BREAKS, ADDS = word("sales", "serving.filters", ["ordered"]), word("sales", "serving.maximumLimit", 5000)
REFUSED = "sales.yaml:4 take it back, or write `version: 2.0.0`"


@pytest.mark.parametrize(
    ("version", "refused"), [("1.0.0", True), ("1.9.9", True), ("0.9.0", True), ("2.0.0", False), ("3.1.0", False)]
)
def test_what_breaks_needs_a_new_major_version(version: str, *, refused: bool) -> None:
    change = both(BREAKS, word("sales", "serving.aliases", {}))
    assert problems(both(change, put("sales", version=version))) == ([REFUSED] if refused else [], [])


@pytest.mark.parametrize(("version", "warned"), [("1.0.0", True), ("1.0.1", False), ("1.1.0", False), ("2.0.0", False)])
def test_what_is_compatible_without_a_new_version_is_warned_of(version: str, *, warned: bool) -> None:
    refused, found = problems(both(ADDS, put("sales", version=version)))
    assert (refused, bool(found)) == ([], warned)


@pytest.mark.parametrize(
    ("deprecated", "fix"),
    [
        (None, "keep the table, and announce that it goes: `deprecated` in its contract, and a run"),
        ({"since": "2026-10-01", "sunset": "2026-11-02"}, "keep the table until then"),
        ({"since": "2026-10-01", "sunset": "2026-11-01"}, None),
        ({"since": "2026-10-01"}, None),
    ],
)
def test_a_table_may_go_when_that_was_announced(deprecated: dict[str, str] | None, fix: str | None) -> None:
    announced = word("days", "deprecated", deprecated) if deprecated else lambda _: None
    assert problems(gone("days"), announced) == ([f"days.yaml:1 {fix}"] if fix else [], [])


@pytest.mark.parametrize("version", ["one", "v1", "1.0.0.0", "01.0.0", "1.0-beta", ""])
def test_a_version_is_made_of_numbers(version: str, tmp_path: Path) -> None:
    write_project(changed(put("sales", version=version)), tmp_path)
    with pytest.raises(ProjectInvalid) as raised:
        load_project(tmp_path)
    [problem] = raised.value.problems
    assert (problem.file, problem.line) == (tmp_path / "gold" / "sales.yaml", 4)
    assert problem.what == f"`{version}` is no version of a contract"


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"since": "2026-10-01", "successor": "dayz"}, "`days` is replaced by the unknown table `dayz`"),
        ({"since": "2026-10-01", "successor": "days"}, "`days` is replaced by the unknown table `days`"),
        ({"since": "2026-10-01", "sunset": "2026-09-30"}, "`deprecated`: Value error, `sunset` is before `since`"),
        ({"sunset": "2026-09-30"}, "`deprecated.since`: Field required"),
        ({"since": "2026-10-01", "link": "javascript:alert(1)"}, "`deprecated.link`: String should match pattern"),
    ],
)
def test_a_deprecation_that_leads_nowhere_is_a_mistake(said: dict[str, str], what: str, tmp_path: Path) -> None:
    write_project(changed(word("days", "deprecated", said)), tmp_path)
    with pytest.raises(ProjectInvalid) as raised:
        load_project(tmp_path)
    [problem] = raised.value.problems
    assert problem.file == tmp_path / "gold" / "days.yaml"
    assert problem.what.startswith(what)


# on the command line


@pytest.fixture
def published(tmp_path: Path) -> Shop:
    """A shop with a release."""
    write_project(whole_shop(), tmp_path / "project")
    shop = Shop(tmp_path, tmp_path / "project")
    for name, text in FILES.items():
        shop.put(name, text)
    shop.run("--as-of", "2026-01-01")
    return shop


def rewrite(shop: Shop, change: Change) -> None:
    assert shop.project is not None
    shutil.rmtree(shop.project)
    write_project(changed(change), shop.project)


def test_check_compares_with_a_release(published: Shop) -> None:
    told = published.filon("check", "--against", "latest")
    assert "compared with release 1, changes: 0 breaking, 0 compatible" in told
    dropped = both(BREAKS, word("sales", "serving.aliases", {}))
    rewrite(published, dropped)
    told = published.filon("check", "--against", "1", exit_code=2)
    assert "breaking    sales  filter client gone" in told
    assert "sales.yaml:4: `sales` breaks what its readers rely on, and its version is 1.0.0, after 1.0.0" in told
    found = json.loads(published.filon("check", "--against", "1", "--json", exit_code=2))
    assert (found["valid"], found["against"], len(found["problems"])) == (False, 1, 1)
    assert {change["effect"] for change in found["changes"]} == {"breaking"}
    rewrite(published, both(dropped, put("sales", version="2.0.0")))
    assert "breaking    sales  filter client gone" in published.filon("check", "--against", "latest")


def test_check_warns_of_what_is_compatible_and_a_plan_names_it(published: Shop) -> None:
    rewrite(published, both(ADDS, schema("days", description="Days")))
    told = published.filon("check", "--against", "latest")
    assert "changes: 0 breaking, 1 compatible" in told
    plan = json.loads(published.filon("plan", "--as-of", "2026-01-01", "--json"))
    assert [(change["table"], change["aspect"]) for change in plan["contracts"]] == [("sales", "limit")]
    published.filon("plan", "--as-of", "2026-01-01", "--html", "plan.html")
    page = (published.folder / "plan.html").read_text("utf-8")
    assert "<td>compatible</td><td>sales</td><td>limit maximum: 1000 → 5000</td><td>endpoints: sales" in page


@pytest.mark.parametrize(
    ("release", "exit_code", "what"),
    [
        ("9", 1, "there is no release 9"),
        ("0", 1, "there is no release 0"),
        ("newest", 2, "--against newest is no release; give a number, or latest"),
        ("-1", 2, "is no release"),
    ],
)
def test_a_release_that_is_not_there_is_an_error(published: Shop, release: str, exit_code: int, what: str) -> None:
    assert what in published.filon("check", f"--against={release}", exit_code=exit_code)
