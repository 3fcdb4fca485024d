"""How the rows of a table differ between two of its builds, worked out by the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from filon.differences.document import ColumnChange, Figure, Move, RowChange, RowExample, TableDifference, Value
from filon.engines import SqlEngine
from filon.engines.changes import ChangeLog, differing
from filon.lake import Build, Lake, Layer
from filon.project import PLACE, Contract, Partition, Project, TypedColumn
from filon.sql import identifier, identifiers

PAIRS, BEFORE, AFTER = "rows that differ", "table before", "table after"
MOST_PARTITIONS = 1_000
CHANGES = {
    RowChange.ADDED: "_is AND NOT _was",
    RowChange.REMOVED: "_was AND NOT _is",
    RowChange.CHANGED: "_is AND _was",
}
BEYOND = 1e300
"""The share of a move that has none, so that it sorts before all others."""


@dataclass(frozen=True)
class TableComparer:
    """Compares builds of tables; ``examples`` is how many rows of each kind of change it shows.

    The engine is asked for when there is something to compare.
    """

    get_engine: Callable[[], SqlEngine]
    lake: Lake
    changes: ChangeLog
    project: Project
    examples: int

    @property
    def engine(self) -> SqlEngine:
        """What compares."""
        return self.get_engine()

    def compare(self, before: Build | None, after: Build | None) -> TableDifference | None:
        """What differs between two builds of a table, of which at least one is there; None when no reader sees it."""
        some = after or before
        if some is None or (before and after and before.fingerprint == after.fingerprint):
            return None
        sides = _Sides(before, after, self.project.contracts.get(some.table))
        try:
            self._make_pairs(sides)
            found = self._describe(some, sides)
        finally:
            self.engine.drop([PAIRS, BEFORE, AFTER])
        return found if found.differs else None

    def _make_pairs(self, sides: _Sides) -> None:
        """Make the table ``PAIRS``: of each row that differs its key, and its values before and after."""
        before, after = sides.before, sides.after
        if before is None or after is None:
            name = BEFORE if before else AFTER
            self._bind(name, before or after)
            self.engine.view(PAIRS, sides.unmatched(identifier(name), came=after is not None))
            return
        known = self.changes.since(before.fingerprint, after)
        if known:
            self.engine.view(BEFORE, f"SELECT * FROM {identifier(known.old)}")
            self.engine.view(AFTER, f"SELECT * FROM {identifier(known.new)}")
        else:
            self._bind(BEFORE, before)
            self._bind(AFTER, after)
        is_same = known is not None and not known
        names = identifiers(sides.compared)
        old, new = (
            f"SELECT {names} FROM {identifier(side)}{' LIMIT 0' if is_same else ''}" for side in (BEFORE, AFTER)
        )
        self.engine.cache(PAIRS, sides.paired(old, new))

    def _bind(self, name: str, build: Build | None) -> None:
        if build is not None:
            self.engine.bind(name, self.lake.paths(build), build.columns)

    def _describe(self, some: Build, sides: _Sides) -> TableDifference:
        counts = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in CHANGES.values())
        [(added, removed, changed)] = self.engine.rows(f"SELECT {counts} FROM {identifier(PAIRS)}")
        differs = bool(added or removed or changed)
        return TableDifference(
            table=some.table,
            layer=some.layer,
            rows_before=sides.before.rows if sides.before else None,
            rows_after=sides.after.rows if sides.after else None,
            added=added,
            removed=removed,
            changed=changed,
            columns=tuple(sides.column_changes()),
            partitions=self._partitions(sides) if differs else (),
            figures=self._figures(some, sides) if differs else (),
            examples=tuple(self._examples(sides)) if differs else (),
        )

    def _partitions(self, sides: _Sides) -> tuple[str, ...]:
        partition = sides.partition
        if partition is None:
            return ()
        column = partition.column.name
        parts = " UNION ".join(
            f"SELECT {partition.over(identifier(sides.paired_name(side, column)))} AS part "
            f"FROM {identifier(PAIRS)} WHERE {there}"
            for side, there in (("before", "_was"), ("after", "_is"))
        )
        found = self.engine.rows(f"SELECT part FROM ({parts}) AS parts ORDER BY part LIMIT {MOST_PARTITIONS}")
        return tuple(part or "" for (part,) in found)

    def _examples(self, sides: _Sides) -> Sequence[RowExample]:
        texts = [f"CAST({identifier(name)} AS VARCHAR)" for name in sides.pair_columns]
        order = identifiers(sides.key or sides.pair_columns)
        examples: list[RowExample] = []
        for change, condition in CHANGES.items():
            query = (
                f"SELECT {', '.join(texts)} FROM {identifier(PAIRS)} WHERE {condition} "
                f"ORDER BY {order} LIMIT {self.examples}"
            )
            rows = (dict(zip(sides.pair_columns, row, strict=True)) for row in self.engine.rows(query))
            examples += [sides.example(change, row) for row in rows]
        return examples

    def _figures(self, some: Build, sides: _Sides) -> tuple[Figure, ...]:
        model = self.project.models.get(some.table)
        names = {column.name for column in model.figures} if model and some.layer is Layer.GOLD else set()
        wanted = [name for name in sides.others if name in names]
        if not wanted:
            return ()
        before, after = (self._totals(wanted, *side) for side in ((BEFORE, sides.before), (AFTER, sides.after)))
        figures = []
        for name in wanted:
            old, new = before.get(name), after.get(name)
            largest, key = self._largest_move(sides, name)
            if largest is None and old == new:
                continue
            total = Move(before=old, after=new, share=_share(old, new))
            figures.append(Figure(column=name, total=total, largest=largest, largest_key=key))
        return tuple(figures)

    def _totals(self, columns: Sequence[str], name: str, build: Build | None) -> Mapping[str, str | None]:
        if build is None:
            return {}
        self._bind(name, build)
        sums = ", ".join(f"CAST(sum({identifier(column)}) AS VARCHAR)" for column in columns)
        [row] = self.engine.rows(f"SELECT {sums} FROM {identifier(name)}")
        return dict(zip(columns, row, strict=True))

    def _largest_move(self, sides: _Sides, column: str) -> tuple[Move | None, dict[str, str]]:
        old, new = identifier(f"before {column}"), identifier(f"after {column}")
        base = f"abs(CAST({old} AS DOUBLE))"
        share = (
            f"CASE WHEN {old} IS NULL OR {old} = 0 THEN {BEYOND} WHEN {new} IS NULL THEN -1.0 "
            f"ELSE (CAST({new} AS DOUBLE) - CAST({old} AS DOUBLE)) / {base} END"
        )
        keys = "".join(f", CAST({identifier(name)} AS VARCHAR)" for name in sides.key)
        moved = f"SELECT *, {share} AS _share FROM {identifier(PAIRS)} WHERE {CHANGES[RowChange.CHANGED]}"
        query = (
            f"SELECT CAST({old} AS VARCHAR), CAST({new} AS VARCHAR), _share{keys} FROM ({moved}) AS moved "
            f"WHERE {old} IS DISTINCT FROM {new} ORDER BY abs(_share) DESC, {identifiers(sides.key)} LIMIT 1"
        )
        found = self.engine.rows(query) if sides.key else []
        if not found:
            return None, {}
        [(before, after, by, *key)] = found
        move = Move(before=before, after=after, share=None if by >= BEYOND else by)
        return move, dict(zip(sides.key, key, strict=True))


@dataclass(frozen=True)
class _Sides:
    """Two builds of a table, and what can be compared of them."""

    before: Build | None
    after: Build | None
    contract: Contract | None

    @property
    def _types(self) -> list[dict[str, TypedColumn]]:
        """The columns of each build that is there; where a row was read is no part of it."""
        places = {column.name for column in PLACE}
        builds = [build for build in (self.before, self.after) if build is not None]
        return [{column.name: column for column in build.columns if column.name not in places} for build in builds]

    @property
    def compared(self) -> list[str]:
        """The columns that both builds have, of the same type."""
        first, last = self._types[0], self._types[-1]
        return [name for name, column in last.items() if first.get(name) == column]

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell rows apart on both sides; () when there are none."""
        builds = [build for build in (self.before, self.after) if build is not None]
        declared = {build.key for build in builds if build.key} or {self.contract.key if self.contract else ()}
        key = declared.pop()
        return key if not declared and key and set(key) <= set(self.compared) else ()

    @property
    def others(self) -> list[str]:
        """The compared columns that are not part of the key."""
        return [name for name in self.compared if name not in self.key]

    @property
    def pair_columns(self) -> list[str]:
        """The columns of ``PAIRS``."""
        return [*self.key, *(f"{side} {name}" for name in self.others for side in ("before", "after"))]

    @property
    def partition(self) -> Partition | None:
        """How the table is divided, if its rows can be told by it."""
        partition = self.contract.partition if self.contract else None
        return partition if partition and partition.column.name in self.compared else None

    def column_changes(self) -> list[ColumnChange]:
        """Columns that came, went or have another type."""
        if self.before is None or self.after is None:
            return []
        old, new = self._types
        changes = []
        for name in dict.fromkeys([*old, *new]):
            before, after = (side[name].type.sql if name in side else None for side in (old, new))
            if before != after:
                changes.append(ColumnChange(column=name, before=before, after=after))
        return changes

    def paired_name(self, side: str, column: str) -> str:
        """The name in ``PAIRS`` of a column before or after."""
        return column if column in self.key else f"{side} {column}"

    def unmatched(self, rows: str, *, came: bool) -> str:
        """Rows that are on one side only, as pairs; ``rows`` is what FROM takes."""
        types = {name: column.type.sql for name, column in self._types[-1].items()}
        chosen = [identifier(name) for name in self.key]
        for name in self.others:
            value, nothing = identifier(name), f"CAST(NULL AS {types[name]})"
            before, after = (nothing, value) if came else (value, nothing)
            chosen += [f"{before} AS {identifier(f'before {name}')}", f"{after} AS {identifier(f'after {name}')}"]
        return f"SELECT {', '.join(chosen)}, {came} AS _is, {not came} AS _was FROM {rows}"

    def paired(self, old: str, new: str) -> str:
        """The rows in which two queries differ, as pairs."""
        if self.key:
            chosen = [
                f"{alias}.{identifier(name)} AS {identifier(f'{side} {name}')}"
                for name in self.others
                for alias, side in (("o", "before"), ("n", "after"))
            ]
            return differing(self.key, self.others, old, new, chosen)
        gone, came = f"({old} EXCEPT ALL {new}) AS gone", f"({new} EXCEPT ALL {old}) AS came"
        return f"{self.unmatched(gone, came=False)} UNION ALL {self.unmatched(came, came=True)}"

    def example(self, change: RowChange, row: Mapping[str, str | None]) -> RowExample:
        """A row of ``PAIRS`` as texts; of a changed one, the values that changed."""
        values = {name: Value(before=row[f"before {name}"], after=row[f"after {name}"]) for name in self.others}
        if change is RowChange.CHANGED:
            values = {name: value for name, value in values.items() if value.before != value.after}
        return RowExample(change=change, key={name: row[name] or "" for name in self.key}, values=values)


def _share(before: str | None, after: str | None) -> float | None:
    """By how much of the number before it moved; None when there was none, or zero."""
    old, new = (float(value) if value is not None else 0.0 for value in (before, after))
    return (new - old) / abs(old) if old else None
