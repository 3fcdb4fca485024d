"""Whether a store serves the rows of the release."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from filon.engines import Engine
from filon.errors import Damage
from filon.lake import Build, Lake, Release
from filon.project import Kind
from filon.project.serving import Operator
from filon.serving.columns.stored import has_columns
from filon.serving.feeds import Feed, ServedProject
from filon.serving.inputs import builds_of, inputs_of
from filon.serving.protocol import Store
from filon.serving.query import EPOCH, Condition, Query, Row, Value
from filon.serving.state import ServedState, TableState
from filon.serving.tables import StoredTable
from filon.sql import identifier, identifiers

FILES, ROWS = 5, 20
"""Of so many files of a table, so many rows are looked up in the store, chosen anew each time."""
PAGE, CHUNKS = 5_000, 8
"""Rows, and chunks of columns, that are asked for at once."""
LOAD = "`filon run` loads what differs"
LOAD_ANEW = "`filon run --force` loads every row anew"


@dataclass(frozen=True)
class ServedVerifier:
    """Compares what a store serves with the release that it says it serves."""

    store: Store
    lake: Lake
    engine: Engine
    served: ServedProject

    def verify(self, release: Release, *, full: bool) -> Iterator[Damage]:
        """What the store serves otherwise than the release; ``full``: every row is compared, else some."""
        state = self.store.state()
        if state is None:
            yield Damage(self.store.uri, "serves nothing", f"release {release.number}", LOAD)
            return
        if state.release != release.number:
            what = f"serves release {state.release}"
            yield Damage(self.store.uri, what, f"release {release.number}", LOAD)
            return
        for feed in self.served.feeds.values():
            known, builds = state.tables.get(feed.table.name), builds_of(feed, release)
            if len(builds) == len(feed.inputs):
                found = self._difference(state, feed, known, builds, full=full)
                if found is not None:
                    yield Damage(f"{self.store.uri} {feed.table.title}", found, f"release {release.number}", LOAD_ANEW)

    def _difference(
        self, state: ServedState, feed: Feed, known: TableState | None, builds: Sequence[Build], *, full: bool
    ) -> str | None:
        if known is None:
            return "is not served"
        if not feed.fits(known):
            return "is kept in another way than contracts say today"
        if known.builds != inputs_of(builds):
            return "holds the rows of other tables than the release"
        if not self.store.holds(feed.table, known.versions):
            return "was written to by another program"
        if not full and (feed.cube is not None or feed.analysis is not None):
            return None
        if feed.analysis is not None:
            return self._columns(state, feed, known, builds)
        return self._all_rows(state, feed, known, builds) if full else self._some_rows(state, feed, known, builds)

    def _some_rows(self, state: ServedState, feed: Feed, known: TableState, builds: Sequence[Build]) -> str | None:
        [build] = builds
        chosen = random.sample(build.files, min(FILES, len(build.files)))
        location = self.lake.table(build.layer, build.table)
        for file in chosen:
            skip = random.sample(range(max(1, file.rows - ROWS + 1)), 1)[0]
            self.engine.bind(feed.inputs[0], [location.path_of(file.name)], build.columns)
            order = identifiers(feed.table.key)
            source = feed.select({feed.inputs[0]: feed.inputs[0]}, known.as_of)
            expected = self._rows(feed.table, f"{source} ORDER BY {order} LIMIT {ROWS} OFFSET {skip}")
            for row in expected:
                found = self._ask(state, feed.table, _key_conditions(feed.table, row), None, 2)
                if found != [row]:
                    return f"has another row with {_named(feed.table, row)}"
        self.engine.drop(feed.inputs)
        return None

    def _all_rows(self, state: ServedState, feed: Feed, known: TableState, builds: Sequence[Build]) -> str | None:
        for name, build in zip(feed.inputs, builds, strict=True):
            self.engine.bind(name, self.lake.paths(build), build.columns)
        source = feed.select({name: name for name in feed.inputs}, known.as_of)
        order = ", ".join(f"{identifier(name)} ASC NULLS FIRST" for name in feed.table.key)
        expected = self._rows(feed.table, f"{source} ORDER BY {order}")
        for row, found in zip_longest(expected, self._stored(state, feed.table)):
            if row != found:
                some = row if row is not None else found
                return f"differs at {_named(feed.table, some)}" if some else None
        self.engine.drop(feed.inputs)
        return None

    def _columns(self, state: ServedState, feed: Feed, known: TableState, builds: Sequence[Build]) -> str | None:
        """How the columns of facts differ; too many facts have none."""
        if not has_columns(known):
            return None
        from filon.verification.columns import columns_difference  # Arrow and NumPy are slow to import

        for name, build in zip(feed.inputs, builds, strict=True):
            self.engine.bind(name, self.lake.paths(build), build.columns)
        chunks = self._stored(state, feed.table, CHUNKS)
        found = columns_difference(self.engine, feed.select({name: name for name in feed.inputs}, known.as_of), chunks)
        self.engine.drop(feed.inputs)
        return found

    def _rows(self, table: StoredTable, query: str) -> Iterator[Row]:
        """Rows of the engine as a store gives them."""
        moments = {column.name for column in table.columns if column.type.kind is Kind.TIMESTAMP}
        chosen = ", ".join(
            f"unix_micros({identifier(name)}) AS {identifier(name)}" if name in moments else identifier(name)
            for name in table.column_names
        )
        for batch in self.engine.stream(f"SELECT {chosen} FROM ({query}) AS feed", PAGE):
            for values in batch:
                row = dict(zip(table.column_names, values, strict=True))
                for name in moments:
                    if row[name] is not None:
                        row[name] = EPOCH + dt.timedelta(microseconds=row[name])
                yield row

    def _stored(self, state: ServedState, table: StoredTable, at_once: int = PAGE) -> Iterator[Row]:
        """All rows of a store, in the order of the key."""
        place: tuple[Value, ...] | None = None
        while page := self._ask(state, table, (), place, at_once):
            yield from page
            place = tuple(page[-1][name] for name in table.key)

    def _ask(
        self,
        state: ServedState,
        table: StoredTable,
        conditions: tuple[Condition, ...],
        after: tuple[Value, ...] | None,
        limit: int,
    ) -> list[Row]:
        query = Query(table.total_order(()), conditions, after=after, limit=limit)
        return asyncio.run(self._find(state, table, query))

    async def _find(self, state: ServedState, table: StoredTable, query: Query) -> list[Row]:
        try:
            return list(await self.store.find(state.id, table, query))
        finally:
            await self.store.shut_readers()


def _key_conditions(table: StoredTable, row: Mapping[str, Value]) -> tuple[Condition, ...]:
    values = ((name, row[name]) for name in table.key)
    return tuple(Condition(name, Operator.EQUAL, value) for name, value in values if value is not None)


def _named(table: StoredTable, row: Mapping[str, Value]) -> str:
    return ", ".join(f"{name} {row[name]}" for name in table.key)
