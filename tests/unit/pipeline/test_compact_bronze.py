"""Which bronze files are written together, and which stay as they are."""

from __future__ import annotations

import datetime as dt

from filon.lake import FileState, FileVersion, Ledger, TableFile
from filon.pipeline.compact_bronze import _joinable, _together, with_joined

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def file(name: str, rows: int = 10) -> TableFile:
    return TableFile(name=name, rows=rows, size=100, hash="h")


def version(number: int, *files: TableFile, parse_hash: str = "p", rereads: int = 0) -> FileVersion:
    return FileVersion(
        number=number,
        dataset="achats",
        path=f"{number}.csv",
        sha256=str(number),
        size=1,
        state=FileState.LIVE,
        arrived_at=NOW,
        run_id="r",
        rows=sum(each.rows for each in files),
        bronze=files,
        parse_hash=parse_hash,
        rereads=rereads,
    )


def numbers(versions: list[FileVersion], small: int = 100) -> list[int]:
    return [found.number for found in _joinable(versions, small)]


def test_small_files_that_only_such_versions_name_are_joined() -> None:
    large = version(3, file("c", 100))
    assert numbers([version(1, file("a")), version(2, file("b")), large]) == [1, 2]


def test_versions_that_were_read_again_or_by_another_contract_stay_and_so_do_those_that_share_their_files() -> None:
    shared, further = file("shared"), file("further")
    assert numbers([version(1, file("a")), version(2, shared, rereads=1), version(3, shared, further)]) == [1]
    assert numbers([version(1, file("a"), parse_hash="old"), version(2, file("b"))]) == [2]
    chain = [
        version(1, shared, parse_hash="old"),
        version(2, shared, further),
        version(3, further),
        version(4, file("d")),
    ]
    assert numbers(chain) == [4]


def test_files_are_taken_together_up_to_a_number_of_rows() -> None:
    versions = [
        version(number, file(f"f{number}", rows)) for number, rows in enumerate([10, 20, 30, 90, 5, 5], start=1)
    ]
    names = [[found.name for found in files] for files in _together(versions, 60)]
    assert names == [["f1", "f2", "f3"], ["f5", "f6"]]
    assert list(_together(versions[:1], 60)) == []
    shared = file("s")
    assert list(_together([version(1, shared), version(2, shared)], 60)) == []


def test_a_ledger_names_other_files_for_the_versions_that_were_joined_alone() -> None:
    before = Ledger(number=4, versions=(version(1, file("a")), version(2, file("b"))))
    after = with_joined(before, {2: (file("new"),)})
    assert [found.bronze[0].name for found in after.versions] == ["a", "new"]
    assert before.versions[1].bronze[0].name == "b"
