"""Two readers for one text: whatever the dialect, the fast ones and the patient one give the same records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filon.engines import CsvUnreadable, RecordLayout
from filon.engines.duckdb import reader as parallel
from filon.engines.reader import FOOTER
from filon.lake import Layer, Sources
from filon.project import TEXT, Column, Contract, Dataset
from filon.project.document import Document
from filon.project.vocabulary import Dialect, Drift, FooterSpec, Keep, MissingFile, ShortRecords
from filon.stages.bronze import parse as parsing
from filon.stages.bronze.parse import (
    _groups,
    _read_group,
    _read_one,
    _read_patiently,
    parse_fast,
    parse_lines,
    parse_mended,
    parse_sifted,
)
from filon.stages.bronze.receive import fingerprint
from filon.stages.bronze.records import RecordReader, fitted
from filon.stages.bronze.texts import Incoming, Parsed, SourceText, field_name, receive_texts
from filon.stages.context import Context
from filon.stages.limits import Limits
from tests.unit.stages.bench import opened, write_project

MODEL = """\
apiVersion: v3.1.0
kind: DataContract
id: s
version: "1"
status: active
schema:
  - name: others
    customProperties: [{property: filePattern, value: "others*"}]
    properties: [{name: a, logicalType: string}]
"""
MANY, FILES = 2_000, 8
"""Files in all, and those of an example, each of its own dialect."""
NAMES = ("ref", "label", "amount")


@dataclass(frozen=True)
class Ground:
    """Where texts are read: a run, and a folder of sources."""

    context: Context
    folder: Path


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("readers")
    (folder / "in").mkdir()
    with opened(write_project(folder / "project", {"sources/others.yaml": MODEL}), folder) as bench:
        yield Ground(bench.context, folder / "in")


@dataclass(frozen=True)
class Example:
    """A text and the dialect that it is written in, or nearly."""

    dialect: Dialect
    drift: Drift
    content: bytes


@st.composite
def dialects(draw: st.DrawFn) -> Dialect:
    """Words that decide how a text is cut."""
    quote = draw(st.sampled_from(['"', '"', "'", "none"]))
    return Dialect(
        delimiter=draw(st.sampled_from([",", ";", "\t", "|", " ", "||", "::", ", ", " | ", "whitespace"])),
        quote=quote,
        escape=draw(st.sampled_from([None, "\\"])) if quote != "none" else None,
        header=draw(st.booleans()),
        skip_lines=draw(st.sampled_from([0, 0, 0, 1, 3])),
        comment=draw(st.sampled_from(["", "", "#", "é"])),
        footer=draw(st.sampled_from(FOOTERS)),
        short_records=draw(st.sampled_from(ShortRecords)),
    )


FOOTERS = [None, None, FooterSpec(lines=1), FooterSpec(lines=3), FooterSpec(starts_with="Total")]
TITLES = st.sampled_from(["", "Sales", '"Sales', "ref;1", " ", "é;à"])
ODD = [
    "",
    " ",
    "\t",
    '"',
    '"x',
    'x"y',
    '"x"y',
    ' "x" ',
    '  "x"',
    '  "x, y" ',
    "'",
    "\ufeff",
    "\\",
    '\\"',
    "|",
    ":",
    "|||",
    "a  b",
    "#",
    "é",
    "\u00a0",
]


@st.composite
def examples(draw: st.DrawFn) -> Example:
    """Records of a few fields, most of them written well, some not."""
    dialect = draw(dialects())
    mark, quote = dialect.separator, dialect.quote
    plain = st.sampled_from(["a", "1", "1,5", "x y", "", "", "NULL"])
    quoted = st.sampled_from(["a", mark, quote * 2, "x\ny", "x\r\ny", "", "\\\\", f"\\{quote}", "\\n", "#"]).map(
        lambda text: f"{quote}{text}{quote}"
    )
    cell = st.one_of(plain, plain, quoted, st.sampled_from(ODD)) if draw(st.booleans()) else plain
    widths = st.sampled_from([3, 3, 3, 3, 3, 2, 4, 5, 1])
    lines = [
        mark.join(draw(st.lists(cell, min_size=width, max_size=width))) for width in draw(st.lists(widths, max_size=8))
    ]
    if dialect.header:
        lines.insert(0, mark.join(draw(st.permutations([*NAMES, *draw(st.sampled_from([[], ["more"]]))]))))
    lines[:0] = draw(st.lists(TITLES, min_size=dialect.skip_lines, max_size=dialect.skip_lines))
    if dialect.header and not dialect.skip_lines and draw(st.integers(0, 3)) == 0:
        dialect = dialect.model_copy(update={"skip_until": "header"})
        lines[:0] = draw(st.lists(TITLES, max_size=3))
    if draw(st.integers(0, 5)) == 0 and not dialect.skip_lines:
        lines.insert(0, f"sep={mark}")
    remarks = st.sampled_from(["# a", "#", '#"a', f"#{mark}1", "é", "Total", f"Total{mark}1", '"Total"', "", " "])
    if dialect.comment or dialect.footer:
        for remark in draw(st.lists(remarks, max_size=3)):
            lines.insert(draw(st.integers(0, len(lines))), remark)
        lines += draw(st.lists(remarks, max_size=2))
    ends = st.sampled_from(draw(st.sampled_from([["\n"], ["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r"]])))
    text = "".join(line + draw(ends) for line in lines)
    text = text.rstrip("\r\n") if draw(st.booleans()) else text
    start = draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf", b"\n"]))
    return Example(dialect, draw(st.sampled_from(Drift)), start + text.encode())


def dataset_of(example: Example) -> Dataset:
    """Three texts of which nothing is asked, so that every record is kept."""
    columns = tuple(Column(name, TEXT, header=name) for name in NAMES)
    contract = Contract("others", columns, (), document=Document(Path("others.yaml"), {}, {}))
    return Dataset(contract, "others*", example.dialect, Keep.FIRST, example.drift, 1.0, MissingFile.KEEP, ())


def texts_of(ground: Ground, example: Example, number: int, name: str) -> Iterator[SourceText]:
    """The text of an example, as it is received; nothing when it is refused."""
    (ground.folder / name).write_bytes(example.content)
    sources = Sources(str(ground.folder))
    [file] = [file for file in sources.files() if file.path == name]
    incoming = Incoming(number, dataset_of(example), file, fingerprint(sources, file))
    for texts, _ in receive_texts(sources, [incoming], ground.context.workspace, Limits()):
        yield from texts


def records_of(context: Context, parsed: Parsed) -> tuple[str | None, list[dict[str, Any]]]:
    """Why a text was refused, and its records in their order."""
    folder = context.lake.table(Layer.BRONZE, "others")
    rows = [row for found in parsed.data for row in pq.read_table(folder.path_of(found.name)).to_pylist()]
    rows = [row for row in rows if row["_file"] == parsed.incoming.number]
    assert len([row for row in rows if row["_malformed"] != FOOTER]) == parsed.records
    reason = parsed.refused.reason if parsed.refused else None
    return reason, sorted(rows, key=lambda row: row["_record"])


def usual(examples: int) -> settings:
    """The same examples in every run."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@usual(30)
@given(given_examples=st.lists(examples(), min_size=FILES, max_size=FILES))
def test_whichever_reader_takes_a_text_its_bronze_is_the_same(ground: Ground, given_examples: list[Example]) -> None:
    for number, example in enumerate(given_examples, start=1):
        for text in texts_of(ground, example, number, f"{number}.csv"):
            chosen = records_of(ground.context, _read_one(ground.context, text, ground.context.workspace))
            patient = records_of(ground.context, _read_patiently(ground.context, text, ground.context.workspace))
            let_go(text)
            assert chosen == patient


def let_go(text: SourceText) -> None:
    """Delete the text, as its readers do."""
    text.received.path.unlink()
    if text.footer is not None:
        text.footer.unlink()


Cut = tuple[str | None, ...]


def cut_in_python(text: SourceText) -> list[Cut]:
    """The records of a text by the patient reader: fault, text of a malformed one, fields; nothing is null."""
    width = len(text.header.names)
    with text.received.path.open(encoding="utf-8-sig", newline="") as stream:
        reader = RecordReader.of(stream, text.dialect)
        records = iter(reader)
        if text.dialect.header:
            next(records, None)
        reader.blanks_count = width == 1
        cut = [(record.raw, *fitted(record, width, text.dialect.short_records)) for record in records]
    return [
        (fault, (raw or None) if fault else None, *(field or None for field in fields)) for raw, fields, fault in cut
    ]


def cut_by_the_engine(context: Context, text: SourceText) -> list[Cut]:
    """The records of a text that the reader holds."""
    names = [field_name(index) for index in range(len(text.header.names))]
    folder = context.lake.table(Layer.BRONZE, "others")
    files = context.reader.write(RecordLayout(tuple((name, name) for name in names)), folder)
    context.reader.forget()
    rows = [row for file in files for row in pq.read_table(folder.path_of(file.name)).to_pylist()]
    rows.sort(key=lambda row: row["_record"])
    return [(row["_malformed"], row["_raw"], *(row[name] for name in names)) for row in rows]


def compare(context: Context, text: SourceText) -> Iterator[str]:
    """Let each fast reader cut a text that it may read, as the patient one does; the names of those that could."""
    expected = cut_in_python(text)
    readers: dict[str, tuple[bool, Callable[[], object]]] = {
        "fast": (text.is_regular, lambda: parse_fast(context, [text])),
        "sifted": (text.may_be_sifted, lambda: parse_sifted(context, [text], context.workspace)),
        "split": (text.may_be_split, lambda: parse_lines(context, text)),
        "mended": (text.may_be_mended, lambda: parse_mended(context, text, context.workspace)),
    }
    for name, (may_read, read) in readers.items():
        with nullcontext() if name == "mended" else suppress(CsvUnreadable):
            if may_read:
                read()
                assert cut_by_the_engine(context, text) == expected, name
                yield name


def test_the_fast_readers_cut_a_text_as_the_patient_one_does(ground: Ground) -> None:
    read = Counter[str]()

    @usual(MANY // FILES)
    @given(given_examples=st.lists(examples(), min_size=FILES, max_size=FILES))
    def cut(given_examples: list[Example]) -> None:
        for number, example in enumerate(given_examples, start=1):
            for text in texts_of(ground, example, number, f"{number}.csv"):
                read.update(compare(ground.context, text))
                let_go(text)

    cut()
    assert min(read[name] for name in ("fast", "sifted", "split", "mended")) > MANY // 100, read


ENDS = st.sampled_from(["\n", "\r\n"])
LONG_DIALECTS = st.builds(
    Dialect,
    delimiter=st.sampled_from([",", ";"]),
    header=st.just(True),
    short_records=st.sampled_from(ShortRecords),
)


@st.composite
def long_examples(draw: st.DrawFn) -> Example:
    """Hundreds of quoted records, a few of which have another number of fields: anywhere, also next to each other."""
    dialect = draw(LONG_DIALECTS)
    return Example(dialect, Drift.EVOLVE, draw(long_texts(dialect, draw(ENDS))))


@st.composite
def long_texts(draw: st.DrawFn, dialect: Dialect, end: str) -> bytes:
    """A text of such records."""
    mark = dialect.separator
    plain = ["1", "", "é", '"x"']
    blank = [f'"x{mark} y"', '"x ""y"""', '" x "', ' "x"', '"x" ']
    cell = st.sampled_from([*plain, *(blank if draw(st.booleans()) else [])])
    count = draw(st.integers(1, 1_000))
    places = st.integers(0, count) | st.sampled_from([0, count - 1])  # first and last lines stand beside other texts
    odd = draw(st.dictionaries(places, st.sampled_from([1, 2, 4, 9]), max_size=30))
    cells = draw(st.lists(cell, min_size=11, max_size=11))
    lines = [
        mark.join(cells[(3 * row + field) % len(cells)] or '""' for field in range(odd.get(row, 3)))
        for row in range(count)
    ]
    text = end.join([*([mark.join(NAMES)] if dialect.header else []), *lines])
    return (text + end * draw(st.integers(0, 1))).encode()


@st.composite
def groups(draw: st.DrawFn) -> list[Example]:
    """Texts that may be read together; some begin with a byte order mark, have no records, or are irregular."""
    dialect = draw(LONG_DIALECTS).model_copy(update={"header": draw(st.booleans())})
    mark, texts = dialect.separator, long_texts(dialect, draw(ENDS))
    header = mark.join(NAMES) + "\n" if dialect.header else f'"1"{mark}2{mark}3\n'
    odd = st.sampled_from(
        [header, f'{header}1{mark}"x\ny"{mark}3\n', f'{header}1{mark}"x"y{mark}3', f"\ufeff{header}1\n"]
    )
    members = st.one_of(
        texts, texts, texts, texts, texts, odd.map(str.encode), texts.map(lambda text: b"\xef\xbb\xbf" + text)
    )
    return [Example(dialect, Drift.EVOLVE, content) for content in draw(st.lists(members, min_size=2, max_size=6))]


@usual(60)
@given(examples=groups())
def test_texts_that_are_read_together_have_the_bronze_that_each_has_alone(
    ground: Ground, examples: list[Example]
) -> None:
    texts = [
        text
        for number, example in enumerate(examples, start=1)
        for text in texts_of(ground, example, number, f"{number}.csv")
    ]
    context, folder = ground.context, ground.context.workspace
    for group in _groups(texts):
        together = {parsed.incoming.number: parsed for parsed in _read_group(context, group, folder)}
        assert together.keys() == {text.incoming.number for text in group}
        for text in group:
            alone = records_of(context, _read_patiently(context, text, folder))
            assert records_of(context, together[text.incoming.number]) == alone
            let_go(text)


def test_texts_of_another_width_are_sifted_together(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    sifted = []

    def note(context: Context, texts: Sequence[SourceText], folder: Path) -> object:
        sifted.append(len(texts))
        return parse_sifted(context, texts, folder)

    monkeypatch.setattr(parsing, "parse_sifted", note)
    odd = {3: "1,2", 5: "1,2,3,4", 6: '1,"x\ny",3'}
    contents = ["\n".join([",".join(NAMES), "1,2,3", odd.get(number, "4,5,6"), ""]) for number in range(8)]
    texts = [
        text
        for number, content in enumerate(contents, start=1)
        for text in texts_of(ground, Example(Dialect(), Drift.EVOLVE, content.encode()), number, f"{number}.csv")
    ]
    parsed = _read_group(ground.context, texts, ground.context.workspace)
    assert sum(result.records for result in parsed) == 16
    assert sum(result.malformed for result in parsed) == 2
    assert sifted == [7], "all but the one with a line inside of a field"
    for text in texts:
        let_go(text)


@pytest.mark.parametrize("buffer", [32 << 20, 1 << 10], ids=["one part", "many parts"])
def test_records_left_out_come_back_to_their_places(
    ground: Ground, buffer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "BUFFER", buffer)
    monkeypatch.setattr(parallel, "LONGEST_LINE", 1 << 10)
    read = Counter[str]()

    @usual(60)
    @given(example=long_examples())
    def cut(example: Example) -> None:
        for text in texts_of(ground, example, 1, "long.csv"):
            read.update(compare(ground.context, text))
            let_go(text)

    cut()
    assert read["sifted"] > 30, read


@pytest.mark.parametrize("odd", range(100, 120))
def test_a_file_whose_last_part_begins_with_an_irregular_line_is_sifted(
    ground: Ground, odd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "BUFFER", 1500)
    monkeypatch.setattr(parallel, "LONGEST_LINE", 1000)
    lines = [f"{row:08d},xxx,{'y,z' if row == odd else 'y'}" for row in range(120)]
    example = Example(Dialect(), Drift.EVOLVE, "\n".join([",".join(NAMES), *lines, ""]).encode())
    for text in texts_of(ground, example, 1, "parts.csv"):
        assert "sifted" in set(compare(ground.context, text))
        let_go(text)


@pytest.mark.parametrize("blanks", ["", " ", "  ", "   "])
@pytest.mark.parametrize("beside", ["before", "behind", "both"])
def test_blanks_beside_quotes_are_none_of_the_field(ground: Ground, blanks: str, beside: str) -> None:
    before, behind = (blanks if beside in (side, "both") else "" for side in ("before", "behind"))
    lines = [",".join(NAMES), *[f'{number},{before}"x"{behind},"2"' for number in range(50)], ""]
    example = Example(Dialect(), Drift.EVOLVE, "\n".join(lines).encode())
    for text in texts_of(ground, example, 1, "blanks.csv"):
        assert {cut[3] for cut in cut_in_python(text)} == {"x"}
        assert "mended" in set(compare(ground.context, text))
        let_go(text)
