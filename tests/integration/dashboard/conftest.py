"""What tests of views share: the API over a store of each kind, and the script that Streamlit runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from filon.api import create_app
from filon.dashboard.launch import SCRIPT
from filon.serving.stores import open_store
from filon.settings import Settings
from tests.integration.api.conftest import ServedApi, answering, served, served_from_mongodb, served_from_sqlite

__all__ = ["served", "served_from_mongodb", "served_from_sqlite"]

Draw = Callable[..., AppTest]
SECONDS = 60
PATHS = {
    "overview": "accueil",
    "revenue": "chiffre-d-affaires",
    "clients": "clients",
    "products": "produits",
    "explorer": "explorateur",
    "quality": "qualite",
    "pipeline": "pipeline",
}
"""Addresses of the pages of the demo project."""


@pytest.fixture(scope="module")
def api_url(served: ServedApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the API."""
    settings = Settings(api_keys=tmp_path_factory.mktemp("keys") / "apikeys.json")
    with answering(create_app(served.project, open_store(served.uri), settings)) as address:
        yield address


@pytest.fixture
def draw(api_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Draw]:
    """Draws a page by its name in ``PATHS``; other arguments stand in the address."""
    monkeypatch.setenv("FILON_API_URL", api_url)

    def drawn(name: str, **query: str | list[str]) -> AppTest:
        page = AppTest.from_file(str(SCRIPT), default_timeout=SECONDS)
        page._page_hash = calc_hash(PATHS[name])
        for key, value in {"lang": "en", **query}.items():
            page.query_params[key] = value
        page.run()
        assert not page.exception
        assert [title.value for title in page.title], f"{name} was not drawn"
        return page

    st.cache_resource.clear()
    yield drawn
    st.cache_resource.clear()
