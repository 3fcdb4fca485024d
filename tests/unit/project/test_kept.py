"""Kept projects: they are what reading them anew would give, and nobody else can put one there."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
from pathlib import Path

import pytest

from filon.project.folder import FOLDERS
from filon.project.kept import content_key, find_kept, keep_project
from filon.project.loader import load_project
from filon.projects import retail
from tests.unit.project.mistakes.shop import write_shop

EXAMPLES = [retail.FOLDER, Path(__file__).parents[3] / "examples" / "completejourney"]
NOBODY = 65534


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A folder for kept projects that does not exist yet."""
    return tmp_path / "cache" / "filon"


def shop_in(folder: Path) -> Path:
    """A small project in a folder."""
    write_shop(folder)
    return folder


def keep(cache: Path, folder: Path) -> str:
    """Keep a project; returns its key."""
    key = content_key(folder)
    assert key is not None
    keep_project(cache, load_project(folder), key)
    return key


def kept_file(cache: Path) -> Path:
    """The one file in the cache."""
    [path] = cache.iterdir()
    return path


def replace_payload(cache: Path, key: str, payload: bytes) -> None:
    """Put other content into a kept file, with the head that belongs to it."""
    kept_file(cache).write_bytes(key.encode() + hashlib.sha256(payload).hexdigest().encode() + payload)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_a_kept_project_is_the_one_that_was_read(cache: Path, folder: Path) -> None:
    key = keep(cache, folder)
    read, kept = load_project(folder), find_kept(cache, folder, key)
    assert kept == read
    assert kept is not None
    assert kept.fingerprint == read.fingerprint
    assert kept.answers_hash == read.answers_hash
    for name, contract in read.contracts.items():
        assert kept.contracts[name].document == contract.document
        assert [check.tables for check in kept.contracts[name].checks] == [check.tables for check in contract.checks]


def test_another_content_of_any_file_is_another_project(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "retail"
    shutil.copytree(retail.FOLDER, folder)
    keys = [keep(cache, folder)]
    files = [folder / "filon.yaml", *(path for name in FOLDERS for path in (folder / name).iterdir())]
    assert len(files) > 20
    for path in files:
        text = path.read_text(encoding="utf-8")
        path.write_text(text + "\n", encoding="utf-8")
        keys.append(str(content_key(folder)))
        path.write_text(text, encoding="utf-8")
    (folder / "pages" / "new.yaml").touch()
    keys.append(str(content_key(folder)))
    (folder / "pages" / "new.yaml").rename(folder / "pages" / "newer.yaml")
    keys.append(str(content_key(folder)))
    (folder / "pages" / "newer.yaml").unlink()
    assert len(set(keys)) == len(keys) == len(files) + 3
    assert content_key(folder) == keys[0]
    assert [key for key in keys if find_kept(cache, folder, key)] == keys[:1]


def test_a_folder_of_another_name_is_another_project(tmp_path: Path, cache: Path) -> None:
    folder, other = shop_in(tmp_path / "one"), shop_in(tmp_path / "other")
    key = keep(cache, folder)
    assert content_key(other) != key
    assert find_kept(cache, other, key) is None


def test_a_project_that_cannot_be_read_whole_has_no_key(tmp_path: Path) -> None:
    folder = shop_in(tmp_path / "shop")
    (folder / "gold" / "lost.sql").symlink_to("nowhere")
    assert content_key(folder) is None
    (folder / "gold" / "lost.sql").unlink()
    (folder / "gold" / "latin.sql").write_bytes(b"SELECT '\xe9'")
    assert content_key(folder) is None
    assert content_key(tmp_path / "nothing") is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_not_used(tmp_path: Path, cache: Path, mode: int) -> None:
    folder = shop_in(tmp_path / "shop")
    key = keep(cache, folder)
    kept_file(cache).chmod(mode)
    assert find_kept(cache, folder, key) is None
    keep(cache, folder)
    assert find_kept(cache, folder, key) is not None


def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path, cache: Path) -> None:
    folder = shop_in(tmp_path / "shop")
    key = keep(cache, folder)
    cache.chmod(0o777)
    assert find_kept(cache, folder, key) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_not_used(tmp_path: Path, cache: Path) -> None:
    folder = shop_in(tmp_path / "shop")
    key = keep(cache, folder)
    os.chown(kept_file(cache), NOBODY, NOBODY)
    assert find_kept(cache, folder, key) is None


def test_a_link_or_a_pipe_is_not_followed(tmp_path: Path, cache: Path) -> None:
    folder = shop_in(tmp_path / "shop")
    key = keep(cache, folder)
    path = kept_file(cache)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert find_kept(cache, folder, key) is None
    path.unlink()
    os.mkfifo(path, 0o600)
    assert find_kept(cache, folder, key) is None


class Hostile:
    """Calls a function when it is made from a pickle."""

    def __init__(self, function: object, *arguments: object) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self._call


@pytest.mark.parametrize("function", [os.mkdir, Path.mkdir, exec, load_project], ids=lambda function: function.__name__)
def test_a_kept_file_calls_nothing(tmp_path: Path, cache: Path, function: object) -> None:
    folder, made = shop_in(tmp_path / "shop"), tmp_path / "made"
    key = keep(cache, folder)
    argument = f"import os; os.mkdir({str(made)!r})" if function is exec else made
    replace_payload(cache, key, pickle.dumps(Hostile(function, argument)))
    assert find_kept(cache, folder, key) is None
    assert not made.exists()


def test_what_is_no_project_is_not_used(tmp_path: Path, cache: Path) -> None:
    folder = shop_in(tmp_path / "shop")
    key = keep(cache, folder)
    replace_payload(cache, key, pickle.dumps({"a": 1}))
    assert find_kept(cache, folder, key) is None
    for broken in (b"", b"\x80", key.encode(), kept_file(cache).read_bytes()[:-1]):
        kept_file(cache).write_bytes(broken)
        assert find_kept(cache, folder, key) is None


def test_sources_that_a_link_leads_out_of_the_project_are_looked_at_each_time(tmp_path: Path, cache: Path) -> None:
    folder = shop_in(tmp_path / "shop")
    (folder / "filon.yaml").write_text((folder / "filon.yaml").read_text() + "\ndefaults: {sources: files}\n")
    (folder / "files").mkdir()
    key = keep(cache, folder)
    assert find_kept(cache, folder, key) is not None
    (folder / "files").rmdir()
    (folder / "files").symlink_to(tmp_path)
    assert find_kept(cache, folder, key) is None


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    folder = shop_in(tmp_path / "shop")
    (tmp_path / "file").touch()
    key = keep(tmp_path / "file" / "cache", folder)
    assert find_kept(tmp_path / "file" / "cache", folder, key) is None


def test_a_bounded_number_of_projects_is_kept(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filon.project.kept.MOST_KEPT", 3)
    folders = [shop_in(tmp_path / f"shop{number}") for number in range(5)]
    keys = []
    for age, folder in enumerate(folders):
        before = set(cache.iterdir()) if cache.exists() else set()
        keys.append(keep(cache, folder))
        [new] = set(cache.iterdir()) - before
        os.utime(new, (age, age))
    assert [bool(find_kept(cache, folder, key)) for folder, key in zip(folders, keys, strict=True)] == [
        False, False, True, True, True,
    ]  # fmt: skip
