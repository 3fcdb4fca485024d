"""Names of files as printable text."""

from __future__ import annotations

import os
import re

UNPRINTABLE = r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
"""Control characters, those that change the direction of writing, and surrogates for bytes that are not UTF-8."""
ESCAPED = r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}"
ODD = re.compile(f"{UNPRINTABLE}|{ESCAPED}")


def printable_name(name: bytes) -> str:
    r"""A file name as printable text; different bytes give different texts.

    Most names are returned unchanged. In a name with bytes that are not UTF-8, with characters that cannot be printed,
    or with what looks like an escape, these are escaped (``\xff``, ``\x0a``, ``\u202e``) and backslashes doubled.
    """
    text = name.decode("utf-8", "surrogateescape")
    if not ODD.search(text):
        return text
    return re.sub(rf"\\|{UNPRINTABLE}", _escape, text)


def listed_name(text: str) -> str:
    """The printable form of a name that a user gave: in that form, or with raw bytes, as a shell completes it."""
    return printable_name(os.fsencode(text)) if re.search(UNPRINTABLE, text) else text


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] == "\\":
        return r"\\"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"
