"""Decompression of gzip and Zstandard files within limits of size and memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import zstandard

from filon.stages.bronze.refusals import FileRejected
from filon.stages.limits import LARGEST_WINDOW, Limits

PIECE = 1 << 10
"""Bytes of Zstandard that the decoder gets at once: they unpack to 32 MiB at most."""
PORTION = 1 << 20
"""Bytes, about, of unpacked content per piece."""
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
"""The first bytes of each format."""


def unpacked(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of an archive, in bounded pieces.

    Args:
        first: its first bytes, which tell the format; they are also the beginning of ``chunks``
        chunks: all its bytes

    Raises:
        FileRejected: it is damaged, cut short, or needs more memory than is allowed

    """
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


def require_within(limits: Limits, packed: int, unpacked_size: int) -> None:
    """FileRejected when ``packed`` bytes of an archive are said to unpack to more than is allowed."""
    if unpacked_size > limits.allowed(packed):
        raise FileRejected("too_large", limits.exceeded(packed))


def within_limits(pieces: Iterator[bytes], packed: int, limits: Limits) -> Iterator[bytes]:
    """The same pieces; FileRejected when an archive of ``packed`` bytes unpacks to more than is allowed."""
    rest = limits.allowed(packed)
    for piece in pieces:
        rest -= len(piece)
        if rest < 0:
            raise FileRejected("too_large", limits.exceeded(packed))
        yield piece


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
    """The same bytes in fewer, larger pieces."""
    buffer: list[bytes] = []
    size = 0
    for piece in pieces:
        buffer.append(piece)
        size += len(piece)
        if size >= PORTION:
            yield b"".join(buffer)
            buffer, size = [], 0
    yield b"".join(buffer)
