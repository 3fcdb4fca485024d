"""Stores that are rolled back, dropped or replaced under a living API: what was remembered never answers for others."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from httpx import Client

from filon.project.loader import load_project
from filon.projects import retail
from tests.integration.api.conftest import ServedApi, arrive, exact
from tests.integration.conftest import Shop
from tests.integration.replacing import stored_at

ANALYSE = "/api/v1/aggregations/analyse"
QUESTIONS = [
    *(f"{ANALYSE}?by={by}&sort=value" for by in ("pays", "produit", "segment", "id_client", "mois,pays")),
    *(f"{ANALYSE}?pays={pays}" for pays in ("France", "Italie")),
    "/api/v1/clients?pays=France&limit=3",
    "/api/v1/ventes?produit=Souris&sort=-date_achat&limit=5",
    "/api/v1/ventes?limit=5",
    "/api/v1/clients/3",
    "/api/v1/aggregations/ca-total?pays=Italie",
    "/api/v1/kpis/ca-par-mois",
]
PATIENCE_S = 20


@pytest.fixture
def moving(tmp_path: Path, store_uri: str) -> ServedApi:
    """A shop whose releases will have no month in common, served from an empty store of each kind."""
    shop = Shop(tmp_path, extra={"FILON_SERVING": store_uri})
    return ServedApi(shop, store_uri, load_project(retail.FOLDER))


def publish(served: ServedApi, content: int) -> None:
    """A release of some content."""
    arrive(served.shop, random.Random(content))  # noqa: S311 - no secret
    served.shop.run()


def wait_for(client: Client, release: int | None) -> None:
    """Until the API answers from a release, or says that nothing is loaded; within a second, on an idle computer."""
    expected, deadline = 200 if release is not None else 503, time.monotonic() + PATIENCE_S
    while True:
        answer = client.get("/api/v1/clients?limit=1")
        if answer.status_code == expected and answer.headers.get("X-Filon-Release") == (
            str(release) if release else None
        ):
            return
        assert time.monotonic() < deadline, answer.text


def answers(client: Client) -> dict[str, Any]:
    return {path: exact(client.get(path)) for path in QUESTIONS}


def of_a_fresh_process(served: ServedApi) -> dict[str, Any]:
    with served.client() as client:
        return answers(client)


def with_rollbacks(served: ServedApi) -> None:
    served.shop.filon("rollback", "1")


def with_files(served: ServedApi) -> None:
    publish(served, 1)


@pytest.mark.parametrize("back", [with_rollbacks, with_files])
def test_labels_are_those_of_the_release_after_it_came_back(
    moving: ServedApi, back: Callable[[ServedApi], None]
) -> None:
    publish(moving, 1)
    with moving.client() as client:
        wait_for(client, 1)
        first = answers(client)
        publish(moving, 2)
        wait_for(client, 2)
        second = answers(client)
        back(moving)
        wait_for(client, 3)
        assert answers(client) == first == of_a_fresh_process(moving)
        moving.shop.filon("rollback", "2")
        wait_for(client, 4)
        assert answers(client) == second == of_a_fresh_process(moving)


def test_a_dropped_store_is_noticed_and_a_new_one_is_not_taken_for_it(moving: ServedApi) -> None:
    publish(moving, 1)
    with moving.client() as client:
        wait_for(client, 1)
        before = answers(client)
        stored_at(moving.uri).drop()
        wait_for(client, None)
        assert client.get("/health").json()["status"] == "degraded"
        publish(moving, 2)
        wait_for(client, 2)
        after = answers(client)
        assert after == of_a_fresh_process(moving)
        assert all(after[path] != before[path] for path in QUESTIONS)


def test_a_store_that_is_filled_again_with_the_same_is_answered_as_before(moving: ServedApi) -> None:
    publish(moving, 1)
    with moving.client() as client:
        before = answers(client)
        stored_at(moving.uri).drop()
        moving.shop.run()
        wait_for(client, 1)
        assert answers(client) == before


def test_an_etag_and_a_cursor_of_a_dropped_store_are_worth_nothing(moving: ServedApi) -> None:
    publish(moving, 1)
    with moving.client() as client:
        tags = {path: client.get(path).headers["ETag"] for path in QUESTIONS}
        url = client.get("/api/v1/ventes?limit=5").links["next"]["url"]
    stored_at(moving.uri).drop()
    publish(moving, 2)
    with moving.client() as fresh:
        for path, tag in tags.items():
            assert fresh.get(path, headers={"If-None-Match": tag}).status_code == 200, path
        gone = fresh.get(url)
        assert (gone.status_code, gone.json()["type"]) == (410, "urn:filon:problem:release-gone")


def test_loads_after_a_copy_was_put_back_are_not_those_that_it_lost(moving: ServedApi) -> None:
    """The store keeps its name then, and gives another load the number of one that is gone."""
    store = stored_at(moving.uri)
    publish(moving, 1)
    with moving.client() as client:
        wait_for(client, 1)
        first = answers(client)
        store.save()
        publish(moving, 2)
        wait_for(client, 2)
        lost = answers(client)
        tags = {path: client.get(path).headers["ETag"] for path in QUESTIONS}
        url = client.get("/api/v1/ventes?limit=5").links["next"]["url"]
        store.put_back()
        wait_for(client, 1)
        assert answers(client) == first
        publish(moving, 3)
        wait_for(client, 3)
        found = answers(client)
        assert found == of_a_fresh_process(moving)
        assert found != lost
        for path, tag in tags.items():
            assert client.get(path, headers={"If-None-Match": tag}).status_code == 200, path
        assert client.get(url).status_code == 410


def test_processes_agree_on_etags_and_cursors(moving: ServedApi) -> None:
    publish(moving, 1)
    with moving.client() as one, moving.client() as other:
        for path in QUESTIONS:
            tag = one.get(path).headers["ETag"]
            assert other.get(path, headers={"If-None-Match": tag}).status_code == 304, path
        url = one.get("/api/v1/ventes?limit=5").links["next"]["url"]
        assert exact(other.get(url)) == exact(one.get(url))


def overwrite(copy: Path, path: Path) -> None:
    """As ``cp`` does: the file stays, with what is in another."""
    shutil.copyfile(copy, path)


def rename(copy: Path, path: Path) -> None:
    """As ``mv`` does, while the log of the file that was there stays behind."""
    shutil.copyfile(copy, copy.with_name("renamed.db"))
    copy.with_name("renamed.db").replace(path)


@pytest.mark.parametrize("put", [overwrite, rename])
def test_a_file_that_takes_the_place_of_the_store_is_served(tmp_path: Path, put: Callable[[Path, Path], None]) -> None:
    path, copy = tmp_path / "serving.db", tmp_path / "copy.db"
    shop = Shop(tmp_path, extra={"FILON_SERVING": f"sqlite:///{path}"})
    served = ServedApi(shop, f"sqlite:///{path}", load_project(retail.FOLDER))
    publish(served, 1)
    with served.client() as client:
        wait_for(client, 1)
        before = answers(client)
        shutil.copyfile(path, copy)
        publish(served, 2)
        wait_for(client, 2)
        after = answers(client)
        put(copy, path)
        wait_for(client, 1)
        assert answers(client) == before
        served.shop.run()
        wait_for(client, 2)
        assert answers(client) == after
        path.unlink()  # and its log stays
        wait_for(client, None)
        served.shop.run()
        wait_for(client, 2)
        assert answers(client) == after == of_a_fresh_process(served)
