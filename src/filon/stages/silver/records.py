"""The records of bronze that are judged, as the view that judgements read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filon.engines import SqlEngine
from filon.lake import Build, FileVersion, Lake, Layer, Ledger
from filon.project import Dataset
from filon.sql import identifier
from filon.stages.places import PLACES, places_query, those_at, with_places
from filon.stages.rules import BRONZE


@dataclass(frozen=True)
class LiveRecords:
    """Records of file versions that count; ``bronze`` is the table that has them.

    ``chosen`` is a table of the places (``_file``, ``_record``) that are meant; without one, all records are.
    """

    dataset: Dataset
    ledger: Ledger
    live: tuple[FileVersion, ...]
    bronze: Build
    chosen: str = ""

    def bind(self, engine: SqlEngine, lake: Lake, prefix: str = "live records") -> str:
        """A query of these records, each from the files that its version names; ``prefix`` begins names of views.

        Files that were written by an older contract may lack columns. A file may also hold former records of a version
        that was read again and no longer names it. So files are grouped by the reread versions that name them, and each
        group is filtered to the versions that name its files.
        """
        reread = {version.number for version in self.live if version.rereads}
        named_by: dict[str, set[int]] = {}
        for version in self.live:
            for file in version.bronze:
                named_by.setdefault(file.name, set()).add(version.number)
        files = {file.name: file for version in self.live for file in version.bronze}
        older = {
            f.name for version in self.live if version.parse_hash != self.dataset.parse_hash for f in version.bronze
        }
        groups: dict[tuple[bool, frozenset[int]], list[str]] = {}
        for name, numbers in named_by.items():
            groups.setdefault((name in older, frozenset(numbers & reread)), []).append(name)
        parts = []
        for index, ((lenient, _), names) in enumerate(groups.items() or [((False, frozenset()), [])]):
            table = f"{prefix} {index}"
            part = lake.part_of(self.bronze)
            paths = lake.paths_of(Layer.BRONZE, self.dataset.name, [files[name] for name in names], part)
            engine.bind(table, paths, self.bronze.columns, lenient=lenient)
            numbers = set().union(*(named_by[name] for name in names))
            where = self._version_filter(numbers, set(names))
            parts.append(f"SELECT * FROM {identifier(table)}{where}")
        records = " UNION ALL ".join(parts)
        return f"SELECT * FROM ({records}) AS live {those_at('live', self.chosen)}" if self.chosen else records

    def _version_filter(self, numbers: set[int], names: set[str]) -> str:
        """A WHERE clause for the records of some versions; empty when the files surely hold no others.

        Args:
            numbers: the versions
            names: the files

        """
        versions = [v for v in self.ledger.versions if v.dataset == self.dataset.name]
        # one that was read again no longer names its former files, and may have been replaced since
        is_complete = not any(version.rereads for version in versions)
        sharing = {v.number for v in versions if names & {file.name for file in v.bronze}}
        none_dropped = self.ledger.next_number == len(self.ledger.versions) + 1
        if is_complete and none_dropped and sharing == numbers and all(v.bronze for v in versions):
            return ""
        return f" WHERE _file IN ({', '.join(str(number) for number in sorted(numbers)) or 'NULL'})"


def bind_records(engine: SqlEngine, lake: Lake, parts: Sequence[LiveRecords]) -> None:
    """Create the view ``BRONZE`` of the records of one dataset that are to be judged."""
    dataset, bronze = parts[0].dataset, parts[0].bronze
    records = " UNION ALL ".join(part.bind(engine, lake, f"live records {n}") for n, part in enumerate(parts))
    if dataset.place_columns:
        engine.cache(PLACES, places_query(dataset, [version for part in parts for version in part.live]))
        records = with_places(dataset, bronze.columns, records)
    engine.view(BRONZE, records)
