"""CSV through DuckDB's parallel parser."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from filon.engines.duckdb.connection import DuckDBConnection
from filon.engines.duckdb.lock import SYSTEM, literal_path
from filon.engines.reader import (
    CsvFile,
    CsvForm,
    CsvUnreadable,
    Faults,
    FieldSample,
    MalformedRecord,
    Part,
    RecordLayout,
    Sifted,
)
from filon.lake import DataFile, Location
from filon.sql import identifier, identifiers, literal, literals

LONGEST_LINE = 8 << 20
LONGEST_RAGGED_LINE = 64 << 10
"""Functions make copies of lines, of a whole vector of them at once, and no memory limit counts these."""
LONGEST_TIDY_LINE = 10 * LONGEST_LINE  # four bytes a character, each quote doubled, and the fault beside the text
BUFFER = 32_000_000
# a blank keeps them apart from every table of a project
RAW, ASIDE, RECORDS = "records as read", "records set aside", "received records"
PARTS, PLACES = "parts", "places of records"
LEFT_OUT, LOOKED_AT = "left_out", "looked_at"  # DuckDB makes these, and takes plain names alone
MOST_LEFT_OUT = 1_000_000
OTHER_WIDTHS = {"MISSING COLUMNS", "TOO MANY COLUMNS"}
BLOCK_ROWS = 256
"""Rows whose numbers are found together; the more, the fewer blocks, and the more places in each."""
SOURCE = identifier(RECORDS)
ASIDE_COLUMNS = ("_record", "_malformed", "_raw")
NOTHING = "CAST(NULL AS VARCHAR)"


class DuckDBReader:
    """Reads CSV in a database, which an engine may use as well: the records are a table in it."""

    name = "duckdb"

    def __init__(self, connection: DuckDBConnection) -> None:
        self._connection = connection
        self._has_faults = False

    def read(self, files: Sequence[CsvFile], form: CsvForm) -> dict[int, int]:
        """Parse in parallel into a table whose row order is the files' order, then count from there.

        Ragged lines are cut on the way: a view would cut them again for each question.
        """
        aside = next((file.aside for file in files if file.aside), None)
        self._has_faults = form.has_faults or aside is not None
        self._parse(RAW, [file.path for file in files], form)
        records = _numbered(files, form)
        if aside is not None:
            tidy = CsvForm((*ASIDE_COLUMNS, *form.columns), numbered=True)
            self._parse(ASIDE, [aside.path], tidy)
            records = _with_aside(records, files[0].number, form, aside.mark)
        self._connection.view(RECORDS, records)
        counts = self._counts()
        return {file.number: counts.get(file.number, 0) for file in files}

    def sift(self, path: Path, form: CsvForm, attempt: int = 0) -> Sifted:
        """DuckDB notes what it leaves out in a table of its own."""
        self._connection.drop([LEFT_OUT, LOOKED_AT])
        notes = f"store_rejects=true, rejects_table={literal(LEFT_OUT)}, rejects_scan={literal(LOOKED_AT)}"
        arguments = f"{_arguments([path], form, attempt)}, {notes}, rejects_limit={MOST_LEFT_OUT}"
        with self._connection.in_order():
            self._connection.parse(RAW, f"SELECT * FROM {SYSTEM}.read_csv({arguments})", notes=(LEFT_OUT, LOOKED_AT))
        kinds = self._connection.rows(f"SELECT DISTINCT error_type FROM {identifier(LEFT_OUT)}")
        if others := {kind for (kind,) in kinds} - OTHER_WIDTHS:
            raise CsvUnreadable(f"some records are irregular: {', '.join(sorted(others)).lower()}")
        [(kept,)] = self._connection.rows(f"SELECT count(*) FROM {identifier(RAW)}")
        starts = self._connection.rows(f"SELECT DISTINCT line_byte_position - 1 FROM {identifier(LEFT_OUT)} ORDER BY 1")
        return Sifted(kept, tuple(start for (start,) in starts))

    def put_back(self, parts: Sequence[Part], form: CsvForm, aside: Path) -> dict[int, int]:
        """A record's number is that of its row, plus that of the records left out before it."""
        self._has_faults = True
        self._parse(ASIDE, [aside], CsvForm((*ASIDE_COLUMNS, *form.columns), numbered=True))
        self._connection.cache(PARTS, _parts(parts))
        self._connection.cache(PLACES, _places())
        self._connection.view(RECORDS, _with_left_out(form))
        return self._counts()

    def _parse(self, table: str, paths: Sequence[Path], form: CsvForm) -> None:
        with self._connection.in_order():
            parsed = f"SELECT * FROM {SYSTEM}.read_csv({_arguments(paths, form)})"
            self._connection.parse(table, _split(parsed, form) if form.ragged else parsed)

    def _counts(self) -> dict[int, int]:
        return dict(self._connection.rows(f"SELECT _file, count(*) FROM {SOURCE} GROUP BY _file"))

    def count_empty(self, field: str) -> int:
        """Empty fields are null."""
        [(empty,)] = self._connection.rows(f"SELECT count(*) FROM {SOURCE} WHERE {identifier(field)} IS NULL")
        return int(empty)

    def faults(self) -> Faults:
        """One look at all records."""
        bad = "_malformed <> ''"
        blank = f"{bad} AND coalesce(trim(_raw, ' ' || chr(9)), '') = ''"
        counted = ", ".join(f"count(*) FILTER (WHERE {what})" for what in (bad, blank, "_malformed = 'crowded'"))
        [found] = self._connection.rows(f"SELECT {counted} FROM {SOURCE}")
        return Faults(*map(int, found))

    def first_malformed(self) -> MalformedRecord:
        """By its number."""
        query = f"SELECT _record, _malformed, _raw FROM {SOURCE} WHERE _malformed <> '' ORDER BY _record LIMIT 1"
        [(record, fault, raw)] = self._connection.rows(query)
        return MalformedRecord(int(record), fault, raw or "")

    def sample(
        self, fields: Sequence[tuple[str, str]], patterns: Sequence[str], first: int
    ) -> dict[int, tuple[FieldSample, ...]]:
        """One query for all fields: a caller divides many of them, since planning takes longer than running."""
        looked_at, counted = ["_file"], ["_file"]
        for index, (field, form) in enumerate(fields):
            value, nth = f"value_{index}", f"pattern_{index}"
            met = (f"WHEN regexp_full_match({value}, {literal(each)}) THEN {n}" for n, each in enumerate(patterns))
            looked_at += [f"nullif(trim({identifier(field)}), '') AS {value}", f"CASE {' '.join(met)} END AS {nth}"]
            counted.append(f"count({value})")
            counted += [f"count(*) FILTER (WHERE {nth} = {n})" for n in range(len(patterns))]
            counted.append(f"count(*) FILTER (WHERE regexp_full_match({value}, {literal(form)}))")
        source = f"SELECT {', '.join(looked_at)} FROM {SOURCE} WHERE _record <= {first}"
        width = len(patterns) + 2
        return {
            int(number): tuple(
                FieldSample(filled, tuple(matches), formed)
                for filled, *matches, formed in (
                    counts[start : start + width] for start in range(0, width * len(fields), width)
                )
            )
            for number, *counts in self._connection.rows(f"SELECT {', '.join(counted)} FROM ({source}) GROUP BY _file")
        }

    def write(self, layout: RecordLayout, folder: Location) -> list[DataFile]:
        """One COPY."""
        columns = [f"{identifier(field) if field else NOTHING} AS {identifier(name)}" for name, field in layout.columns]
        pairs = ", ".join(f"{literal(name)}, {identifier(field)}" for name, field in layout.extras)
        extra = f"CAST(json_object({pairs}) AS VARCHAR)" if pairs else NOTHING
        extra = f"nullif({identifier(layout.packed_extras)}, '')" if layout.packed_extras else extra
        faults = ("nullif(_malformed, '')", "nullif(_raw, '')") if self._has_faults else (NOTHING, NOTHING)
        columns += [f"{extra} AS _extra", f"{faults[0]} AS _malformed", f"{faults[1]} AS _raw", "_file", "_record"]
        return self._connection.write(f"SELECT {', '.join(columns)} FROM {SOURCE}", folder)

    def forget(self) -> None:
        """Drop the records, and the tables that they come from."""
        self._connection.drop([RECORDS, RAW, ASIDE, LEFT_OUT, LOOKED_AT, PARTS, PLACES])

    def progress(self) -> float | None:
        """DuckDB's own estimate."""
        return self._connection.progress()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


def _arguments(paths: Sequence[Path], form: CsvForm, attempt: int = 0) -> str:
    columns = ("line",) if form.ragged else form.columns
    delimiter, quote = ("\x01", "") if form.ragged else (form.delimiter, form.quote)
    longest = LONGEST_TIDY_LINE if form.numbered else LONGEST_RAGGED_LINE if form.ragged else LONGEST_LINE
    names = "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns) + "}"
    return (
        f"[{literals(literal_path(str(path)) for path in paths)}], columns={names}, auto_detect=false, "
        f"header={str(form.header).lower()}, delim={literal(delimiter)}, "
        f"quote={literal(quote)}, escape={literal(quote)}, strict_mode=true, null_padding=false, "
        f"filename={str(len(paths) > 1).lower()}, "
        f"max_line_size={longest}, buffer_size={max(longest, BUFFER - attempt * BUFFER // 7)}"
    )


def _numbered(files: Sequence[CsvFile], form: CsvForm) -> str:
    """The parsed rows with the numbers of their file version and record."""
    found = ("_malformed", "_raw", *form.columns) if form.ragged else form.columns
    columns = identifiers(name for name in found if name != "_record")
    source = identifier(RAW)
    if form.numbered or len(files) == 1:
        record = 'CAST("_record" AS BIGINT)' if form.numbered else "rowid + 1"
        return f"SELECT CAST({files[0].number} AS BIGINT) AS _file, {record} AS _record, {columns} FROM {source}"
    values = ", ".join(f"({literal(str(file.path))}, {file.number})" for file in files)
    return (
        f"WITH numbers(filename, number) AS (VALUES {values}), "
        f"starts AS (SELECT filename, min(rowid) AS start FROM {source} GROUP BY filename) "
        f"SELECT CAST(number AS BIGINT) AS _file, {source}.rowid - start + 1 AS _record, {columns} "
        f"FROM {source} JOIN starts USING (filename) JOIN numbers USING (filename)"
    )


def _with_aside(records: str, number: int, form: CsvForm, mark: str) -> str:
    """The records, and those set aside instead of the ones that stand for them; none where its place is not found."""
    first, columns = identifier(form.columns[0]), identifiers(form.columns)
    return (
        f"WITH records AS ({records}), "
        f"places AS (SELECT _record AS place FROM records WHERE {first} = {literal(mark)}) "
        f"SELECT _file, _record, {NOTHING} AS _malformed, {NOTHING} AS _raw, {columns} FROM records "
        f"WHERE {first} IS DISTINCT FROM {literal(mark)} UNION ALL "
        f"SELECT CAST({number} AS BIGINT), CAST(_record AS BIGINT), _malformed, _raw, {columns} "
        f"FROM {identifier(ASIDE)} JOIN places ON place = CAST(_record AS BIGINT)"
    )


def _parts(parts: Sequence[Part]) -> str:
    """The parts that have records: after how many records of all parts each begins, and at which place among them."""
    ends = list(accumulate(part.records for part in parts))
    values = ", ".join(
        f"({position}, {end - part.records}, {part.number})"
        for position, (part, end) in enumerate(zip(parts, ends, strict=True), start=1)
        if part.records
    )
    return f"SELECT * FROM (VALUES {values or '(0, 0, 0)'}) AS parts(position, first, number)"


def _places() -> str:
    """File version of the rows of a table, and what turns their number into that of a record of it: by ranges of rows.

    A range ends where a record was left out, or where a part ends. It stands beside each block of rows that it meets.
    """
    return (
        f"WITH left_out AS (SELECT CAST(_record AS BIGINT) AS record, "
        f"row_number() OVER (ORDER BY record) AS shift FROM {identifier(ASIDE)}), "
        "places AS (SELECT record - shift AS start, shift, 0 AS position FROM left_out UNION ALL "
        f"SELECT first - coalesce(shift, 0), coalesce(shift, 0), position FROM {identifier(PARTS)} "
        "ASOF LEFT JOIN left_out ON first >= record), "
        "starts AS (SELECT start, max(shift) AS shift, max(position) AS position FROM places GROUP BY start), "
        "reached AS (SELECT start, max(shift) OVER so_far AS shift, max(position) OVER so_far AS position FROM starts "
        "WINDOW so_far AS (ORDER BY start)), "
        "ranges AS (SELECT start, shift - first AS shift, number, "
        f"lead(start, 1, (SELECT count(*) FROM {identifier(RAW)})) OVER (ORDER BY start) AS stop "
        f"FROM reached JOIN {identifier(PARTS)} USING (position)) "
        f"SELECT unnest(range(start // {BLOCK_ROWS}, (stop - 1) // {BLOCK_ROWS} + 1)) AS block, * FROM ranges"
    )


def _with_left_out(form: CsvForm) -> str:
    """All records of the parts of a sifted file."""
    number, columns, row = "CAST(number AS BIGINT) AS _file", identifiers(form.columns), f"{identifier(RAW)}.rowid"
    return (
        f"SELECT {number}, {row} + 1 + shift AS _record, {NOTHING} AS _malformed, {NOTHING} AS _raw, {columns} "
        f"FROM {identifier(RAW)} JOIN {identifier(PLACES)} "
        f"ON block = {row} // {BLOCK_ROWS} AND {row} >= start AND {row} < stop UNION ALL "
        f"SELECT {number}, CAST(_record AS BIGINT) - first, _malformed, _raw, {columns} "
        f"FROM {identifier(ASIDE)} ASOF JOIN {identifier(PARTS)} ON CAST(_record AS BIGINT) > first"
    )


def _split(lines: str, form: CsvForm) -> str:
    """Cut lines at delimiters; a line of the wrong width is malformed, but for empty fields at its end.

    One with far more delimiters is not cut but called ``crowded``: its fields would take many times its size.
    """
    width = len(form.columns)
    delimiter = literal(form.delimiter or " ")
    line = "line" if form.delimiter else "regexp_replace(trim(line, ' ' || chr(9)), '[ \\t]+', ' ', 'g')"
    found = f"len({line}) - len(replace({line}, {delimiter}, ''))"
    most = (2 * width + 100) * len(form.delimiter or " ")
    parts = f"CASE WHEN {found} < {most} THEN string_split({line}, {delimiter}) END"
    crowded = "line IS NOT NULL AND parts IS NULL"
    is_wide = "trim(line, ' ' || chr(9)) <> ''" if form.pads else f"len(parts) >= {width}"
    fits = f"{is_wide} AND array_to_string(parts[{width + 1}:], '') = ''"
    fields = ", ".join(
        f"CASE WHEN fault IS NULL THEN nullif(parts[{index}], '') END AS {identifier(name)}"
        for index, name in enumerate(form.columns, start=1)
    )
    return (
        f"WITH lines AS ({lines}), cut AS (SELECT *, {parts} AS parts FROM lines), judged AS (SELECT *, CASE "
        f"WHEN {crowded} THEN 'crowded' WHEN {fits} THEN NULL WHEN len(parts) < {width} THEN 'too_few_fields' "
        f"ELSE 'too_many_fields' END AS fault FROM cut) SELECT fault AS _malformed, "
        f"CASE WHEN fault IS NOT NULL THEN line END AS _raw, {fields} FROM judged"
    )
