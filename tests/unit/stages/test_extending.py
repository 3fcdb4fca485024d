"""Which small files of a table are written together, so that thousands of runs leave few."""

from __future__ import annotations

import pytest

from filon.lake import TableFile
from filon.stages.extending import FANOUT, SMALLEST, TIERS, small_files


def file(number: int, rows: int) -> TableFile:
    return TableFile(name=f"{number}.parquet", size=rows, rows=rows, hash="")


@pytest.mark.parametrize("each", [1, 100, SMALLEST, 50_000])
def test_a_thousand_runs_leave_few_files_and_write_a_row_a_few_times(each: int) -> None:
    files: list[TableFile] = []
    written = 0
    for run in range(1_000):
        joined = small_files(files, each)
        rows = each + sum(item.rows for item in joined)
        files = [item for item in files if item not in joined] + [file(run, rows)]
        written += rows
        largest = SMALLEST * FANOUT ** (TIERS - 1)
        assert len([item for item in files if item.rows < largest]) < TIERS * FANOUT
    assert sum(item.rows for item in files) == 1_000 * each
    assert written <= TIERS * FANOUT * 1_000 * each + 1_000 * SMALLEST


def test_large_files_and_tables_to_which_no_row_comes_are_left_alone() -> None:
    largest = SMALLEST * FANOUT ** (TIERS - 1)
    assert small_files([file(number, largest) for number in range(100)], 1) == []
    assert small_files([file(number, 1) for number in range(100)], 0) == []
