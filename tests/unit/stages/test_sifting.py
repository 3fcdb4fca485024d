"""Records of another width: where they are in their text, and what the patient reader makes of their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from filon.engines import CsvUnreadable
from filon.project.vocabulary import Dialect, ShortRecords
from filon.stages.bronze import sifting
from filon.stages.bronze.sifting import count_lines, cut_left_out, lines_outside_quotes, looks_sound
from tests.unit.stages.test_mending import rows_of

QUOTED = '1,"a, ""b""",é\n' * 30


@pytest.fixture(params=[3, 64, 4 << 20])
def _chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sifting, "CHUNK", request.param)


@pytest.mark.usefixtures("_chunks")
@pytest.mark.parametrize("text", ["", "a", "a\n", "a\nb", "\n\n\n", "é\r\nà\r\n", "ab\ncd\nef\n" * 40])
def test_lines_before_places_are_counted_however_the_text_is_read(tmp_path: Path, text: str) -> None:
    content = text.encode()
    (tmp_path / "x.csv").write_bytes(content)
    places = range(0, len(content), 7)
    found = count_lines(tmp_path / "x.csv", places)
    assert found.before == tuple(content[:place].count(b"\n") for place in places)
    assert found.lines == len(content.splitlines())


@pytest.mark.usefixtures("_chunks")
def test_lines_inside_quotes_are_not_counted(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('a,"b\nc"\n"""\n""",d\nlast')
    assert lines_outside_quotes(tmp_path / "x.csv", b'"') == 3


@pytest.mark.parametrize(
    ("text", "is_sound"),
    [
        (QUOTED, True),
        (QUOTED + "2,x\n" + QUOTED, True),
        (QUOTED + "2,x,y,z\n" + QUOTED, True),
        ("2,x\n" * 30 + QUOTED, False),
        (QUOTED + '2,"x"y,z\n' + QUOTED, False),
        (QUOTED + '2,"x,z\n' + QUOTED, False),
        (QUOTED + '2,"x\ny",z\n' + QUOTED, False),
    ],
    ids=["regular", "short", "long", "many", "stray", "open", "spanning"],
)
def test_only_texts_with_few_lines_of_another_width_are_sifted(tmp_path: Path, text: str, is_sound: bool) -> None:
    (tmp_path / "x.csv").write_text(f"a,b,c\n{text}")
    assert looks_sound(tmp_path / "x.csv", Dialect(), 3, "\n") is is_sound


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_left_out_lines_are_cut_by_the_patient_reader(tmp_path: Path, newline: str) -> None:
    lines = ["\ufeffa,b,c", "1,2", "1,2,3", '1,"é, è",3,', "1,2,3,4", '""']
    (tmp_path / "x.csv").write_bytes(newline.join(lines).encode())
    content = (tmp_path / "x.csv").read_bytes()
    starts = [content.index(line.encode()) for line in (lines[1], *lines[3:5])] + [content.rindex(b'""')]
    malformed = cut_left_out(tmp_path / "x.csv", starts, [1, 3, 4, 5], Dialect(), 3, tmp_path / "aside.csv")
    assert malformed == [1, 4, 5]
    assert rows_of(tmp_path / "aside.csv") == [
        ("1", "too_few_fields", "1,2", "", "", ""),
        ("3", "", "", "1", "é, è", "3"),
        ("4", "too_many_fields", "1,2,3,4", "", "", ""),
        ("5", "too_few_fields", '""', "", "", ""),
    ]


def test_a_first_line_after_a_byte_order_mark_is_cut_without_it(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("\ufeffx,y\n")
    dialect = Dialect(header=False, short_records=ShortRecords.NULLS)
    assert cut_left_out(tmp_path / "x.csv", [0], [1], dialect, 3, tmp_path / "aside.csv") == []
    assert rows_of(tmp_path / "aside.csv") == [("1", "", "", "x", "y", "")]


@pytest.mark.parametrize(
    ("text", "start", "message"),
    [
        ("a,b,c\n1,2\n", 7, "no line begins"),
        ("a,b,c\n  \n", 6, "no record"),
        ('a,b,c\n"1,2\n', 6, "irregular in another way"),
        ('a,b,c\n"1"x,2\n', 6, "irregular in another way"),
    ],
    ids=["inside", "blank", "open", "stray"],
)
def test_what_is_more_than_another_width_is_left_to_another_reader(
    tmp_path: Path, text: str, start: int, message: str
) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(CsvUnreadable, match=message):
        cut_left_out(tmp_path / "x.csv", [start], [1], Dialect(), 3, tmp_path / "aside.csv")
