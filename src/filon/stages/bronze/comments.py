"""Lines that begin with the mark of comments: they are no records, and are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from filon.stages.bronze.edited import rewritten
from filon.stages.bronze.receive import BOM, DecodedFile
from filon.stages.bronze.records import LONGEST_RECORD

CHUNK = 4 << 20


def begins_lines(path: Path, mark: str) -> bool:
    """Whether a line of a text begins with a mark, quoted or not."""
    return _is_found(path, re.compile(rb"[\r\n]" + re.escape(mark.encode())), 1 + len(mark.encode()))


def holds(path: Path, character: str) -> bool:
    """Whether a character stands in a text."""
    return _is_found(path, re.compile(re.escape(character.encode())), len(character.encode()))


def _is_found(path: Path, pattern: re.Pattern[bytes], longest: int) -> bool:
    """Whether a pattern, of so many bytes at most, is found in a text, before which a line ends."""
    with path.open("rb") as stream:
        window = b"\n" + stream.read(len(BOM)).removeprefix(BOM)
        while chunk := stream.read(CHUNK):
            window += chunk
            if pattern.search(window):
                return True
            window = window[-longest:]
    return pattern.search(window) is not None


def without_comments(decoded: DecodedFile, mark: str) -> DecodedFile:
    """The file without the lines that begin with a mark; nothing in its text is quoted."""
    with decoded.path.open(encoding="utf-8-sig", newline="") as stream:
        return rewritten(decoded, (piece.encode() for piece in _without(stream, mark)), "")


def _without(stream: TextIO, mark: str) -> Iterator[str]:
    """The lines of a text, long ones in pieces, but for those that begin with a mark."""
    begins, is_left_out = True, False
    while piece := stream.readline(LONGEST_RECORD):
        is_left_out = piece.startswith(mark) if begins else is_left_out
        if not is_left_out:
            yield piece
        begins = piece.endswith(("\n", "\r"))
