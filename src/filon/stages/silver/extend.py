"""A silver table is extended: only the records of file versions that came or went, and of their keys, are judged.

A record is judged again when its verdict can change: a referenced table lost or gained the key that it names, or the
as-of date moved past its date. The records of all keys concerned are ranked again. What is written are the files that
hold a row which goes, without it, and the rows that come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from filon.engines.changes import Changes, count
from filon.lake import Build, FileVersion, Layer, Quality, TableFile
from filon.project import PLACE, TypedColumn
from filon.sql import identifier, identifiers, literal
from filon.stages.extending import FILE, rewrite
from filon.stages.models import contract_columns
from filon.stages.places import is_at, those_at, those_not_at
from filon.stages.silver.judging import Judging
from filon.stages.silver.queries import (
    JUDGED,
    QUARANTINE_COLUMNS,
    rank,
    rejected_query,
    superseded_columns,
)
from filon.stages.silver.recount import LAYERS, Recount, is_of

AGAIN, KEYS, RANKED, SUCCESSORS = "records judged again", "affected keys", "ranked records", "successors"


@dataclass(frozen=True)
class Base:
    """The builds of a dataset that are extended."""

    accepted: Build
    superseded: Build
    rejected: Build
    quality: Quality

    def build(self, layer: Layer) -> Build:
        """The build of a layer."""
        return {Layer.SILVER: self.accepted, Layer.SUPERSEDED: self.superseded, Layer.QUARANTINE: self.rejected}[layer]


@dataclass(frozen=True)
class Extended:
    """The files of the extended tables, the counts, and how many keys were concerned."""

    files: Mapping[Layer, tuple[TableFile, ...]]
    quality: Quality
    judged: Mapping[int, int]
    keys: int


@dataclass(frozen=True)
class Extension:
    """A base and what changed since: file versions, and the tables that references name."""

    judging: Judging
    base: Base
    came: tuple[FileVersion, ...]
    gone: frozenset[int]
    referenced: Mapping[str, Changes]

    def run(self, kept: Mapping[Layer, Changes]) -> Extended:
        """Extend the tables; of those in ``kept``, the rows that leave and those that come are kept by these names."""
        self._bind_base()
        again = self._choose_again()
        judging = self.judging
        judging.judge(JUDGED, [judging.records(self.came), judging.records(again, AGAIN)])
        if self._key:
            self._rank()
        changed = {layer: self._changes(layer, kept.get(layer)) for layer in LAYERS}
        files = {layer: self._write(layer, changed[layer]) for layer in LAYERS}
        return Extended(
            files,
            Recount(judging, self.base.quality, self.gone, changed).quality(),
            judging.count(JUDGED),
            count(judging.context.engine, KEYS) if self._key else 0,
        )

    @property
    def tables(self) -> list[str]:
        """The names that the engine forgets afterwards."""
        kinds = [
            _named(kind, layer)
            for kind in ("before", "leaving places", "leaving", "coming", "old", "new")
            for layer in LAYERS
        ]
        return [AGAIN, KEYS, RANKED, SUCCESSORS, *kinds]

    @property
    def _key(self) -> tuple[str, ...]:
        return self.judging.dataset.contract.key

    def columns(self, layer: Layer) -> tuple[TypedColumn, ...]:
        """The columns of a table."""
        dataset = self.judging.dataset
        if layer is Layer.SILVER:
            return (*contract_columns(dataset.contract), *PLACE)
        return QUARANTINE_COLUMNS if layer is Layer.QUARANTINE else superseded_columns(dataset)

    def _bind_base(self) -> None:
        context = self.judging.context
        for layer in LAYERS:
            build = self.base.build(layer)
            context.engine.bind(_named("before", layer), context.lake.paths(build), build.columns, file=FILE)

    # which records are judged

    def _choose_again(self) -> list[FileVersion]:
        """Keep the places of the records that stay and are judged again; returns their file versions."""
        engine = self.judging.context.engine
        parts = [*self._of_references(), *self._of_date()]
        chosen = " UNION ALL ".join(parts) or self._places(Layer.SILVER, "FALSE")
        engine.cache(AGAIN, f"SELECT DISTINCT _file, _record FROM ({chosen}) AS chosen WHERE NOT {self._has_gone}")
        numbers = {number for (number,) in engine.rows(f"SELECT DISTINCT _file FROM {identifier(AGAIN)}")}
        return [version for version in self.judging.live if version.number in numbers]

    @cached_property
    def _has_again(self) -> bool:
        return count(self.judging.context.engine, AGAIN) > 0

    @property
    def _has_gone(self) -> str:
        return is_of(self.gone)

    def _places(self, layer: Layer, condition: str) -> str:
        return f"SELECT _file, _record FROM {identifier(_named('before', layer))} AS rows WHERE {condition}"

    def _of_references(self) -> list[str]:
        """Records whose reference may hold no more, or may hold now; any rejected one may have one more reason."""
        parts = []
        for column, reference in self.judging.dataset.references:
            changes = self.referenced[reference.table]
            if not changes:
                continue
            name, target = identifier(column.name), identifier(reference.column)
            old, new = (f"SELECT {target} FROM {identifier(table)}" for table in (changes.old, changes.new))
            lost = f"{name} IN ({old} EXCEPT {new})"
            parts += [self._places(layer, lost) for layer in (Layer.SILVER, Layer.SUPERSEDED)]
            if self._any(f"{old} EXCEPT {new}"):
                parts.append(self._places(Layer.QUARANTINE, "TRUE"))
            elif self._any(f"{new} EXCEPT {old}"):
                parts.append(self._places(Layer.QUARANTINE, _has_reason(f"{column.name}:reference")))
        return parts

    def _any(self, query: str) -> bool:
        return bool(self.judging.context.engine.rows(f"SELECT 1 FROM ({query}) AS rows_found LIMIT 1"))

    def _of_date(self) -> list[str]:
        """Records whose date the as-of date moved past."""
        before, now = self.base.quality.as_of, self.judging.as_of
        if before is None or now is None or before == now:
            return []
        if now > before:
            reasons = [_has_reason(f"{column.name}:notAfter") for column in self.judging.dated_columns]
            return [self._places(Layer.QUARANTINE, " OR ".join(reasons))] if reasons else []
        later = " OR ".join(f"{day} > DATE '{now.isoformat()}'" for day in self.judging.days)
        accepted = [self._places(layer, later) for layer in (Layer.SILVER, Layer.SUPERSEDED)] if later else []
        return [*accepted, self._places(Layer.QUARANTINE, "TRUE")]

    # one row per key

    def _leaves(self, rows: str) -> str:
        """A condition for rows of the base whose record has gone or is judged again."""
        return f"({self._has_gone} OR {is_at(rows, AGAIN)})" if self._has_again else f"({self._has_gone})"

    def _rank(self) -> None:
        """Rank the records of the affected keys: of those that leave the silver table, and of accepted new ones."""
        engine, key = self.judging.context.engine, identifiers(self._key)
        leaving = f"SELECT {key} FROM {identifier(_named('before', Layer.SILVER))} AS rows WHERE {self._leaves('rows')}"
        engine.cache(KEYS, f"{leaving} UNION SELECT {key} FROM {identifier(JUDGED)} WHERE _reasons = ''")
        names = identifiers(column.name for column in superseded_columns(self.judging.dataset))
        same = " AND ".join(f"affected.{name} IS NOT DISTINCT FROM rows.{name}" for name in map(identifier, self._key))
        parts = [
            f"SELECT {names}, {literal(layer)} AS _from FROM {identifier(_named('before', layer))} AS rows "
            f"SEMI JOIN {identifier(KEYS)} AS affected ON {same} WHERE NOT {self._leaves('rows')}"
            for layer in (Layer.SILVER, Layer.SUPERSEDED)
        ]
        parts.append(f"SELECT {names}, 'judged' AS _from FROM {identifier(JUDGED)} WHERE _reasons = ''")
        engine.cache(
            RANKED, f"SELECT *, {rank(self.judging.dataset)} AS _rank FROM ({' UNION ALL '.join(parts)}) AS rows"
        )
        self._judge_successors()

    def _judge_successors(self) -> None:
        """Judge the records that were superseded and are the rows of their keys now: their values are not kept."""
        judging, engine = self.judging, self.judging.context.engine
        query = (
            f"SELECT _file, _record FROM {identifier(RANKED)} WHERE _rank = 1 AND _from = {literal(Layer.SUPERSEDED)}"
        )
        places = f"{SUCCESSORS} chosen"
        engine.cache(places, query)
        numbers = {number for (number,) in engine.rows(f"SELECT DISTINCT _file FROM {identifier(places)}")}
        versions = [version for version in judging.live if version.number in numbers]
        judging.judge(SUCCESSORS, [judging.records(versions, places)])
        engine.drop([places])

    # what changes in each table

    def _changes(self, layer: Layer, kept: Changes | None) -> Changes:
        """The rows that leave a table and those that come to it; one that stands in both is in neither."""
        engine = self.judging.context.engine
        leaving, coming = _named("leaving", layer), _named("coming", layer)
        changes = kept or Changes(_named("old", layer), _named("new", layer))
        names = identifiers(column.name for column in self.columns(layer))
        places = _named("leaving places", layer)
        engine.cache(places, " UNION ".join(self._leaving_places(layer)))
        rows = f"SELECT {names}, {FILE} FROM {identifier(_named('before', layer))} AS rows"
        engine.cache(leaving, f"{rows} {those_at('rows', places)}")
        engine.cache(coming, self._coming(layer, names))
        same = "place.reasons = rows.reasons" if layer is Layer.QUARANTINE else "TRUE"
        stays = f"{same} AND NOT place.{self._has_gone}" if self.gone else same
        for name, these, others in ((changes.old, leaving, coming), (changes.new, coming, leaving)):
            engine.cache(name, f"SELECT * FROM {identifier(these)} AS rows {those_not_at('rows', others, stays)}")
        return changes

    def _leaving_places(self, layer: Layer) -> Iterator[str]:
        """Queries for the places of rows that leave a table: few columns are read to find few rows."""
        yield self._places(layer, self._leaves("rows"))
        if self._key and layer is not Layer.QUARANTINE:  # another record has their key now, or no other one has it
            ranks = "> 1" if layer is Layer.SILVER else "= 1"
            yield f"SELECT _file, _record FROM {identifier(RANKED)} WHERE _rank {ranks} AND _from = {literal(layer)}"

    def _coming(self, layer: Layer, names: str) -> str:
        judged = f"SELECT {names} FROM {identifier(JUDGED)} AS rows"
        if layer is Layer.QUARANTINE:
            return rejected_query()
        if not self._key:
            return f"{judged} WHERE _reasons = ''" if layer is Layer.SILVER else f"{judged} WHERE FALSE"
        if layer is Layer.SUPERSEDED:
            return f"SELECT {names} FROM {identifier(RANKED)} WHERE _rank > 1 AND _from <> {literal(layer)}"
        first = those_at("rows", RANKED, "place._rank = 1")
        successors = f"SELECT {names} FROM {identifier(SUCCESSORS)} WHERE _reasons = ''"
        return f"{judged} {first} WHERE _reasons = '' UNION ALL {successors}"

    def _write(self, layer: Layer, changes: Changes) -> tuple[TableFile, ...]:
        """The files of a table without the rows that leave it, and with those that come."""

        def staying(files: str, _: str) -> str:
            return f"SELECT * FROM {identifier(files)} AS rows {those_not_at('rows', changes.old)}"

        judging = self.judging
        return rewrite(judging.context, self.base.build(layer), judging.partition(layer), changes, staying)


def _named(kind: str, layer: Layer) -> str:
    return f"{layer} rows {kind}"


def _has_reason(reason: str) -> str:
    return f"list_contains(reasons, {literal(reason)})"
