"""From received files to Parquet: the reader's parallel parser for regular files, a patient one for all others."""

from __future__ import annotations

import errno
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from filon.engines import CsvFile, CsvForm, CsvUnreadable, RecordLayout
from filon.errors import EngineExhausted, SourceUnreadable, WorkspaceUnavailable
from filon.lake import HeaderProfile, Layer, SourceFile, Sources, TableFile, unreadable
from filon.project import Dataset, fingerprint_of
from filon.project.vocabulary import Drift
from filon.stages.bronze.arrivals import Place
from filon.stages.bronze.headers import Header, match_header
from filon.stages.bronze.inference import infer, surprises
from filon.stages.bronze.receive import LONGEST_DETAIL, DecodedFile, FileRejected, receive, unread
from filon.stages.bronze.records import TIDY_COLUMNS, read_header, tidy
from filon.stages.context import Context
from filon.stages.limits import LONGEST_HEADER, MOST_FIELDS, Limits

WINDOW_BYTES = 256 << 20
WINDOW_FILES = 2_000
RECEIVERS = 4
CHUNK = 4 << 20
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MANY_EMPTY_LINES = 1_000_000
"""Empty lines from which the parallel parser, which may take each for a record, is not asked at all."""


@dataclass(frozen=True)
class Incoming:
    """A file version whose records are to be read."""

    number: int
    dataset: Dataset
    file: SourceFile
    sha256: str


@dataclass(frozen=True)
class Parsed:
    """What came out of a file version: Parquet files with its records, or why it is refused."""

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
        return self.incoming.dataset.name, self.incoming.file.path

    @property
    def header_id(self) -> str:
        """Name of the shape in the ledger."""
        return fingerprint_of(self.profile.model_dump())[:12] if self.profile else ""


@dataclass(frozen=True)
class _Text:
    """A received file whose header fits the contract."""

    incoming: Incoming
    received: DecodedFile
    header: Header
    starts_with_header: bool

    @property
    def is_regular(self) -> bool:
        facts = self.received.facts
        if not self.starts_with_header or facts.newline is None or facts.empty_lines > MANY_EMPTY_LINES:
            return False
        return not facts.has_padded_quote  # parsers differ about blanks beside quotes, so one reader judges them all

    @property
    def form(self) -> CsvForm:
        dialect = self.incoming.dataset.dialect
        columns = tuple(_field(index) for index in range(len(self.header.names)))
        return CsvForm(columns, dialect.delimiter, dialect.quote)


@dataclass
class _Group:
    """Files of one dataset and one form, read together."""

    texts: list[_Text] = field(default_factory=list)


def parse(context: Context, sources: Sources, incoming: Sequence[Incoming]) -> list[Parsed]:
    """Read every incoming file, a window of them at a time so that disk and memory stay bounded."""
    results: list[Parsed] = []
    for window in _windows(incoming):
        folder = context.workspace / f"received-{window[0].number}"
        with _workspace(context.workspace), context.timed(Layer.BRONZE, window[0].dataset.name, None):
            folder.mkdir(parents=True)
            for texts, refused in receive_some(sources, window, folder, context.limits):
                found = [*refused, *_read_texts(context, texts, folder)]
                checked = [_checked(result, sources) for result in found]
                _keep_refused(context, sources, checked)
                results += checked
            folder.rmdir()
    return results


def _read_texts(context: Context, texts: Sequence[_Text], folder: Path) -> Iterator[Parsed]:
    """What comes out of texts, which are deleted as soon as they are read."""
    for group in _groups(texts):
        yield from _read_group(context, group, folder)
        for text in group.texts:
            text.received.path.unlink(missing_ok=True)


@contextmanager
def _workspace(folder: Path) -> Iterator[None]:
    """What the system says here, and nobody has understood otherwise, it says of the workspace."""
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


def receive_some(
    sources: Sources, window: Sequence[Incoming], folder: Path, limits: Limits, most: int = WINDOW_BYTES
) -> Iterator[tuple[list[_Text], list[Parsed]]]:
    """Texts and refusals, some at a time: what an archive unpacks to is known only afterwards."""

    def one(item: Incoming) -> tuple[Incoming, DecodedFile]:
        target = folder / f"{item.number}.csv"
        return item, receive(sources, item.file, item.dataset.dialect, target, limits)

    waiting = deque(window)
    running: deque[Future[tuple[Incoming, DecodedFile]]] = deque()
    with ThreadPoolExecutor(max_workers=RECEIVERS) as pool:
        while waiting or running:
            texts, refused, size = list[_Text](), list[Parsed](), 0
            while running or (waiting and size < most):
                while waiting and size < most and len(running) < RECEIVERS:
                    running.append(pool.submit(one, waiting.popleft()))
                item, received = running.popleft().result()
                try:
                    texts.append(_text(item, received))
                    size += received.facts.size
                except FileRejected as reason:
                    received.path.unlink(missing_ok=True)
                    refused.append(Parsed(item, refused=reason))
            yield texts, refused


def _text(item: Incoming, received: DecodedFile) -> _Text:
    if received.refused is not None:
        raise received.refused
    if received.sha256 != item.sha256:
        raise _changed()
    dialect = item.dataset.dialect
    try:
        header, is_first = read_header(received.path, dialect.delimiter, dialect.quote)
    except OSError as error:  # the file, which is read where it lies
        raise unread(unreadable(error)) from error
    if header is None and received.facts.size > LONGEST_HEADER:
        raise FileRejected("malformed_header", f"there is no header in its first {LONGEST_HEADER:,} characters")
    if header is None:
        raise FileRejected("empty", "the file holds no text; send it again, with at least a header")
    if header.fault == "line_too_long" or len(header.fields) > MOST_FIELDS:
        raise FileRejected(
            "too_large",
            f"its header has more than {LONGEST_HEADER:,} characters or {MOST_FIELDS:,} fields ({header.raw[:100]}…); "
            "send fewer columns, or check delimiter and line endings",
        )
    if header.fault is not None:
        raise FileRejected("malformed_header", f"the header is malformed ({header.fault}): {header.raw[:200]}")
    return _Text(item, received, match_header(header.fields, item.dataset), is_first)


def _changed() -> FileRejected:
    return FileRejected("changed_while_reading", "the file was written to while it was read; the next run tries again")


def _groups(texts: Iterable[_Text]) -> list[_Group]:
    groups: dict[object, _Group] = {}
    for text in texts:
        alone = () if text.is_regular else (text.incoming.number,)
        groups.setdefault((text.header, text.form, alone), _Group()).texts.append(text)
    return list(groups.values())


def _read_group(context: Context, group: _Group, folder: Path) -> list[Parsed]:
    """Try the fast way; file by file, then patiently, whatever does not fit it."""
    if len(group.texts) == 1:
        return [_read_one(context, group.texts[0], folder)]
    with suppress(CsvUnreadable, EngineExhausted):
        return _read_fast(context, group.texts)
    context.reader.forget()
    return [_read_one(context, text, folder) for text in group.texts]


def _read_one(context: Context, text: _Text, folder: Path) -> Parsed:
    """What comes out of one file, which is refused when the system or the reader cannot hold it."""
    try:
        if text.is_regular:
            with suppress(CsvUnreadable):
                return _read_fast(context, [text])[0]
            if not text.received.facts.has_quote and len(text.header.names) > 1:
                with suppress(CsvUnreadable):
                    return _read_lines(context, text)
        return _read_patiently(context, text, folder)
    except EngineExhausted as error:
        context.reader.forget()
        detail = "the engine cannot hold its records; give it more by FILON_MEMORY_LIMIT, and room by FILON_WORKSPACE"
        return Parsed(text.incoming, refused=FileRejected("too_large", f"{detail} ({error.reason})"))
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        return Parsed(text.incoming, refused=unread(unreadable(error)))


def _read_fast(context: Context, texts: Sequence[_Text]) -> list[Parsed]:
    start = time.perf_counter()
    files = [CsvFile(text.incoming.number, text.received.path) for text in texts]
    counts = context.reader.read(files, texts[0].form)
    for text in texts:
        _verify(text, counts[text.incoming.number])
    if len(texts[0].header.names) == 1:
        _refuse_empty_lines(context)
    return _write(context, texts, counts, {}, start)


def _verify(text: _Text, parsed: int) -> None:
    """Compare what the parser found with what is in the text: nothing may be lost in silence."""
    lines = text.received.facts.lines - 1
    if parsed == lines:
        return
    quote = text.incoming.dataset.dialect.quote
    if not text.received.facts.has_quote or parsed != _lines_outside_quotes(text.received.path, quote.encode()) - 1:
        raise CsvUnreadable(f"{parsed} records were parsed from {lines} lines")


def _refuse_empty_lines(context: Context) -> None:
    """An empty line is no record, but where there is one column the parser takes it for one."""
    if context.reader.count_empty(_field(0)):
        raise CsvUnreadable("some lines may be empty")


def _lines_outside_quotes(path: Path, quote: bytes) -> int:
    """Number of lines when those inside quotes do not count; right for every well-formed text."""
    count, inside, last = 0, False, b"\n"
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            parts = chunk.split(quote)
            count += sum(part.count(b"\n") for part in parts[inside::2])
            inside ^= len(parts) % 2 == 0
            last = chunk[-1:]
    return count + (last != b"\n")


def _read_lines(context: Context, text: _Text) -> Parsed:
    """Where nothing is quoted a line is a record, and the reader can tell good ones from bad ones in parallel."""
    start = time.perf_counter()
    number = text.incoming.number
    form = replace(text.form, ragged=True)
    counts = context.reader.read([CsvFile(number, text.received.path)], form)
    _verify(text, counts[number])
    faults = context.reader.faults()
    if faults.blank or faults.crowded:
        raise CsvUnreadable("some lines hold blanks only, or far more fields than the header")
    return _with_faults(context, text, counts, faults.malformed, start)


def _read_patiently(context: Context, text: _Text, folder: Path) -> Parsed:
    start = time.perf_counter()
    dialect = text.incoming.dataset.dialect
    target = folder / f"{text.incoming.number}-tidy.csv"
    width = len(text.header.names)
    number = text.incoming.number
    form = CsvForm((*TIDY_COLUMNS, *text.form.columns), numbered=True)
    try:
        found = tidy(text.received.path, target, dialect.delimiter, dialect.quote, width)
        counts = context.reader.read([CsvFile(number, target)], form)
    finally:
        target.unlink(missing_ok=True)
    if counts[number] != found.records:
        raise CsvUnreadable(f"{text.incoming.file.path}: {found.records} records found, {counts[number]} kept")
    return _with_faults(context, text, counts, found.malformed, start)


def _with_faults(context: Context, text: _Text, counts: dict[int, int], malformed: int, start: float) -> Parsed:
    records = counts[text.incoming.number]
    if malformed > text.incoming.dataset.malformed_threshold * records:
        return Parsed(text.incoming, refused=_too_malformed(context, malformed, records))
    return _write(context, [text], counts, {text.incoming.number: malformed}, start)[0]


def _too_malformed(context: Context, malformed: int, records: int) -> FileRejected:
    first = context.reader.first_malformed()
    what = f"the first is record {first.record} ({first.fault}): {first.raw[:120]}"
    detail = f"{malformed} of {records} records are malformed, {what}"
    return FileRejected("malformed", f"{detail}. Check delimiter and quoting, or raise malformedThreshold.")


def _write(
    context: Context,
    texts: Sequence[_Text],
    counts: dict[int, int],
    malformed: dict[int, int],
    start: float,
) -> list[Parsed]:
    dataset, header = texts[0].incoming.dataset, texts[0].header
    where = {name: _field(index) for name, index in header.columns}
    inferred = infer(context.reader, {name: where[name] for name in dataset.contract.column_names if name in where})
    layout = RecordLayout(
        columns=tuple((name, where.get(name)) for name in dataset.contract.column_names),
        extras=tuple((name, _field(index)) for name, index in header.extras)
        if dataset.drift is not Drift.DISCARD
        else (),
    )
    written = context.reader.write(layout, context.lake.table(Layer.BRONZE, dataset.name))
    data = context.lake.seal(Layer.BRONZE, dataset.name, written)
    context.reader.forget()
    share = round((time.perf_counter() - start) / len(texts), 4)
    results = []
    for text in texts:
        number = text.incoming.number
        looks = inferred.get(number, {})
        profile = HeaderProfile(header=header.names, inferred=looks)
        notes = (*_drift_notes(header, dataset), *surprises(dataset.contract.columns, looks))
        results.append(
            Parsed(text.incoming, counts[number], malformed.get(number, 0), data, profile, notes, duration_s=share)
        )
    return results


def _field(index: int) -> str:
    """The name that a field has while records are read, by its place in the file."""
    return f"f{index}"


def _drift_notes(header: Header, dataset: Dataset) -> list[str]:
    if not header.extras:
        return []
    names = ", ".join(name for name, _ in header.extras)
    names = names if len(names) <= LONGEST_DETAIL else f"{names[:LONGEST_DETAIL]}…"
    fate = "left out" if dataset.drift is Drift.DISCARD else "kept as text in _extra"
    return [f"undeclared columns {fate}: {names}"]


def _checked(result: Parsed, sources: Sources) -> Parsed:
    """Refuse a file that was written to after it was hashed; its rows are in no ledger and count for nothing."""
    if result.refused is not None:
        return result
    now = sources.again(result.incoming.file)
    if now is None or (now.size, now.tag) == (result.incoming.file.size, result.incoming.file.tag):
        return result
    return replace(result, refused=_changed(), records=0, malformed=0, data=())


def _keep_refused(context: Context, sources: Sources, results: Iterable[Parsed]) -> None:
    """Copy what was refused for its content; a file that goes away meanwhile leaves no copy."""
    for result in results:
        if result.refused is None or result.refused.is_passing:
            continue
        name = f"{result.incoming.number}-{result.incoming.sha256[:12]}"
        # an object store cannot be read while another one is written: both would want the same event loop
        with tempfile.TemporaryFile(dir=context.workspace) as copy, suppress(SourceUnreadable):
            copy.writelines(sources.chunks(result.incoming.file))
            copy.seek(0)
            context.lake.keep_file(name, iter(partial(copy.read, CHUNK), b""))
