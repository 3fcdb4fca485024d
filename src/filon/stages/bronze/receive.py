"""From a file's bytes to plain UTF-8 text on local disk, read once: hash, unpack, decode, count lines."""

from __future__ import annotations

import codecs
import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import zstandard

from filon.errors import SourceGone, SourceUnreadable
from filon.lake import SourceFile, Sources, unreadable
from filon.project.vocabulary import Dialect
from filon.stages.bronze.arrivals import PASSING
from filon.stages.limits import EMPTY_SHARE, LARGEST_WINDOW, MOST_EMPTY_LINES, Limits

LONGEST_DETAIL = 1_000
PIECE = 1 << 10
"""Bytes of Zstandard given to the decoder at once: they make 32 MiB at most."""
PORTION = 1 << 20
"""Bytes, about, that are unpacked before they are handed on."""
BOM = b"\xef\xbb\xbf"
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
PACKED = re.compile(r"\.(gz|zst|zstd)$", re.IGNORECASE)


class FileRejected(Exception):
    """A file is quarantined whole: ``reason`` is the code, ``detail`` says where and what to do."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail if len(detail) <= LONGEST_DETAIL else f"{detail[:LONGEST_DETAIL]}…"
        super().__init__(self.detail)

    @property
    def is_passing(self) -> bool:
        """Whether the file could not be read now, which says nothing of its content."""
        return self.reason in PASSING


@dataclass
class TextFacts:
    """What one pass over a text tells about its lines."""

    size: int = 0
    line_feeds: int = 0
    carriage_returns: int = 0
    pairs: int = 0
    has_quote: bool = False
    has_padded_quote: bool = False
    last: bytes = b""

    def add(self, chunk: bytes, quote: bytes) -> None:
        """Take note of the next bytes."""
        if not chunk:
            return
        self.size += len(chunk)
        self.line_feeds += chunk.count(b"\n")
        if b"\r" in chunk:
            self.carriage_returns += chunk.count(b"\r")
            self.pairs += chunk.count(b"\r\n")
        if self.last == b"\r" and chunk.startswith(b"\n"):
            self.pairs += 1
        self.has_quote = self.has_quote or quote in chunk
        edge = self.last + chunk[:1]
        for pair in (b" " + quote, quote + b" "):
            self.has_padded_quote = self.has_padded_quote or pair in chunk or pair == edge
        self.last = chunk[-1:]

    @property
    def newline(self) -> str | None:
        """The one line ending in use, or None when several are."""
        if self.carriage_returns == 0:
            return "\n"
        if self.carriage_returns == self.pairs == self.line_feeds:
            return "\r\n"
        return "\r" if self.line_feeds == 0 else None

    @property
    def lines(self) -> int:
        """Number of lines, the last one counted even when nothing ends it."""
        ends = max(self.line_feeds, self.carriage_returns)
        return ends + (1 if self.size and self.last not in (b"\n", b"\r") else 0)

    @property
    def empty_lines(self) -> int:
        """Lines that are certainly empty: those that the characters beside line endings do not suffice for."""
        return max(self.lines - (self.size - self.line_feeds - self.carriage_returns), 0)


@dataclass(frozen=True)
class DecodedFile:
    """A file whose text lies in ``path``; ``refused`` says why it cannot be read, if so."""

    source: SourceFile
    sha256: str
    path: Path
    facts: TextFacts = field(repr=False)
    refused: FileRejected | None = None


def fingerprint(sources: Sources, file: SourceFile) -> str:
    """SHA-256 of a file's bytes; FileRejected when they cannot be read now."""
    hasher = hashlib.sha256()
    try:
        for chunk in sources.chunks(file):
            hasher.update(chunk)
    except SourceUnreadable as error:
        raise unread(error) from error
    return hasher.hexdigest()


def unread(error: SourceUnreadable) -> FileRejected:
    """Why a file is refused whose bytes could not be read."""
    if isinstance(error, SourceGone):
        return FileRejected("changed_while_reading", "it was listed, but was gone when it was to be read")
    return FileRejected("unreadable", f"{error}. Each run tries again.")


def receive(
    sources: Sources, file: SourceFile, dialect: Dialect, target: Path, limits: Limits | None = None
) -> DecodedFile:
    """Bring a file's text to ``target``: a link when the file itself will do, and lies where engines may read."""
    hasher = hashlib.sha256()
    facts = TextFacts()
    refused = None
    readable = file.local if file.local is not None and sources.holds(file.local) else None
    try:
        chunks = _hashed(sources.chunks(file), hasher)
        try:
            _bring(file, readable, chunks, dialect, target, facts, limits or Limits())
            _check_lines(facts)
        except FileRejected as error:
            refused = error
            for _ in chunks:  # the hash covers the whole file, readable or not
                pass
        if refused is None and facts.size <= len(BOM) and not _has_text(target):
            refused = FileRejected("empty", "the file holds no text; send it again, with at least a header")
    except SourceUnreadable as error:
        refused = unread(error)
    if refused is not None:
        target.unlink(missing_ok=True)
    return DecodedFile(file, hasher.hexdigest(), target, facts, refused)


def _bring(
    file: SourceFile,
    readable: Path | None,
    chunks: Iterator[bytes],
    dialect: Dialect,
    target: Path,
    facts: TextFacts,
    limits: Limits,
) -> None:
    first = next(chunks, b"")
    everything = _chain(first, chunks)
    packed = first.startswith((GZIP, ZSTD))
    if packed:
        everything = _within(unpacked(first, everything), file.size, limits)
    quote = dialect.quote.encode()
    if readable is not None and not packed and dialect.encoding == "utf-8":
        target.symlink_to(readable.absolute())
        for chunk in _decoded(everything, dialect.encoding):
            facts.add(chunk, quote)
        return
    with target.open("wb") as stream:
        for chunk in _decoded(everything, dialect.encoding):
            facts.add(chunk, quote)
            stream.write(chunk)


def _within(pieces: Iterator[bytes], packed: int, limits: Limits) -> Iterator[bytes]:
    """The content of an archive of so many bytes; FileRejected when it goes on beyond what is allowed."""
    rest = limits.allowed(packed)
    for piece in pieces:
        rest -= len(piece)
        if rest < 0:
            raise FileRejected("too_large", limits.exceeded(packed))
        yield piece


def _check_lines(facts: TextFacts) -> None:
    """Empty lines are no records, but each of them costs time."""
    empty, lines = facts.empty_lines, facts.lines
    if empty > MOST_EMPTY_LINES and empty > EMPTY_SHARE * lines:
        raise FileRejected(
            "too_large",
            f"{empty:,} of its {lines:,} lines are empty, and at most {MOST_EMPTY_LINES:,} may be when there is "
            "little else; send it without them",
        )


def _hashed(chunks: Iterable[bytes], hasher: hashlib._Hash) -> Iterator[bytes]:
    for chunk in chunks:
        hasher.update(chunk)
        yield chunk


def _chain(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def unpacked(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of an archive, told by its first bytes, in bounded pieces; FileRejected when it is damaged."""
    try:
        yield from (_gunzipped(chunks) if first.startswith(GZIP) else _portions(_unzstd(chunks)))
    except zstandard.ZstdError as error:
        if "too much memory" in str(error):
            most = f"{LARGEST_WINDOW >> 20} MiB"
            detail = f"it refers back over more than {most}; compress it with a window of {most} at most (--long=27)"
            raise FileRejected("too_large", detail) from None
        raise _damaged(error) from None
    except (zlib.error, EOFError) as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> FileRejected:
    return FileRejected("corrupt_archive", f"the compressed file is damaged or cut short: {error}")


def _gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        data = chunk
        while data:
            yield member.decompress(data, PORTION)
            data = member.unconsumed_tail
            if not member.eof:
                continue
            data = member.unused_data
            if data.strip(b"\0"):
                member = zlib.decompressobj(wbits=31)
            else:
                break
    if not member.eof:
        yield member.flush()
    if not member.eof:
        raise EOFError("it ends too early")


def _unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)
    frame = unpacker.decompressobj()
    for chunk in chunks:
        for start in range(0, len(chunk), PIECE):
            data = chunk[start : start + PIECE]
            while data:
                if frame.eof:
                    frame = unpacker.decompressobj()
                yield frame.decompress(data)
                data = frame.unused_data
    if not frame.eof:
        raise EOFError("it ends too early")


def _portions(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= PORTION:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The same text in UTF-8; FileRejected when the bytes are no text of that encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    offset = 0
    wide = encoding.startswith(("utf-16", "utf-32", "utf_16", "utf_32"))
    for chunk in chunks:
        if not wide and b"\0" in chunk:
            raise _not_text(offset + chunk.index(b"\0"))
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError as error:
            where = offset - pending + error.start
            raise _undecodable(encoding, where, error.object[error.start : error.start + 1]) from None
        if wide and "\0" in text:
            raise _not_text(offset)
        yield chunk if encoding == "utf-8" else _as_utf8(text, encoding, offset)
        offset += len(chunk)
    pending = len(decoder.getstate()[0])
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _undecodable(
            encoding, offset - pending + error.start, error.object[error.start : error.start + 1]
        ) from None


def _as_utf8(text: str, encoding: str, offset: int) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:  # half a surrogate pair, which some encodings can spell
        raise _undecodable(encoding, offset + error.start, b"") from None


def _not_text(where: int) -> FileRejected:
    return FileRejected("not_text", f"byte {where} is NUL: this is no text file. Export it as CSV.")


def _undecodable(encoding: str, offset: int, byte: bytes) -> FileRejected:
    other = "cp1252 or latin-1" if encoding == "utf-8" else "another encoding"
    return FileRejected(
        "undecodable",
        f"byte {offset} (0x{byte.hex()}) is not {encoding}. If it is {other}, say so: `dialect: {{encoding: …}}`.",
    )


def _has_text(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return bool(_without_bom(stream).strip())
    except OSError as error:  # a file that is read where it lies
        raise unreadable(error) from error


def _without_bom(stream: BinaryIO) -> bytes:
    return stream.read(64).removeprefix(BOM)
