"""What users can type, read or meet is documented, and the documentation names nothing that does not exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

import filon
from filon.api import create_app
from filon.cli.app import command as command_line
from filon.cli.lazy import LazyCommand
from filon.cli.up.services import SERVICES, Service
from filon.cli.up.stack import State
from filon.differences.document import (
    ColumnChange,
    Difference,
    Figure,
    FileChange,
    FileDifference,
    Move,
    RecordsDifference,
    RowExample,
    TableDifference,
)
from filon.engines import CsvUnreadable, StatementInvalid
from filon.engines.duckdb.macros import macros
from filon.errors import FilonError
from filon.lake import CheckStatus, FileState
from filon.pages import Card, Chart, ChartKind, Page, Table
from filon.pipeline.report import RunReport, RunStatus
from filon.project import checks, document, grammar, odcs_columns
from filon.project.formats import DATE_LETTERS
from filon.project.functions import GROUPS
from filon.project.loader import Defaults, ProjectFile, load_project
from filon.project.modeltests import WrittenTest
from filon.project.promises import UNITS
from filon.project.types import LOGICAL
from filon.project.values import LONGEST_PATTERN
from filon.project.vocabulary import (
    API_NAMES,
    AggregationSpec,
    AnalysisSpec,
    ApiSpec,
    ChartSpec,
    ColumnDialect,
    ColumnSpec,
    DeprecatedSpec,
    Dialect,
    DimensionSpec,
    EndpointSpec,
    FileNameSpec,
    FooterSpec,
    GoldColumnSpec,
    MeasureSpec,
    ModelSpec,
    NewestSpec,
    Normalise,
    RowRule,
    ServingSpec,
    SourceSpec,
    Window,
)
from filon.projects import retail
from filon.serving.stores import open_store
from filon.settings import PREFIX, Settings
from filon.stages.context import TableStatus
from filon.stages.incremental import Reason, StrategyKind
from filon.stages.incremental.reading import MOST_TABLES
from tests.unit.test_compose import COMPOSE

ROOT = Path(__file__).parents[2]
SOURCE = Path(filon.__file__).parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(ROOT.glob("docs/**/*.md"))
VOCABULARY = (
    SourceSpec,
    Dialect,
    FooterSpec,
    FileNameSpec,
    NewestSpec,
    RowRule,
    ColumnSpec,
    ColumnDialect,
    Normalise,
    ModelSpec,
    ServingSpec,
    Window,
    AggregationSpec,
    MeasureSpec,
    DimensionSpec,
    EndpointSpec,
    ChartSpec,
    AnalysisSpec,
    GoldColumnSpec,
    DeprecatedSpec,
)
ERRORS_OF_ENGINES = (CsvUnreadable, StatementInvalid)  # imported above, so that the tree of errors is whole
ALWAYS = {"--help", "--install-completion", "--show-completion", "--version"}


@cache
def page(name: str) -> str:
    """The text of a page under ``docs``."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@cache
def sections() -> dict[str, str]:
    """The sections of ``commands.md`` by the command that they describe."""
    parts = re.split(r"^## (filon .+)$", page("commands.md"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def words(text: str) -> set[str]:
    """What stands between backquotes, code blocks apart."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)))


def first_cells(text: str) -> set[str]:
    """What stands between backquotes in the first cells of tables."""
    cells = re.findall(r"^\| ([^|]+) \|", text, flags=re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def commands() -> dict[str, Any]:
    """Every command of the command line by its full name."""
    by_name: dict[str, Any] = {}

    def collect(prefix: str, command: Any) -> None:
        for name, listed in getattr(command, "commands", {}).items():
            full, below = f"{prefix} {name}", listed.real if isinstance(listed, LazyCommand) else listed
            if getattr(below, "commands", None):
                collect(full, below)
            if getattr(below, "invoke_without_command", True):
                by_name[full] = below

    collect("filon", command_line())
    return by_name


def options(command: Any) -> set[str]:
    """The long options of a command."""
    return {
        name
        for parameter in command.params
        if parameter.param_type_name == "option"
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    } - ALWAYS


def texts_in(path: Path) -> Iterator[ast.AST]:
    """Every node of a module of Filon."""
    yield from ast.walk(ast.parse((SOURCE / path).read_text(encoding="utf-8")))


def text_of(node: ast.AST | None) -> str | None:
    """The text that a literal holds, if it is one."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def file_reasons() -> set[str]:
    """The reasons with which bronze refuses files."""
    paths = [path.relative_to(SOURCE) for path in (SOURCE / "stages" / "bronze").rglob("*.py")]
    calls = (node for path in paths for node in texts_in(path) if isinstance(node, ast.Call) and node.args)
    reasons = {
        text_of(call.args[0]) for call in calls if isinstance(call.func, ast.Name) and call.func.id == "FileRejected"
    }
    return {reason for reason in reasons if reason}


def record_faults() -> set[str]:
    """The faults that the patient reader finds, and those of the records of other formats."""
    texts = (text_of(node) for node in texts_in(Path("stages/bronze/records.py")))
    paths = [path.relative_to(SOURCE) for path in (SOURCE / "stages/bronze/formats").glob("*.py")]
    calls = (node for path in paths for node in texts_in(path) if isinstance(node, ast.Call) and node.args)
    given = {
        text_of(call.args[0]) for call in calls if isinstance(call.func, ast.Name) and call.func.id == "RecordFault"
    }
    return {fault for fault in texts if fault and re.fullmatch(r"[a-z]+(_[a-z]+)+", fault)} | {f for f in given if f}


def column_rules() -> set[str]:
    """The rules of columns: those that the compiler yields by name, and those that contracts name."""
    yielded = (node.value for node in texts_in(Path("stages/rules.py")) if isinstance(node, ast.Yield))
    named = {text_of(pair.elts[0]) for pair in yielded if isinstance(pair, ast.Tuple)}
    calls = (node for node in texts_in(Path("project/odcs_columns.py")) if isinstance(node, ast.Call) and node.args)
    made = {text_of(call.args[0]) for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Rule"}
    bounds = odcs_columns.TEXT_OPTIONS | odcs_columns.RANGE_OPTIONS
    return {rule for rule in named | made | bounds if rule}


def implied_checks() -> set[str]:
    """The kinds of checks that contracts imply, as they are called in the code."""
    calls = (node for node in texts_in(Path("project/implied.py")) if isinstance(node, ast.Call) and node.args)
    counts = (call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "_count")
    names = (name.values[0] for name in counts if isinstance(name, ast.JoinedStr))
    return {match[1] for name in names if (match := re.match(r"(\w+)\(", text_of(name) or ""))}


def metrics() -> set[str]:
    """The metrics of library checks."""
    literals = {text_of(node) for node in texts_in(Path("project/checks.py"))}
    return {text for text in literals if text and re.fullmatch(r"[a-z]+(Count|Values)", text)} - {"validValues"}


def every_error(root: type[FilonError] = FilonError) -> Iterator[type[FilonError]]:
    """The tree of errors, those of the package only."""
    if root.__module__.startswith("filon."):
        yield root
    for below in root.__subclasses__():
        yield from every_error(below)


def spelled(value: object) -> str | None:
    """A default as the documentation writes it; None when it says so in words."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (BaseModel, tuple, dict)) or value in (None, ""):
        return None
    return str(value)


# commands and settings


@pytest.mark.parametrize("name", commands())
def test_a_command_has_a_section_with_an_example(name: str) -> None:
    assert name in sections()
    assert f"$ {name}" in sections()[name]
    assert f"[`{name}`](#{name.replace(' ', '-')})" in page("commands.md")


@pytest.mark.parametrize("name", commands())
def test_the_options_of_a_command_are_exactly_those_of_its_section(name: str) -> None:
    documented = {word.split()[0] for word in first_cells(sections()[name]) if word.startswith("--")}
    assert documented == options(commands()[name])


@pytest.mark.parametrize("name", commands())
def test_the_arguments_of_a_command_are_documented(name: str) -> None:
    documented = {word.rstrip("…") for word in first_cells(sections()[name]) if word.isupper()}
    labels = [
        parameter.metavar or parameter.name.upper()
        for parameter in commands()[name].params
        if parameter.param_type_name == "argument"
    ]
    assert documented == {re.sub(r"[^\w ]", "", word) for label in labels for word in label.split("|")}


def test_no_section_describes_a_command_that_is_gone() -> None:
    assert set(sections()) == set(commands())


def settings_table() -> str:
    """The settings as ``docs/operations.md`` shows them."""
    lines = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for name, setting in Settings.model_fields.items():
        default = "" if setting.default is None else f"`{setting.default}`"
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {setting.description} |")
    return "\n".join(lines)


def test_the_table_of_settings_is_made_from_the_code() -> None:
    assert settings_table() in page("operations.md"), f"put this table into docs/operations.md:\n{settings_table()}"


def test_settings_are_exactly_those_documented() -> None:
    variables = {f"FILON_{name.upper()}" for name in Settings.model_fields}
    assert {word for word in first_cells(page("settings.md")) if word.startswith("FILON_")} == variables


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_default_of_a_setting_is_documented(name: str) -> None:
    [row] = re.findall(rf"^\| `FILON_{name.upper()}` \|.*$", page("settings.md"), flags=re.MULTILINE)
    default = spelled(Settings.model_fields[name].default)
    assert default is None or f"`{default}`" in row


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_page_names_a_setting_that_does_not_exist(path: Path) -> None:
    named = set(re.findall(r"\bFILON_([A-Z_]+[A-Z])\b", path.read_text(encoding="utf-8")))
    of_tests = {name for name in named if name.startswith("TEST_")}
    assert {name.lower() for name in named - of_tests} <= set(Settings.model_fields)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_page_shows_a_command_or_option_that_does_not_exist(path: Path) -> None:
    known = commands()
    for line in re.findall(r"^\$ (?:\S*/)?(filon .+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
        parts = line.split()
        length = 3 if " ".join(parts[:3]) in known else 2
        name = " ".join(parts[:length])
        assert name in known, line
        assert {part for part in parts if part.startswith("--")} <= options(known[name]), line


# outcomes


@pytest.mark.parametrize("error", dict.fromkeys(every_error()), ids=lambda error: error.__name__)
def test_an_error_stands_with_its_exit_code(error: type[FilonError]) -> None:
    assert re.search(rf"^\| {error.exit_code} \|.*`{error.__name__}`", page("semantics.md"), flags=re.MULTILINE)


@pytest.mark.parametrize("error", dict.fromkeys(every_error()), ids=lambda error: error.__name__)
def test_an_error_stands_with_what_to_do(error: type[FilonError]) -> None:
    assert error.__name__ in first_cells(page("operations.md"))


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_of_the_stack_stands_with_its_port(service: Service) -> None:
    assert re.search(rf"^\| `{service.name}` \| {service.port or ''}", page("operations.md"), flags=re.MULTILINE)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_is_documented(name: str) -> None:
    assert name in first_cells(page("deploy.md"))


@pytest.mark.parametrize("name", re.findall(r"filon_[a-z_]+", (SOURCE / "api/metrics.py").read_text()))
def test_a_metric_is_documented(name: str) -> None:
    assert first_cells(page("operations.md")) & {name, f"{name}_total"}


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_an_exit_code_is_documented(code: int) -> None:
    assert re.search(rf"^\| {code} \|", page("semantics.md"), flags=re.MULTILINE)


@pytest.mark.parametrize("reason", sorted(file_reasons()))
def test_a_reason_to_quarantine_a_file_is_documented(reason: str) -> None:
    assert reason in first_cells(page("semantics.md"))


@pytest.mark.parametrize("fault", sorted(record_faults()))
def test_a_fault_of_a_record_is_documented(fault: str) -> None:
    assert f"record:{fault}" in first_cells(page("semantics.md"))


@pytest.mark.parametrize("rule", sorted(column_rules()))
def test_a_reason_to_reject_a_row_is_documented(rule: str) -> None:
    assert f"column:{rule}" in first_cells(page("semantics.md"))


def test_no_reason_is_documented_that_is_never_given() -> None:
    cells = first_cells(page("semantics.md"))
    assert {cell.removeprefix("column:") for cell in cells if cell.startswith("column:")} == column_rules()
    assert {cell.removeprefix("record:") for cell in cells if cell.startswith("record:")} == record_faults() | {"…"}


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("semantics.md", FileState),
        ("commands.md", RunStatus),
        ("commands.md", TableStatus),
        ("commands.md", CheckStatus),
        ("commands.md", State),
    ],
)
def test_a_state_is_documented(name: str, states: type[StrEnum]) -> None:
    assert {state.value for state in states} <= words(page(name))


def test_the_report_of_a_run_is_documented() -> None:
    parts = [part for field in RunReport.model_fields.values() for part in get_args(field.annotation)]
    models: list[type[BaseModel]] = [RunReport]
    models += [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]
    names = {name for model in models if model is not Difference for name in model.model_fields}
    assert names <= words(sections()["filon run"])


def test_a_difference_is_documented() -> None:
    models: set[type[BaseModel]] = {
        Difference,
        TableDifference,
        FileDifference,
        RecordsDifference,
        ColumnChange,
        Figure,
        Move,
        RowExample,
    }
    names = {name for model in models for name in model.model_fields} | {*FileChange}
    assert names <= words(sections()["filon plan"])


# projects


@pytest.mark.parametrize(
    ("model", "name"), [(model, name) for model in VOCABULARY for name in model.model_fields], ids=str
)
def test_a_word_of_the_vocabulary_stands_with_its_default_and_its_values(model: type[BaseModel], name: str) -> None:
    field = model.model_fields[name]
    rows = re.findall(rf"^\| `{to_camel(name)}` \|.*$", page("contracts.md"), flags=re.MULTILINE)
    assert rows
    default = spelled(field.default) if not field.is_required() else "required"
    assert any(default is None or f"| {default} |" in row or f"| `{default}` |" in row for row in rows)
    if isinstance(field.annotation, type) and issubclass(field.annotation, StrEnum):
        assert any({value.value for value in field.annotation} <= words(row) for row in rows)


def test_no_word_of_the_vocabulary_is_documented_that_does_not_exist() -> None:
    parts = re.split(r"^#{2,3} ", page("contracts.md"), flags=re.MULTILINE)
    text = "".join(part for part in parts if part.startswith("Vocabulary"))
    assert first_cells(text) == {to_camel(name) for model in VOCABULARY for name in model.model_fields}


@pytest.mark.parametrize(
    ("title", "model"), [("A page", Page), ("A card", Card), ("A chart", Chart), ("A table", Table)]
)
def test_the_words_of_pages_are_exactly_those_documented(title: str, model: type[BaseModel]) -> None:
    section = page("pages.md").split(f"## {title}\n")[1].split("\n## ")[0]
    assert first_cells(section) == set(model.model_fields)
    for kind in ChartKind if model is Chart else ():
        assert f"`{kind}`" in section or kind is ChartKind.TABLE


@pytest.mark.parametrize("word", sorted({*ProjectFile.model_fields, *Defaults.model_fields}))
def test_a_key_of_the_project_file_is_documented(word: str) -> None:
    assert word in words(page("contracts.md").split("## A source contract")[0])


def test_the_names_of_the_api_stand_with_their_defaults() -> None:
    text = page("contracts.md").split("Words of `api`")[1].split("## A source contract")[0]
    documented = dict(re.findall(r"^\| `(\w+)` \| name \| `(\w+)` \|", text, flags=re.MULTILINE))
    assert documented == {to_camel(name): field.default for name, field in ApiSpec.model_fields.items()}
    assert words(text) >= API_NAMES


@pytest.mark.parametrize(
    "word",
    sorted({*LOGICAL, *odcs_columns.TEXT_OPTIONS, *odcs_columns.DATE_OPTIONS, *checks.OPERATORS, *metrics()}),
)
def test_a_word_of_the_standard_that_is_read_is_documented(word: str) -> None:
    assert word in first_cells(page("contracts.md"))


@pytest.mark.parametrize("unit", sorted(UNITS))
def test_a_unit_of_a_latency_is_documented(unit: str) -> None:
    assert unit in words(page("contracts.md"))


@pytest.mark.parametrize("letters", sorted(DATE_LETTERS))
def test_a_part_of_a_date_format_is_documented(letters: str) -> None:
    assert letters in words(page("semantics.md"))


@pytest.mark.parametrize("key", WrittenTest.model_fields)
def test_a_key_of_a_model_test_is_documented(key: str) -> None:
    assert key in first_cells(page("testing-models.md"))


# SQL


def functions() -> set[str]:
    """The signatures of the functions that engines define."""
    matches = (re.search(r"MACRO (.+?\)) AS", macro) for macro in macros("fr", "UTC", "2026-01-01"))
    return {match[1] for match in matches if match}


def test_sql_functions_are_exactly_those_documented() -> None:
    text = page("sql.md").split("## Functions")[1].split("### Common SQL")[0]
    assert first_cells(text) == functions()
    assert {signature.split("(")[0] for signature in functions()} == GROUPS["Filon's own"]


@pytest.mark.parametrize("group", [group for group in GROUPS if group != "Filon's own"])
def test_a_function_of_common_sql_is_documented(group: str) -> None:
    text = page("sql.md").split("### Common SQL")[1].split("## What is refused")[0]
    [cells] = re.findall(rf"^\| {group} \| (.+) \|$", text, flags=re.MULTILINE)
    assert set(re.findall(r"`([^`]+)`", cells)) == GROUPS[group]


@pytest.mark.parametrize("bound", [grammar.LONGEST_TEXT, grammar.MOST_TOKENS, grammar.LONGEST_RUN])
def test_a_bound_of_sql_is_documented(bound: int) -> None:
    assert f"{bound:,}" in page("sql.md")


def test_implied_checks_are_exactly_those_documented() -> None:
    text = page("contracts.md").split("Every\ncontract implies some:")[1].split("Others are written")[0]
    assert {name.removesuffix("(…)") for name in first_cells(text)} == implied_checks()
    assert "finite" in implied_checks()


@pytest.mark.parametrize("bound", [document.LARGEST_FILE, document.MOST_NODES, document.MOST_FILES, LONGEST_PATTERN])
def test_a_bound_of_contracts_is_documented(bound: int) -> None:
    assert f"{bound:,}" in page("contracts.md")


def test_reasons_of_full_models_are_exactly_those_documented() -> None:
    assert first_cells(page("incremental.md").split("## Reasons")[1]) == {reason.value for reason in Reason}
    assert {kind.value for kind in StrategyKind} <= first_cells(page("incremental.md"))
    assert str(MOST_TABLES) in page("incremental.md")


# the code


def listed_modules() -> str:
    """The list of folders and modules in architecture.md."""
    return page("architecture.md").split("## The folders")[1].split("```")[1]


def modules() -> list[Path]:
    """Every module, but for the pages of the dashboard, which are files of one kind."""
    paths = (path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if path.name != "__init__.py")
    return sorted(path for path in paths if path.parent != Path("dashboard/views"))


@pytest.mark.parametrize("module", modules(), ids=str)
def test_a_module_is_listed(module: Path) -> None:
    assert re.search(rf"\b{module.stem}\b", listed_modules())


def test_no_module_is_listed_that_is_gone() -> None:
    names = set(re.findall(r"\b(\w+)\.py\b", listed_modules()))
    assert names <= {module.stem for module in modules()}


# the API


@cache
def api_document() -> dict[str, Any]:
    """The OpenAPI document of the retail project."""
    store = open_store("sqlite:///nowhere/serving.db")  # describing the API asks no store
    return create_app(load_project(retail.FOLDER), store, Settings()).openapi()


def documented_paths() -> set[str]:
    """The paths that api.md names, the words in capitals standing for parameters, ``…`` for whatever follows."""
    paths: set[str] = set()
    for cell in re.findall(r"^\| (`/[^|]+) \|", page("api.md"), flags=re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", cell)
        paths |= {
            first,
            *(other if other.startswith("/") else f"{first.rpartition('/')[0]}/{other}" for other in others),
        }
    return paths


def test_every_path_of_the_api_is_documented() -> None:
    made = {f"/api/v1/{path}" for path in contract_paths()}
    fixed = {re.sub(r"\{\w+\}", "NAME", path) for path in api_document()["paths"]} - made
    fixed = {path for path in fixed if not path.startswith("/api/v1/tables/")}
    assert fixed <= documented_paths()


def contract_paths() -> set[str]:
    """The paths that contracts give; api.md says how."""
    paths = set[str]()
    for model in load_project(retail.FOLDER).models.values():
        if model.serving.path:
            paths |= {model.serving.path, f"{model.serving.path}/NAME"}
        if model.aggregations:
            paths |= {model.aggregations.total.path, model.aggregations.series.path}
            if model.aggregations.analysis:
                paths |= {model.aggregations.analysis.path, f"explain/{model.name}"}
    return paths


# the pages themselves


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_inside_the_repository_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        other = (path.parent / name) if name else path
        assert other.is_file(), target
        if anchor:
            assert anchor in anchors(other), target


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, left = set[Path](), [ROOT / "README.md"]
    while left:
        path = left.pop()
        reached.add(path)
        for target in re.findall(r"\]\(([^)#]+\.md)", path.read_text(encoding="utf-8")):
            other = (path.parent / target).resolve()
            if "://" not in target and other not in reached:
                left.append(other)
    assert set(PAGES) <= reached


def test_the_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in sorted(ROOT.glob("docs/adr/*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_make_targets_are_documented() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*## ", makefile, flags=re.MULTILINE))
    documented = first_cells((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert documented == {f"make {target}" for target in targets}
