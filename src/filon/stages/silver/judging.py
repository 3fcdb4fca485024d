"""Records are judged: the rules of a contract, as the query of ``filon.stages.rules``, over some records of bronze."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from filon.lake import Build, FileVersion, Layer, Ledger, TableFile
from filon.project import Column, Dataset, Partition
from filon.project.functions import Setting
from filon.sql import identifier
from filon.stages.context import Context
from filon.stages.rules import day_of, judged_query
from filon.stages.silver.queries import JUDGED, compares_with_as_of, raw_text
from filon.stages.silver.records import LiveRecords, bind_records

LAST_DAY = "DATE '9999-12-30'"
"""A local day may be later than any date that clients can represent."""


@dataclass(frozen=True)
class Judging:
    """What the records of a dataset are judged by.

    ``live`` are the file versions that count, ``bronze`` has their records, ``referenced`` are the silver tables that
    references name. ``as_of`` is None when no rule reads the date.
    """

    context: Context
    dataset: Dataset
    ledger: Ledger
    live: tuple[FileVersion, ...]
    bronze: Build
    referenced: Mapping[str, Build]
    as_of: dt.date | None

    @property
    def dated_columns(self) -> list[Column]:
        """The columns that are compared with the as-of date."""
        return [column for column in self.dataset.contract.columns if compares_with_as_of(column)]

    @property
    def days(self) -> list[str]:
        """Expressions for the days of these columns."""
        return [day_of(column) for column in self.dated_columns]

    @property
    def has_dated_rule(self) -> bool:
        """Whether a free expression reads the as-of date: its result on other days is not known."""
        return Setting.AS_OF in self.dataset.read_by_rules

    def records(self, versions: Sequence[FileVersion], chosen: str = "") -> LiveRecords:
        """The records of some versions; of these, those at the places in the table ``chosen``, if it is given."""
        return LiveRecords(self.dataset, self.ledger, tuple(versions), self.bronze, chosen)

    def judge(self, table: str, parts: Sequence[LiveRecords]) -> None:
        """Judge records, and keep the result under a name."""
        engine, lake = self.context.engine, self.context.lake
        for name, build in self.referenced.items():
            engine.bind(name, lake.paths(build), build.columns)
        bind_records(engine, lake, parts)
        text = raw_text(self.dataset, [version for part in parts for version in part.live], self.ledger.headers)
        engine.cache(table, judged_query(self.dataset, self.as_of or self.context.inputs.as_of, text))

    def write(self, layer: Layer, query: str) -> tuple[TableFile, ...]:
        """Write rows into the dataset's table of a layer."""
        return self.context.write(layer, self.dataset.name, query, self.partition(layer))

    def partition(self, layer: Layer) -> Partition | None:
        """How the table of a layer is divided: as the contract says, or not at all."""
        return self.dataset.contract.partition if layer is Layer.SILVER else None

    def count(self, table: str, condition: str = "TRUE") -> dict[int, int]:
        """The rows of a table per file version."""
        source = f"{identifier(table)} WHERE {condition}"
        return dict(self.context.engine.rows(f"SELECT _file, count(*) FROM {source} GROUP BY _file"))

    def count_reasons(self, table: str, condition: str = "TRUE") -> dict[int, dict[str, int]]:
        """The rejected rows of a table per file version and reason."""
        counts: dict[int, dict[str, int]] = {}
        each = f"SELECT _file, unnest(reasons) AS reason FROM {identifier(table)} WHERE {condition}"
        query = f"SELECT _file, reason, count(*) FROM ({each}) AS each_reason GROUP BY _file, reason"
        for number, reason, count in self.context.engine.rows(query):
            counts.setdefault(number, {})[reason] = count
        return counts

    def nearest_days(self) -> tuple[dt.date | None, dt.date | None]:
        """Of the days that judged records compare with the as-of date: the last up to it, and the first after it."""
        if not self.days or self.as_of is None:
            return None, None
        day = f"DATE '{self.as_of.isoformat()}'"
        parts = []
        for value in self.days:
            parts += [
                f"max({value}) FILTER (WHERE {value} <= {day})",
                f"min({value}) FILTER (WHERE {value} > {day})",
            ]
        parts = [f"CASE WHEN {part} > {LAST_DAY} THEN {LAST_DAY} ELSE {part} END" for part in parts]
        [days] = self.context.engine.rows(f"SELECT {', '.join(parts)} FROM {identifier(JUDGED)}")
        past = [date for date in days[0::2] if date is not None]
        future = [date for date in days[1::2] if date is not None]
        return max(past, default=None), min(future, default=None)
