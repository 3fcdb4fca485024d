"""From files to Parquet: each text is read by the fastest of five readers that reads it exactly.

The parallel parser reads regular texts, many at a time. Texts in which some lines have the wrong number of fields are
sifted, many at a time as well: the parser leaves these lines out, and the patient reader cuts them. Where that does not
do, the line splitter reads texts without quotes. Any other text is mended: the patient reader cuts its irregular
records, the parser the rest. The patient reader cuts all of a text whose delimiter the parser does not know. What a
reader finds is accepted only if it has as many records as the text was found to have; otherwise the next one reads it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from filon.engines import Aside, CsvFile, CsvForm, CsvUnreadable, Part, Sifted
from filon.errors import EngineExhausted, SourceUnreadable, WorkspaceUnavailable
from filon.lake import Layer, Sources, copy_name, unreadable
from filon.project import Dataset
from filon.project.vocabulary import FileFormat
from filon.stages.bronze.mending import mend
from filon.stages.bronze.records import TIDY_COLUMNS, tidy
from filon.stages.bronze.refusals import FileRejected, changed, unread
from filon.stages.bronze.sifting import (
    by_part,
    count_lines,
    cut_left_out,
    lines_outside_quotes,
    looks_sound,
    one_after_another,
)
from filon.stages.bronze.texts import NO_ROOM, WINDOW_BYTES, Incoming, Parsed, SourceText, field_name, receive_texts
from filon.stages.bronze.withheld import withhold, withhold_refused
from filon.stages.bronze.writing import write_records
from filon.stages.context import Context

WINDOW_FILES = 2_000
CHUNK = 4 << 20
Cut = tuple[Mapping[int, int], Mapping[int, int]]
"""The number of records, and that of the malformed ones among them, by that of the file version."""
SIFTINGS = 2
"""A parser that begins the last part of a file at an irregular line loses that part; it begins elsewhere each time."""


def parse(context: Context, sources: Sources, incoming: Sequence[Incoming]) -> list[Parsed]:
    """Read the records of files into Parquet files of their bronze tables.

    Files are read in windows, which bounds the use of disk and memory. Refused files are copied to the quarantine.

    Args:
        context: the run; reader, lake and workspace are used
        sources: where the files lie
        incoming: the files, those of a dataset together

    Returns:
        A result per file, in no particular order.

    Raises:
        WorkspaceUnavailable: the system refuses to write to the workspace, or has no room

    """
    results: list[Parsed] = []
    for window in _windows(incoming):
        folder = context.workspace / f"received-{window[0].number}"
        with _workspace(context.workspace), context.timed(Layer.BRONZE, window[0].dataset.name, None):
            folder.mkdir(parents=True)
            for texts, refused in receive_texts(sources, window, folder, context.limits):
                batch = [*refused, *_read_texts(context, texts, folder)]
                checked = [_checked(result, sources) for result in batch]
                results += [_keep_refused(context, sources, result) for result in withhold(context, checked)]
            folder.rmdir()
    return results


def _read_texts(context: Context, texts: Sequence[SourceText], folder: Path) -> Iterator[Parsed]:
    """The results of texts; each text is deleted as soon as it is read."""
    for group in _groups(texts):
        yield from _read_group(context, group, folder)
        for text in group:
            text.received.path.unlink(missing_ok=True)
            if text.footer is not None:
                text.footer.unlink(missing_ok=True)


@contextmanager
def _workspace(folder: Path) -> Iterator[None]:
    """Raise an error of the system that nothing inside has handled as WorkspaceUnavailable."""
    try:
        yield
    except OSError as error:
        raise WorkspaceUnavailable(folder, error) from error


def _windows(incoming: Iterable[Incoming]) -> Iterator[list[Incoming]]:
    window: list[Incoming] = []
    size = 0
    for item in incoming:
        full = size + item.file.size > WINDOW_BYTES or len(window) >= WINDOW_FILES
        if window and (full or item.dataset != window[0].dataset):
            yield window
            window, size = [], 0
        window.append(item)
        size += item.file.size
    if window:
        yield window


def _groups(texts: Iterable[SourceText]) -> list[list[SourceText]]:
    """Texts that are read together: regular ones with the same header and form; each other one is a group."""
    groups: dict[object, list[SourceText]] = {}
    for text in texts:
        alone = () if text.is_regular else (text.incoming.number,)
        groups.setdefault((text.header, text.form, alone), []).append(text)
    return list(groups.values())


def _read_group(context: Context, group: Sequence[SourceText], folder: Path) -> list[Parsed]:
    """Read all texts at once in the parallel parser, or at least those that may be sifted; the others one by one."""
    if len(group) == 1:
        return [_read_one(context, group[0], folder)]
    with suppress(CsvUnreadable, EngineExhausted):
        return _read_fast(context, group)
    context.reader.forget()
    siftable: dict[str | None, list[SourceText]] = {}
    results = []
    for text in group:
        if _may_be_sifted(text):
            siftable.setdefault(text.received.facts.newline, []).append(text)
        else:
            results.append(_read_one(context, text, folder))
    for texts in siftable.values():
        results += _read_sifted(context, texts, folder)
    return results


def _may_be_sifted(text: SourceText) -> bool:
    if not text.may_be_sifted:
        return False
    with suppress(OSError):  # the next reader meets it as well, and says what it is
        return looks_sound(text.received.path, text.dialect, text.header.width, text.received.facts.newline)
    return False


def _read_sifted(context: Context, texts: Sequence[SourceText], folder: Path) -> list[Parsed]:
    """Sift all texts at once; while one of them cannot be, their halves, and that one alone in the end."""
    if len(texts) == 1:
        return [_read_one(context, texts[0], folder)]
    start = time.perf_counter()
    with suppress(CsvUnreadable, EngineExhausted, OSError):
        counts, malformed = parse_sifted(context, texts, folder)
        if not any(_is_too_malformed(text, counts, malformed) for text in texts):
            return write_records(context, texts, counts, malformed, start)
    context.reader.forget()
    half = len(texts) // 2
    return [*_read_sifted(context, texts[:half], folder), *_read_sifted(context, texts[half:], folder)]


def _read_one(context: Context, text: SourceText, folder: Path) -> Parsed:
    """The result of one text; it is refused when it cannot be read, or when the reader lacks memory or space for it."""
    try:
        if text.is_regular:
            with suppress(CsvUnreadable):
                return _read_fast(context, [text])[0]
        if _may_be_sifted(text):
            with suppress(CsvUnreadable):
                return _read_by(context, text, lambda: parse_sifted(context, [text], folder))
        if text.may_be_split:
            with suppress(CsvUnreadable):
                return _read_by(context, text, lambda: parse_lines(context, text))
        if text.may_be_mended:
            with suppress(CsvUnreadable):
                return _read_by(context, text, lambda: parse_mended(context, text, folder))
        return _read_patiently(context, text, folder)
    except EngineExhausted as error:
        context.reader.forget()
        detail = "the engine cannot hold its records; give it more by FILON_MEMORY_LIMIT, and room by FILON_WORKSPACE"
        return Parsed(text.incoming, refused=FileRejected("too_large", f"{detail} ({error.reason})"))
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        return Parsed(text.incoming, refused=unread(unreadable(error)))


def _read_fast(context: Context, texts: Sequence[SourceText]) -> list[Parsed]:
    """Read texts of one header and form in the parallel parser; CsvUnreadable when one is not regular."""
    start = time.perf_counter()
    return write_records(context, texts, parse_fast(context, texts), {}, start)


def parse_fast(context: Context, texts: Sequence[SourceText]) -> Mapping[int, int]:
    """Cut regular texts of one header and form into records, which the reader holds.

    Returns:
        The number of records by that of the file version.

    Raises:
        CsvUnreadable: one is not regular
        EngineExhausted: the records do not fit into memory and workspace

    """
    files = [CsvFile(text.incoming.number, text.received.path) for text in texts]
    counts = context.reader.read(files, texts[0].form)
    for text in texts:
        _verify(text, counts[text.incoming.number])
    if len(texts[0].header.names) == 1:
        _refuse_empty_lines(context)
    return counts


def _verify(text: SourceText, parsed: int) -> None:
    """CsvUnreadable unless the parser gave a record for each line of the text: no record may be lost unnoticed."""
    lines = text.received.facts.lines - text.header_lines
    if parsed == lines:
        return
    quote = text.incoming.dataset.dialect.quote
    if not text.received.facts.has_quote or parsed != (
        lines_outside_quotes(text.received.path, quote.encode()) - text.header_lines
    ):
        raise CsvUnreadable(f"{parsed} records were parsed from {lines} lines")


def _refuse_empty_lines(context: Context) -> None:
    """CsvUnreadable when lines may be empty: with a single column the parser takes an empty line for a record."""
    if context.reader.count_empty(field_name(0)):
        raise CsvUnreadable("some lines may be empty")


def parse_sifted(context: Context, texts: Sequence[SourceText], folder: Path) -> Cut:
    """Cut texts in which some records have another number of fields than the header.

    Args:
        context: the run
        texts: texts of one header, form and newline, which are cut as one; see ``SourceText.may_be_sifted``
        folder: a local folder for two files, which are gone afterwards

    Returns:
        How many records there are; the reader holds them.

    Raises:
        CsvUnreadable: some are irregular in another way, or there are not as many as the texts were found to have
        EngineExhausted: the records do not fit into memory and workspace

    """
    text = texts[0]
    parts = [Part(each.incoming.number, each.received.facts.lines - each.header_lines) for each in texts]
    aside = folder / f"{text.incoming.number}-aside.csv"
    try:
        with one_after_another([each.received.path for each in texts], text.header_lines, folder) as path:
            sifted, ordinals = _sift(context, path, text)
            malformed = cut_left_out(path, sifted.left_out, ordinals, text.dialect, text.header.width, aside)
        found = context.reader.put_back(parts, text.form, aside)
    finally:
        aside.unlink(missing_ok=True)
    counts = {part.number: part.records for part in parts}
    if found != {number: records for number, records in counts.items() if records}:
        raise CsvUnreadable(f"{counts} records were looked for, {found} were found")
    return counts, by_part(parts, malformed)


def _sift(context: Context, path: Path, text: SourceText) -> tuple[Sifted, list[int]]:
    """What is kept and left out, and which records the latter are, from 1; CsvUnreadable when a line is no record."""
    for attempt in range(SIFTINGS):
        sifted = context.reader.sift(path, text.form, attempt)
        places = count_lines(path, sifted.left_out)
        if sifted.kept + len(sifted.left_out) == places.lines - text.header_lines:
            return sifted, [before + 1 - text.header_lines for before in places.before]
    raise CsvUnreadable("records that were kept and left out are together not as many as lines")


def _read_by(context: Context, text: SourceText, cut: Callable[[], Cut]) -> Parsed:
    """What a reader of texts with malformed records makes of one; CsvUnreadable when it cannot judge all of it."""
    start = time.perf_counter()
    counts, malformed = cut()
    return _write_unless_malformed(context, text, counts, malformed, start)


def parse_lines(context: Context, text: SourceText) -> Cut:
    """Split the lines of a text without quotes: each is a record, and is malformed if its width is wrong.

    Returns:
        How many records there are; the reader holds them.

    Raises:
        CsvUnreadable: lines hold blanks only, or too many fields
        EngineExhausted: the records do not fit into memory and workspace

    """
    number = text.incoming.number
    counts = context.reader.read([CsvFile(number, text.received.path)], replace(text.form, ragged=True))
    _verify(text, counts[number])
    faults = context.reader.faults()
    if faults.blank or faults.crowded:
        raise CsvUnreadable("some lines hold blanks only, or far more fields than the header")
    return counts, {number: faults.malformed}


def parse_mended(context: Context, text: SourceText, folder: Path) -> Cut:
    """Cut a text of which some records are irregular.

    Args:
        context: the run
        text: the text; see ``SourceText.may_be_mended``
        folder: a local folder for two files, which are gone afterwards

    Returns:
        How many records there are; the reader holds them.

    Raises:
        CsvUnreadable: the parser finds not as many records as the text was found to have
        EngineExhausted: the records do not fit into memory and workspace

    """
    number = text.incoming.number
    target, aside = folder / f"{number}-mended.csv", folder / f"{number}-aside.csv"
    try:
        mended = mend(text.received.path, target, aside, text.dialect, text.header.width, text.received.facts.newline)
        file = CsvFile(number, target, Aside(aside, mended.mark) if mended.aside else None)
        counts = context.reader.read([file], replace(text.form, header=True))
    finally:
        target.unlink(missing_ok=True)
        aside.unlink(missing_ok=True)
    if counts[number] != mended.records:
        raise CsvUnreadable(f"{mended.records} records found, {counts[number]} parsed")
    return counts, {number: mended.malformed}


def _read_patiently(context: Context, text: SourceText, folder: Path) -> Parsed:
    """The patient reader: cut records in Python and write them as regular CSV, which the parallel parser then reads."""
    start = time.perf_counter()
    target = folder / f"{text.incoming.number}-tidy.csv"
    width = text.header.width
    number = text.incoming.number
    form = CsvForm((*TIDY_COLUMNS, *text.form.columns), numbered=True)
    try:
        if text.tidied is not None:
            text.received.path.replace(target)
        tidied = text.tidied or tidy(text.received.path, target, text.dialect, width)
        counts = context.reader.read([CsvFile(number, target)], form)
    finally:
        target.unlink(missing_ok=True)
    if counts[number] != tidied.records:
        raise CsvUnreadable(f"{text.incoming.file.path}: {tidied.records} records found, {counts[number]} kept")
    return _write_unless_malformed(context, text, counts, {number: tidied.malformed}, start)


def _write_unless_malformed(
    context: Context, text: SourceText, counts: Mapping[int, int], malformed: Mapping[int, int], start: float
) -> Parsed:
    """Write the records that the reader holds; refuse the file if the contract allows fewer malformed ones."""
    if _is_too_malformed(text, counts, malformed):
        number = text.incoming.number
        reason = _too_malformed(context, text.incoming.dataset, malformed[number], counts[number])
        return Parsed(text.incoming, refused=reason)
    return write_records(context, [text], counts, malformed, start)[0]


def _is_too_malformed(text: SourceText, counts: Mapping[int, int], malformed: Mapping[int, int]) -> bool:
    number = text.incoming.number
    return malformed[number] > text.incoming.dataset.malformed_threshold * counts[number]


def _too_malformed(context: Context, dataset: Dataset, malformed: int, records: int) -> FileRejected:
    first = context.reader.first_malformed()
    what = f"the first is record {first.record} ({first.fault}): {first.raw[:120]}"
    detail = f"{malformed} of {records} records are malformed, {what}"
    check = "delimiter and quoting" if dataset.format is FileFormat.CSV else "the file"
    return FileRejected("malformed", f"{detail}. Check {check}, or raise malformedThreshold.")


def _checked(result: Parsed, sources: Sources) -> Parsed:
    """Refuse a file that was written to after it was hashed; no ledger then names the files with its records."""
    if result.refused is not None:
        return result
    now = sources.again(result.incoming.file)
    if now is None or (now.size, now.tag) == (result.incoming.file.size, result.incoming.file.tag):
        return result
    return replace(result, refused=changed(), records=0, malformed=0, data=())


def _keep_refused(context: Context, sources: Sources, result: Parsed) -> Parsed:
    """Copy a file that is refused for its content to the quarantine; one that is gone by now is not copied."""
    if result.refused is None or result.refused.is_passing:
        return result
    # an object store cannot be read while another one is written: both would want the same event loop
    with tempfile.TemporaryFile(dir=context.workspace) as copy, suppress(SourceUnreadable):
        copy.writelines(sources.chunks(result.incoming.file))
        copy.seek(0)
        result, may_keep = withhold_refused(context, result, copy)
        if may_keep:
            copy.seek(0)
            name = copy_name(result.incoming.number, result.incoming.sha256)
            context.lake.keep_file(name, iter(partial(copy.read, CHUNK), b""))
    return result
