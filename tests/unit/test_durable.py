"""Files that are created and written in one step, and the seam that durable calls go through."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from filon import durable
from filon.durable import DurableCall, Effect


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is synced, in order, by the name that it has then."""
    found: list[Path] = []
    really = os.fsync

    def fsync(handle: int) -> None:
        really(handle)
        found.append(Path(f"/proc/self/fd/{handle}").readlink())

    monkeypatch.setattr(os, "fsync", fsync)
    return found


def test_a_file_is_on_the_disk_before_its_name_is_seen_and_its_name_afterwards(
    tmp_path: Path, synced: list[Path]
) -> None:
    assert durable.create(tmp_path / "a", b"first")
    content, names = synced
    assert content.name.startswith("a#")
    assert names == tmp_path
    assert not durable.create(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"], "no other name is left"


def test_writing_replaces_in_one_step(tmp_path: Path, synced: list[Path]) -> None:
    durable.write(tmp_path / "a", [b"fi", b"rst"])
    assert len(synced) == 2
    durable.write(tmp_path / "a", [b"second"], sync=False)
    assert len(synced) == 2
    assert (tmp_path / "a").read_bytes() == b"second"


def test_content_that_cannot_be_had_leaves_nothing(tmp_path: Path) -> None:
    def half() -> Iterator[bytes]:
        yield b"half"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        durable.write(tmp_path / "a", half())
    assert not list(tmp_path.iterdir())


def test_new_folders_are_brought_to_the_disk_with_all_that_they_lie_in(tmp_path: Path, synced: list[Path]) -> None:
    durable.make_folder(tmp_path / "a" / "b")
    assert set(synced) == {tmp_path, tmp_path / "a"}
    durable.make_folder(tmp_path / "a" / "b")
    assert len(synced) == 2


def test_files_are_synced_before_the_folders_up_to_their_root(tmp_path: Path, synced: list[Path]) -> None:
    paths = [tmp_path / "root" / "a" / "1", tmp_path / "root" / "b" / "2"]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    durable.sync(paths, [tmp_path / "root"])
    assert set(synced[:2]) == set(paths)
    assert sorted(synced[2:]) == [tmp_path / "root", tmp_path / "root" / "a", tmp_path / "root" / "b"]
    with pytest.raises(FileNotFoundError):
        durable.sync([tmp_path / "root" / "gone"], [tmp_path / "root"])


def test_what_a_killed_writer_left_is_found(tmp_path: Path) -> None:
    for name in ("a.json#17", "a.json", "a#b", "b/c#1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert {path.name for path in durable.left_staged(tmp_path)} == {"a.json#17", "c#1"}


def test_calls_are_observed_at_both_ends_and_nobody_has_to(tmp_path: Path) -> None:
    seen: list[str] = []

    @contextlib.contextmanager
    def observer(call: DurableCall) -> Iterator[None]:
        seen.append(f"before {call.what}")
        yield
        seen.append(f"after {call.what}")

    with durable.durable(Effect.CREATE, "a"):
        pass
    with durable.observed(observer), durable.durable(Effect.CREATE, "b"):
        seen.append("meanwhile")
    with durable.durable(Effect.CREATE, "c"):
        pass
    assert seen == ["before b", "meanwhile", "after b"]
