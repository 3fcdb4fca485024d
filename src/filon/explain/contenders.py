"""The records of a source that have a key and are not its row: those that others superseded, and those rejected.

A release keeps the places of both, of superseded records with their keys. The key of a rejected record stands in bronze
only, as text: these records are read once for a dataset, and their keys are kept in the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filon.engines import SqlEngine
from filon.explain.keys import typed_key
from filon.lake import Lake, Layer, Ledger, Release
from filon.project import Dataset
from filon.sql import identifier, identifiers, literal
from filon.stages.rules import BLANKS, BRONZE, judged_query
from filon.stages.silver import LiveRecords, bind_records, raw_text

MOST_REJECTED = 1_000_000
"""Rejected records of a dataset beyond which their keys are not looked at."""
CHOSEN, RECEIVED = "rejected places", "rejected records"


@dataclass(frozen=True)
class Contender:
    """A record that is not the row of its key: its file version and number, and its reasons, if it was rejected."""

    version: int
    record: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Contenders:
    """The first of the records of a key that are not its row, in the order of files; ``total``: how many there are."""

    records: tuple[Contender, ...]
    total: int


def contenders_of(
    engine: SqlEngine, release: Release, dataset: Dataset, key: Sequence[str], limit: int, *, rejected: bool
) -> Contenders:
    """The records of a key that are not in the silver table of a release.

    Args:
        engine: ``bind_contenders`` was called for it
        release: the release of the silver table
        dataset: its contract says what the key is
        key: the values of the key, as text, in the order of the contract; a value that is none of the column's type is
            compared with the texts of rejected records
        limit: the most records to return
        rejected: whether the keys of rejected records are bound

    """
    names = dataset.contract.key
    values = [typed_key(engine, dataset.contract.column(name), text) for name, text in zip(names, key, strict=True)]
    parts = []
    if None not in values and release.build(Layer.SUPERSEDED, dataset.name) is not None:
        same = " AND ".join(f"{identifier(name)} = {value}" for name, value in zip(names, values, strict=True))
        parts.append(f"SELECT _file, _record, NULL AS reasons FROM {_superseded(dataset)} WHERE {same}")
    if rejected:
        same = " AND ".join(
            f"{identifier(name)} = {value}" if value else f"{_text(name)} = {literal(text)}"
            for name, value, text in zip(names, values, key, strict=True)
        )
        parts.append(f"SELECT _file, _record, reasons FROM {_rejected(dataset)} WHERE {same}")
    if not parts:
        return Contenders((), 0)
    source = f"FROM ({' UNION ALL '.join(parts)}) AS contenders"
    # not count(*) OVER (): an engine fails it now and then over a UNION ALL of few rows, with an internal error
    rows = engine.rows(f"SELECT _file, _record, reasons {source} ORDER BY _file, _record LIMIT {limit + 1}")
    records = tuple(Contender(file, record, tuple(reasons or ())) for file, record, reasons in rows[:limit])
    total = engine.rows(f"SELECT count(*) {source}")[0][0] if len(rows) > limit else len(rows)
    return Contenders(records, total)


def bind_contenders(engine: SqlEngine, lake: Lake, release: Release, ledger: Ledger, dataset: Dataset) -> bool:
    """Bind the superseded records of a dataset, and keep the keys of the rejected ones in the engine.

    Args:
        engine: the silver tables that the dataset refers to are bound under their names
        lake: where the records are
        release: the release of the tables
        ledger: names the files
        dataset: its contract says what the texts of a record mean

    Returns:
        Whether the keys of rejected records are bound; they are not when there are too many.

    """
    layers = (Layer.SILVER, Layer.BRONZE, Layer.QUARANTINE, Layer.SUPERSEDED)
    silver, bronze, quarantine, superseded = (release.build(layer, dataset.name) for layer in layers)
    if superseded is not None:
        engine.bind(_name("superseded", dataset), lake.paths(superseded), superseded.columns)
    if silver is None or bronze is None or quarantine is None or silver.quality is None:
        return False
    if quarantine.rows > MOST_REJECTED:
        return False
    engine.bind(CHOSEN, lake.paths(quarantine), quarantine.columns)
    touched = {number for (number,) in engine.rows(f"SELECT DISTINCT _file FROM {identifier(CHOSEN)}")}
    versions = tuple(version for version in ledger.versions if version.number in touched & silver.quality.files.keys())
    bind_records(engine, lake, [LiveRecords(dataset, ledger, versions, bronze, CHOSEN)])
    engine.cache(RECEIVED, f"SELECT * FROM {identifier(BRONZE)}")
    engine.view(BRONZE, f"SELECT * FROM {identifier(RECEIVED)}")
    judged = judged_query(dataset, silver.quality.as_of or release.as_of, raw_text(dataset, versions, ledger.headers))
    key = dataset.contract.key
    typed = ", ".join(f"typed.{identifier(name)}" for name in key)
    texts = ", ".join(f"trim(received.{identifier(name)}, {BLANKS}) AS {_text(name)}" for name in key)
    engine.cache(
        _name("rejected", dataset),
        f"SELECT _file, _record, {typed}, {texts}, chosen.reasons FROM "
        f"(SELECT _file, _record, {identifiers(key)} FROM ({judged}) AS judged) AS typed "
        f"JOIN {identifier(RECEIVED)} AS received USING (_file, _record) "
        f"JOIN {identifier(CHOSEN)} AS chosen USING (_file, _record)",
    )
    engine.drop([BRONZE, RECEIVED, CHOSEN])
    return True


def _name(kind: str, dataset: Dataset) -> str:
    return f"{kind} of {dataset.name}"


def _superseded(dataset: Dataset) -> str:
    return identifier(_name("superseded", dataset))


def _rejected(dataset: Dataset) -> str:
    return identifier(_name("rejected", dataset))


def _text(name: str) -> str:
    return identifier(f"{name} received")
