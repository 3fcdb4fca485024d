"""Names of files as text: whatever bytes they have, two names are two texts, and a name can be shown and typed."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filon.errors import ConfigError, SourceGone, SourcesAmbiguous, SourceUnreadable
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
