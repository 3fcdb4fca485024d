"""What happens when the object store fails: a run completes or ends in one line, and the next one mends everything."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from filon.lake import Lake, Layer
from tests.integration.api.conftest import answering
from tests.integration.conftest import ACHATS, Shop, free_ports, surroundings
from tests.integration.durability.conftest import LONG
from tests.integration.durability.shop import CHANGED, NEW, lay_out
from tests.integration.s3.conftest import RemoteShop, remote
from tests.integration.s3.faults import LOST, REFUSED, Faults, proxy
from tests.integration.servers import ObjectStore

MOMENTS = [
    ("PUT", "/bronze/achats/part-"),
    ("PUT", "/silver/achats/part-"),
    ("PUT", "/gold/fact_ventes/_delta_log/"),
    ("GET", "/gold/fact_ventes/"),
    ("PUT", "/metadata/releases/"),
]
TABLES = [("silver", "achats"), ("quarantine", "achats"), ("gold", "fact_ventes"), ("gold", "kpi_ca_par_mois")]
STARTS_S = 8

SMALL_TABLES = [("silver", "achats"), ("quarantine", "achats"), ("gold", "dim_clients")]


def assert_same(shop: RemoteShop, twin: Shop) -> None:
    """Nothing is lost or doubled, compared with a lake on a disk."""
    twin.run()
    for layer, table in TABLES:
        assert shop.rows(table, layer=layer) == sorted(twin.rows(table, layer=layer), key=repr), table


def the_error(output: str) -> str:
    """The one line that a person reads."""
    lines = [line for line in output.splitlines() if "error" in line.lower()]
    assert lines, output
    return lines[-1]


def test_refusals_and_slow_answers_on_the_way_are_waited_out(
    shaky_shop: RemoteShop, twin: Shop, faults: Faults
) -> None:
    faults.refused, faults.slow, faults.slow_s = 0.05, 0.05, 0.5
    report = shaky_shop.run()
    assert report["status"] == "published"
    assert faults.injected > 5, "there were faults to wait out"
    assert not [path for path in faults.paths if "//" in path], "two slashes make another key on other servers"
    faults.refused = faults.slow = 0
    assert_same(shaky_shop, twin)
    assert shaky_shop.run()["status"] == "unchanged"


@pytest.mark.parametrize("part", ["/metadata/ledger/", "/metadata/releases/", "/gold/fact_ventes/_delta_log/"])
def test_what_was_created_although_the_answer_was_lost_is_known_as_ones_own(
    shaky_shop: RemoteShop, twin: Shop, faults: Faults, part: str
) -> None:
    faults.loses_answer_to = part
    report = shaky_shop.run()
    assert (faults.injected, report["status"], report["release"]) == (1, "published", 1)
    assert len(shaky_shop.objects(Layer.METADATA, "releases")) == 1
    assert_same(shaky_shop, twin)


@pytest.mark.parametrize("strike", [REFUSED, LOST])
def test_every_write_may_be_refused_or_its_answer_lost(
    tmp_path: Path, shaky_shop: RemoteShop, faults: Faults, strike: str
) -> None:
    """All of them in a first run, and in one that extends tables; with FILON_TEST_LONG, each of the first alone too."""
    lay_out(tmp_path / "small")
    small = replace(shaky_shop, folder=tmp_path / "small", project=tmp_path / "small" / "project")
    small.put("achats.csv", ACHATS)
    twin = Shop(small.folder, project=small.project, extra={"FILON_SERVING": "none"})
    twin.run()

    def require_same(shop: RemoteShop) -> dict[str, Any]:
        report = shop.run()
        assert report["status"] == "published"
        for layer, name in SMALL_TABLES:
            assert shop.rows(name, layer=layer) == sorted(twin.rows(name, layer=layer), key=repr), name
        assert shop.run()["status"] == "unchanged"
        return report

    faults.strikes = lambda _number: strike
    require_same(small)
    count = faults.injected
    assert count == len(faults.writes) > 20
    print(f"{strike}: each of {count} writes")  # noqa: T201
    for number in range(1, count + 1) if LONG else ():
        faults.writes.clear()
        faults.injected, faults.strikes = 0, partial(_only, number, strike)
        root = f"{small.root}-{number}"
        require_same(replace(small, extra={**small.extra, "FILON_LAKE": root}))
        assert faults.injected == 1, f"write {number} was not reached"
    for name, content in (("achats.csv", CHANGED), ("achats-2.csv", NEW)):
        small.put(name, content)
    twin.run()
    faults.strikes = lambda _number: strike
    assert {table["table"] for table in require_same(small)["tables"] if table["keys"]} >= {"achats", "dim_clients"}


def _only(number: int, strike: str, found: int) -> str | None:
    return strike if found == number else None


@pytest.mark.parametrize(("method", "part"), MOMENTS)
def test_an_object_store_that_is_killed_and_restarted_loses_and_doubles_nothing(
    tmp_path: Path, own_store: ObjectStore, method: str, part: str
) -> None:
    faults, met = Faults(), []

    def restart() -> None:
        met.append(part)
        own_store.kill()
        own_store.start()

    with answering(proxy(own_store.url, faults), limited=False) as url:
        shop = remote(tmp_path, own_store.environment_for(url))
        faults.at(method, part, restart)
        process = shop.start("run", "--as-of", "2026-01-01")
        output, _ = process.communicate()
        assert met, "the moment came"
        if process.returncode:
            assert "the object store does not answer" in output
        shop.run()
        assert shop.run()["status"] == "unchanged"
        assert_same(shop, Shop(tmp_path, extra={"FILON_SERVING": "none"}))


@pytest.mark.parametrize(("method", "part"), MOMENTS[2:], ids=["deltalake", "engine", "obstore"])
def test_an_object_store_that_starts_anew_is_waited_for(
    shaky_shop: RemoteShop, twin: Shop, faults: Faults, method: str, part: str
) -> None:
    """It answers before it has all its objects again."""

    def break_for_a_while() -> None:
        faults.broken_until = time.monotonic() + STARTS_S

    faults.at(method, part, break_for_a_while)
    assert shaky_shop.run()["status"] == "published"
    assert faults.injected > 0, "the moment came"
    assert_same(shaky_shop, twin)


def test_an_object_store_that_stays_away_is_one_line_that_says_what_to_do(
    tmp_path: Path, own_store: ObjectStore
) -> None:
    faults = Faults()
    with answering(proxy(own_store.url, faults), limited=False) as url:
        shop = remote(tmp_path, own_store.environment_for(url))
        faults.at("PUT", "/silver/clients/", own_store.kill)
        output = shop.filon("run", exit_code=1)
        assert re.search(r"object store|no answer", the_error(output))
        assert "run again" in the_error(output)
        assert "Traceback" not in output
        own_store.start()
        assert shop.run()["status"] == "published"


def test_a_store_without_space_is_one_line_and_publishes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    small = ObjectStore(folder, free_ports(ObjectStore.PORTS), options=["-volume.max=2", "-master.volumeSizeLimitMB=1"])
    small.start()
    try:
        shop = remote(tmp_path, small.environment, "s3://{layer}")
        output = shop.filon("run", exit_code=1)
        assert "Traceback" not in output
        assert "space" in the_error(output)
        assert shop.objects(Layer.METADATA, "releases") == []
    finally:
        small.stop()


def test_a_store_that_overwrites_what_should_only_be_created_is_refused(shaky_shop: RemoteShop, faults: Faults) -> None:
    faults.forgets_conditions = True
    output = shaky_shop.filon("run", exit_code=1)
    assert "two runs could lose each other's releases" in output
    assert shaky_shop.objects(Layer.METADATA) == []


def test_what_is_large_goes_up_in_parts_which_are_tried_again_one_by_one(
    shaky_shop: RemoteShop, faults: Faults
) -> None:
    large = b"id_achat,id_client\n" + b"1,2\n" * 8_000_000
    shaky_shop.put("achats_sans_date.csv", large)
    faults.refused = 0.05
    report = shaky_shop.run()
    assert [file["status"] for file in report["files"] if file["file"] == "achats_sans_date.csv"] == ["quarantined"]
    assert len([query for query in faults.queries if "partNumber" in query]) >= 3
    (name,) = shaky_shop.objects(Layer.QUARANTINE, "files")
    with surroundings(shaky_shop.environment()):
        assert Lake(shaky_shop.root).layer(Layer.QUARANTINE).read(name) == large


def test_wrong_credentials_are_one_line_without_the_secret(remote_shop: RemoteShop) -> None:
    shop = replace(remote_shop, extra={**remote_shop.extra, "AWS_SECRET_ACCESS_KEY": "not-the-secret"})
    for arguments in (["run"], ["releases"]):
        output = shop.filon(*arguments, exit_code=1)
        assert "Check the" in output
        assert "credentials" in output
        assert "not-the-secret" not in output
        assert len(output.strip().splitlines()) <= 3


def test_no_credentials_are_one_line_that_names_the_variables(remote_shop: RemoteShop) -> None:
    without = {name: value for name, value in remote_shop.extra.items() if "KEY" not in name}
    shop = replace(remote_shop, extra={**without, "AWS_EC2_METADATA_DISABLED": "true"})
    assert "AWS_ACCESS_KEY_ID" in shop.filon("run", exit_code=2)
