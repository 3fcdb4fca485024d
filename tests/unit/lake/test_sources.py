"""Names of files as text: whatever bytes they have, two names are two texts, and a name can be shown and typed."""

from __future__ import annotations

import io
import os
import socket
import unicodedata
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filon.errors import ConfigError, SourceGone, SourcesAmbiguous, SourcesUnavailable, SourceUnreadable
from filon.lake import Sources, listed_name, locate, printable_name

PIECES = [b"\\", b"x", b"u", b"0", b"f", b"\xff", b"\xc3", b"\xa9", b"\n", b"\x1b", "é\u202e\u0085".encode(), b"/"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"orders.csv", "orders.csv"),
        ("commandes d'été %20 [1]*.csv ".encode(), "commandes d'été %20 [1]*.csv "),
        (rb"old\orders.csv", r"old\orders.csv"),
        (b"orders_\xff.csv", r"orders_\xff.csv"),
        (rb"orders_\xff.csv", r"orders_\\xff.csv"),
        (rb"orders_\\xff.csv", r"orders_\\\\xff.csv"),
        (b"a\nb\x1b[31m.csv", r"a\x0ab\x1b[31m.csv"),
        (rb"a\x0ab.csv", r"a\\x0ab.csv"),
        (b"a\\\xff", r"a\\\xff"),
        ("\u0085".encode(), r"\u0085"),
        (b"\x85", r"\x85"),
        ("a\u202evsc.csv".encode(), r"a\u202evsc.csv"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
    ],
)
def test_a_name_is_spelled_as_it_is_unless_it_cannot_be_shown(name: bytes, text: str) -> None:
    assert printable_name(name) == text


@given(st.lists(st.sampled_from(PIECES)), st.lists(st.sampled_from(PIECES)))
def test_two_names_are_never_spelled_alike(one: list[bytes], other: list[bytes]) -> None:
    first, second = b"".join(one), b"".join(other)
    assert (printable_name(first) == printable_name(second)) == (first == second)


@given(st.binary(max_size=30))
def test_every_name_can_be_written_on_one_line(name: bytes) -> None:
    text = printable_name(name)
    assert text.encode().decode() == text
    assert not any(unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Cs") for letter in text)


def test_a_name_may_be_given_as_it_is_shown_or_as_a_shell_completes_it() -> None:
    raw = b"orders_\xff\n.csv"
    assert listed_name(os.fsdecode(raw)) == printable_name(raw)
    assert listed_name(printable_name(raw)) == printable_name(raw)


def test_normal_forms_of_one_name_are_two_files(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        (tmp_path / unicodedata.normalize(form, "é.csv")).write_text(form)
    sources = Sources(str(tmp_path))
    assert {b"".join(sources.chunks(file)) for file in sources.files()} == {b"NFC", b"NFD"}
    assert len({file.path for file in sources.files()}) == 2


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"100% \xff #1?")
    folder.mkdir()
    (folder / "a.csv").write_text("x\n1\n")
    assert [file.path for file in Sources(str(folder)).files()] == ["a.csv"]
    assert locate(str(folder)).folder == folder


@pytest.mark.parametrize("uri", ["file:///data/lake#1", "file:///data/lake?1"])
def test_an_address_is_not_cut_at_a_mark(uri: str) -> None:
    with pytest.raises(ConfigError, match="%23"):
        locate(uri)


def test_two_files_that_would_have_one_name_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr("filon.lake.sources.printable_name", lambda _: "same.csv")
    with pytest.raises(SourcesAmbiguous, match=r"two files that are both called same\.csv"):
        Sources(str(tmp_path)).files()


def test_a_file_that_the_system_refuses_is_told_from_one_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    sources = Sources(str(tmp_path))
    [file] = sources.files()
    (tmp_path / "a.csv").unlink()
    with pytest.raises(SourceGone):
        list(sources.chunks(file))
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(SourceUnreadable, match="Is a directory"):
        list(sources.chunks(file))
    assert sources.again(file) is None


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Sources with a file, and a folder elsewhere with two."""
    here, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    (elsewhere / "deep").mkdir(parents=True)
    here.mkdir()
    (here / "a.csv").write_text("x\n1\n")
    (elsewhere / "b.csv").write_text("x\n2\n")
    (elsewhere / "deep/c.csv").write_text("x\n3\n")
    return here, elsewhere


def seen(here: Path, within: Path | None = None) -> dict[str, str]:
    """Every listed path with its fault."""
    return {file.path: file.fault for file in Sources(str(here), within).files()}


def test_links_to_folders_are_followed(folders: tuple[Path, Path]) -> None:
    here, elsewhere = folders
    (here / "2026").symlink_to(elsewhere)
    (here / "also").symlink_to("2026")
    assert seen(here) == dict.fromkeys(["2026/b.csv", "2026/deep/c.csv", "a.csv", "also/b.csv", "also/deep/c.csv"], "")
    sources = Sources(str(here))
    assert next(b"".join(sources.chunks(file)) for file in sources.files()) == b"x\n2\n"


def test_links_in_a_circle_are_named_and_not_followed(folders: tuple[Path, Path]) -> None:
    here, elsewhere = folders
    (here / "2026").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(here)
    (elsewhere / "deep/up").symlink_to("..")
    (here / "self").symlink_to(".")
    found = seen(here)
    loops = {path for path, fault in found.items() if "a folder that it lies in itself" in fault}
    assert loops == {"2026/back", "2026/deep/up", "self"}
    assert {path for path, fault in found.items() if not fault} == {"a.csv", "2026/b.csv", "2026/deep/c.csv"}
    assert not any(file.may_hide_files for file in Sources(str(here)).files())


@pytest.mark.parametrize("name", [b"gone", b"gone.csv", b"g\xff\n"])
def test_a_link_to_nothing_is_named(folders: tuple[Path, Path], name: bytes) -> None:
    here, _ = folders
    Path(os.fsdecode(os.fsencode(here) + b"/" + name)).symlink_to("nowhere")
    assert seen(here)[printable_name(name)] == "it is a link to nowhere, where nothing is"
    [file] = [file for file in Sources(str(here)).files() if file.fault]
    assert file.may_hide_files
    with pytest.raises(SourceUnreadable, match="where nothing is"):
        list(Sources(str(here)).chunks(file))


def test_links_to_each_other_lead_nowhere(folders: tuple[Path, Path]) -> None:
    here, _ = folders
    (here / "one").symlink_to("two")
    (here / "two").symlink_to("one")
    assert "Too many levels of symbolic links" in seen(here)["one"]


def test_pipes_sockets_and_devices_are_named_and_never_opened(folders: tuple[Path, Path]) -> None:
    here, _ = folders
    os.mkfifo(here / "pipe.csv")
    (here / "null.csv").symlink_to(os.devnull)
    (here / "linked.csv").symlink_to("pipe.csv")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(here / "s.csv"))
        assert seen(here) == {
            "a.csv": "",
            "linked.csv": "it is no file but a pipe",
            "null.csv": "it is no file but a device",
            "pipe.csv": "it is no file but a pipe",
            "s.csv": "it is no file but a socket",
        }


def test_links_out_of_a_project_that_names_its_sources_are_not_followed(folders: tuple[Path, Path]) -> None:
    here, elsewhere = folders
    (here / "out").symlink_to(elsewhere)
    (here / "deep").mkdir()
    (here / "deep/in").symlink_to(here / "deep2")
    (here / "deep2").mkdir()
    (here / "deep2/d.csv").write_text("x\n")
    found = seen(here, within=here)
    assert {path for path, fault in found.items() if not fault} == {"a.csv", "deep2/d.csv", "deep/in/d.csv"}
    assert "leads out of the project" in found["out"]


def test_a_maze_of_links_ends_the_listing(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filon.lake.sources.MOST_LINKS", 50)
    here, elsewhere = folders
    for level in range(8):
        (elsewhere / f"{level}").mkdir()
        for side in ("left", "right"):
            (elsewhere / f"{level}" / side).symlink_to(elsewhere / f"{level + 1}")
    (elsewhere / "8").mkdir()
    (here / "in").symlink_to(elsewhere / "0")
    with pytest.raises(SourcesUnavailable, match="more than 50 links to folders"):
        Sources(str(here)).files()


def test_a_member_has_another_tag_when_its_archive_was_written_again(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    sources = Sources(str(tmp_path))
    members = []
    for content in ("x", "y"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("jan.csv", content)
        [member] = sources.members(sources.files()[0]) or []
        members.append(member)
        assert (b"".join(sources.chunks(member)), sources.again(member)) == (content.encode(), member)
    path.write_bytes(path.read_bytes() + b"\0")
    changed = sources.again(members[-1])
    assert changed is not None
    assert changed.tag != members[-1].tag
    path.unlink()
    assert sources.again(members[-1]) is None
    with pytest.raises(SourceGone):
        b"".join(sources.chunks(members[-1]))


def test_members_lie_where_the_archive_says_also_behind_other_bytes(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("jan.csv", "x" * 100_000)
        archive.comment = b"of nobody"
    (tmp_path / "a.zip").write_bytes(stream.getvalue())
    sources = Sources(str(tmp_path))
    [member] = sources.members(sources.files()[0]) or []
    assert (member.path, member.size) == ("a.zip/jan.csv", 100_000)
    assert b"".join(sources.chunks(member)) == b"x" * 100_000
