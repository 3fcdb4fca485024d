"""Records of people who are forgotten, withheld as they arrive: their places are kept, and nothing else."""

from __future__ import annotations

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import IO

from filon.lake import Layer, TableFile
from filon.project import Dataset
from filon.stages.bronze.columns import bronze_columns
from filon.stages.bronze.refusals import FileRejected
from filon.stages.bronze.texts import Parsed
from filon.stages.bronze.versions import version_of
from filon.stages.context import Context
from filon.stages.forgetting import RecordFinder, TextSearch, namings, renamed

WITHHELD = "withheld records"
ERASED = "what was said of it is erased, and no copy is kept: it may name a person who is forgotten"
PIECE = 1 << 20
LONGEST_MEMBER = 256 << 20


def withhold(context: Context, results: Sequence[Parsed]) -> list[Parsed]:
    """The results of files, whose records of forgotten people are erased from the Parquet files that were written."""
    names = {r.incoming.dataset.name: r.incoming.dataset for r in results if r.refused is None and r.data}
    erased = {name: _erase(context, dataset, results) for name, dataset in names.items()}
    return [
        replace(result, data=tuple(renamed(result.data, erased.get(result.incoming.dataset.name, {}))))
        for result in results
    ]


def _erase(context: Context, dataset: Dataset, results: Sequence[Parsed]) -> dict[str, tuple[TableFile, ...]]:
    named = namings(context.project, dataset, context.blocked)
    if not named:
        return {}
    mine = [result for result in results if result.refused is None and result.incoming.dataset == dataset]
    versions = [version_of(result, context) for result in mine]
    finder = RecordFinder(context.engine, context.lake, dataset, bronze_columns(dataset))
    finder.find(WITHHELD, versions, named)
    files = {file.name: file for result in mine for file in result.data}
    erased = finder.erase(WITHHELD, files.values())
    context.engine.drop([WITHHELD])
    context.lake.table(Layer.BRONZE, dataset.name).delete(list(erased), sync=False)
    return erased


def withhold_refused(context: Context, result: Parsed, copy: IO[bytes]) -> tuple[Parsed, bool]:
    """The result of a refused file, and whether its copy may be kept: not if it may name a forgotten person."""
    dataset, refused = result.incoming.dataset, result.refused
    named = namings(context.project, dataset, context.blocked)
    if not named or refused is None:
        return result, True
    search = TextSearch(named)
    may_keep = not names_anybody(search, copy)
    if may_keep and not search.finds(refused.detail):
        return result, True
    return replace(result, refused=FileRejected(refused.reason, ERASED)), may_keep


def names_anybody(search: TextSearch, copy: IO[bytes]) -> bool:
    """Whether the content of a file may name somebody; also where it is no text, so that it cannot be told."""
    try:
        return any(text is None or search.finds(text) for text in _texts(copy))
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return True


def _texts(copy: IO[bytes]) -> Iterator[str | None]:
    """The text of a file, in pieces of whole lines; None for a part that is no text."""
    start = copy.read(4)
    copy.seek(0)
    if start.startswith(b"\x1f\x8b"):
        with io.BufferedReader(gzip.GzipFile(fileobj=copy)) as unpacked:
            yield from _pieces(unpacked, "utf-8")
    elif start.startswith(b"PK"):
        with zipfile.ZipFile(copy) as archive:
            for member in archive.infolist():
                if member.file_size > LONGEST_MEMBER:
                    yield None
                else:
                    yield from _texts(io.BytesIO(archive.read(member)))
    elif start.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield from _pieces(copy, "utf-16")
    else:
        yield from _pieces(copy, "utf-8")


def _pieces(stream: IO[bytes], encoding: str) -> Iterator[str | None]:
    errors = "surrogateescape" if encoding == "utf-8" else "replace"
    rest = ""
    for piece in codecs.iterdecode(iter(partial(stream.read, PIECE), b""), encoding, errors):
        if "\0" in piece:
            yield None
        whole, newline, last = (rest + piece).rpartition("\n")
        yield _as_western(whole + newline)
        rest = last
    yield _as_western(rest)


def _as_western(text: str) -> str:
    """A text whose bytes that are no UTF-8 are read as Windows does in western Europe."""
    if text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text):
        return text
    return text.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
