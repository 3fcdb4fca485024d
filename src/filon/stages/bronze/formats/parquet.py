"""Parquet: read in batches, each column turned into texts at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.csv as pacsv  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from filon.project import Dataset
from filon.project.vocabulary import Drift
from filon.stages.bronze.formats.cells import Spelling, spellings_of
from filon.stages.bronze.formats.columns import texts_of
from filon.stages.bronze.formats.conversion import Converted
from filon.stages.bronze.formats.paths import Path, PathFinder, Places
from filon.stages.bronze.headers import Header, match_header
from filon.stages.bronze.records import LONGEST_RECORD, TIDY_COLUMNS, Tidied
from filon.stages.bronze.refusals import FileRejected
from filon.stages.limits import LONGEST_HEADER, MOST_FIELDS, Limits

BATCH = 8_192
"""Rows that are read at once."""
LARGEST_BATCH = 64 << 20
"""Bytes of texts, about, that are made of rows at once; fewer rows are taken when theirs are longer."""
MARKS, LOCKED = b"PAR1", b"PARE"
ENCRYPTED = ("encrypt", "decrypt")


def convert_parquet(path: FilePath, target: FilePath, dataset: Dataset, packed: int, limits: Limits) -> Converted:
    """Write the rows of a Parquet file into a tidy file.

    Args:
        path: the file
        target: the file to write
        dataset: its columns
        packed: bytes of the file as it was received
        limits: what may be written

    Raises:
        FileRejected: the file cannot be read, its columns do not fit the contract, or it unpacks to too much

    """
    most = limits.allowed(packed)
    with _understood(path), _opened(path) as file:
        _require_size(file.metadata, most, limits.exceeded(packed))
        paths, header = _columns(file.schema_arrow, dataset)
        spellings = _spellings(header, dataset)
        writer = _Writer(len(paths), most, limits.exceeded(packed))
        with pacsv.CSVWriter(str(target), writer.schema, write_options=QUOTED) as stream:
            for batch in file.iter_batches(batch_size=BATCH, columns=_needed(file, paths), use_threads=False):
                for rows in _portions(batch):
                    fields = [texts_of(_at(rows, place), spell) for place, spell in zip(paths, spellings, strict=True)]
                    stream.write_table(writer.table(fields, rows.num_rows))
    return Converted(header, Tidied(writer.records, writer.malformed))


def first_texts(path: FilePath, most: int) -> tuple[list[str], list[list[str | None]], int]:
    """The names of the innermost columns of a file, the texts of their first rows, and how many rows there are.

    FileRejected when the file cannot be read.
    """
    with _understood(path), _opened(path) as file:
        rows = next(file.iter_batches(batch_size=most, use_threads=False), None)
        paths = list(_leaves(file.schema_arrow, ()))
        texts = [texts_of(_without_zone(_at(rows, place)), Spelling()).to_pylist() for place in paths] if rows else []
        return [".".join(place) for place in paths], texts or [[] for _ in paths], int(file.metadata.num_rows)


def _leaves(fields: Any, above: Path) -> Iterator[Path]:
    for field in fields:
        if pa.types.is_struct(field.type):
            yield from _leaves(field.type, (*above, field.name))
        else:
            yield (*above, field.name)


def _without_zone(array: Any) -> Any:
    is_zoned = pa.types.is_timestamp(array.type) and array.type.tz is not None
    return array.cast(pa.timestamp(array.type.unit)) if is_zoned else array


QUOTED = pacsv.WriteOptions(quoting_style="all_valid")


@contextmanager
def _understood(path: FilePath) -> Iterator[None]:
    """Raise what the library says of a file as FileRejected; errors of the disk pass."""
    try:
        yield
    except (pa.ArrowMemoryError, MemoryError) as error:
        raise FileRejected("too_large", f"its pages do not fit into memory: {error}; write smaller ones") from None
    except (pa.ArrowException, OSError, ValueError, KeyError, IndexError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        with path.open("rb") as stream:
            mark = stream.read(4)
        if mark == LOCKED or any(word in str(error).lower() for word in ENCRYPTED):
            raise FileRejected("encrypted", "it is encrypted; send it without encryption") from None
        what = "it is damaged" if mark == MARKS else "it is no Parquet file"
        raise FileRejected("not_parquet", f"{what}: {str(error)[:200]}. Write it again.") from None


@contextmanager
def _opened(path: FilePath) -> Iterator[Any]:
    """The file; texts are left as they are in its dictionaries, which takes less memory."""
    schema = pq.read_schema(path)
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)
    texts = [field.name for field in schema if any(is_kind(field.type) for is_kind in kinds)]
    # old timestamps count nanoseconds, but span more years than 64 bits of these do
    options = {"read_dictionary": texts, "page_checksum_verification": True, "coerce_int96_timestamp_unit": "us"}
    with pq.ParquetFile(path, **options) as file:
        yield file


def _require_size(metadata: Any, most: int, exceeded: str) -> None:
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    size = sum(max(group.total_byte_size, 0) for group in groups)
    if max(size, metadata.num_rows) > most:
        raise FileRejected("too_large", exceeded)


def _columns(schema: Any, dataset: Dataset) -> tuple[list[Path], Header]:
    """The paths of the fields, in their order, and the header; FileRejected when it does not fit the contract."""
    finder = PathFinder(dataset.read_columns)
    places: Places = finder.places(list(_paths(schema, (), finder)))
    if places.ambiguous:
        twice = ", ".join(places.ambiguous)
        raise FileRejected(
            "duplicate_header", f"several columns fit one of the contract: {twice}; rename or remove one"
        )
    extras = () if dataset.drift is Drift.DISCARD else places.extras
    if len(places.columns) + len(extras) > MOST_FIELDS or sum(map(len, extras)) > LONGEST_HEADER:
        raise FileRejected("too_large", f"it has more than {MOST_FIELDS:,} columns; send fewer")
    found = dict(places.columns)
    declared = [column for column in dataset.read_columns if column.name in found]
    names = [*(column.header for column in declared), *places.extras]
    paths = [*(found[column.name] for column in declared), *((name,) for name in places.extras)]
    return paths, match_header(names, dataset)


def _paths(fields: Any, above: Path, finder: PathFinder) -> Iterator[Path]:
    for field in fields:
        path = (*above, field.name)
        if pa.types.is_struct(field.type) and finder.looks_into(path):
            yield from _paths(field.type, path, finder)
        else:
            yield path


def _spellings(header: Header, dataset: Dataset) -> list[Spelling]:
    known = spellings_of(dataset)
    declared = {index: known[name] for name, index in header.columns}
    return [declared.get(index, Spelling()) for index in range(header.width)]


def _needed(file: Any, paths: Sequence[Path]) -> list[str] | None:
    """The outermost columns to read; None for all, where a name does not tell them apart."""
    names = [field.name for field in file.schema_arrow]
    return None if any("." in name for name in names) else list(dict.fromkeys(path[0] for path in paths))


def _at(rows: Any, path: Path) -> Any:
    array = rows.column(path[0])
    return pc.struct_field(array, list(path[1:])) if len(path) > 1 else array


def _portions(rows: Any) -> Iterator[Any]:
    """Rows in portions whose texts take about ``LARGEST_BATCH`` bytes, or in single ones."""
    if rows.num_rows <= 1 or sum(map(_size, rows.columns)) <= LARGEST_BATCH:
        yield rows
        return
    half = rows.num_rows // 2
    yield from _portions(rows.slice(0, half))
    yield from _portions(rows.slice(half))


def _size(array: Any) -> int:
    if pa.types.is_dictionary(array.type):
        lengths = pc.binary_length(array.dictionary).cast(pa.int64())
        return int(pc.sum(pc.take(lengths, array.indices)).as_py() or 0)
    return int(array.nbytes)


@dataclass
class _Writer:
    """Makes tables of tidy records; ``most`` bytes of texts are allowed, ``exceeded`` says so."""

    width: int
    most: int
    exceeded: str
    records: int = 0
    malformed: int = 0

    @property
    def schema(self) -> Any:
        """The columns of a tidy file."""
        return pa.schema(
            [(name, pa.string()) for name in (*TIDY_COLUMNS, *(f"f{index}" for index in range(self.width)))]
        )

    def table(self, fields: Sequence[Any], rows: int) -> Any:
        """The records of some rows; those that are too long are malformed."""
        numbers = pa.array(range(self.records + 1, self.records + rows + 1), pa.int64()).cast(pa.string())
        self.records += rows
        sizes = pa.array([0] * rows, pa.int64())
        for field in fields:
            sizes = pc.add(sizes, pc.fill_null(pc.binary_length(field), 0).cast(pa.int64()))
        self.most -= int(pc.sum(sizes).as_py() or 0) + rows * (self.width + 1)
        if self.most < 0:
            raise FileRejected("too_large", self.exceeded)
        nothing = pa.nulls(rows, pa.string())
        too_long = pc.greater(sizes, LONGEST_RECORD)
        if not pc.any(too_long).as_py():
            return pa.Table.from_arrays([numbers, nothing, nothing, *fields], schema=self.schema)
        raws = [
            " | ".join(field[row].as_py() or "" for field in fields)[:LONGEST_RECORD] if is_long else None
            for row, is_long in enumerate(too_long.to_pylist())
        ]
        self.malformed += sum(raw is not None for raw in raws)
        faults = pc.if_else(too_long, "line_too_long", nothing)
        kept = [pc.if_else(too_long, nothing, field) for field in fields]
        return pa.Table.from_arrays([numbers, faults, pa.array(raws, pa.string()), *kept], schema=self.schema)
