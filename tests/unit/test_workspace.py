"""Temporary folders end with their process, however it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from filon.workspace import remove_abandoned, temporary_folder

HOLD = """
import sys
from pathlib import Path
from filon.workspace import temporary_folder
with temporary_folder(Path(sys.argv[1])) as folder:
    (folder / "unpacked.csv").write_text("a;b")
    print(folder, flush=True)
    sys.stdin.read()
"""


def holder(place: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that has a folder, and the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_folder_is_gone_afterwards(tmp_path: Path) -> None:
    with temporary_folder(tmp_path) as folder:
        (folder / "some").mkdir()
        (folder / "some/file").write_text("text")
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays(tmp_path: Path) -> None:
    killed, left = holder(tmp_path)
    end(killed)
    living, used = holder(tmp_path)
    try:
        assert not left.exists()
        with temporary_folder(tmp_path):
            assert (used / "unpacked.csv").exists()
    finally:
        end(living)
    remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folders_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "filon-notes").mkdir()
    (tmp_path / "filon-notes/mine.txt").write_text("mine")
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "filon-trap").symlink_to(outside)
    (tmp_path / "filon-trap.lock").touch()
    (tmp_path / "filon-link.lock").symlink_to(outside / "elsewhere")
    with temporary_folder(tmp_path):
        pass
    assert (tmp_path / "filon-notes/mine.txt").exists()
    assert outside.is_dir()
    assert (tmp_path / "filon-trap").is_symlink()
    assert not (outside / "elsewhere").exists()
