"""Records of people who are forgotten: found by salted hashes of what names them, and erased but for their places.

A dataset names a person by its own key, or by a column that refers to the key, or to another column that is unique for
each person. All of that stands in contracts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from filon.engines import SqlEngine
from filon.engines.reader import FOOTER, FORGOTTEN
from filon.lake import FileVersion, Lake, Layer, TableFile
from filon.lake.erasures import BlockList, Naming, hashed
from filon.project import PLACE, Dataset, Project, TypedColumn
from filon.sql import identifier, literal
from filon.stages.extending import FILE
from filon.stages.places import PLACES, places_query, same_place, those_at, with_places
from filon.stages.rules import BRONZE, typed_query

STORED, RECORDS, FOUND = "stored records", "records by place", "records of forgotten people"
ONE_FILE, MANY_FILES = "records of one file", "records of many files"
WORDS = re.compile(r"[^\w@.+-]+")
"""Between the words of a text that may be the values of a key."""


def namings(project: Project, dataset: Dataset, blocked: BlockList) -> tuple[Naming, ...]:
    """How the records of a dataset name people who are forgotten; none when nobody is whom it could name."""
    found = [blocked.naming(dataset.name, dataset.contract.key, dataset.contract.key)] if dataset.contract.key else []
    for column in dataset.contract.columns:
        for table, meant in referenced(project, dataset.name, column.name):
            found.append(blocked.naming(table, (meant,), (column.name,)))
    return tuple(naming for naming in found if naming.hashes)


def referenced(project: Project, table: str, column: str) -> Iterator[tuple[str, str]]:
    """The columns of datasets that a column refers to, the nearest first: a reference may refer to a reference."""
    seen = {(table, column)}
    while True:
        contract = project.contracts[table]
        reference = next((c.reference for c in contract.columns if c.name == column), None)
        if reference is None or (place := (reference.table, reference.column)) in seen:
            return
        seen.add(place)
        table, column = place
        if table in project.datasets and identifies(project.datasets[table], column):
            yield place


def identifies(dataset: Dataset, column: str) -> bool:
    """Whether one value of a column stands for one key."""
    return dataset.contract.key == (column,) or any(c.name == column and c.unique for c in dataset.contract.columns)


def block_facts(project: Project, dataset: Dataset, blocked: BlockList) -> list[str] | None:
    """What of the block list decides the rows of a dataset; None when nothing does."""
    return sorted({text for naming in namings(project, dataset, blocked) for text in naming.hashes}) or None


@dataclass(frozen=True)
class RecordFinder:
    """Finds the records of people in some Parquet files of a bronze table."""

    engine: SqlEngine
    lake: Lake
    dataset: Dataset
    columns: Sequence[TypedColumn]

    def find(self, found: str, versions: Iterable[FileVersion], names: Sequence[Naming], *, also: str = "") -> None:
        """Make the table ``found`` of the places of records: of those that name a person, and of erased ones.

        Args:
            found: the table; it has the columns ``_file``, ``_record`` and ``_malformed``
            versions: file versions with their Parquet files
            names: how people are named
            also: SQL over a record's ``_raw``: malformed ones that meet it are found too

        """
        self._bind(list(versions))
        stored = f"SELECT _file, _record, _malformed FROM {identifier(STORED)}"
        parts = [f"{stored} WHERE _malformed = {literal(FORGOTTEN)}"]
        if also:
            parts.append(f"{stored} WHERE _raw IS NOT NULL AND ({also})")
        if names:
            named = " OR ".join(naming.condition for naming in names)
            self.engine.cache(FOUND, f"SELECT DISTINCT _file, _record FROM {self._typed(names)} WHERE {named}")
            same = "named._file = s._file AND named._record = s._record"
            parts.append(
                f"SELECT s._file, s._record, s._malformed FROM {identifier(STORED)} AS s "
                f"JOIN {identifier(FOUND)} AS named ON {same}"
            )
        self.engine.cache(found, f"SELECT DISTINCT * FROM ({' UNION ALL '.join(parts)}) AS found")
        self.engine.drop([BRONZE, RECORDS, FOUND])

    def present(self, versions: Iterable[FileVersion], names: Sequence[Naming]) -> set[str]:
        """The hashes of those people whom some record names."""
        self._bind(list(versions))
        found: set[str] = set()
        for naming in names:
            query = f"SELECT DISTINCT {naming.hash_sql} FROM {self._typed(names)} WHERE {naming.condition}"
            found |= {text for (text,) in self.engine.rows(query)}
        self.engine.drop([BRONZE, RECORDS])
        return found

    def values(self, versions: Iterable[FileVersion], naming: Naming, column: str) -> list[str]:
        """The values of a column, as text, in the records that name people in one way."""
        self._bind(list(versions))
        value = f"CAST({identifier(column)} AS VARCHAR)"
        typed = self._typed([naming], [column])
        query = f"SELECT DISTINCT {value} FROM {typed} WHERE {naming.condition} AND {identifier(column)} IS NOT NULL"
        found = [str(text) for (text,) in self.engine.rows(query)]
        self.engine.drop([BRONZE, RECORDS])
        return found

    def _typed(self, names: Sequence[Naming], others: Sequence[str] = ()) -> str:
        """A FROM clause: the typed values by which records may name people, and of other columns."""
        self.engine.view(BRONZE, f"SELECT * FROM {identifier(RECORDS)} UNION ALL {self._spelled_in_texts(names)}")
        columns = [column for naming in names for column in naming.columns]
        return f"({typed_query(self.dataset, [*columns, *others])}) AS typed"

    def _bind(self, versions: Sequence[FileVersion]) -> None:
        """Bind what is stored of the records of file versions, and the records with the columns of their paths."""
        files = {file.name: file for version in versions for file in version.bronze}
        self.engine.bind(STORED, self._paths(list(files.values())), self.columns, lenient=True)
        records = f"SELECT * FROM {identifier(STORED)}"
        if self.dataset.place_columns:
            self.engine.cache(PLACES, places_query(self.dataset, versions))
            records = with_places(self.dataset, self.columns, records)
        self.engine.view(RECORDS, records)

    def _spelled_in_texts(self, names: Sequence[Naming]) -> str:
        """Records whose columns hold each part of the text of a malformed record: one of them may be a key."""
        single = {naming.columns[0] for naming in names if len(naming.columns) == 1}
        dialect = self.dataset.dialect
        between = "".join({dialect.separator, dialect.quote, "\t", " "} - {""})
        part = f"unnest(regexp_split_to_array(_raw, {literal('[' + re.escape(between) + ']+')})) AS part"
        parts = f"SELECT _file, _record, {part} FROM {identifier(STORED)} WHERE _raw IS NOT NULL"
        values = [
            f"{'part' if column.name in single else 'CAST(NULL AS VARCHAR)'} AS {identifier(column.name)}"
            for column in self.columns
            if column not in PLACE
        ]
        return f"SELECT {', '.join(values)}, _file, _record FROM ({parts}) AS parts"

    def erase(self, found: str, files: Iterable[TableFile]) -> dict[str, tuple[TableFile, ...]]:
        """Write files again without the records in a table of places; returns what takes the place of each by name.

        A file without such a record stays. What is left of an erased record is its place.
        """
        result = {}
        location = self.lake.table(Layer.BRONZE, self.dataset.name)
        values = ", ".join(_erased(column.name) for column in self.columns)
        for file in self._with_records(found, list(files)):
            self.engine.bind(ONE_FILE, self._paths([file]), self.columns, lenient=True)
            rows = f"FROM {identifier(ONE_FILE)} AS r LEFT JOIN {identifier(found)} AS place ON {same_place('r')}"
            written = self.engine.write(f"SELECT {values} {rows}", location, in_one_file=True)
            result[file.name] = self.lake.seal(Layer.BRONZE, self.dataset.name, written)
        self.engine.drop([ONE_FILE])
        return result

    def _with_records(self, found: str, files: Sequence[TableFile]) -> list[TableFile]:
        """Those of some files in which records at places of a table are not erased yet."""
        if not files:
            return []
        self.engine.bind(MANY_FILES, self._paths(files), self.columns, lenient=True, file=FILE)
        query = (
            f"SELECT DISTINCT {identifier(FILE)} FROM {identifier(MANY_FILES)} AS r {those_at('r', found)} "
            f"WHERE NOT ({_is_erased('r')})"
        )
        names = {name for (name,) in self.engine.rows(query)}
        self.engine.drop([MANY_FILES])
        return [file for file in files if file.name in names]

    def _paths(self, files: Sequence[TableFile]) -> list[str]:
        return self.lake.paths_of(Layer.BRONZE, self.dataset.name, files, f"bronze/{self.dataset.name}")


def _is_erased(rows: str) -> str:
    marked = f"{rows}._malformed IS NOT DISTINCT FROM {literal(FORGOTTEN)}"
    return f"{marked} OR ({rows}._malformed IS NOT DISTINCT FROM {literal(FOOTER)} AND {rows}._raw IS NULL)"


def _erased(column: str) -> str:
    name = identifier(column)
    if column in [place for place, _ in PLACE]:
        return f"r.{name} AS {name}"
    erased = "CAST(NULL AS VARCHAR)"
    if column == "_malformed":
        erased = f"CASE WHEN r._malformed = {literal(FOOTER)} THEN {literal(FOOTER)} ELSE {literal(FORGOTTEN)} END"
    return f"CASE WHEN place._file IS NULL THEN r.{name} ELSE {erased} END AS {name}"


def key_hashes(
    engine: SqlEngine, dataset: Dataset, columns: Sequence[TypedColumn], keys: Sequence[Sequence[str]], salt: str
) -> list[str | None]:
    """The salted hash of each key, its texts read as those of a file are; None where they are no values of the key."""
    names = dataset.contract.key
    rows = []
    for number, key in enumerate(keys, start=1):
        texts = dict(zip(names, key, strict=True))
        values = [
            f"{literal(texts[c.name]) if c.name in texts else 'CAST(NULL AS VARCHAR)'} AS {identifier(c.name)}"
            for c in columns
            if c not in PLACE
        ]
        place = f"CAST(0 AS BIGINT) AS _file, CAST({number} AS BIGINT) AS _record"
        rows.append(f"SELECT {', '.join(values)}, {place}")
    engine.view(BRONZE, " UNION ALL ".join(rows))
    typed = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in names)
    found = engine.rows(f"SELECT {typed} FROM ({typed_query(dataset, names)}) AS typed ORDER BY _record")
    engine.drop([BRONZE])
    return [None if None in values else hashed(salt, dataset.name, names, values) for values in found]


@dataclass(frozen=True)
class TextSearch:
    """Tells whether a text may name a forgotten person, without knowing how the text is cut into fields.

    A word that has the hash of a key is taken for the key, and one of ``values`` for what it says. It finds more than
    it should rather than less: what is found is a copy, or a message, that is not needed.
    """

    names: Sequence[Naming]
    values: frozenset[str] = frozenset()

    def finds(self, text: str) -> bool:
        """Whether the text may name one of the people."""
        lowered = unicodedata.normalize("NFC", text).casefold()
        if any(value in lowered for value in self.values):
            return True
        single = [naming for naming in self.names if len(naming.meant) == 1]
        composed = [naming for naming in self.names if len(naming.meant) > 1]
        words = {form for word in WORDS.split(text) for form in _forms(word)} if single else set()
        return any(
            hashed(naming.salt, naming.domain, naming.meant, (word,)) in naming.hashes
            for naming in single
            for word in words
        ) or any(self._finds_composed(text, naming) for naming in composed)

    def _finds_composed(self, text: str, naming: Naming) -> bool:
        width = len(naming.meant)
        for line in text.splitlines():
            words = [word for word in WORDS.split(line) if word]
            runs = zip(*(words[start:] for start in range(width)), strict=False)
            if any(hashed(naming.salt, naming.domain, naming.meant, run) in naming.hashes for run in runs):
                return True
        return False


def _forms(word: str) -> Iterator[str]:
    """The ways in which a contract may have normalised a word."""
    plain = unicodedata.normalize("NFC", word)
    yield from (plain, plain.lower(), plain.upper(), plain.title(), plain.strip(".+-"))
    if plain.lstrip("+").isdigit():
        yield str(int(plain))


def without(versions: Iterable[FileVersion], erased: Mapping[str, Sequence[TableFile]]) -> tuple[FileVersion, ...]:
    """File versions that name the files which took the place of others."""
    return tuple(version.model_copy(update={"bronze": tuple(renamed(version.bronze, erased))}) for version in versions)


def renamed(files: Iterable[TableFile], erased: Mapping[str, Sequence[TableFile]]) -> Iterator[TableFile]:
    """Files, with others in the place of those that were written again."""
    for file in files:
        yield from erased.get(file.name, [file])
