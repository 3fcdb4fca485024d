"""From a file's bytes to plain UTF-8 text on local disk, read once: hash, unpack, decode, count lines."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from filon.errors import SourceUnreadable
from filon.lake import SourceFile, Sources, unreadable
from filon.project.vocabulary import Dialect
from filon.stages.bronze.archives import GZIP, ZSTD, unpacked, within_limits
from filon.stages.bronze.refusals import FileRejected, nothing, unread
from filon.stages.limits import EMPTY_SHARE, MOST_EMPTY_LINES, Limits

BOM = b"\xef\xbb\xbf"
EDGE = 8
"""Bytes of a chunk that are looked at together with the next one."""


@dataclass
class TextFacts:
    """Counts of bytes and line endings of a text, collected in one pass.

    ``has_empty_line``: the first bytes of the text have one, perhaps inside of quotes. ``has_distant_quote``: several
    blanks stand before one, of which parsers leave out one or all.
    """

    size: int = 0
    line_feeds: int = 0
    carriage_returns: int = 0
    pairs: int = 0
    has_quote: bool = False
    has_distant_quote: bool = False
    has_empty_line: bool = False
    end: bytes = b""

    def add(self, chunk: bytes, quote: bytes) -> None:
        """Count the next bytes of the text; ``quote`` is the quote character in UTF-8, empty when there is none."""
        if not chunk:
            return
        self.size += len(chunk)
        self.line_feeds += chunk.count(b"\n")
        if b"\r" in chunk:
            self.carriage_returns += chunk.count(b"\r")
            self.pairs += chunk.count(b"\r\n")
        if self.last == b"\r" and chunk.startswith(b"\n"):
            self.pairs += 1
        if not self.end:  # two bytes take ten times as long to find as one
            self.has_empty_line = b"\n\n" in chunk or b"\n\r\n" in chunk
        self._look_for(quote, chunk)
        self.end = (self.end + chunk)[-EDGE:] if len(chunk) < EDGE else chunk[-EDGE:]

    def _look_for(self, quote: bytes, chunk: bytes) -> None:
        if not quote:
            return
        self.has_quote = self.has_quote or quote in chunk
        distant = b"  " + quote
        if self.has_quote and not self.has_distant_quote:
            self.has_distant_quote = distant in chunk or distant in self.end + chunk[:EDGE]

    @property
    def last(self) -> bytes:
        """The last byte of the text."""
        return self.end[-1:]

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
        """A lower bound of the number of empty lines: lines minus the bytes that are no line endings."""
        return max(self.lines - (self.size - self.line_feeds - self.carriage_returns), 0)


@dataclass(frozen=True)
class DecodedFile:
    """A file, its SHA-256, and its text at ``path``.

    ``refused`` is the reason when the file cannot be used; there is no text then.
    """

    source: SourceFile
    sha256: str
    path: Path
    facts: TextFacts = field(repr=False)
    refused: FileRejected | None = None


@dataclass
class Unpacked:
    """What is learnt of an archive while its file is hashed. ``content`` is the SHA-256 of what it unpacks to.

    ``content`` is empty when the file is no archive, or cannot be unpacked within the limits.
    """

    limits: Limits
    content: str = ""
    is_archive: bool = False

    def read(self, first: bytes, chunks: Iterator[bytes], size: int) -> None:
        """Unpack and hash a file of ``size`` bytes, if its ``first`` ones say that it is an archive."""
        self.is_archive = first.startswith((GZIP, ZSTD))
        if not self.is_archive:
            return
        hasher = hashlib.sha256()
        with suppress(FileRejected):  # whoever reads the file finds the same fault, and says it
            for piece in within_limits(unpacked(first, chain((first,), chunks)), size, self.limits):
                hasher.update(piece)
            self.content = hasher.hexdigest()


def fingerprint(sources: Sources, file: SourceFile, inside: Unpacked | None = None) -> str:
    """SHA-256 of a file's bytes; FileRejected when they cannot be read now.

    Args:
        sources: where the file lies
        file: the file as it was listed
        inside: learns what the file unpacks to

    """
    hasher = hashlib.sha256()
    try:
        chunks = _hashed(sources.chunks(file), hasher)
        first = next(chunks, b"")
        if inside is not None:
            inside.read(first, chunks, file.size)
        for _ in chunks:  # the hash covers the whole file
            pass
    except SourceUnreadable as error:
        raise unread(error) from error
    return hasher.hexdigest()


def receive(
    sources: Sources,
    file: SourceFile,
    dialect: Dialect,
    target: Path,
    limits: Limits | None = None,
    *,
    is_text: bool = True,
) -> DecodedFile:
    """Provide the text of a file in UTF-8, or the bytes of one that is no text, at a local path.

    Args:
        sources: where the file lies
        file: the file as it was listed
        dialect: encoding and quote character
        target: where the text is written; a link, when the file itself is plain UTF-8 in the local sources folder
        limits: what an archive may unpack to
        is_text: whether the bytes are decoded

    Returns:
        The text, its hash and its lines; or, without a file at ``target``, the reason why it is refused.

    """
    hasher = hashlib.sha256()
    text = _Text(file, _link_target(sources, file), dialect, target, limits or Limits(), is_text)
    refused = None
    try:
        chunks = _hashed(sources.chunks(file), hasher)
        try:
            text.write(chunks)
            if is_text:
                _check_lines(text.facts)
        except FileRejected as error:
            refused = error
            for _ in chunks:  # the hash covers the whole file, readable or not
                pass
        if refused is None and not (text.facts.size > len(BOM) or (is_text and _has_text(target))):
            refused = nothing(dialect)
    except SourceUnreadable as error:
        refused = unread(error)
    if refused is not None:
        target.unlink(missing_ok=True)
    return DecodedFile(file, hasher.hexdigest(), target, text.facts, refused)


def _link_target(sources: Sources, file: SourceFile) -> Path | None:
    """The file itself, if it lies where engines may read: inside the local sources folder, links followed."""
    return file.local if file.local is not None and sources.holds(file.local) else None


@dataclass(frozen=True)
class _Text:
    """The text of a file at ``target``, and what is known of its lines. ``local`` is the file itself, if readable."""

    file: SourceFile
    local: Path | None
    dialect: Dialect
    target: Path
    limits: Limits
    is_text: bool = True
    facts: TextFacts = field(default_factory=TextFacts)

    def write(self, chunks: Iterator[bytes]) -> None:
        """Unpack and decode the bytes of the file into ``target``, or link it there when they need neither."""
        first = next(chunks, b"")
        content: Iterator[bytes] = chain((first,), chunks)
        is_packed = first.startswith((GZIP, ZSTD))
        if is_packed:
            content = within_limits(unpacked(first, content), self.file.size, self.limits)
        is_as_it_is = self.dialect.encoding == "utf-8" or not self.is_text
        if self.local is not None and not is_packed and is_as_it_is:
            self.target.symlink_to(self.local.absolute())
            for _ in self._decoded(content):  # read to its end for the facts
                pass
            return
        with self.target.open("wb") as stream:
            stream.writelines(self._decoded(content))

    def _decoded(self, content: Iterable[bytes]) -> Iterator[bytes]:
        if not self.is_text:
            for chunk in content:
                self.facts.size += len(chunk)
                yield chunk
            return
        quote = self.dialect.quote.encode()
        for chunk in _decoded(content, self.dialect.encoding):
            self.facts.add(chunk, quote)
            yield chunk


def _check_lines(facts: TextFacts) -> None:
    """FileRejected when nearly all of many lines are empty: they are no records, but each takes time to parse."""
    empty, lines = facts.empty_lines, facts.lines
    if empty > MOST_EMPTY_LINES and empty > EMPTY_SHARE * lines:
        raise FileRejected(
            "too_large",
            f"{empty:,} of its {lines:,} lines are empty, and at most {MOST_EMPTY_LINES:,} may be when there is "
            "little else; send it without them",
        )


def _hashed(chunks: Iterator[bytes], hasher: hashlib._Hash) -> Iterator[bytes]:
    """The chunks, each of which is hashed while its reader works on it; the hash is whole when they end."""
    first = next(chunks, b"")
    hasher.update(first)
    yield first
    with ThreadPoolExecutor(max_workers=1) as pool:  # starts a thread for large files alone
        for chunk in chunks:
            hashed = pool.submit(hasher.update, chunk)
            yield chunk
            hashed.result()


def _decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The same text in UTF-8; FileRejected when the bytes are no text of that encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    offset = 0
    wide = encoding.startswith(("utf-16", "utf-32"))
    for chunk in chunks:
        if not wide and b"\0" in chunk:
            raise _not_text(offset + chunk.index(b"\0"))
        text = _text_of(decoder, chunk, encoding, offset)
        if wide and "\0" in text:
            raise _not_text(offset)
        yield chunk if encoding == "utf-8" else _as_utf8(text, encoding, offset)
        offset += len(chunk)
    rest = _text_of(decoder, b"", encoding, offset, final=True)
    if rest:
        yield _as_utf8(rest, encoding, offset)


def _text_of(
    decoder: codecs.IncrementalDecoder, chunk: bytes, encoding: str, offset: int, *, final: bool = False
) -> str:
    """The text of the next bytes, which begin at ``offset``; bytes of a character that is not complete are kept."""
    pending = len(decoder.getstate()[0])
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        where = offset - pending + error.start
        raise _undecodable(encoding, where, error.object[error.start : error.start + 1]) from None
    except (
        UnicodeError
    ) as error:  # some decoders do not say where: UTF-16 without a mark, ISO 2022 with an endless shift
        detail = f"from byte {offset - pending} on it is not {encoding}: {error}. {_other_encoding(encoding)}"
        raise FileRejected("undecodable", detail) from None


def _as_utf8(text: str, encoding: str, offset: int) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:  # half a surrogate pair, which some encodings can represent
        raise _undecodable(encoding, offset + error.start, b"") from None


def _not_text(where: int) -> FileRejected:
    return FileRejected("not_text", f"byte {where} is NUL: this is no text file. Export it as CSV.")


def _undecodable(encoding: str, offset: int, byte: bytes) -> FileRejected:
    shown = f" (0x{byte.hex()})" if byte else ""
    return FileRejected("undecodable", f"byte {offset}{shown} is not {encoding}. {_other_encoding(encoding)}")


def _other_encoding(encoding: str) -> str:
    """What to do when a text is not in the encoding that the contract says."""
    others = {"utf-8": "cp1252 or latin-1", "utf-16": "utf-8, or utf-16-le without a byte order mark"}
    other = others.get(encoding, "another encoding, such as utf-8 or cp1252")
    return f"If it is {other}, say so: `dialect: {{encoding: …}}`."


def _has_text(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return bool(_without_bom(stream).strip())
    except OSError as error:  # the file is linked, not copied: reading it may fail
        raise unreadable(error) from error


def _without_bom(stream: BinaryIO) -> bytes:
    return stream.read(64).removeprefix(BOM)
