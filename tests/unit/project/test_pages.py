"""Pages of a project: what is read of them, and how mistakes are told."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from filon.pages import Card, Chart, ChartKind, Compare, Entry, Page, Table, in_language
from filon.project.loader import load_project
from filon.project.pages import Pages, read_pages, subjects_of
from filon.projects import retail

PAGE = """\
title: {fr: Essai, en: Trial}
of: fact_ventes
filters: [date_achat, pays]
rows:
  - cards:
      - {measure: ca / nb_ventes, compare: last_year}
  - chart:
      kind: bar
      measure: ca
      by: mois
      drill: [annee, mois, rows]
  - table:
      of: dim_clients
      columns: [nom, pays]
      sort: -total_ca
      select: pays
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The retail project with one page only."""
    folder = tmp_path / "project"
    shutil.copytree(retail.FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__", "pages"))
    (folder / "pages").mkdir()
    (folder / "pages" / "essai_un.yaml").write_text(PAGE)
    return folder


def test_a_page_is_read_with_the_table_of_each_block(project: Path) -> None:
    [(name, page)] = load_project(project).pages.items()
    assert (name, page.path, page.filters) == ("essai_un", "essai-un", ("date_achat", "pays"))
    assert list(page.blocks) == [
        Card(measure="ca / nb_ventes", compare=Compare.LAST_YEAR, of="fact_ventes"),
        Chart(kind=ChartKind.BAR, measure=("ca",), by=("mois",), drill=("annee", "mois", "rows"), of="fact_ventes"),
        Table(of="dim_clients", columns=("nom", "pays"), sort="-total_ca", select="pays"),
    ]
    assert page.tables == ("fact_ventes", "dim_clients")


def test_the_only_table_with_an_analysis_need_not_be_named(project: Path) -> None:
    (project / "pages" / "essai_un.yaml").write_text(PAGE.replace("of: fact_ventes\n", ""))
    assert load_project(project).pages["essai_un"].tables == ("fact_ventes", "dim_clients")


def test_a_page_is_written_and_read_again_as_it_is() -> None:
    for page in load_project(retail.FOLDER).pages.values():
        assert Page.model_validate_json(page.model_dump_json()) == page


def test_the_pages_of_the_demo_are_in_the_order_of_the_menu() -> None:
    pages = load_project(retail.FOLDER).pages
    assert [page.path for page in pages.values()] == ["apercu", "chiffre-d-affaires", "clients", "produits"]


def test_a_text_is_in_the_language_asked_for_else_in_that_of_the_project() -> None:
    assert in_language({"fr": "Ventes", "en": "Sales"}, "en", "fr") == "Sales"
    assert in_language({"fr": "Ventes"}, "en", "fr_FR") == "Ventes"
    assert in_language({"de": "Umsatz"}, "en", "fr") == "Umsatz"
    assert in_language("Total", "en", "fr") == "Total"


MISTAKES = [
    ("unknown key", "measure: ca\n", "mesure: ca\n", 9, "unknown key `rows.1.chart.mesure`", "did you mean `measure`?"),
    ("unknown kind", "kind: bar", "kind: pie", 8, "`rows.1.chart.kind` is 'pie'", "change the value of `kind`"),
    ("unknown measure", "measure: ca\n", "measure: caa\n", 9, "`measure` names `caa`", "did you mean `ca`?"),
    ("unknown part of a ratio", "ca / nb_ventes", "ca / nb_vente", 6, "`nb_vente`", "did you mean `nb_ventes`?"),
    ("unknown period", "by: mois", "by: moi", 10, "`by` names `moi`, which is no period", "did you mean `mois`?"),
    ("too many names", "by: mois", "by: [mois, pays]", 10, "`bar` is drawn by 1 names, not 2", "as many under `by`"),
    ("drill uphill", "[annee, mois, rows]", "[mois, annee]", 11, "does not go from long to short", "['annee', 'mois']"),
    ("unknown level", "[annee, mois, rows]", "[semaine]", 11, "`drill` names `semaine`", "use one of: annee"),
    ("unknown table", "of: dim_clients", "of: dim_client", 13, "no table that is served", "did you mean `dim_clients`"),
    ("unknown column", "[nom, pays]", "[nom, payss]", 14, "`columns` names `payss`", "did you mean `pays`?"),
    ("not sortable", "-total_ca", "-email", 15, "`sort` names `email`", "use one of: id_client, pays"),
    ("no filter to choose", "select: pays", "select: segment", 16, "`select` names `segment`", "use one of: pays"),
    ("unknown filter", "[date_achat, pays]", "[date_achat, pay]", 3, "unknown filter `pay`", "did you mean `pays`?"),
    ("filter of nothing", "[date_achat, pays]", "[pays, rang_x]", 3, "unknown filter `rang_x`", "use one of"),
    (
        "box of a count",
        "kind: bar\n      measure: ca",
        "kind: box\n      measure: nb_ventes",
        9,
        "sum of single values",
        "ca",
    ),
    ("a number as title", "{fr: Essai, en: Trial}", "12", 1, "`title` is 12", "change the value of `title`"),
    ("no row", PAGE[PAGE.index("rows:") :], "rows: []", 1, "a page has at least one row", "change the values"),
    ("a filter twice", "[date_achat, pays]", "[pays, pays]", 3, "`filters` names `pays` twice", "name it once"),
    ("a column twice", "[nom, pays]", "[nom, nom]", 14, "`columns` names `nom` twice", "name it once"),
    ("a colour that is there", "kind: bar", "kind: bar\n      color: mois", 9, "`color` names `mois`", ""),
    ("a ratio of three", "ca / nb_ventes", "ca / nb_ventes / ca", 6, "a ratio of 3 measures", "ca / nb_ventes"),
    ("two things in a row", "  - table:", "    table:", 7, "a row is one of cards, chart", "change the value"),
    ("no language", "{fr: Essai, en: Trial}", "{french: Essai}", 1, "`title", "change the value"),
    (
        "colour of a ranking",
        "kind: bar",
        "kind: ranking\n      color: pays",
        9,
        "`ranking` has no `color`",
        "take it away",
    ),
    ("a path of Filon", "of: fact_ventes\n", "path: qualite\n", 2, "belongs to Filon itself", "`path` of its own"),
    ("limit below", "sort: -total_ca", "limit: 9\n      upto: 5", 12, "`upto` is above `limit`", "change the value"),
    ("granularity", "of: fact_ventes\n", "granularity: heure\n", 2, "`heure`, which is no period", "use one of"),
    (
        "card of nothing",
        "{measure: ca / nb_ventes, compare: last_year}",
        "{spark: mois}",
        6,
        "one of the two",
        "change",
    ),
]


@pytest.mark.parametrize(
    ("right", "wrong", "line", "what", "fix"), [rest for _, *rest in MISTAKES], ids=[name for name, *_ in MISTAKES]
)
def test_a_mistake_is_told_with_file_line_and_fix(
    project: Path, right: str, wrong: str, line: int, what: str, fix: str
) -> None:
    path = project / "pages" / "essai_un.yaml"
    assert right in PAGE
    path.write_text(PAGE.replace(right, wrong))
    problem = min(load_project(project).page_problems)
    assert (problem.file, problem.line) == (path, line), str(problem)
    assert what in problem.what
    assert fix in problem.fix


def test_a_filter_that_no_block_has_is_a_mistake(project: Path) -> None:
    path = project / "pages" / "essai_un.yaml"
    path.write_text(PAGE.replace("[date_achat, pays]", "[date_achat, pays, total_ca]").split("  - table")[0])
    [problem] = load_project(project).page_problems
    assert problem.what == "no block of the page can be filtered by `total_ca`"


def test_two_pages_have_two_paths(project: Path) -> None:
    (project / "pages" / "autre.yaml").write_text(PAGE.replace("of:", "path: essai-un\nof:", 1))
    found = load_project(project)
    assert list(found.pages) == ["autre"]
    [problem] = found.page_problems
    assert (problem.file.name, problem.what) == ("essai_un.yaml", "the path `essai-un` belongs to `autre`")


def read(folder: Path, before: Mapping[str, Page] | None = None) -> Pages:
    project = load_project(folder)
    return read_pages(folder, subjects_of(project.datasets, project.models, project.api), before or {})


def test_a_page_with_a_mistake_keeps_its_place_in_the_menu(project: Path) -> None:
    path = project / "pages" / "essai_un.yaml"
    path.write_text(
        PAGE.replace("of: fact", "icon: 7\norder: 3\npath: ventes\nof: fact").replace("kind: bar", "kind: pie")
    )
    [(name, faulty)] = read(project).faulty.items()
    assert (name, faulty.page) == ("essai_un", None)
    assert faulty.entry == Entry(title={"fr": "Essai", "en": "Trial"}, path="ventes", order=3)
    assert [problem.line for problem in faulty.problems] == [2, 11]


@pytest.mark.parametrize("text", ["title: [", "", "- 1", "title: {fr: ' '}", "a: &a [*a]", "\x00"])
def test_a_file_that_is_no_page_is_an_entry_under_its_name(project: Path, text: str) -> None:
    (project / "pages" / "essai_un.yaml").write_text(text)
    found = read(project)
    assert not found.sound
    assert found.faulty["essai_un"].entry == Entry(title="essai_un", path="essai-un")
    assert found.problems == load_project(project).page_problems != ()


def test_a_mistake_falls_back_to_the_page_before(project: Path) -> None:
    path = project / "pages" / "essai_un.yaml"
    before = read(project).sound
    path.write_text("title: [")
    faulty = read(project, before)
    assert faulty.known == before
    assert faulty.faulty["essai_un"].entry == Entry(title={"fr": "Essai", "en": "Trial"}, path="essai-un")
    path.write_text(PAGE)
    assert read(project, faulty.known) == Pages(before)


def test_no_two_entries_have_one_path_whatever_the_mistakes(project: Path) -> None:
    before = read(project).sound
    pages = project / "pages"
    (pages / "essai_un.yaml").write_text("title: [")
    (pages / "autre.yaml").write_text(PAGE.replace("of:", "path: essai-un\nof:", 1))
    (pages / "pipeline.yaml").write_text(PAGE)
    (pages / "essai-un-2.yaml").write_text("rows: 1")
    (pages / "autre.yml").write_text(PAGE)
    (pages / "qualite.yml").write_text(PAGE)
    found = read(project, before)
    assert found.sound == {}
    paths = {name: item.entry.path for name, item in found.faulty.items()}
    assert paths == {
        "autre": "autre",
        "essai-un-2": "essai-un-2",
        "essai_un": "essai-un",
        "pipeline": "pipeline-2",
        "qualite": "qualite-2",
    }
    assert found.known == before
    (pages / "neuf.yaml").write_text(PAGE.replace("of:", "path: essai-un\nof:", 1))
    found = read(project, before)
    assert list(found.sound) == ["neuf"]
    assert found.faulty["essai_un"].entry.path == "essai-un-2", "a page without a mistake goes first"
