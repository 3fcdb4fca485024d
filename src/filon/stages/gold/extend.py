"""A gold table is extended: only the rows of the keys that changed inputs affect are computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from sqlglot import exp

from filon.engines.changes import Changes, changes_since, count
from filon.lake import Build, TableFile
from filon.project.query import one_select
from filon.sql import caseless, identifier, identifiers
from filon.stages.context import Context
from filon.stages.extending import FILE, is_less_work, rewrite
from filon.stages.incremental import AFFECTED, Local, changed_rows

BEFORE, PRESENT = "rows before", "affected keys before"
LEAVING, COMING = "rows with affected keys before", "rows with affected keys now"
NTH = "_nth"
"""Tells rows apart that have the same key, which a check finds later: two rows that are equal are two rows."""


@dataclass(frozen=True)
class Extension:
    """The build of a model that is extended; by name, its inputs, and what changed in those that changed since."""

    context: Context
    base: Build
    strategy: Local
    inputs: Mapping[str, Build]
    changed: Mapping[str, Changes]
    read: list[TableFile] = field(default_factory=list)
    """The files that were read so far."""

    @property
    def changes(self) -> Changes:
        """Names for the rows that leave the table and come to it."""
        return changes_since(self.base)

    def find_keys(self) -> int:
        """Compute the affected keys; returns their number."""
        engine = self.context.engine
        for name, changes in self.changed.items():
            engine.cache(changed_rows(name), self._changed_rows(self.inputs[name], changes))
        changed = [name for name in self.changed if count(engine, changed_rows(name))]
        if not changed:
            return 0
        engine.cache(AFFECTED, self.strategy.affected(changed))
        partition = self.strategy.model.contract.partition
        self._bind(BEFORE, self.base, self.strategy.own_partitions(partition) if partition else None, file=FILE)
        return count(engine, AFFECTED)

    def is_less_work(self, keys: int) -> bool:
        """Whether computing the rows of the affected keys is less work than computing all rows."""
        if {part.name for part in self.strategy.key} == set(self.base.key):
            return is_less_work(keys, self.base.rows)
        [(rows,)] = self.context.engine.rows(f"SELECT count(*) FROM ({self.strategy.matching(BEFORE)}) AS affected")
        return is_less_work(int(rows), self.base.rows)

    def _changed_rows(self, build: Build, changes: Changes) -> str:
        """The old and new rows that differ in a column that the model reads."""
        names = names_read(self.strategy.model.sql)
        read = [column.name for column in build.columns if names is None or caseless(column.name) in names]
        old, new = (f"SELECT {identifiers(read)} FROM {identifier(table)}" for table in (changes.old, changes.new))
        return f"({old} EXCEPT ALL {new}) UNION ALL ({new} EXCEPT ALL {old})"

    def run(self) -> tuple[TableFile, ...]:
        """Compute the rows of the affected keys, and write what differs; returns all files of the table."""
        context, base = self.context, self.base
        engine = context.engine
        self._prune_inputs()
        names = identifiers(column.name for column in base.columns)
        numbered = f"row_number() OVER (PARTITION BY {identifiers(base.key) if base.key else names}) AS {NTH}"
        engine.cache(PRESENT, self.strategy.present(BEFORE))  # mostly few: reading these columns alone tells
        present = self.strategy.matching(BEFORE, PRESENT)
        engine.cache(LEAVING, f"SELECT {names}, {FILE}, {numbered} FROM ({present}) AS rows")
        engine.cache(COMING, f"SELECT {names}, {numbered} FROM ({self.strategy.rows()}) AS rows")
        leaving, coming = (f"{identifier(table)} AS rows" for table in (LEAVING, COMING))
        still, before = (f"JOIN {identifier(table)} AS other ON {self._same}" for table in (COMING, LEAVING))
        changes = self.changes
        engine.cache(changes.old, f"SELECT {names}, {FILE} FROM {leaving} ANTI {still}")
        engine.cache(changes.new, f"SELECT {names} FROM {coming} ANTI {before}")

        def staying(files: str, in_files: str) -> str:
            unchanged = f"SELECT {names} FROM {leaving} SEMI {still} WHERE {FILE} IN ({in_files})"
            return f"SELECT {names} FROM ({self.strategy.kept(files)}) AS kept UNION ALL {unchanged}"

        return rewrite(context, base, self.strategy.model.contract.partition, changes, staying)

    def _prune_inputs(self) -> None:
        """Read only the partitions of inputs in which rows with affected keys can be."""
        contracts = self.context.project.contracts
        for name in self.strategy.model.inputs:
            partition = contracts[name].partition
            self._bind(name, self.inputs[name], self.strategy.partitions_of(name, partition) if partition else None)

    def _bind(self, table: str, build: Build, partitions: str | None, *, file: str = "") -> None:
        """Make a table of a build's files, or of those in some partitions; the column ``file`` has a row's file."""
        context, files = self.context, build.files
        if partitions is not None:
            chosen = {value for (value,) in context.engine.rows(partitions)}
            files = tuple(file for file in files if file.partition.get(build.partition) in chosen)
        self.read.extend(files)
        paths = context.lake.paths_of(build.layer, build.table, files, context.lake.part_of(build))
        context.engine.bind(table, paths, build.columns, file=file)

    @property
    def tables(self) -> list[str]:
        """The names that the engine forgets afterwards."""
        return [AFFECTED, PRESENT, BEFORE, LEAVING, COMING, *map(changed_rows, self.changed)]

    @property
    def _same(self) -> str:
        columns = [*(column.name for column in self.base.columns), NTH]
        return " AND ".join(f"other.{name} IS NOT DISTINCT FROM rows.{name}" for name in map(identifier, columns))


@cache
def names_read(sql: str) -> frozenset[str] | None:
    """All names in a SELECT, in lower case, the columns that it reads among them; None when it need not name all."""
    tree = one_select(sql).tree
    has_star = any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star))
    if has_star or any(join.method == "NATURAL" for join in tree.find_all(exp.Join)):
        return None
    return frozenset(caseless(name.name) for name in tree.find_all(exp.Identifier))
