"""A text that is read in blocks, from which lines and whole runs of lines are taken."""

from __future__ import annotations

import re
from typing import TextIO

BLOCK = 1 << 20
"""Characters that are read at once."""
AHEAD = 1 << 16
"""Characters that a pattern can look at, unless the text ends before: what it does not match there, it never will."""
LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)?")


class TextWindow:
    """The part of a stream between a place that is held and the last character that was read of it.

    The stream was opened with ``newline=""``. A line ends in a line feed, a carriage return, or both.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""
        self._before = self._held = self._at = 0
        self._is_whole = False

    @property
    def position(self) -> int:
        """How many characters of the stream stand before the next one."""
        return self._before + self._at

    def hold(self) -> None:
        """Keep the characters from here on, until the next call."""
        self._held = self._at

    def readline(self, most: int) -> str:
        """The next line with its end, or so many characters of a longer one; empty where the text ends."""
        while True:
            found = LINE.match(self._text, self._at)
            end = found.end() if found else self._at
            if self._is_whole or end < len(self._text) or end - self._at >= most:
                break
            self._read()
        start, self._at = self._at, min(end, self._at + most)
        return self._text[start : self._at]

    def back(self, count: int) -> None:
        """Return by so many characters, at most to the place that is held."""
        self._at -= count

    def take(self, pattern: re.Pattern[str]) -> str:
        """What a pattern matches here; the place after it is held. Empty when it matches nothing.

        A match may end before its time, where the characters that were read end: another may follow it at once.
        """
        self.hold()
        while len(self._text) - self._at < AHEAD and not self._is_whole:
            self._read()
        found = pattern.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found[0]

    def _read(self) -> None:
        block = self._stream.read(BLOCK)
        self._is_whole = not block
        self._text = self._text[self._held :] + block
        self._before += self._held
        self._at -= self._held
        self._held = 0
