"""Every mistake in a project is one Problem with file, line and fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from filon.errors import ConfigError
from filon.project.loader import load_project
from tests.unit.project.mistakes.in_models import IN_A_MODEL
from tests.unit.project.mistakes.in_settings import IN_FILON_YAML
from tests.unit.project.mistakes.in_sources import IN_A_SOURCE
from tests.unit.project.mistakes.in_tests import IN_A_MODEL_TEST
from tests.unit.project.mistakes.shop import (
    BEST,
    BEST_SQL,
    CLIENTS,
    FILON,
    SHOP,
    TESTS,
    TOTALS,
    Mistake,
    change,
    compile_project,
    problems_of,
    shown,
    write_shop,
)

MISTAKES = {
    "filon.yaml": IN_FILON_YAML,
    "source": IN_A_SOURCE,
    "model": IN_A_MODEL,
    "model test": IN_A_MODEL_TEST,
}
ALL = [pytest.param(mistake, id=f"{where}: {mistake.name}") for where, group in MISTAKES.items() for mistake in group]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_shop(tmp_path)
    return tmp_path


def test_the_project_without_a_mistake_compiles(shop: Path) -> None:
    project = compile_project(shop)
    assert (list(project.datasets), list(project.models)) == (["clients", "orders"], ["totals", "best"])


@pytest.mark.parametrize("mistake", ALL)
def test_a_mistake_is_found_at_its_line_with_a_fix(shop: Path, mistake: Mistake) -> None:
    change(shop, mistake)
    problems = problems_of(shop)
    assert shown(shop, problems) == [mistake.at], "\n".join(str(problem) for problem in problems)
    assert mistake.what in problems[0].what
    assert mistake.fix in problems[0].fix
    assert problems[0].fix


def test_a_folder_without_filon_yaml_is_no_project(shop: Path) -> None:
    (shop / "filon.yaml").unlink()
    with pytest.raises(ConfigError, match=r"it has no filon\.yaml\. `filon init` makes one"):
        load_project(shop)


def test_a_project_without_sources_is_told_how_to_get_some(shop: Path) -> None:
    for path in [*(shop / "sources").iterdir(), *(shop / "gold").iterdir()]:
        path.unlink()
    problems = problems_of(shop)
    assert shown(shop, problems) == ["filon.yaml:1"]
    assert "sources/ holds no contract" in problems[0].what
    assert "filon init" in problems[0].fix


def test_a_contract_without_its_sql_is_told_what_to_write(shop: Path) -> None:
    (shop / BEST_SQL).unlink()
    problems = problems_of(shop)
    assert shown(shop, problems) == ["gold/best.yaml:1"]
    assert problems[0].what == "best.sql is missing"
    assert problems[0].fix == "write the SELECT of `best` into it"


def test_a_model_may_not_have_the_name_of_a_source(shop: Path) -> None:
    (shop / "gold/clients.sql").write_text("SELECT client FROM orders GROUP BY client\n")
    (shop / "gold/clients.yaml").write_text((shop / CLIENTS).read_text().split("    customProperties")[0])
    with (shop / "gold/clients.yaml").open("a") as stream:
        stream.write("    properties:\n      - {name: client, logicalType: integer, primaryKey: true}\n")
    problems = problems_of(shop)
    assert shown(shop, problems) == ["gold/clients.yaml:1"]
    assert problems[0].what == "`clients` is also a source"
    assert problems[0].fix == "give the table another name"


def test_no_table_may_have_the_name_of_a_history(shop: Path) -> None:
    contract = (shop / CLIENTS).read_text()
    (shop / "sources/clients_history.yaml").write_text(contract.replace("clients", "clients_history"))
    (shop / CLIENTS).write_text(
        contract.replace("    properties:", "      - {property: history, value: scd2}\n    properties:")
    )
    problems = problems_of(shop)
    assert shown(shop, problems) == ["sources/clients_history.yaml:1"]
    assert problems[0].what == "`clients_history` is also a history"


@pytest.mark.parametrize(("name", "line"), [(CLIENTS, 1), (BEST_SQL, 1), (TESTS, 1), (FILON, 1)])
def test_a_file_that_is_not_utf_8_is_told_to_be_saved_as_such(shop: Path, name: str, line: int) -> None:
    (shop / name).write_bytes("# été\n".encode("latin-1") + (shop / name).read_bytes())
    problems = problems_of(shop)
    assert shown(shop, problems) == [f"{name}:{line}"]
    assert "not UTF-8 text" in problems[0].what
    assert problems[0].fix == "save the file as UTF-8"


def test_a_file_that_starts_with_a_byte_order_mark_is_read(shop: Path) -> None:
    for name in SHOP:
        (shop / name).write_bytes(b"\xef\xbb\xbf" + (shop / name).read_bytes())
    assert problems_of(shop) == ()


def test_all_mistakes_are_told_at_once_in_order_of_file_and_line(shop: Path) -> None:
    for name, right, wrong in [
        (TOTALS, "DECIMAL(38,2)", "MONEY"),
        (CLIENTS, "logicalType: string", "logicalType: text"),
        (CLIENTS, "status: active\n", ""),
        (FILON, "currency", "money"),
        (BEST_SQL, "SELECT client, amount", "SELECT client amount amount"),
    ]:
        (shop / name).write_text((shop / name).read_text().replace(right, wrong))
    assert shown(shop, problems_of(shop)) == [
        "filon.yaml:4",
        "gold/best.sql:2",
        "gold/totals.yaml:23",
        "sources/clients.yaml:1",
        "sources/clients.yaml:15",
    ]


def test_an_unknown_key_does_not_hide_the_other_mistakes_of_its_file(shop: Path) -> None:
    text = (shop / CLIENTS).read_text()
    (shop / CLIENTS).write_text(text.replace("id: shop", "ownr: me\nid: shop").replace("string", "text"))
    assert shown(shop, problems_of(shop)) == ["sources/clients.yaml:3", "sources/clients.yaml:17"]


def test_properties_of_other_vendors_are_left_alone(shop: Path) -> None:
    text = (shop / CLIENTS).read_text()
    added = "      - {property: owner, value: me, vendor: acme}\n    properties:\n"
    (shop / CLIENTS).write_text(text.replace("    properties:\n", added))
    assert problems_of(shop) == ()


def test_a_problem_reads_as_file_line_what_and_fix(shop: Path) -> None:
    (shop / BEST_SQL).unlink()
    [problem] = problems_of(shop)
    assert str(problem) == (f"{shop / BEST}:1: best.sql is missing\n    fix: write the SELECT of `best` into it")
