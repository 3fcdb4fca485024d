"""A sample of a file: its encoding, delimiter, header and first rows, read as the pipeline reads them."""

from __future__ import annotations

import codecs
import os
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from io import StringIO
from itertools import chain, islice, pairwise, takewhile
from pathlib import Path

from filon.errors import ConfigError, SourceUnreadable
from filon.lake import SourceFile, Sources, printable_name
from filon.lake.sourcefile import UNKNOWN_TIME
from filon.project import Kind
from filon.project.fileformats import format_of
from filon.project.vocabulary import FileFormat, SourceSpec
from filon.scaffold.values import infer_type
from filon.stages.bronze.archives import GZIP, ZSTD, unpacked, within_limits
from filon.stages.bronze.formats import first_rows
from filon.stages.bronze.records import Record, RecordReader, fitted
from filon.stages.bronze.refusals import FileRejected
from filon.stages.limits import Limits

SAMPLE_BYTES, MOST_ROWS = 1 << 20, 10_000
PIECE = 1 << 16
DELIMITERS, QUOTE = ",;\t|", '"'
DECISIVE = 1_000
"""The most records that the choice of the delimiter looks at."""
BLANKS = " \t\n\v\f\r\u00a0"
"""Characters that the pipeline strips from both ends of a value."""
FEWEST_FIELDS, LONGEST_PREAMBLE, USUAL = 3, 20, 0.8
"""Fields of a table that may have something before its header, records of that, and the share that must be alike."""
FIRST_YEAR, LAST_YEAR = 1900, 2100
NUMBERS = {Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE}
THRESHOLD: float = SourceSpec.model_fields["malformed_threshold"].default


@dataclass(frozen=True)
class Layout:
    """Whether a file names its columns, and whether something stands before it does; the sheet of a spreadsheet."""

    has_header: bool = True
    has_preamble: bool = False
    sheet: str | None = None


WITH_HEADER = Layout()


@dataclass(frozen=True)
class Sample:
    """The header and first rows of a file.

    ``header`` is empty where a column has no name; ``is_whole``: the sample is the whole file. ``other_sheets`` are
    those of a spreadsheet that are shown and not read.
    """

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    is_whole: bool
    layout: Layout = WITH_HEADER
    other_sheets: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """The file's name as the pipeline lists it."""
        return unicodedata.normalize("NFC", printable_name(os.fsencode(self.path.name)))

    def values(self, header: str) -> list[str]:
        """The values of a named column, without the blanks around them."""
        index = self.header.index(header)
        return [row[index].strip(BLANKS) for row in self.rows]


def read_samples(path: Path, most_bytes: int = SAMPLE_BYTES) -> list[Sample]:
    """Sample a file, or each member of a zip archive.

    Args:
        path: the file
        most_bytes: the most bytes to read of a text, unpacked; of other files the first rows are read

    Raises:
        ConfigError: the pipeline could not read the file either, or it holds no rows

    """
    archive = SourceFile(path.name, 0, "", UNKNOWN_TIME, place=str(path))
    with _explained(path):
        if not path.name.lower().endswith(".zip") or path.is_dir():
            return [_sample(path, path, most_bytes)]
        archive = replace(archive, size=path.stat().st_size)
        sources = Sources(str(path.parent))
        members = sources.members(archive)
        if members is None:
            return [_sample(path, path, most_bytes)]
        return [_sample_of_member(sources, path.parent, member, most_bytes) for member in members]


def _sample_of_member(sources: Sources, folder: Path, member: SourceFile, most_bytes: int) -> Sample:
    shown = folder / member.path
    if member.fault:
        raise ConfigError(f"{shown}: {member.fault}")
    with tempfile.TemporaryDirectory(prefix="filon-") as place, _explained(shown):
        copy = Path(place) / shown.name
        with copy.open("wb") as stream:
            stream.writelines(within_limits(sources.chunks(member), member.size, Limits()))
        return _sample(shown, copy, most_bytes)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Raise what is wrong with a file as ConfigError."""
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (FileRejected, SourceUnreadable) as error:
        raise ConfigError(f"{path}: {error}") from None


def _sample(path: Path, local: Path, most_bytes: int) -> Sample:
    """Sample a file that lies at ``local``, and is called ``path`` by people."""
    if format_of(path.name) is FileFormat.CSV:
        return _text_sample(path, local, most_bytes)
    found = first_rows(local, MOST_ROWS)
    _require_names(path, found.header)
    layout = Layout(has_preamble=found.has_preamble, sheet=found.sheet)
    return Sample(path, "utf-8", ",", found.header, found.rows, found.is_whole, layout, found.other_sheets)


def _text_sample(path: Path, local: Path, most_bytes: int) -> Sample:
    data, is_whole = _read_start(local, most_bytes)
    encoding, text = _decode(path, data, is_whole)
    first_records = {delimiter: _records(text, delimiter, is_whole, DECISIVE) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda delimiter: _likelihood(first_records[delimiter], delimiter))
    records = _records(text, delimiter, is_whole)
    if not records:
        raise ConfigError(f"{path} is empty; give a file with a header and some rows")
    start = _header_at(records)
    first, *others = records[start:]
    header, layout = _header_of(path, first), Layout(has_preamble=start > 0)
    rows = [fields for record in others if (fields := _fields(record, len(header))) is not None]
    if len(others) - len(rows) > THRESHOLD * len(others):
        raise ConfigError(
            f"{path}: only {len(rows)} of {len(others)} records have the {len(header)} fields of the header; mend it"
        )
    if start == 0 and looks_like_data(header, rows):
        rows.insert(0, header)
        header, layout = tuple(f"column_{index}" for index in range(1, len(header) + 1)), Layout(has_header=False)
    _require_names(path, header)
    return Sample(path, encoding, delimiter, header, tuple(rows), is_whole, layout)


def _header_at(records: Sequence[Record]) -> int:
    """Where the header is: titles and notes before it have fewer fields than nearly all records, and end soon."""
    widths = Counter(len(record.fields) for record in records[:DECISIVE])
    usual, count = widths.most_common(1)[0]
    if usual < FEWEST_FIELDS or count < USUAL * min(len(records), DECISIVE):
        return 0
    before = list(takewhile(lambda record: sum(map(bool, record.fields)) < usual - 1, records[: LONGEST_PREAMBLE + 1]))
    return len(before) if 0 < len(before) <= min(LONGEST_PREAMBLE, len(records) - 2) else 0


def looks_like_data(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first record of a file is a row like the others.

    It is when it has a value of the same type wherever all others have one, and years or a count do not name columns.
    """
    typed = []
    for cell, *column in zip(first, *rows[:DECISIVE], strict=False) if rows else ():
        found = infer_type(Counter(value.strip(BLANKS) for value in column), ".")
        kind = found.type if found.type.kind is not Kind.TEXT else infer_type(Counter(column), ",").type
        if kind.kind is not Kind.TEXT:
            typed.append(kind.kind in _kinds_of(cell.strip(BLANKS)))
    return bool(typed) and all(typed) and all(map(str.strip, first)) and not _counts(first)


def _kinds_of(cell: str) -> set[Kind]:
    kinds = {infer_type({cell: 1}, mark).type.kind for mark in ".,"}
    return kinds | {Kind.DECIMAL, Kind.DOUBLE, Kind.INTEGER} if kinds & NUMBERS else kinds


def _counts(cells: Sequence[str]) -> bool:
    """Whether the numbers among cells are years in a row, or count from 1: such numbers name columns."""
    numbers = [int(cell) for cell in cells if cell.strip().isdecimal()]
    are_years = len(numbers) > 1 and all(FIRST_YEAR <= number <= LAST_YEAR for number in numbers)
    are_places = len(numbers) > FEWEST_FIELDS and numbers[0] == 1
    return (are_years or are_places) and all(later - number == 1 for number, later in pairwise(numbers))


def _read_start(path: Path, most_bytes: int) -> tuple[bytes, bool]:
    """The first bytes of a file, unpacked, and whether they are the whole file."""
    data = bytearray()
    with path.open("rb") as stream:
        for piece in _unpack(iter(partial(stream.read, PIECE), b"")):
            data += piece
            if len(data) > most_bytes:
                return bytes(data[:most_bytes]), False
    return bytes(data), True


def _unpack(pieces: Iterator[bytes]) -> Iterator[bytes]:
    first = next(pieces, b"")
    everything = chain([first], pieces)
    return unpacked(first, everything) if first.startswith((GZIP, ZSTD)) else everything


def _decode(path: Path, data: bytes, is_whole: bool) -> tuple[str, str]:
    """The encoding, and the text in NFC; only UTF-8, UTF-16 with a byte order mark and cp1252 are tried."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if wide else ("utf-8", "cp1252"):
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(data, is_whole)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return encoding, unicodedata.normalize("NFC", text.removeprefix("\ufeff"))
    raise ConfigError(
        f"{path} is no text in UTF-8, UTF-16 with a byte order mark, or cp1252; export it as CSV in UTF-8"
    )


def _records(text: str, delimiter: str, is_whole: bool, most: int | None = None) -> list[Record]:
    """The records that a delimiter yields, without those that the end of the sample may cut."""
    records = list(islice(RecordReader(StringIO(text, newline=""), delimiter, QUOTE), most))
    if is_whole:
        return records
    return [*records[:1], *takewhile(lambda record: record.fault != "unterminated_quote", records[1:-1])]


def _likelihood(records: Sequence[Record], delimiter: str) -> tuple[bool, bool, int, bool]:
    """A sort key: whether the delimiter splits header and most records, then how many have as many fields."""
    first, *others = records[_header_at(records) :] if records else [Record("")]
    width = len(first.fields)
    cuts = width > 1 and 2 * sum(len(record.fields) > 1 for record in others) >= len(others)
    agreeing = sum(_fields(record, width) is not None for record in others)
    # a header with a broken quote is reported, not read as the name of a single column; and values often contain
    # commas, so any other delimiter that splits as well is preferred
    return cuts, first.fault is not None, agreeing, cuts == (delimiter != ",")


def _fields(record: Record, width: int) -> tuple[str, ...] | None:
    """The fields of a record; None when the pipeline would call it malformed."""
    fields, fault = fitted(record, width)
    return tuple(field or "" for field in fields) if fault is None else None


def _header_of(path: Path, record: Record) -> tuple[str, ...]:
    if record.fault is not None:
        raise ConfigError(f"{path}: the header cannot be cut into fields ({record.fault}); mend its quotes")
    return tuple(cell.strip() for cell in record.fields)


def _require_names(path: Path, header: Sequence[str]) -> None:
    twice = [name for name, number in Counter(name.casefold() for name in header if name).items() if number > 1]
    if twice:
        raise ConfigError(f"{path}: the header names {', '.join(twice)} twice; rename or remove one of them")
    if not any(header):
        raise ConfigError(f"{path}: the header names no column; name them in the first line")
