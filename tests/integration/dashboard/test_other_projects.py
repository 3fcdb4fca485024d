"""Projects whose tables are called like those of the demo, and are others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from filon.api import create_app
from filon.dashboard.launch import SCRIPT
from filon.pages import BUILT_IN
from filon.project.loader import load_project
from filon.projects import retail
from filon.serving.stores import open_store
from filon.settings import Settings
from tests.integration.api.conftest import answering
from tests.integration.api.test_other_contract import CLIENTS, SALES
from tests.integration.conftest import Shop

PAGE = """\
title: {fr: Essai, en: Trial}
filters: [table]
rows:
  - cards: [{measure: ca}, {measure: ca / nb_ventes}]
  - chart: {kind: ranking, measure: ca, by: table}
"""
GOES = """\
      - property: deprecated
        value: {since: 2026-10-01, sunset: 2027-01-31, successor: dim_clients}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The demo, whose sales are analysed by `table` and not by country; a product is called like HTML."""
    folder = tmp_path / "project"
    shutil.copytree(retail.FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    facts = folder / "gold" / "fact_ventes.yaml"
    text = facts.read_text().replace("pays: {column: pays, through: id_client}", "table: {column: segment_client}")
    for path in (folder / "pages").iterdir():
        path.unlink()
    (folder / "pages" / "essai.yaml").write_text(PAGE)
    products = folder / "gold" / "dim_produits.yaml"
    products.write_text(products.read_text().replace("    customProperties:\n", f"    customProperties:\n{GOES}", 1))
    facts.write_text(text.replace("Une vente, avec", "Une **vente** :red[x] <b>y</b>, avec"))
    return folder


@pytest.fixture
def address(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The project is served, and the dashboard knows where."""
    uri = f"sqlite:///{tmp_path / 'serving.db'}"
    shop = Shop(tmp_path / "shop", project, {"FILON_SERVING": uri})
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", SALES)
    shop.run()
    settings = Settings(api_keys=tmp_path / "apikeys.json")
    st.cache_resource.clear()
    with answering(create_app(load_project(project), open_store(uri), settings)) as url:
        monkeypatch.setenv("FILON_API_URL", url)
        yield
    st.cache_resource.clear()


@pytest.mark.usefixtures("address")
def test_the_pages_are_those_of_the_project() -> None:
    page = _drawn("essai")
    assert [title.value for title in page.title] == ["Trial"]
    assert not page.error
    assert [card.label for card in page.metric] == ["Revenue", "Mean basket"]
    for path in BUILT_IN:
        assert not _drawn(path).error


@pytest.mark.usefixtures("address")
def test_a_page_with_a_mistake_says_so_at_its_address_and_the_others_go_on(project: Path) -> None:
    pages = project / "pages"
    (pages / "neuf.yaml").write_text("title: [")
    (pages / "ventes.yaml").write_text(
        PAGE.replace("title:", "icon: no_such_icon\norder: 1\ntitle:").replace("Trial", "Sales")
    )
    page = _drawn("neuf")
    assert [title.value for title in page.title] == ["neuf"]
    assert [heading.value for heading in page.subheader] == [":material/edit_note: The file of this page has a mistake"]
    assert any("not valid YAML" in caption.value for caption in page.caption)
    assert not page.metric
    assert [title.value for title in _drawn("accueil").title] == ["Sales"]
    (pages / "essai.yaml").write_text(PAGE.replace("measure: ca}", "measure: caa}"))
    page = _drawn("essai")
    assert [title.value for title in page.title] == ["Trial"]
    assert [card.label for card in page.metric] == ["Revenue", "Mean basket"], "it is drawn as it was before"
    assert any("did you mean \\`ca\\`" in caption.value for caption in page.caption)
    (pages / "essai.yaml").write_text(PAGE)
    assert not [text for text in _drawn("essai").subheader if "mistake" in text.value]


@pytest.mark.usefixtures("address")
def test_a_dimension_may_be_called_like_another_choice() -> None:
    page = _drawn("essai")
    page.multiselect(key="table_").select("Bronze").run()
    assert not page.exception
    assert page.button(key="chip.table.Bronze").label == "Table \\: Bronze"
    assert _drawn("explorateur", table="fact_ventes").selectbox(key="table").value == "fact_ventes"


@pytest.mark.usefixtures("address")
def test_words_of_a_contract_are_no_markup() -> None:
    text = next(block.value for block in _drawn("explorateur", table="fact_ventes").markdown if "vente" in block.value)
    assert "\\*\\*vente\\*\\*" in text
    assert ":red[" not in text


@pytest.mark.usefixtures("address")
def test_the_explorer_says_that_a_table_will_go() -> None:
    [notice] = _drawn("explorateur", table="dim_produits").warning
    assert notice.value == (
        "This table is deprecated since Oct 1, 2026. It goes on Jan 31, 2027. dim\\_clients replaces it."
    )
    assert not _drawn("explorateur", table="dim_clients").warning


def _drawn(path: str, **query: str) -> AppTest:
    page = AppTest.from_file(str(SCRIPT), default_timeout=60)
    page._page_hash = calc_hash(path)
    for key, value in {"lang": "en", **query}.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page
