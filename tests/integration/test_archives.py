"""Zip archives: each member is a file of its own, and a hostile one ends with a reason."""

from __future__ import annotations

import io
import os
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.conftest import Shop
from tests.integration.servers import ObjectStore
from tests.integration.test_files import describe, sales

__all__ = ["sales"]

JAN, FEB = "code,prix\na,1.00\nb,2.00\n", "code,prix\nc,3.00\n"


def zipped(members: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive with these members, in their order."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


def states(report: dict[str, Any]) -> dict[str, str]:
    """Of each file in a report its reason, or its status."""
    return {file["file"]: file["reason"] or file["status"] for file in report["files"]}


def silver(shop: Shop) -> list[Any]:
    return [code for (code,) in shop.rows("ventes", "code", layer="silver")]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("pattern", ["**/ventes*.csv", "ventes.zip", "**/*.zip/*"])
def test_each_member_is_a_file_version(sales: Shop, method: int, pattern: str) -> None:
    describe(sales, {"filePattern": pattern}, prix="number")
    sales.put("ventes.zip", zipped({"ventes-01.csv": JAN, "2026/": "", "ventes-02.csv": FEB}, method))
    report = sales.run()
    assert states(report) == {"ventes.zip/ventes-01.csv": "ingested", "ventes.zip/ventes-02.csv": "ingested"}
    assert [file["rows_read"] for file in report["files"]] == [2, 1]
    assert silver(sales) == ["a", "b", "c"]


def test_an_archive_that_did_not_change_is_not_unpacked_again(sales: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    describe(sales, {"filePattern": "**/ventes*.csv"}, prix="number")
    sales.put("ventes.zip", zipped({"ventes-01.csv": JAN}))
    os.utime(sales.sources / "ventes.zip", (1_000_000_000, 1_000_000_000))
    sales.run()
    path = sales.sources / "ventes.zip"
    content = bytearray(path.read_bytes())
    content[40:45] = b"\xff" * 5  # a change that size and times do not tell: only reading the member finds it
    before = path.stat()
    with path.open("r+b") as stream:
        stream.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    report = sales.run("--force")
    assert states(report) == {"ventes.zip/ventes-01.csv": "corrupt_archive"}
    assert silver(sales) == ["a", "b"]


def test_a_changed_archive_replaces_the_members_that_changed(sales: Shop) -> None:
    describe(sales, {"filePattern": "**/ventes*.csv", "onMissingFile": "retract"}, prix="number")
    sales.put("ventes.zip", zipped({"ventes-01.csv": JAN, "ventes-02.csv": FEB}))
    sales.run()
    sales.put("ventes.zip", zipped({"ventes-01.csv": JAN, "ventes-03.csv": "code,prix\nd,4.00\n"}))
    assert states(sales.run()) == {"ventes.zip/ventes-01.csv": "unchanged", "ventes.zip/ventes-03.csv": "ingested"}
    assert silver(sales) == ["a", "b", "d"]
    sales.filon("retract", "--yes", "ventes.zip/ventes-01.csv")
    sales.run()
    assert silver(sales) == ["d"]


def test_a_member_and_a_file_of_the_same_content_count_once(sales: Shop) -> None:
    describe(sales, {"filePattern": "**/ventes*.csv"}, prix="number")
    sales.put("ventes-01.csv", JAN)
    sales.put("z.zip", zipped({"ventes-01.csv": JAN}))
    assert states(sales.run()) == {"ventes-01.csv": "ingested", "z.zip/ventes-01.csv": "unchanged"}


def test_the_place_of_a_member_is_data(sales: Shop) -> None:
    words = {"filePattern": "**/*.csv", "fromFileName": {"column": "mois", "pattern": "/(?<mois>[a-z]+)\\.csv"}}
    describe(sales, words, prix="number", mois="string")
    sales.put("2026.zip", zipped({"jan.csv": FEB, "fev.csv": "code,prix\nd,4.00\n"}))
    sales.run()
    assert sales.rows("ventes", "code, mois", layer="silver") == [("c", "jan"), ("d", "fev")]


def test_rejected_rows_of_a_member_name_it(sales: Shop) -> None:
    describe(sales, {"filePattern": "**/*.csv"}, prix="number")
    sales.put("2026.zip", zipped({"jan.csv": "code,prix\na,x\n"}))
    sales.run()
    [row] = sales.json("quarantine", "show", "2026.zip/jan.csv")["rows"]
    assert (row["file"], row["record"], row["reasons"], row["raw"]) == ("2026.zip/jan.csv", 1, ["prix:type"], "a,x")


def test_members_that_no_pattern_matches_are_said(sales: Shop) -> None:
    describe(sales, {"filePattern": "**/ventes*.csv"}, prix="number")
    sales.put("2026.zip", zipped({"ventes.csv": JAN, "lisez-moi.txt": "?", "__MACOSX/._ventes.csv": "\0", ".x": "y"}))
    report = sales.run()
    assert states(report) == {"2026.zip/ventes.csv": "ingested"}
    assert report["ignored_files"] == ["2026.zip/lisez-moi.txt"]


def linked(archive: zipfile.ZipFile) -> None:
    link = zipfile.ZipInfo("ventes-lien.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(link, "/etc/passwd")


def twice(archive: zipfile.ZipFile) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("ventes-2.csv", FEB)
        archive.writestr("ventes-2.csv", JAN)


def named(name: str, content: bytes = b"code,prix\nz,1\n") -> Callable[[zipfile.ZipFile], None]:
    return lambda archive: archive.writestr(name, content)


def by_bzip2(archive: zipfile.ZipFile) -> None:
    archive.writestr("ventes-2.csv", FEB, zipfile.ZIP_BZIP2)


@pytest.mark.parametrize(
    ("add", "path", "reason"),
    [
        (named("../ventes-2.csv"), "../ventes-2.csv", "unsafe_member"),
        (named("a/../../ventes-2.csv"), "a/../../ventes-2.csv", "unsafe_member"),
        (named("/etc/ventes-2.csv"), "/etc/ventes-2.csv", "unsafe_member"),
        (named("C:\\ventes-2.csv"), "C:/ventes-2.csv", "unsafe_member"),
        (linked, "ventes-lien.csv", "unsafe_member"),
        (twice, "ventes-2.csv", "duplicate_member"),
        (named("ventes-2.csv.gz"), "ventes-2.csv.gz", "nested_archive"),
        (named("ventes-2.csv", b"\x1f\x8b" * 9), "ventes-2.csv", "nested_archive"),
        (named("ventes-2.csv", zipped({"a": "b"})), "ventes-2.csv", "not_text"),
        (by_bzip2, "ventes-2.csv", "corrupt_archive"),
        (named("ventes-2.csv", b""), "ventes-2.csv", "empty"),
    ],
)
def test_a_member_that_cannot_be_read_does_not_block_the_others(
    sales: Shop, add: Callable[[zipfile.ZipFile], None], path: str, reason: str
) -> None:
    describe(sales, {"filePattern": "**/ventes*"}, prix="number")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("ventes-1.csv", JAN)
        add(archive)
    sales.put("a.zip", stream.getvalue())
    report = sales.run()
    assert states(report) == {"a.zip/ventes-1.csv": "ingested", f"a.zip/{path}": reason}
    assert silver(sales) == ["a", "b"]
    assert sales.run()["status"] == "unchanged"


def test_an_encrypted_member_is_said(sales: Shop) -> None:
    describe(sales, {"filePattern": "**/ventes*"}, prix="number")
    content = bytearray(zipped({"ventes-1.csv": JAN}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    sales.put("a.zip", bytes(content))
    assert states(sales.run()) == {"a.zip/ventes-1.csv": "encrypted"}


def claiming(content: bytes, size: int) -> bytes:
    """An archive of one member, whose directory says that it unpacks to ``size`` bytes."""
    changed = bytearray(content)
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", changed, changed.index(mark) + place, size)
    return bytes(changed)


def test_a_member_that_unpacks_to_more_than_it_says_is_damaged(sales: Shop) -> None:
    describe(sales, {"filePattern": "**/ventes*"}, prix="number")
    sales.put("a.zip", claiming(zipped({"ventes-1.csv": b"code,prix\n" + b"0" * 50_000_000}), 100))
    assert states(sales.run()) == {"a.zip/ventes-1.csv": "corrupt_archive"}


def test_members_may_not_unpack_to_more_than_the_limit_one_by_one_or_together(sales: Shop) -> None:
    describe(sales, {"filePattern": "**/ventes*"}, prix="number")
    rows = b"".join(b"%d,1\n" % number for number in range(100_000))
    sales.put("a.zip", zipped({"ventes-1.csv": b"code,prix\n" + rows, "ventes-2.csv": JAN}))
    small = replace(sales, extra={"FILON_MAX_UNPACKED_SIZE": "0.5MB"})
    report = small.run()
    assert set(states(report).values()) == {"too_large"}
    assert "FILON_MAX_UNPACKED_SIZE" in report["files"][0]["detail"]
    assert set(states(sales.run()).values()) == {"ingested"}


def test_a_bomb_is_refused_before_it_is_unpacked(sales: Shop) -> None:
    describe(sales, {"filePattern": "**/ventes*"}, prix="number")
    sales.put("a.zip", claiming(zipped({"ventes-1.csv": JAN}), 4_000_000_000))
    assert states(sales.run()) == {"a.zip/ventes-1.csv": "too_large"}


def test_too_many_members_are_refused(sales: Shop) -> None:
    describe(sales, {"filePattern": "**/*.zip"}, prix="number")
    sales.put("a.zip", zipped({f"{number}.csv": "" for number in range(10_001)}))
    sales.put("b.zip", zipped({f"{number:0>1000}.csv": "" for number in range(4_500)}))
    assert states(sales.run()) == {"a.zip": "too_large", "b.zip": "too_large"}


@pytest.mark.parametrize("content", [zipped({"ventes-1.csv": JAN})[:-30], b"PK\x03\x04", b"PK\x05\x06" + b"\xff" * 18])
def test_rows_of_an_archive_that_cannot_be_read_stay(sales: Shop, content: bytes) -> None:
    describe(sales, {"filePattern": "**/ventes*", "onMissingFile": "retract"}, prix="number")
    sales.put("ventes.zip", zipped({"ventes-1.csv": JAN}))
    sales.run()
    sales.put("ventes.zip", content)
    assert states(sales.run()) == {"ventes.zip": "corrupt_archive"}
    assert silver(sales) == ["a", "b"]
    sales.put("ventes.zip", zipped({"ventes-1.csv": FEB}))
    assert states(sales.run()) == {"ventes.zip/ventes-1.csv": "ingested"}
    assert silver(sales) == ["c"]
    assert sales.json("quarantine", "list")["files"] == []


def test_an_archive_of_no_dataset_that_cannot_be_read_is_named(sales: Shop) -> None:
    describe(sales, {"filePattern": "**/*.csv"}, prix="number")
    sales.put("ventes.csv", JAN)
    sales.put("a.zip", zipped({"jan.csv": FEB})[:-30])
    [line] = sales.run()["unreadable_paths"]
    assert line["path"] == "a.zip"


def test_what_only_bears_the_name_of_an_archive_is_a_file(sales: Shop) -> None:
    describe(sales, {"filePattern": "ventes.csv"}, prix="number")
    sales.put("ventes.csv.zip", JAN)
    assert states(sales.run()) == {"ventes.csv.zip": "ingested"}


def test_an_archive_without_files_is_said(sales: Shop) -> None:
    describe(sales, {"filePattern": "**/ventes*"}, prix="number")
    sales.put("ventes-1.zip", zipped({"dossier/": ""}))
    sales.put("ventes-2.zip", zipped({}))
    assert states(sales.run()) == {"ventes-1.zip": "empty", "ventes-2.zip": "empty"}


def test_names_of_members_are_read_as_they_were_meant(sales: Shop) -> None:
    describe(sales, {"filePattern": "**/é*"}, prix="number")
    sales.put("a.zip", zipped({"ee.csv": JAN}).replace(b"ee.csv", "é.csv".encode()))  # UTF-8 that is not declared
    sales.put("b.zip", zipped({"./2026\\é.csv": FEB}))
    assert states(sales.run()) == {"a.zip/é.csv": "ingested", "b.zip/2026/é.csv": "ingested"}


def test_damaged_bytes_anywhere_in_an_archive_end_with_a_reason(sales: Shop) -> None:
    describe(sales, {"filePattern": "**/*"}, prix="number")
    sound = zipped({"ventes-1.csv": JAN, "ventes-2.csv": FEB})
    for place in range(len(sound)):
        broken = bytearray(sound)
        broken[place] ^= 0xFF
        sales.put(f"{place}.zip", bytes(broken))
    report = sales.run("--until", "bronze")
    assert {file["status"] for file in report["files"]} <= {"ingested", "unchanged", "quarantined"}
    assert len(report["files"]) >= len(sound)


def test_a_member_may_not_have_the_path_of_an_object(sales: Shop, object_store: ObjectStore) -> None:
    describe(sales, {"filePattern": "**/*.csv"}, prix="number")
    remote = replace(sales, extra={**object_store.environment, "FILON_SOURCES": "s3://archives/both"})
    object_store.put("archives", "both/a.zip", zipped({"jan.csv": JAN}))
    object_store.put("archives", "both/a.zip/jan.csv", FEB.encode())
    assert "both as a file and in an archive" in remote.filon("run", exit_code=1)


def test_archives_of_an_object_store_are_read_in_place(sales: Shop, object_store: ObjectStore) -> None:
    describe(sales, {"filePattern": "**/*.csv"}, prix="number")
    remote = replace(sales, extra={**object_store.environment, "FILON_SOURCES": "s3://archives/months"})
    object_store.put("archives", "months/2026.zip", zipped({"jan.csv": JAN, "fev.csv": FEB}))
    object_store.put("archives", "months/2025.zip", zipped({"jan.csv": JAN})[:-25])
    assert states(remote.run()) == {"2026.zip/fev.csv": "ingested", "2026.zip/jan.csv": "ingested"}
    assert silver(remote) == ["a", "b", "c"]
    assert remote.run()["status"] == "unchanged"
