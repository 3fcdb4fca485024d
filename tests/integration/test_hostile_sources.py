"""Files that act on the pipeline: names that look alike, files that cannot be read, disks that are full."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import filon
from tests.integration.api.conftest import answering
from tests.integration.conftest import ACHATS, AS_OF, CLIENTS, Shop
from tests.integration.s3.faults import Faults, proxy
from tests.integration.servers import ObjectStore

HEADER = ACHATS.splitlines()[0]
NOBODY = 65534
PROJECT = Path(filon.__file__).parent / "projects" / "retail"


def purchase(number: int) -> str:
    """A file with one purchase."""
    return f"{HEADER}\n{number},1,2025-01-05,7.00,souris\n"


def by_file(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {file["file"]: file for file in report["files"]}


ALIKE = [b"achats_\xff.csv", rb"achats_\xff.csv", rb"achats_\\xff.csv", b"achats_\n.csv", rb"achats_\x0a.csv"]


def test_names_that_look_alike_bring_each_their_own_rows(shop: Shop) -> None:
    names = [*map(os.fsdecode, ALIKE), "achats_é.csv", "achats_e\u0301.csv", "achats_ .csv", "ACHATS_é.csv"]
    for number, name in enumerate(names):
        shop.put(name, purchase(100 + number))
    report = shop.run()
    found = by_file(report)
    assert len(found) == len(names) + 2 - 1, "the pattern knows upper from lower case"
    assert {found[name]["rows_accepted"] for name in found if name.startswith("achats_")} == {1}
    assert {number for (number,) in shop.rows("fact_ventes", "id_achat")} >= set(range(100, 100 + len(names) - 1))
    ledger = [(version["path"], version["file"]) for version in _bronze(shop)]
    assert len(ledger) == len(set(ledger)) == len(names) - 1 + 6


def _bronze(shop: Shop) -> list[dict[str, Any]]:
    """Every purchase in bronze with the path of its file version, as the report names it."""
    paths = {file["version"]: file["file"] for file in json.loads(shop.filon("run", "--json"))["files"]}
    rows = shop.rows("achats", "_file, _record", layer="bronze")
    return [{"path": paths[number], "file": (number, record)} for number, record in rows]


def test_a_file_is_retracted_and_shown_by_its_shown_name_or_its_raw_one(shop: Shop) -> None:
    for number, name in enumerate(ALIKE):
        shop.put(os.fsdecode(name), purchase(100 + number))
    shop.run()
    assert "retracted achats_\\xff.csv" in shop.filon("retract", "--yes", r"achats_\xff.csv")
    assert "retracted achats_\\x0a.csv" in shop.filon("retract", "--yes", os.fsdecode(b"achats_\n.csv"))
    assert "no live file achats_\\xfe.csv" in shop.filon(
        "retract", "--yes", os.fsdecode(b"achats_\xfe.csv"), exit_code=1
    )
    shop.run()
    numbers = {number for (number,) in shop.rows("fact_ventes", "id_achat")}
    assert numbers & set(range(100, 105)) == {101, 102, 104}


@pytest.fixture
def open_shop() -> Iterator[Shop]:
    """A shop in a folder that every user may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        shop = Shop(Path(folder), extra={"FILON_SERVING": "none"})
        shop.put("clients.csv", CLIENTS)
        shop.put("achats.csv", ACHATS)
        shop.run()
        yield shop
        subprocess.run(["chmod", "-R", "u+rwX", folder], check=True)


@contextlib.contextmanager
def as_an_ordinary_user(shop: Shop) -> Iterator[None]:
    """Root may read everything, so leave it behind; the shop is then that user's."""
    if os.geteuid() != 0:
        yield
        return
    for parent, folders, files in os.walk(shop.folder):
        for name in (".", *folders, *files):
            os.chown(Path(parent, name), NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_unreadable_file_is_quarantined_and_tried_again_and_the_others_go_on(open_shop: Shop) -> None:
    shop = open_shop
    shop.put("achats-2.csv", purchase(100))
    shop.put("achats-3.csv", purchase(101))
    (shop.sources / "achats.csv").write_text(purchase(102))
    for name in ("achats.csv", "achats-2.csv"):
        (shop.sources / name).chmod(0)
    with as_an_ordinary_user(shop):
        report = shop.run()
        again = shop.run()
        listed = shop.json("quarantine", "list")["files"]
        shown = shop.filon("quarantine", "show", "achats-2.csv")
    found = by_file(report)
    assert report["status"] == "published"
    assert {name: (file["status"], file["reason"]) for name, file in found.items()} == {
        "achats.csv": ("quarantined", "unreadable"),
        "achats-2.csv": ("quarantined", "unreadable"),
        "achats-3.csv": ("ingested", None),
        "clients.csv": ("unchanged", None),
    }
    assert "Permission denied" in found["achats-2.csv"]["detail"]
    assert again["status"] == "unchanged"
    assert [file["version"] for file in again["files"]] == [file["version"] for file in report["files"]]
    assert [file["path"] for file in listed] == ["achats-2.csv", "achats.csv"]
    assert "kept as" not in shown
    assert {n for (n,) in shop.rows("fact_ventes", "id_achat")} == {10, 11, 12, 101}, "what came before stays"
    for name in ("achats.csv", "achats-2.csv"):
        (shop.sources / name).chmod(0o644)
    shop.run()
    assert {n for (n,) in shop.rows("fact_ventes", "id_achat")} == {100, 101, 102}
    assert shop.json("quarantine", "list")["files"] == []


def with_words(shop: Shop, words: str) -> Shop:
    """The shop under a project of its own, whose contract of purchases has these words too."""
    project = shop.folder / "project"
    shutil.copytree(PROJECT, project)
    contract = project / "sources" / "achats.yaml"
    mark = "      - property: filePattern"
    text = contract.read_text()
    assert mark in text
    contract.write_text(text.replace(mark, f"{words}\n{mark}", 1))
    return replace(shop, project=project)


def test_an_unreadable_file_is_not_taken_for_a_deleted_one(open_shop: Shop) -> None:
    shop = with_words(open_shop, "      - property: onMissingFile\n        value: retract")
    shop.put("achats-2.csv", purchase(100))
    shop.run()
    (shop.sources / "achats.csv").chmod(0)
    (shop.sources / "achats-2.csv").unlink()
    with as_an_ordinary_user(shop):
        shop.run()
    assert {n for (n,) in shop.rows("fact_ventes", "id_achat")} == {10, 11, 12}
    (shop.sources / "achats.csv").unlink()
    assert shop.run()["status"] == "published"
    assert shop.rows("fact_ventes") == []
    assert shop.json("quarantine", "list")["files"] == []


def test_a_folder_that_was_moved_and_linked_keeps_its_rows(shop: Shop) -> None:
    shop = with_words(shop, "      - property: onMissingFile\n        value: retract")
    shop.put("2026/achats-2.csv", purchase(100))
    shop.run()
    elsewhere = shop.folder / "elsewhere"
    (shop.sources / "2026").rename(elsewhere)
    (shop.sources / "2026").symlink_to(elsewhere)
    linked = shop.run()
    assert (linked["status"], by_file(linked)["2026/achats-2.csv"]["status"]) == ("unchanged", "unchanged")

    elsewhere.rename(shop.folder / "away")
    (shop.sources / "achats.csv").unlink()
    dangling = shop.run()
    assert dangling["status"] == "unchanged"
    [line] = dangling["unreadable_paths"]
    assert line == {"path": "2026", "detail": f"it is a link to {elsewhere}, where nothing is"}
    assert "unreadable   2026: it is a link to" in shop.filon("run")
    assert {n for (n,) in shop.rows("fact_ventes", "id_achat")} == {10, 11, 12, 100}

    (shop.sources / "2026").unlink()
    assert shop.run()["status"] == "published"
    assert shop.rows("fact_ventes") == []


def test_pipes_and_links_to_nothing_are_quarantined_where_files_are_expected(shop: Shop) -> None:
    os.mkfifo(shop.sources / "achats-pipe.csv")
    (shop.sources / "achats-link.csv").symlink_to("nowhere.csv")
    (shop.sources / "circle").symlink_to(".")
    report = shop.run()
    found = by_file(report)
    assert {name: (file["status"], file["reason"]) for name, file in found.items()} == {
        "achats-link.csv": ("quarantined", "unreadable"),
        "achats-pipe.csv": ("quarantined", "unreadable"),
        "achats.csv": ("ingested", None),
        "clients.csv": ("ingested", None),
    }
    assert found["achats-pipe.csv"]["detail"].startswith("it is no file but a pipe")
    assert [line["path"] for line in report["unreadable_paths"]] == ["circle"]
    for name in ("achats-pipe.csv", "achats-link.csv"):
        (shop.sources / name).unlink()
    assert set(by_file(shop.run())) == {"achats.csv", "clients.csv"}
    assert shop.json("quarantine", "list")["files"] == []


def test_sources_that_a_project_names_do_not_lead_out_of_it(shop: Shop) -> None:
    shop = with_words(shop, "")
    assert shop.project is not None
    elsewhere = shop.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "achats-2.csv").write_text(purchase(100))
    shop.sources.rename(shop.project / "data")
    (shop.project / "data/more").symlink_to(elsewhere)
    settings = shop.project / "filon.yaml"
    settings.write_text(settings.read_text() + "\ndefaults: {sources: data}\n")
    owned = replace(shop, extra={"FILON_SOURCES": ""})
    assert [line["path"] for line in owned.run()["unreadable_paths"]] == ["more"]
    asked = owned.run("--sources", str(shop.project / "data"))
    assert by_file(asked)["more/achats-2.csv"]["status"] == "ingested"


def test_files_of_a_folder_that_may_not_be_entered_are_unreadable(open_shop: Shop) -> None:
    shop = open_shop
    shop.put("closed/achats-2.csv", purchase(100))
    (shop.sources / "closed").chmod(0o444)
    with as_an_ordinary_user(shop):
        report = shop.run()
    assert by_file(report)["closed/achats-2.csv"]["reason"] == "unreadable"
    (shop.sources / "closed").chmod(0o755)
    assert by_file(shop.run())["closed/achats-2.csv"]["status"] == "ingested"


def test_a_file_of_a_changed_contract_that_cannot_be_read_again_keeps_its_records(open_shop: Shop) -> None:
    shop = with_words(open_shop, "      - property: malformedThreshold\n        value: 0.2")
    shop.put("achats-2.csv", purchase(100))
    (shop.sources / "achats.csv").chmod(0)
    with as_an_ordinary_user(shop):
        report = shop.run()
        again = shop.run()
    assert by_file(report)["achats.csv"]["reason"] == "unreadable"
    assert again["status"] == "unchanged"
    assert {n for (n,) in shop.rows("fact_ventes", "id_achat")} == {10, 11, 12, 100}


@pytest.mark.parametrize("what", ["denied", "gone"])
def test_an_object_that_is_listed_but_not_given_is_one_files_affair(
    tmp_path: Path, object_store: ObjectStore, what: str
) -> None:
    place = f"bad-{what}"
    object_store.put("sources", f"{place}/clients.csv", CLIENTS.encode())
    for name in ("achats.csv", "achats-2.csv"):
        object_store.put("sources", f"{place}/{name}", purchase(100 if name == "achats.csv" else 101).encode())
    faults = Faults()
    with answering(proxy(object_store.url, faults), limited=False) as url:
        sources = {"FILON_SOURCES": f"s3://sources/{place}", "FILON_SERVING": "none"}
        shop = Shop(tmp_path, extra={**object_store.environment_for(url), **sources})
        if what == "denied":
            faults.denied = "achats-2.csv"
        else:
            faults.at("GET", "achats-2.csv", lambda: object_store.delete("sources", f"{place}/achats-2.csv"))
        report = shop.run()
        faults.denied = None
        found = by_file(report)["achats-2.csv"]
        assert (report["status"], found["status"]) == ("published", "quarantined")
        assert found["reason"] == {"denied": "unreadable", "gone": "changed_while_reading"}[what]
        again = by_file(shop.run())
        assert ("achats-2.csv" in again) == (what == "denied")
        assert len(shop.rows("fact_ventes")) == {"denied": 2, "gone": 1}[what]
        assert shop.json("quarantine", "list")["files"] == []


def test_a_run_whose_report_cannot_be_kept_tells_it_all_the_same(shop: Shop) -> None:
    (shop.lake / "metadata").mkdir(parents=True)
    (shop.lake / "metadata" / "runs").write_text("a file stands where reports should")
    report = shop.run(exit_code=1)
    assert (report["status"], report["release"]) == ("failed", 1)
    assert "the report of this run could not be kept" in report["error"]
    assert str(shop.lake) in report["error"]
    assert by_file(report)["achats.csv"]["rows_accepted"] == 3


def run_with_small_files(shop: Shop, kib: int, **variables: str) -> subprocess.CompletedProcess[str]:
    """A run that may write no file larger than that, as on a full disk."""
    command = f"ulimit -f {kib}; exec {shlex.quote(sys.executable)} -m filon run --as-of {AS_OF}"
    environment = {**shop.environment(), **variables}
    return subprocess.run(
        ["bash", "-c", command], env=environment, cwd=shop.folder, capture_output=True, text=True, check=False
    )


def test_a_full_workspace_is_named_with_what_to_do(shop: Shop) -> None:
    workspace = shop.folder / "workspace"
    workspace.mkdir()
    rows = "".join(f"{n},1,2025-01-05,7.00,{'x' * 500}\n" for n in range(1000))
    shop.put("achats-2.csv", f"{HEADER}\r\n{rows}")  # two kinds of line endings: the patient reader writes it anew
    done = run_with_small_files(shop, 256, FILON_WORKSPACE=str(workspace))
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"the workspace {workspace}" in done.stderr
    assert "point FILON_WORKSPACE at" in done.stderr
    assert shop.run()["status"] == "published"


def test_a_workspace_that_may_not_be_written_is_named(open_shop: Shop) -> None:
    shop = replace(open_shop, extra={"FILON_WORKSPACE": str(open_shop.folder / "closed"), "FILON_SERVING": "none"})
    (shop.folder / "closed").mkdir()
    (shop.folder / "closed").chmod(0o500)
    with as_an_ordinary_user(shop):
        (shop.folder / "closed").chmod(0o500)
        message = shop.filon("run", exit_code=1)
    assert f"the workspace {shop.folder / 'closed'} cannot be written: Permission denied" in message


def test_sample_files_that_cannot_be_written_are_one_line(open_shop: Shop) -> None:
    target = open_shop.folder / "closed"
    target.mkdir()
    target.chmod(0o500)
    with as_an_ordinary_user(open_shop):
        for folder in (target, target / "new"):
            message = open_shop.filon("generate", str(folder), exit_code=1)
            assert str(folder) in message
            assert "Permission denied" in message
            assert message.count("\n") == 1
