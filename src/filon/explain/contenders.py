"""The records of a source that have a key and are not its row: those that others superseded, and those rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filon.engines import SqlEngine
from filon.explain.keys import typed_key
from filon.lake import Lake, Layer, Ledger, Release
from filon.project import Dataset
from filon.sql import identifier, literal
from filon.stages.rules import BLANKS, BRONZE, SEPARATOR, judged_query
from filon.stages.silver import LiveRecords, bind_records, raw_text


@dataclass(frozen=True)
class Place:
    """A record that is not the row of its key: its file version and number, and its reasons, if it was rejected."""

    version: int
    record: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Contenders:
    """The first of the records of a key that are not its row, in the order of files; ``total``: how many there are."""

    places: tuple[Place, ...]
    total: int


def contenders_of(
    engine: SqlEngine,
    lake: Lake,
    release: Release,
    ledger: Ledger,
    dataset: Dataset,
    key: Sequence[str],
    limit: int,
) -> Contenders:
    """The records of a key that are not in the silver table.

    Args:
        engine: the silver table, and those that it refers to, are bound under their names
        lake: where the records are
        release: the release of the silver table
        ledger: names the files
        dataset: its contract says what the texts of a record mean, and which are accepted
        key: the values of the key, as text, in the order of the contract; a value that is none of the column's type is
            compared with the texts of the records
        limit: the most places to return

    """
    silver, bronze = release.build(Layer.SILVER, dataset.name), release.build(Layer.BRONZE, dataset.name)
    if silver is None or bronze is None or silver.quality is None:
        return Contenders((), 0)
    live = tuple(version for version in ledger.versions if version.number in silver.quality.files)
    bind_records(engine, lake, [LiveRecords(dataset, ledger, live, bronze)])
    judged = judged_query(dataset, silver.quality.as_of or release.as_of, raw_text(dataset, live, ledger.headers))
    parts = [_condition(engine, dataset, name, value) for name, value in zip(dataset.contract.key, key, strict=True)]
    source = (
        f"FROM ({judged}) AS judged JOIN {identifier(BRONZE)} AS received USING (_file, _record) "
        f"WHERE {' AND '.join(parts)} AND NOT EXISTS (SELECT 1 FROM {identifier(dataset.name)} AS kept "
        "WHERE kept._file = judged._file AND kept._record = judged._record)"
    )
    query = (
        f"SELECT _file, _record, string_split(judged._reasons, {SEPARATOR}), count(*) OVER () {source} "
        f"ORDER BY _file, _record LIMIT {limit}"
    )
    rows = engine.rows(query)
    places = tuple(Place(file, record, tuple(filter(None, reasons))) for file, record, reasons, _ in rows)
    return Contenders(places, rows[0][3] if rows else 0)


def _condition(engine: SqlEngine, dataset: Dataset, name: str, text: str) -> str:
    """That a part of the key has a value; a text that spells none can only be that of a rejected record."""
    column = identifier(name)
    if (value := typed_key(engine, dataset.contract.column(name), text)) is not None:
        return f"judged.{column} = {value}"
    return f"(trim(received.{column}, {BLANKS}) = {literal(text)} AND judged._reasons <> '')"
