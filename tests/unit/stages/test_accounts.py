"""Files are counted by path before a ledger is written."""

from __future__ import annotations

import pytest

from filon.errors import FileUnaccounted
from filon.lake import FileState, Ledger
from filon.stages.bronze.outcomes import FileOutcome, check_accounts
from tests.unit.stages.test_arrivals import REPLACED, RETRACTED, version

ONE, OTHER = version(1, "a.csv", "A"), version(2, "a.csv", "B")


def test_each_listed_file_with_its_own_content_adds_up() -> None:
    before = version(3, "b.csv", "old", REPLACED)
    now, copy = version(4, "b.csv", "new"), version(1, "a.csv", "A")
    outcomes = [FileOutcome("a.csv", "unchanged", ONE), FileOutcome("b.csv", "ingested", now)]
    check_accounts(Ledger(versions=(ONE, before, now)), [*outcomes, FileOutcome("c.csv", "unchanged", copy)])


def test_one_path_that_stands_for_two_files_is_refused() -> None:
    outcomes = [FileOutcome("a.csv", "ingested", ONE), FileOutcome("a.csv", "ingested", ONE)]
    with pytest.raises(FileUnaccounted, match=r"a\.csv stands for 2 files"):
        check_accounts(Ledger(versions=(ONE,)), outcomes)


def test_one_path_that_brings_two_contents_is_refused() -> None:
    with pytest.raises(FileUnaccounted, match=r"a\.csv brings 2 contents at once to sales"):
        check_accounts(Ledger(versions=(ONE, OTHER)), [])


@pytest.mark.parametrize("state", [RETRACTED, REPLACED, FileState.QUARANTINED])
def test_a_file_that_was_read_but_does_not_count_is_refused(state: FileState) -> None:
    lost = version(1, "a.csv", "A", state)
    with pytest.raises(FileUnaccounted, match=rf"a\.csv should count, but is {state}"):
        check_accounts(Ledger(versions=(lost,)), [FileOutcome("a.csv", "ingested", lost)])
