"""The parts of a spreadsheet file, which is a zip archive of XML documents; each is streamed, within limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from xml.parsers import expat

from filon.errors import SourceUnreadable
from filon.lake import SourceFile
from filon.lake.members import Span, content_of, members_of
from filon.lake.sourcefile import UNKNOWN_TIME
from filon.stages.bronze.archives import require_within
from filon.stages.bronze.refusals import FileRejected
from filon.stages.limits import Limits

CHUNK = 1 << 20
LONGEST_TOKEN = 16 << 20
"""Bytes of a tag or a text that the parser holds before it reports them."""
MOST_DEPTH, MOST_NAMES = 200, 1_000
OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"
"""The first bytes of what old spreadsheets and encrypted ones are kept in."""
LOCKED = "EncryptedPackage".encode("utf-16-le")

Start = Callable[[str, dict[str, str]], None]
Name = Callable[[str], None]


def no_spreadsheet(what: str) -> FileRejected:
    """The reason for a file that cannot be read as a spreadsheet."""
    return FileRejected("not_a_spreadsheet", f"{what}. Save it again as .xlsx or .ods.")


class Parts:
    """The parts of a file by their path in it.

    Args:
        path: the file
        limits: what a part may unpack to

    Raises:
        FileRejected: the file is no archive of parts

    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._limits = limits
        self._span: Span = partial(_span, path)
        size = path.stat().st_size
        listed = members_of(SourceFile("", size, "", UNKNOWN_TIME), self._span, with_hidden=True)
        if listed is None:
            raise _no_archive(path)
        if listed[0].member is None:
            raise FileRejected(listed[0].reason, listed[0].fault)
        self._parts = {part.path.removeprefix("/"): part for part in listed}

    def __contains__(self, name: str) -> bool:
        return name in self._parts

    def names(self) -> list[str]:
        """The paths of all parts."""
        return list(self._parts)

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of a part; FileRejected when there is none, or it is damaged or too large."""
        part = self._parts.get(name)
        if part is None or part.member is None:
            raise no_spreadsheet(f"it has no part {name}")
        if part.fault:
            raise FileRejected(part.reason, f"{name}: {part.fault}")
        require_within(self._limits, part.member.packed, part.size)
        try:
            yield from content_of(part, part.member, self._span)
        except SourceUnreadable as error:
            raise FileRejected(error.reason, f"{name}: {error}") from None

    def parse(self, name: str, start: Start, end: Name, text: Name) -> Iterator[None]:
        """Parse a part; yields after each piece of it, so that what handlers have gathered can be handed on.

        Args:
            name: the part, an XML document
            start: called for each element that begins: its name without its namespace, and its attributes
            end: called for each element that ends
            text: called for text

        Raises:
            FileRejected: it is no well-formed XML, defines entities, or is nested too deeply

        """
        parser = _parser(name, start, end, text)
        fed = 0
        try:
            for chunk in self.chunks(name):
                for first in range(0, len(chunk), CHUNK):
                    piece = chunk[first : first + CHUNK]
                    parser.Parse(piece, False)
                    fed += len(piece)
                    if fed - parser.CurrentByteIndex > LONGEST_TOKEN:
                        raise FileRejected("too_large", f"{name} holds a text of more than {LONGEST_TOKEN:,} bytes")
                    yield
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise no_spreadsheet(f"{name} is damaged: {error}") from None
        yield

    def parse_whole(self, name: str, start: Start, end: Name, text: Name) -> None:
        """The same, of a part that handlers need not hand on piece by piece."""
        for _ in self.parse(name, start, end, text):
            pass


def _parser(part: str, start: Start, end: Name, text: Name) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    short: dict[str, str] = {}
    depth = 0

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEPTH:
            raise no_spreadsheet(f"the elements of {part} are nested more than {MOST_DEPTH} deep")
        if name not in short:
            if len(short) > MOST_NAMES:
                raise no_spreadsheet(f"{part} has elements of more than {MOST_NAMES} names")
            short[name] = name.rpartition(" ")[2]
        start(short[name], attributes)

    def finish(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(short[name])

    def refuse(*_: object) -> None:
        raise no_spreadsheet(f"{part} declares a document type, which no spreadsheet needs")

    parser.StartElementHandler = begin
    parser.EndElementHandler = finish
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    return parser


def _no_archive(path: Path) -> FileRejected:
    with path.open("rb") as stream:
        beginning = stream.read(CHUNK)
    if not beginning.startswith(OLD_OR_LOCKED):
        return no_spreadsheet("it is neither .xlsx nor .ods")
    if LOCKED in beginning:
        return FileRejected("encrypted", "it is protected by a password; save it without one")
    return no_spreadsheet("it is an old .xls, or protected by a password")


def _span(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as stream:
        stream.seek(start)
        left = end - start
        while left > 0 and (chunk := stream.read(min(CHUNK, left))):
            yield chunk
            left -= len(chunk)


def plain(attributes: dict[str, str]) -> dict[str, str]:
    """Attributes by their names without namespaces."""
    return {name.rpartition(" ")[2]: value for name, value in attributes.items()}
