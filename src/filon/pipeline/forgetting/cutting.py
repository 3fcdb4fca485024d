"""Records cut out of the content of a source file; everything else in it stays as it is."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import zstandard

from filon.project import Dataset
from filon.project.vocabulary import Dialect, FileFormat
from filon.stages.bronze.archives import GZIP, ZSTD, unpacked
from filon.stages.bronze.records import RecordReader

BOM = "\ufeff"
BLANK = " \t\r\n"
"""What a line of JSON Lines holds that holds no record."""
WRITERS_NAMES = {"UNCOMPRESSED": "NONE", "LZ4_RAW": "LZ4"}
"""What the writer of Parquet calls a compression, where its reader says something else."""


class Uncut(Exception):
    """Records cannot be cut out of a content; the argument says why."""


def without_records(content: bytes, dataset: Dataset, gone: Collection[int], rows: int) -> bytes:
    """The content of a file without some of its records, packed as it was.

    Args:
        content: the bytes of the file
        dataset: whose file it is
        gone: the numbers of the records, from 1
        rows: how many records were read from it

    Raises:
        Uncut: they cannot be cut out

    """
    if content.startswith(GZIP):
        plain = _without(b"".join(unpacked(GZIP, iter([content]))), dataset, gone, rows)
        return gzip.compress(plain, mtime=0)
    if content.startswith(ZSTD):
        plain = _without(b"".join(unpacked(ZSTD, iter([content]))), dataset, gone, rows)
        return zstandard.ZstdCompressor().compress(plain)
    return _without(content, dataset, gone, rows)


def with_members(archive: bytes, contents: Mapping[int, bytes]) -> bytes:
    """A zip archive with other contents of some members, by the offset at which each begins; the others as they are."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as before, zipfile.ZipFile(out, "w") as after:
        after.comment = before.comment
        for entry in before.infolist():
            if entry.flag_bits & 0x1:
                raise Uncut(f"its member {entry.filename} is encrypted")
            content = contents.get(entry.header_offset)
            after.writestr(entry, before.read(entry) if content is None else content)
    return out.getvalue()


def _without(plain: bytes, dataset: Dataset, gone: Collection[int], rows: int) -> bytes:
    if dataset.format is FileFormat.PARQUET:
        return _rows_of_parquet(plain, gone, rows)
    if dataset.format is FileFormat.SPREADSHEET:
        raise Uncut("it is a spreadsheet, which cannot be written again as it was")
    encoding = dataset.dialect.encoding
    try:
        text = plain.decode(encoding)
    except UnicodeDecodeError as error:
        raise Uncut(str(error)) from error
    head = BOM if text.startswith(BOM) else ""
    body = text.removeprefix(BOM)
    parts = _lines(body) if dataset.format is FileFormat.JSON_LINES else _records(body, dataset.dialect)
    found = list(parts)
    if max((number for number, _ in found), default=0) != rows or text.encode(encoding) != plain:
        raise Uncut("its records cannot be told apart")
    return (head + "".join(part for number, part in found if number not in gone)).encode(encoding)


def _records(text: str, dialect: Dialect) -> Iterator[tuple[int, str]]:
    """The parts of a text of CSV, each with the number of its record; what comes before the first one has 0."""
    if dialect.skip_lines or dialect.skip_until or dialect.footer:
        raise Uncut("it has lines that are no records")
    reader = RecordReader.of(io.StringIO(text, newline=""), dialect)
    starts = [reader.start for _ in reader]
    first = int(dialect.header)
    yield 0, text[: starts[0]] if starts else text
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(text)], strict=True), start=1 - first):
        yield number, text[start:end]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text of JSON Lines, each with the number of its record; one without a record has 0."""
    number = 0
    for line in io.StringIO(text, newline="\n"):
        number += bool(line.strip(BLANK))
        yield number if line.strip(BLANK) else 0, line


def _rows_of_parquet(content: bytes, gone: Collection[int], rows: int) -> bytes:
    # slow to import, and rarely needed
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    out = io.BytesIO()
    with pq.ParquetFile(pa.BufferReader(content)) as file:
        metadata, schema = file.metadata, file.schema_arrow
        if metadata.num_rows != rows:
            raise Uncut("its rows cannot be told apart")
        first = 1
        with pq.ParquetWriter(out, schema, compression=_compression(metadata)) as writer:
            for group in range(metadata.num_row_groups):
                table = file.read_row_group(group)
                kept = [place for place in range(table.num_rows) if first + place not in gone]
                writer.write_table(table.take(pa.array(kept, pa.int64())), row_group_size=max(len(kept), 1))
                first += table.num_rows
    return out.getvalue()


def _compression(metadata: Any) -> dict[str, str]:
    """How the columns of a file are compressed, by path, as the writer is told it."""
    if not metadata.num_row_groups:
        return {}
    group = metadata.row_group(0)
    columns = (group.column(index) for index in range(group.num_columns))
    return {column.path_in_schema: WRITERS_NAMES.get(column.compression, column.compression) for column in columns}
