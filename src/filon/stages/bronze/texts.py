"""Texts of received files: a window of files is decoded in parallel, and the header of each is matched.

A file that cannot be decoded, or whose header does not fit the contract, is refused here.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from filon.engines import CsvForm
from filon.lake import HeaderProfile, SourceFile, Sources, TableFile, unreadable
from filon.project import Dataset, fingerprint_of
from filon.project.vocabulary import WHITESPACE, Dialect, FileFormat, ShortRecords
from filon.stages.bronze.arrivals import Observed, Place
from filon.stages.bronze.comments import begins_lines, holds, without_comments
from filon.stages.bronze.footers import footer_path, without_footer
from filon.stages.bronze.headers import Header, header_by_place, match_header
from filon.stages.bronze.preamble import preamble_of, without_preamble
from filon.stages.bronze.receive import DecodedFile, TextFacts, receive
from filon.stages.bronze.records import Record, Tidied, first_widths, read_header
from filon.stages.bronze.refusals import FileRejected, changed, nothing, unread
from filon.stages.limits import LONGEST_HEADER, MOST_FIELDS, Limits

WINDOW_BYTES = 256 << 20
"""Bytes of files, or of the texts that they unpack to, that are handled at once."""
RECEIVERS = 4
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of the local disk rather than of a file of the sources."""
TEXTS = (FileFormat.CSV, FileFormat.JSON_LINES)
"""Formats whose files are texts."""
LONGEST_PARSED = 4
"""Bytes of a delimiter that the parallel parser knows."""
MANY_EMPTY_LINES = 1_000_000
"""With more empty lines than this a text is not given to the parallel parser, which may take each for a record."""


@dataclass(frozen=True)
class Incoming:
    """A file version whose records are to be read; ``content`` is that of its observation."""

    number: int
    dataset: Dataset
    file: SourceFile
    sha256: str
    content: str = ""

    @property
    def place(self) -> Place:
        """Dataset and path of the file."""
        return self.dataset.name, self.file.path

    @property
    def observed(self) -> Observed:
        """The file as its content is known."""
        return Observed(self.file.path, self.dataset.name, self.sha256, self.content)


@dataclass(frozen=True)
class Parsed:
    """The result of reading a file version: Parquet files with its records, or why it is refused.

    ``records`` (those of a footer apart) and ``malformed`` are counts, ``profile`` is the header and the types that
    values look like, ``notes`` are remarks for the report, ``duration_s`` is the file's share of the time that its
    group took, in seconds.
    """

    incoming: Incoming
    records: int = 0
    malformed: int = 0
    data: tuple[TableFile, ...] = ()
    profile: HeaderProfile | None = None
    notes: tuple[str, ...] = ()
    refused: FileRejected | None = None
    duration_s: float = 0.0

    @property
    def place(self) -> Place:
        """Dataset and path of the file."""
        return self.incoming.place

    @property
    def header_id(self) -> str:
        """The id of ``profile`` in the ledger: 12 hexadecimal digits; empty when there is none."""
        return fingerprint_of(self.profile.model_dump())[:12] if self.profile else ""


@dataclass(frozen=True)
class SourceText:
    """The text of a file version, with a header that fits the contract.

    ``dialect`` is that of the contract, with the delimiter of the file where it says one itself. ``starts_at_once``:
    the first line is the header, or the first record of a file without one. ``needs_patience``: comments or escapes
    stand among quoted fields, which only the patient reader tells apart. ``footer`` holds the text of the footer, if
    there is one. ``tidied`` are the counts of records that are tidy already, since their file was no CSV; ``notes`` are
    remarks about it for the report.
    """

    incoming: Incoming
    received: DecodedFile
    header: Header
    dialect: Dialect
    starts_at_once: bool
    needs_patience: bool = False
    footer: Path | None = None
    tidied: Tidied | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_regular(self) -> bool:
        """Whether the parallel parser may read all of it."""
        return self._has_lines and self._is_delimited and not self._has_doubtful_blanks

    @property
    def _has_doubtful_blanks(self) -> bool:
        """Whether parsers may differ about blanks beside quotes."""
        facts, delimiter = self.received.facts, self.dialect.delimiter
        return facts.has_distant_quote or (facts.has_quote and delimiter != delimiter.strip(" "))

    @property
    def may_be_mended(self) -> bool:
        """Whether the parallel parser may read those of its records that are regular."""
        return self.tidied is None and self._is_delimited

    @property
    def _is_delimited(self) -> bool:
        delimiter = self.dialect.delimiter
        return delimiter != WHITESPACE and len(delimiter.encode()) <= LONGEST_PARSED

    @property
    def may_be_sifted(self) -> bool:
        """Whether the parallel parser may read those of its records that have the right number of fields."""
        return self.is_regular and self.header.width > 1 and self.received.facts.newline != "\r"

    @property
    def may_be_split(self) -> bool:
        """Whether the line splitter may read it."""
        return self._has_lines and not self.received.facts.has_quote and len(self.header.names) > 1

    @property
    def _has_lines(self) -> bool:
        facts = self.received.facts
        if not self.starts_at_once or self.needs_patience or self._has_other_lines:
            return False
        return facts.newline is not None and facts.empty_lines <= MANY_EMPTY_LINES

    @property
    def _has_other_lines(self) -> bool:
        """Whether some lines are no records, perhaps: then no count of lines tells that every record was found."""
        return self.received.facts.has_empty_line and self.header.width > 1

    @property
    def form(self) -> CsvForm:
        """How its records are cut into fields."""
        dialect = self.dialect
        columns = tuple(field_name(index) for index in range(self.header.width))
        delimiter = "" if dialect.delimiter == WHITESPACE else dialect.delimiter
        pads = dialect.short_records is ShortRecords.NULLS
        return CsvForm(columns, delimiter, dialect.quote, pads=pads, header=dialect.header)

    @property
    def header_lines(self) -> int:
        """How many of its lines are the header and not a record."""
        return int(self.dialect.header)


def field_name(index: int) -> str:
    """The column name of a field while records are read; ``index`` is its position in the header, from 0."""
    return f"f{index}"


def receive_texts(
    sources: Sources, window: Sequence[Incoming], folder: Path, limits: Limits, most: int = WINDOW_BYTES
) -> Iterator[tuple[list[SourceText], list[Parsed]]]:
    """Decode files in batches, so that the local disk holds a bounded amount of text.

    A batch is closed by the size of its texts, not of its files: what an archive unpacks to is known only afterwards.

    Args:
        sources: where the files lie
        window: the files to decode
        folder: a local folder for the texts; the caller deletes them before it asks for the next batch
        limits: what archives may unpack to
        most: bytes of text after which a batch is closed; texts that are being decoded by then still belong to it

    Yields:
        Texts with a fitting header, and the results of files that are refused; together in the order of ``window``.

    """

    def received(item: Incoming) -> tuple[Incoming, DecodedFile]:
        target = folder / f"{item.number}.csv"
        is_text = item.dataset.format in TEXTS
        return item, receive(sources, item.file, item.dataset.dialect, target, limits, is_text=is_text)

    waiting = deque(window)
    running: deque[Future[tuple[Incoming, DecodedFile]]] = deque()
    with ThreadPoolExecutor(max_workers=RECEIVERS) as pool:
        while waiting or running:
            texts, refused, size = list[SourceText](), list[Parsed](), 0
            while running or (waiting and size < most):
                while waiting and size < most and len(running) < RECEIVERS:
                    running.append(pool.submit(received, waiting.popleft()))
                item, decoded = running.popleft().result()
                try:
                    texts.append(_with_header(item, decoded, limits))
                    size += texts[-1].received.facts.size
                except FileRejected as reason:
                    decoded.path.unlink(missing_ok=True)
                    footer_path(decoded.path).unlink(missing_ok=True)
                    refused.append(Parsed(item, refused=reason))
            yield texts, refused


def _with_header(item: Incoming, decoded: DecodedFile, limits: Limits) -> SourceText:
    """Match the header of a decoded file; FileRejected when the file or its header cannot be used."""
    if decoded.refused is not None:
        raise decoded.refused
    if decoded.sha256 != item.sha256:
        raise changed()
    try:
        if item.dataset.format is not FileFormat.CSV:
            return _tidied(item, decoded, limits)
        return _opened(item, decoded)
    except OSError as error:  # the text is a link to the file itself, which may have become unreadable
        if error.errno in NO_ROOM:
            raise
        raise unread(unreadable(error)) from error


def _tidied(item: Incoming, decoded: DecodedFile, limits: Limits) -> SourceText:
    """The records of a file that is no CSV, in the place of the file."""
    from filon.stages.bronze.formats import convert  # brings what reads other formats

    target = decoded.path.with_suffix(".tidy.csv")
    try:
        converted = convert(decoded.path, target, item.dataset, item.file.size, limits)
        target.replace(decoded.path)
    finally:
        target.unlink(missing_ok=True)
    facts = TextFacts(size=decoded.path.stat().st_size)
    tidy = replace(decoded, facts=facts)
    return SourceText(
        item,
        tidy,
        converted.header,
        item.dataset.dialect,
        starts_at_once=False,
        footer=converted.footer,
        tidied=converted.tidied,
        notes=converted.notes,
    )


def _opened(item: Incoming, decoded: DecodedFile) -> SourceText:
    """Leave out what is no record, and match the header; the errors of the disk, and FileRejected."""
    preamble = preamble_of(decoded.path, item.dataset)
    dialect = item.dataset.dialect
    if preamble.delimiter is not None:
        dialect = dialect.model_copy(update={"delimiter": preamble.delimiter})
    if preamble.length:
        decoded = without_preamble(decoded, preamble.length, dialect.quote)
    needs_patience = dialect.comment != "" and begins_lines(decoded.path, dialect.comment)
    if needs_patience and not decoded.facts.has_quote:
        decoded, needs_patience = without_comments(decoded, dialect.comment), False
    if dialect.escape is not None and decoded.facts.has_quote:
        needs_patience = needs_patience or holds(decoded.path, dialect.escape)
    decoded, footer = without_footer(decoded, dialect) if dialect.footer else (decoded, None)
    first, is_on_first_line = read_header(decoded.path, dialect)
    if first is None and decoded.facts.size > LONGEST_HEADER:
        raise FileRejected("malformed_header", f"there is no header in its first {LONGEST_HEADER:,} characters")
    if first is None:
        raise nothing(dialect)
    if dialect.header:
        header = match_header(_fields_of_header(first), item.dataset)
    else:
        header = header_by_place(first_widths(decoded.path, dialect), item.dataset)
    return SourceText(item, decoded, header, dialect, is_on_first_line, needs_patience, footer)


def _fields_of_header(header: Record) -> Sequence[str]:
    """The names in a header; FileRejected when it is too long, or cannot be cut into them."""
    if header.fault == "line_too_long" or len(header.fields) > MOST_FIELDS:
        raise FileRejected(
            "too_large",
            f"its header has more than {LONGEST_HEADER:,} characters or {MOST_FIELDS:,} fields ({header.raw[:100]}…); "
            "send fewer columns, or check delimiter and line endings",
        )
    if header.fault is not None:
        raise FileRejected("malformed_header", f"the header is malformed ({header.fault}): {header.raw[:200]}")
    return header.fields
