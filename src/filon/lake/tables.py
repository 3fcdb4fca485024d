"""Delta tables: commit Parquet files that an engine wrote as a version of a table, and read what a log holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import pyarrow as pa  # type: ignore[import-untyped]
from deltalake import DeltaTable, PostCommitHookProperties, Schema, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, CommitProperties, RemoveAction, create_table_with_add_actions

from filon.durable import Effect, durable
from filon.errors import WriteConflict
from filon.lake.datafile import ColumnStats, TableFile
from filon.lake.deltalog import CHECKPOINT_INTERVAL, COMMIT, LOG, is_log_readable, log_size, torn_end
from filon.lake.location import Location, unusable
from filon.project.types import TEXT, ColumnType, Kind, TypedColumn

ATTEMPTS = 20
HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
"""Entries of the log are never cleaned up: a missing entry is damage."""
OF_A_NEWER_TOOL = re.compile(r"Feature '\w+' is not supported")
"""In the error of deltalake for a log that is intact, but uses features that it does not support."""
LONGEST_BOUND = 32  # the writer may truncate longer texts, and a truncated maximum is no upper bound
_PRIMITIVES = {
    Kind.INTEGER: "long",
    Kind.DOUBLE: "double",
    Kind.TEXT: "string",
    Kind.DATE: "date",
    Kind.TIMESTAMP: "timestamp",
    Kind.BOOLEAN: "boolean",
}


@dataclass(frozen=True)
class Commit:
    """A Delta version, and the size in bytes of the commits up to it."""

    version: int
    log_bytes: int


def commit(
    location: Location,
    columns: Sequence[TypedColumn],
    files: Iterable[TableFile],
    *,
    partition: str = "",
    facts: Mapping[str, str],
    now_ms: int,
    start_anew: bool = False,
) -> Commit:
    """Make files the whole content of a table, as one Delta version.

    Other writers may commit before and after: the returned version holds exactly these files.

    Args:
        location: the folder of the table
        columns: names and types
        files: all its Parquet files; they are in the folder
        partition: the column by which they are divided, a text that they do not have; "" when they are not
        facts: what the commit notes about itself, under ``filon.`` names
        now_ms: the time of the commit, in milliseconds since 1970
        start_anew: delete the log, which is damaged, and write another one

    Raises:
        WriteConflict: other writers committed first, ``ATTEMPTS`` times
        LakeUnavailable, LakeRefused: the place cannot be written

    """
    adds = {file.name: _add(file, dict(columns), now_ms) for file in files}
    content = _Content(_schema([*columns, TypedColumn(partition, TEXT)] if partition else columns), partition, adds)
    # deltalake would retry on top of a version that was not compared with these files
    properties = CommitProperties(
        custom_metadata={f"filon.{key}": value for key, value in facts.items()}, max_commit_retries=0
    )
    if start_anew:
        location.delete(location.names(LOG))
    for _ in range(ATTEMPTS):
        try:
            with durable(Effect.COMMIT, location.uri):
                version = _committed(location, content, properties, now_ms)
            return Commit(version, log_size(location.listing(LOG), version))
        except CommitFailedError:
            continue
        except (DeltaError, OSError) as error:
            if "already exists" not in str(error):
                raise unusable(location.uri, error) from error
    raise WriteConflict(
        f"{location.uri}: other writers committed first {ATTEMPTS} times. Run again when they are done."
    )


@dataclass(frozen=True)
class _Content:
    """What a version of a table consists of; ``partition`` is "" when its files are not divided."""

    schema: Schema
    partition: str
    adds: Mapping[str, AddAction]

    @property
    def partition_by(self) -> list[str]:
        return [self.partition] if self.partition else []


def _committed(location: Location, content: _Content, properties: CommitProperties, now_ms: int) -> int:
    table = _open(location)
    if table is not None and table.metadata().partition_columns != content.partition_by:
        _divide_anew(table, content)
        table = _open(location)
    if table is not None:
        version = _replace(table, content, properties, now_ms)
        after = _open(location)
        if after is not None and (after.version() > version or _active(after).keys() == content.adds.keys()):
            return version
        location.delete(location.names(LOG))  # an older entry was altered, and names other files
    _create(location, content, properties)
    return 0


def active_files(location: Location) -> list[str]:
    """Names of the files of a table's newest version; none when there is no table."""
    try:
        table = _open(location)
        return list(_active(table)) if table is not None else []
    except (DeltaError, OSError) as error:
        raise unusable(location.uri, error) from error


def stats_of(location: Location, version: int) -> dict[str, dict[str, ColumnStats]]:
    """Per file of a version and per column, the bounds and nulls that the log has; columns that it lacks are left out.

    Bounds are texts that SQL casts to the column's type.
    """
    try:
        with location.trusted():
            table = DeltaTable(location.uri, version=version, storage_options=location.delta_options())
        actions = table.get_add_actions(flatten=True)
    except (DeltaError, OSError) as error:
        raise unusable(location.uri, error) from error
    lists = {name: actions.column(name).to_pylist() for name in actions.schema.names}
    columns = [name.removeprefix("null_count.") for name in lists if name.startswith("null_count.")]
    nothing: list[Any] = [None] * actions.num_rows
    stats: dict[str, dict[str, ColumnStats]] = {path: {} for path in lists["path"]}
    for column in columns:
        parts = (lists.get(f"{part}.{column}", nothing) for part in ("min", "max", "null_count"))
        for path, low, high, nulls in zip(lists["path"], *parts, strict=True):
            if nulls is not None:
                stats[path][column] = ColumnStats(_text(low), _text(high), nulls)
    return stats


def _text(bound: Any) -> str | None:
    return format(bound, "f") if isinstance(bound, Decimal) else None if bound is None else str(bound)


def _open(location: Location) -> DeltaTable | None:
    """The table; None when there is none.

    Unreadable parts of its log are deleted: its end, if only that is unreadable; checkpoints, if all commits can be
    read; else the whole log.
    """
    try:
        return _existing(location)
    except DeltaError:
        torn = torn_end(location)
        location.delete(torn)
    if torn:
        with suppress(DeltaError):  # more than its end may be unreadable
            return _existing(location)
    is_readable = is_log_readable(location)
    names = location.names(LOG)
    location.delete([name for name in names if not (is_readable and COMMIT.fullmatch(name))])
    try:
        return _existing(location)
    except DeltaError as error:
        if OF_A_NEWER_TOOL.search(str(error)):
            raise
        location.delete(location.names(LOG))
        return None


def _existing(location: Location) -> DeltaTable | None:
    try:
        with location.trusted():
            return DeltaTable(location.uri, storage_options=location.delta_options())
    except TableNotFoundError:
        return None


def _create(location: Location, content: _Content, properties: CommitProperties) -> None:
    with location.trusted():
        create_table_with_add_actions(
            location.uri,
            content.schema,
            list(content.adds.values()),
            mode="error",
            partition_by=content.partition_by,
            configuration={"delta.checkpointInterval": str(CHECKPOINT_INTERVAL)},
            storage_options=location.delta_options(),
            commit_properties=properties,
            post_commithook_properties=HOOKS,
        )


def _divide_anew(table: DeltaTable, content: _Content) -> None:
    """Commit a version without files that is divided as the next one will be; a transaction of files cannot do that."""
    write_deltalake(
        table,
        pa.schema(content.schema.to_arrow()).empty_table(),
        mode="overwrite",
        schema_mode="overwrite",
        partition_by=content.partition_by,
        commit_properties=CommitProperties(max_commit_retries=0),
        post_commithook_properties=HOOKS,
    )


def _replace(table: DeltaTable, content: _Content, properties: CommitProperties, now_ms: int) -> int:
    version, present = table.version(), _active(table)
    if table.schema() != content.schema:
        # only an overwrite may change columns; it must name every file of the new version
        _write(table, list(content.adds.values()), "overwrite", content, properties)
        return version + 1
    removes = [
        RemoveAction(path, data_change=True, deletion_timestamp=now_ms, size=size, partition_values=values)
        for path, (size, values) in present.items()
        if path not in content.adds
    ]
    new = [add for name, add in content.adds.items() if name not in present]
    if not new and not removes:
        return version
    _write(table, [*new, *removes], "append", content, properties)
    return version + 1


def _write(
    table: DeltaTable,
    actions: Sequence[AddAction | RemoveAction],
    mode: Literal["append", "overwrite"],
    content: _Content,
    properties: CommitProperties,
) -> None:
    table.create_write_transaction(
        list(actions),
        mode,
        content.schema,
        partition_by=content.partition_by,
        commit_properties=properties,
        post_commithook_properties=HOOKS,
    )


def _active(table: DeltaTable) -> dict[str, tuple[int, dict[str, str | None]]]:
    """The files of a version by name: the size of each, and its partition."""
    actions = table.get_add_actions(flatten=True)
    if not actions.num_rows:
        return {}
    names = table.metadata().partition_columns
    columns = ["path", "size_bytes", *(f"partition.{name}" for name in names)]
    rows = zip(*(actions.column(name).to_pylist() for name in columns), strict=True)
    return {str(path): (int(size), dict(zip(names, values, strict=True))) for path, size, *values in rows}


def _add(file: TableFile, types: Mapping[str, ColumnType], now_ms: int) -> AddAction:
    values = dict(file.partition)
    return AddAction(file.name, file.size, values, now_ms, data_change=True, stats=_stats(file, types))


def _stats(file: TableFile, types: Mapping[str, ColumnType]) -> str:
    if not file.stats:
        return json.dumps({"numRecords": file.rows})
    low, high = {}, {}
    declared = {name: stats for name, stats in file.stats.items() if name in types}
    for name, stats in declared.items():
        bounds = (_bound(stats.low, types[name]), _bound(stats.high, types[name]))
        if None not in bounds:
            low[name], high[name] = bounds
    nulls = {name: stats.nulls for name, stats in declared.items()}
    return json.dumps({"numRecords": file.rows, "minValues": low, "maxValues": high, "nullCount": nulls})


def _bound(text: str | None, kind: ColumnType) -> int | float | str | None:
    if text is None:
        return None
    if kind.kind is Kind.INTEGER:
        return int(text)
    if kind.kind is Kind.DECIMAL:
        exact = Decimal(text)
        return float(exact) if Decimal(repr(float(exact))) == exact else None
    if kind.kind in (Kind.DATE, Kind.TEXT) and len(text) <= LONGEST_BOUND:
        return text
    return None


def _schema(columns: Sequence[TypedColumn]) -> Schema:
    fields = [{"name": name, "type": _delta_type(kind), "nullable": True, "metadata": {}} for name, kind in columns]
    return Schema.from_json(json.dumps({"type": "struct", "fields": fields}))


def _delta_type(kind: ColumnType) -> str | dict[str, object]:
    if kind.kind is Kind.TEXTS:
        return {"type": "array", "elementType": _delta_type(TEXT), "containsNull": True}
    if kind.kind is Kind.DECIMAL:
        return f"decimal({kind.precision},{kind.scale})"
    return _PRIMITIVES[kind.kind]
