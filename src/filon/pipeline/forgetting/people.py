"""Where people who are forgotten stand in bronze, and what the records say of them alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from filon.engines import SqlEngine
from filon.engines.reader import FOOTER, FORGOTTEN
from filon.lake import FileVersion, Lake, Layer, TableFile
from filon.lake.erasures import BlockList, Erasure, Replaced
from filon.lake.location import sync_objects
from filon.project import PLACE, Dataset, Project
from filon.sql import identifier, literal
from filon.stages.bronze.columns import bronze_columns
from filon.stages.forgetting import RecordFinder, TextSearch, namings
from filon.stages.places import those_at, those_not_at

SHORTEST_VALUE = 4
"""Characters of a value that is looked for in texts."""


@dataclass(frozen=True)
class People:
    """The people who are forgotten, in one lake; ``erasures`` are those that are to be carried out."""

    engine: SqlEngine
    lake: Lake
    project: Project
    blocked: BlockList
    erasures: Sequence[Erasure]

    @cached_property
    def datasets(self) -> dict[str, Dataset]:
        """The datasets that may name them."""
        found = self.project.datasets.items()
        return {name: dataset for name, dataset in found if namings(self.project, dataset, self.blocked)}

    @cached_property
    def versions(self) -> dict[str, list[FileVersion]]:
        """By dataset, the file versions of all ledgers that are kept, with those of their Parquet files that exist."""
        documents = self.lake.ledgers.documents
        changes = [documents.get(number) for number in documents.numbers()]
        listed = {entry.name for entry in self.lake.listing(Layer.BRONZE)}
        found: dict[str, list[FileVersion]] = {name: [] for name in self.datasets}
        for version in (version for change in changes for version in change.versions):
            there = tuple(file for file in version.bronze if f"{version.dataset}/{file.name}" in listed)
            if there and version.dataset in found:
                found[version.dataset].append(version.model_copy(update={"bronze": there}))
        return found

    @cached_property
    def files(self) -> dict[str, dict[str, TableFile]]:
        """By dataset and name, the Parquet files of its bronze table that any ledger names."""
        return {
            name: {file.name: file for version in versions for file in version.bronze}
            for name, versions in self.versions.items()
        }

    @cached_property
    def places(self) -> Mapping[str, str]:
        """By dataset, the table of the places of their records; see ``RecordFinder.find``."""
        search = " OR ".join(f"contains(lower(_raw), {literal(value)})" for value in sorted(self.values))
        tables = {}
        for name, dataset in self.datasets.items():
            tables[name] = f"places of people in {name}"
            named = namings(self.project, dataset, self.blocked)
            self.finder(dataset).find(tables[name], self.versions[name], named, also=search)
        return tables

    @cached_property
    def values(self) -> frozenset[str]:
        """What records say of these people and of nobody else, in lower case: names, addresses, long keys.

        Once their records are erased there are none: what needs them comes before that.
        """
        return frozenset(value for erasure in self.erasures for value in self._values(erasure))

    def _values(self, erasure: Erasure) -> set[str]:
        dataset = self.datasets.get(erasure.dataset)
        if dataset is None or not erasure.subjects:
            return set()
        only = BlockList(erasure.salt, erasure.subjects)
        own, table = only.naming(dataset.name, dataset.contract.key, dataset.contract.key), "own records"
        finder = self.finder(dataset)
        finder.find(table, self.versions[dataset.name], [own])
        stored = "all records of a dataset"
        paths = [self.lake.table(Layer.BRONZE, dataset.name).path_of(name) for name in self.files[dataset.name]]
        self.engine.bind(stored, paths, finder.columns, lenient=True)
        found: set[str] = set()
        skipped = {"_malformed", "_raw", "_extra", *(name for name, _ in PLACE)}
        for column in (column.name for column in finder.columns if column.name not in skipped):
            value = f"trim(r.{identifier(column)})"
            rows = f"SELECT DISTINCT {value} AS value FROM {identifier(stored)} AS r"
            mine = f"{rows} {those_at('r', table)}"
            others = f"{rows} {those_not_at('r', table)} WHERE r._malformed IS NULL"
            alone = f"SELECT value FROM ({mine} EXCEPT {others}) AS alone WHERE length(value) >= {SHORTEST_VALUE}"
            found |= {str(text).casefold() for (text,) in self.engine.rows(alone)}
        self.engine.drop([table, stored])
        return found

    def search(self, dataset: Dataset | None = None) -> TextSearch:
        """What tells whether a text may name them; with a dataset, also by words that may be a key."""
        named = namings(self.project, dataset, self.blocked) if dataset is not None else ()
        return TextSearch(named, self.values)

    def count(self, name: str) -> int:
        """The records of a dataset that are to be erased."""
        due = f"coalesce(_malformed, '') NOT IN ({literal(FORGOTTEN)}, {literal(FOOTER)})"
        [(count,)] = self.engine.rows(f"SELECT count(*) FROM {identifier(self.places[name])} WHERE {due}")
        return int(count)

    def finder(self, dataset: Dataset) -> RecordFinder:
        """Finds records of a dataset."""
        return RecordFinder(self.engine, self.lake, dataset, bronze_columns(dataset))


def erased_records(people: People) -> dict[str, dict[str, tuple[TableFile, ...]]]:
    """Write the Parquet files with their records again; returns by dataset what takes the place of which file.

    What a killed erasure has written counts: documents may name it already.
    """
    log = people.lake.erasures
    files = {name: dict(found) for name, found in log.replaced().files.items()}
    for name, dataset in people.datasets.items():
        known = files.setdefault(name, {})
        due = [file for file in people.files[name].values() if file.name not in known]
        known |= people.finder(dataset).erase(people.places[name], due)
    new = {f"{name}/{file.name}" for name, found in files.items() for written in found.values() for file in written}
    sync_objects({people.lake.layer(Layer.BRONZE): new})
    log.note_replaced(Replaced(files=files))
    return files
