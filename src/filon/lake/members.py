"""Zip archives: their members as files of the sources, and the content of a member.

The directory of an archive says what it holds; no member is unpacked to know that. Sizes that the directory claims are
bounds: a member that unpacks to more is damaged.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from filon.errors import SourceUnreadable
from filon.lake.names import printable_name
from filon.lake.sourcefile import EMPTY, Member, SourceFile

ENDING = re.compile(r"\.zip$", re.IGNORECASE)
"""How the name of an archive ends whose members are files of the sources."""
PACKED_ENDING = re.compile(r"\.(zip|gz|zst|zstd)$", re.IGNORECASE)
PACKED_BYTES = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
"""The first bytes of gzip and Zstandard."""
FIRST_BYTES = (b"PK\x03\x04", b"PK\x05\x06")
MOST_MEMBERS = 10_000
LARGEST_DIRECTORY = 4 << 20
"""Bytes of a directory, which is held in memory, and of what may follow it."""
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
ENCRYPTED = 0x1 | 0x40
HEADER = struct.Struct("<4s22xHH")
"""A local header: its first bytes, and the lengths of name and extra fields that follow it."""
PORTION = 1 << 20
NOT_READ = (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, EOFError, OverflowError, IndexError)
"""What zipfile raises for a directory that is none."""

Span = Callable[[int, int], Iterator[bytes]]
"""Gives the bytes of an archive from one offset to another."""


def members_of(archive: SourceFile, span: Span, *, with_hidden: bool = False) -> list[SourceFile] | None:
    """The members of an archive, those that cannot be read with their fault; None for a file that is no zip archive.

    Hidden files are left out, as they are among files. An archive that cannot be read at all, or is empty, is listed
    itself, with its fault.

    Args:
        archive: a file whose name says that it is an archive
        span: reads the archive; its errors are raised
        with_hidden: whether hidden files are listed too

    """
    if not b"".join(span(0, min(4, archive.size))).startswith(FIRST_BYTES):
        return None
    try:
        with zipfile.ZipFile(_Window(archive.size, span)) as directory:
            entries = directory.infolist()
    except _DirectoryTooLarge:
        fault = f"its directory has more than {LARGEST_DIRECTORY >> 20} MiB; send fewer files in one archive"
        return [replace(archive, fault=fault, reason="too_large")]
    except NOT_READ as error:
        fault = f"the archive is damaged or cut short: {error}"
        return [replace(archive, fault=fault, reason="corrupt_archive")]
    files = [entry for entry in entries if not entry.is_dir()]
    if len(files) > MOST_MEMBERS:
        fault = f"it holds {len(files):,} files, and at most {MOST_MEMBERS:,} are read; send several archives"
        return [replace(archive, fault=fault, reason="too_large")]
    listed = (entry for entry in files if with_hidden or not _is_hidden(_name(entry)))
    members = list(_distinct(_member(archive, entry) for entry in listed))
    return members or [replace(archive, fault="the archive holds no files", reason=EMPTY)]


def _distinct(members: Iterable[SourceFile]) -> Iterator[SourceFile]:
    """Each path once; one that several members have cannot be read."""
    by_path: dict[str, SourceFile] = {}
    counts: Counter[str] = Counter()
    for member in members:
        by_path.setdefault(member.path, member)
        counts[member.path] += 1
    for path, member in by_path.items():
        if counts[path] > 1:
            fault = f"the archive holds {counts[path]} files of this name; give each its own"
            yield replace(member, fault=fault, reason="duplicate_member")
        else:
            yield member


def _name(entry: zipfile.ZipInfo) -> str:
    """The name of a member with ``/`` between folders.

    Some programs write backslashes, others UTF-8 without saying so.
    """
    name = entry.filename
    if not entry.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode()
        except UnicodeError:
            name = entry.filename
    return "/".join(part for part in name.replace("\\", "/").split("/") if part != ".")


def _is_hidden(name: str) -> bool:
    *folders, own = name.split("/")
    return any(part.startswith(".") and part != ".." for part in (*folders, own)) or "__MACOSX" in folders


def _member(archive: SourceFile, entry: zipfile.ZipInfo) -> SourceFile:
    name = _name(entry)
    member = Member(archive, entry.header_offset, entry.compress_size, entry.compress_type, entry.CRC)
    reason, fault = _fault(name, entry)
    return SourceFile(
        path=f"{archive.path}/{printable_name(name.encode('utf-8', 'surrogatepass'))}",
        size=entry.file_size,
        tag=f"{archive.tag}/{entry.header_offset:x}-{entry.CRC:x}",
        modified=archive.modified,
        fault=fault,
        reason=reason,
        member=member,
    )


def _fault(name: str, entry: zipfile.ZipInfo) -> tuple[str, str]:
    """The reason code and the words for a member that is not to be read; both empty when it may be."""
    if (
        name.startswith("/")
        or re.match("[A-Za-z]:", name)
        or not all(part not in ("", "..") for part in name.split("/"))
    ):
        return "unsafe_member", "its name leads out of the archive; give it a name below the archive"
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        return "unsafe_member", "it is a link or a device; put the file itself into the archive"
    if entry.flag_bits & ENCRYPTED:
        return "encrypted", "it is encrypted; send the archive without a password"
    if PACKED_ENDING.search(name):
        return "nested_archive", "it is an archive in an archive; put its files into the outer one"
    if entry.compress_type not in (STORED, DEFLATED):
        fault = f"it is compressed by method {entry.compress_type}; compress it by deflate, as most programs do"
        return "corrupt_archive", fault
    return "", ""


def content_of(file: SourceFile, member: Member, span: Span) -> Iterator[bytes]:
    """The content of a member, in bounded pieces.

    SourceUnreadable when the archive is damaged there, or holds another archive.

    Args:
        file: the member as it is listed
        member: where it lies
        span: reads the archive

    """
    header = b"".join(span(member.offset, member.offset + HEADER.size))
    mark, name, extra = HEADER.unpack(header) if len(header) == HEADER.size else (b"", 0, 0)
    if mark != FIRST_BYTES[0]:
        raise _damaged("there is no file where the directory says")
    start = member.offset + HEADER.size + name + extra
    packed = span(start, start + member.packed)
    size, crc, first = 0, 0, b""
    for piece in _inflated(packed) if member.method == DEFLATED else packed:
        size, crc = size + len(piece), zlib.crc32(piece, crc)
        first = first if len(first) >= 4 else first + piece[:4]
        if size > file.size:
            raise _damaged(f"it unpacks to more than the {file.size:,} bytes that the archive says")
        if first.startswith(PACKED_BYTES):
            raise SourceUnreadable("it is an archive in an archive; put its files into the outer one", "nested_archive")
        yield piece
    if (size, crc) != (file.size, member.crc):
        raise _damaged("its content has not the size or the checksum that the archive says")


def _inflated(packed: Iterator[bytes]) -> Iterator[bytes]:
    decoder = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        for chunk in packed:
            data = chunk
            while data and not decoder.eof:
                yield decoder.decompress(data, PORTION)
                data = decoder.unconsumed_tail
        while not decoder.eof and (rest := decoder.decompress(b"", PORTION)):
            yield rest
    except zlib.error as error:
        raise _damaged(str(error)) from None


def _damaged(what: str) -> SourceUnreadable:
    return SourceUnreadable(f"the archive is damaged or cut short: {what}", "corrupt_archive")


class _DirectoryTooLarge(Exception):
    """The directory of an archive is not to be held in memory."""


class _Window(io.RawIOBase):
    """An archive as zipfile reads its directory: at any place, but never much at once."""

    def __init__(self, size: int, span: Span) -> None:
        self._size = size
        self._span = span
        self._position = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise io.UnsupportedOperation("it is too short")  # zipfile takes it for an end without an older mark
        self._position = start + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        rest = max(self._size - self._position, 0)
        wanted = rest if size < 0 else min(size, rest)
        if wanted > LARGEST_DIRECTORY:
            raise _DirectoryTooLarge
        data = b"".join(self._span(self._position, self._position + wanted)) if wanted else b""
        self._position += len(data)
        return data
