"""Files of their owner: whole, private, and written by one process at a time."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from filon.private import alone, remove, write_private

COUNT = """
import sys
from pathlib import Path
from filon.private import alone, write_private
folder = Path(sys.argv[1])
for _ in range(20):
    with alone(folder / "lock"):
        write_private(folder / "count", str(int((folder / "count").read_text()) + 1))
"""


def test_a_file_is_private_whole_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    write_private(path, "one")
    write_private(path, "two")
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["secret"]
    remove(path)
    remove(path)
    assert list(path.parent.iterdir()) == []


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_private(path, "one")
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "two\udcff")
    assert path.read_text() == "one"
    assert [found.name for found in tmp_path.iterdir()] == ["secret"]


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    write_private(tmp_path / "count", "0")
    with alone(tmp_path / "lock"):
        writers = [subprocess.Popen([sys.executable, "-c", COUNT, str(tmp_path)]) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "60"
