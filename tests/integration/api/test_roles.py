"""MongoDB with users: the API reads with a user who may only read, the pipeline loads with one who may write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from httpx import Client
from pymongo import MongoClient

from filon.api import create_app
from filon.project.loader import load_project
from filon.projects import retail
from filon.serving.mongo.views import asking
from filon.serving.stores import open_store
from filon.settings import Settings
from tests.integration.api.conftest import answering
from tests.integration.conftest import Shop, free_ports
from tests.integration.servers import Mongod

ROOT = Path(__file__).parents[3]


def documented_roles() -> dict[str, list[str]]:
    """The users that docs/api.md tells to create, and their roles."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    found = re.findall(r'createUser\(\{user: "(\w+)", pwd: \S+, roles: \[([^\]]*)\]', text)
    return {user: re.findall(r'"(\w+)"', roles) for user, roles in found}


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mongod]:
    """A server that lets nobody in without a password, with the documented users."""
    folder = tmp_path / "mongod"
    folder.mkdir()
    server = Mongod(folder, free_ports(1)[0])
    server.start()
    with MongoClient[dict[str, Any]](server.uri) as client:
        client["admin"].command("createUser", "root", pwd="root", roles=["root"])
        for user, roles in documented_roles().items():
            client["analytics"].command("createUser", user, pwd=f"{user}-secret", roles=roles)
    server.stop()
    server.start("--auth")
    yield server
    server.stop()


def address(server: Mongod, user: str) -> str:
    return f"mongodb://{user}:{user}-secret@127.0.0.1:{server.port}/analytics"


def test_the_documented_roles_are_enough_and_no_more_than_needed(shop: Shop, guarded: Mongod) -> None:
    assert documented_roles() == {"loader": ["readWrite", "dbAdmin"], "reader": ["read"]}
    loading = replace(shop, extra={"FILON_SERVING": address(guarded, "loader")})
    assert loading.run()["serving"]["inserted"] > 0
    shop.put("achats.csv", "id_achat,id_client,date_achat,montant,produit\n10,1,2025-01-05,1.00,souris\n")
    assert loading.run()["release"] == 2
    store = open_store(address(guarded, "reader"))
    assert "secret" not in store.uri
    settings = Settings(api_keys=shop.folder / "keys.json", lake=str(shop.lake))
    app = create_app(load_project(retail.FOLDER), store, settings)
    with answering(app) as base, Client(base_url=base, timeout=30) as client:
        assert client.get("/api/v1/aggregations/ca-total").json() == {"ca_total": 1.0, "nb_ventes": 1}
        assert client.get("/health").json()["status"] == "healthy"
        for path in client.get("/openapi.json").json()["paths"]:
            if "{" not in path and path != "/metrics":
                assert client.get(path).status_code == 200, path
    with MongoClient[dict[str, Any]](address(guarded, "reader")) as client_of_mongo:
        database = client_of_mongo["analytics"]
        assert database["fact_ventes"].count_documents({}) == len(list(database["fact_ventes"].find())) == 1
        with MongoClient[dict[str, Any]](address(guarded, "loader")) as loader:
            loader["analytics"].command("collMod", "fact_ventes", viewOn="_rows_fact_ventes", pipeline=asking())
        assert database["fact_ventes"].count_documents({}) == len(list(database["fact_ventes"].find())) == 1
        assert {found["release"] for found in database["_sync_metadata"].find()} == {2}
    reading = replace(shop, extra={"FILON_SERVING": address(guarded, "reader")})
    report = reading.run("--force", exit_code=1)
    assert "the user may not do that" in report["error"]
    assert "secret" not in report["error"]


def test_a_wrong_password_is_a_problem_that_shows_no_secret(shop: Shop, guarded: Mongod) -> None:
    uri = address(guarded, "reader").replace("reader-secret", "wrong-secret")
    report = replace(shop, extra={"FILON_SERVING": uri}).run(exit_code=1)
    assert "secret" not in str(report)
    app = create_app(load_project(retail.FOLDER), open_store(uri), Settings(api_keys=shop.folder / "keys.json"))
    with answering(app) as base, Client(base_url=base, timeout=30) as client:
        answer = client.get("/api/v1/clients")
        assert answer.status_code == 503
        assert "secret" not in answer.text
