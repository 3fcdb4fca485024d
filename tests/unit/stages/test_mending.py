"""Mended texts: their regular lines and the records set aside are what the patient reader finds, record by record."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filon.project.vocabulary import Dialect, ShortRecords
from filon.stages.bronze import mending, window
from filon.stages.bronze.mending import Mended, mend
from filon.stages.bronze.receive import TextFacts
from filon.stages.bronze.records import tidy

Row = tuple[str, ...]

CELLS = [
    "a",
    "1,5",
    "",
    "é",
    '"x"',
    '"x, y"',
    '"x ""y"""',
    '""',
    '" x "',
    ' "x"',
    '"x" ',
    'x"y',
    '"x',
    '"x"y',
    '"x\ny"',
    '"\n"',
]


def newline_of(content: bytes) -> str | None:
    facts = TextFacts()
    facts.add(content, b'"')
    return facts.newline


def rows_of(path: Path, delimiter: str = ",", quote: str = '"') -> list[Row]:
    """The rows of a regular file, without its header."""
    with path.open(encoding="utf-8", newline="") as stream:
        if quote:
            return [tuple(row) for row in csv.reader(stream, delimiter=delimiter, quotechar=quote, strict=True)][1:]
        return [tuple(line.split(delimiter)) for line in stream.read().splitlines()][1:]


def mended(folder: Path, text: str, width: int, dialect: Dialect) -> tuple[Mended, list[Row]]:
    """What ``mend`` finds, and all records as ``tidy`` would write them."""
    source, target, aside = folder / "source.csv", folder / "mended.csv", folder / "aside.csv"
    content = text.encode()
    source.write_bytes(content)
    found = mend(source, target, aside, dialect, width, newline_of(content))
    kept = {int(row[0]): row for row in rows_of(aside)}
    rows = []
    for ordinal, row in enumerate(rows_of(target, dialect.delimiter, dialect.quote), start=1):
        assert len(row) == width
        rows.append(kept.pop(ordinal) if row[0] == found.mark else (str(ordinal), "", "", *row))
    assert not kept
    return found, rows


def tidied(folder: Path, text: str, width: int, dialect: Dialect) -> tuple[tuple[int, int], list[Row]]:
    source, target = folder / "source.csv", folder / "tidy.csv"
    source.write_bytes(text.encode())
    found = tidy(source, target, dialect, width)
    return (found.records, found.malformed), rows_of(target)


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, Dialect, int]:
    """Lines of a few fields, most of them with the right number, their ends alike or not."""
    width = draw(st.integers(1, 3))
    quote = draw(st.sampled_from(['"', '"', '"', "'", "none"]))
    dialect = Dialect(
        delimiter=draw(st.sampled_from([",", ";", "\t"])),
        quote=quote,
        escape=draw(st.sampled_from([None, None, "\\"])) if quote != "none" else None,
        comment=draw(st.sampled_from(["", "", "#"])),
        header=draw(st.booleans()),
        short_records=draw(st.sampled_from(ShortRecords)),
    )
    cells = st.sampled_from([*CELLS, "#", '"\\""', "\\"])
    widths = st.sampled_from([width, width, width, width, width + 1, 1])
    line = widths.flatmap(lambda size: st.lists(cells, min_size=size, max_size=size)).map(dialect.delimiter.join)
    lines = draw(st.lists(st.one_of(line, line, line, st.sampled_from(["", " ", "#x"])), max_size=30))
    ends = st.sampled_from(draw(st.sampled_from([["\n"], ["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r"]])))
    text = "".join(line.replace("\n", draw(ends)) + draw(ends) for line in lines)
    return text.rstrip("\r\n") if draw(st.booleans()) else text, dialect, width


@settings(
    max_examples=2_000, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(example=texts(), block=st.sampled_from([1, 2, 7, 64, 1 << 20]))
def test_a_mended_text_has_the_records_that_the_patient_reader_finds(
    tmp_path_factory: pytest.TempPathFactory, example: tuple[str, Dialect, int], block: int
) -> None:
    folder = tmp_path_factory.mktemp("mended")
    text, dialect, width = example
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "BLOCK", block)
        patch.setattr(window, "AHEAD", 2 * block)
        found, rows = mended(folder, text, width, dialect)
    assert ((found.records, found.malformed), rows) == tidied(folder, text, width, dialect)
    assert found.aside <= found.records


REGULAR = '1,"a, ""b""",é\n2," c ",\n'


@pytest.mark.parametrize(
    ("text", "aside"),
    [
        (REGULAR, 0),
        (REGULAR.replace("\n", "\r\n"), 0),
        (REGULAR + "\n \n" + REGULAR, 0),
        (REGULAR + '3 , "x" ,y\r\n', 0),
        (REGULAR + '3,"x\ny",z\n', 0),
        (REGULAR + '3,"x,y\n' + REGULAR, 1),
        (REGULAR + '3,"x"y,z\n' + REGULAR, 1),
        (REGULAR + "3,x\n" + REGULAR, 1),
        (REGULAR + '3,x"y,z\n' + REGULAR, 1),
    ],
    ids=["regular", "pairs", "blank", "padded", "spanning", "open", "stray", "short", "inside"],
)
def test_only_irregular_records_are_set_aside(tmp_path: Path, text: str, aside: int) -> None:
    found, _ = mended(tmp_path, f"a,b,c\n{text}", 3, Dialect())
    assert found.aside == aside


def test_an_open_quote_takes_no_other_record_with_it_however_far_the_next_one_is(tmp_path: Path) -> None:
    lines = ["1,a,b"] * 3_000
    lines[::1_000] = ['1,"a,b'] * 3
    found, _ = mended(tmp_path, "\n".join(["a,b,c", *lines, ""]), 3, Dialect())
    assert (found.records, found.aside, found.malformed) == (3_000, 3, 3)


def test_runs_are_found_at_once(tmp_path: Path) -> None:
    text = "a,b\n" + '1,"x"\n' * 1_000
    (tmp_path / "x.csv").write_text(text)
    with (tmp_path / "x.csv").open(newline="") as stream:
        pieces = list(mending.pieces_of(stream, Dialect(), 2, "\n"))
    assert pieces == [mending.Run('1,"x"\n' * 1_000, 1_000)]
