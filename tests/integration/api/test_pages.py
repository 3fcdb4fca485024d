"""The pages of the project as the API serves them, and as their files change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from httpx import Client

from filon.api import create_app
from filon.pages import Page
from filon.project.loader import load_project
from filon.projects import retail
from filon.serving.stores import open_store
from filon.settings import Settings
from tests.integration.api.conftest import answering


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The retail project, whose pages may be changed."""
    copy = tmp_path / "project"
    shutil.copytree(retail.FOLDER, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return copy


def test_pages_are_served_and_follow_their_files(folder: Path, tmp_path: Path) -> None:
    project = load_project(folder)
    settings = Settings(api_keys=tmp_path / "apikeys.json")
    app = create_app(project, open_store(f"sqlite:///{tmp_path / 'serving.db'}"), settings)
    with answering(app, settings) as url, Client(base_url=url) as client:

        def served() -> tuple[dict[str, Page], list[str]]:
            answer = client.get("/api/v1/pages").json()
            pages: dict[str, Page] = {item["name"]: Page.model_validate(item["page"]) for item in answer["data"]}
            for fault in answer["faulty"]:
                pages[fault["name"]] = fault["page"] and Page.model_validate(fault["page"])
            found = [problem for fault in answer["faulty"] for problem in fault["problems"]]
            return pages, [f"{item['file']}:{item['line']}: {item['what']}" for item in found]

        assert served() == (dict(project.pages), [])
        path = folder / "pages" / "produits.yaml"
        text = path.read_text()
        path.write_text(text.replace("order: 4", "order: 0"))
        assert list(served()[0]) == ["produits", "apercu", "chiffre_d_affaires", "clients"]
        path.write_text(text.replace("order: 4", "ordre: 0"))
        pages, problems = served()
        assert pages["produits"].order == 0, "it stays as it was"
        assert problems == ["pages/produits.yaml:4: unknown key `ordre`"]
        path.unlink()
        assert "produits" not in served()[0]
        assert served()[1] == []


def test_pages_that_never_fitted_the_contracts_are_named_beside_the_others(folder: Path, tmp_path: Path) -> None:
    path = folder / "pages" / "produits.yaml"
    text = path.read_text()
    path.write_text(text.replace("order: 4", "ordre: 4"))
    (folder / "pages" / "clients.yaml").write_text("title: [")
    settings = Settings(api_keys=tmp_path / "apikeys.json")
    app = create_app(load_project(folder), open_store(f"sqlite:///{tmp_path / 'serving.db'}"), settings)
    with answering(app, settings) as url, Client(base_url=url) as client:
        answer = client.get("/api/v1/pages").json()
        assert [item["name"] for item in answer["data"]] == ["apercu", "chiffre_d_affaires"]
        torn, unfit = answer["faulty"]
        assert torn["entry"] == {"title": "clients", "path": "clients", "icon": "bar_chart", "order": 100}
        assert unfit["entry"]["title"] == {"fr": "Produits", "en": "Products"}
        assert torn["page"] is unfit["page"] is None
        assert "not valid YAML" in torn["problems"][0]["what"]
        path.write_text(text)
        answer = client.get("/api/v1/pages").json()
        assert [item["name"] for item in answer["data"]] == ["apercu", "chiffre_d_affaires", "produits"]
        assert [item["name"] for item in answer["faulty"]] == ["clients"]


def test_the_project_says_what_people_call_things_and_how_time_is_called(api: Client) -> None:
    about = api.get("/api/v1/project").json()
    assert about["labels"]["pays"] == {"fr": "Pays", "en": "Country"}
    assert about["api"]["month"] == "mois"
    tables = {table["name"]: table for table in api.get("/api/v1/tables").json()["data"]}
    formats = {column["name"]: column["format"] for column in tables["fact_ventes"]["columns"]}
    assert formats["montant"] == "money"
    assert formats["annee"] == formats["id_achat"] == formats["id_client"] == "plain"
    assert formats["produit"] is None
    assert tables["fact_ventes"]["analysis"]["formats"]["ca"] == "money"
    assert tables["fact_ventes"]["analysis"]["formats"]["nb_clients"] == "number"
    refers = {column["name"]: column["refers_to"] for column in tables["fact_ventes"]["columns"]}
    assert refers["id_client"] == "dim_clients.id_client"
