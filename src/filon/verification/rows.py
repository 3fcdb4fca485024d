"""Whether Parquet files can be read, and hold the rows and bounds that were recorded of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from filon.engines import SqlEngine
from filon.errors import Damage, EngineError, LakeError
from filon.lake import Build, ColumnStats, Lake, TableFile
from filon.project import Kind
from filon.sql import identifier

TABLE, FILE = "verified", "file of the row"
REPAIR = "`filon run --force` builds the table again"
PARSERS: Mapping[Kind, Callable[[str], object]] = {
    Kind.INTEGER: int,
    Kind.DECIMAL: Decimal,
    Kind.DATE: dt.date.fromisoformat,
    Kind.TEXT: str,
}
"""How bounds of these kinds are read; others have none, or none that are exact."""


def verify_rows(engine: SqlEngine, lake: Lake, build: Build) -> list[Damage]:
    """Read every value of a build, whose files were found sound, and compare it with what was recorded."""
    location = lake.table(build.layer, build.table)
    if not build.files:
        return []
    try:
        with_bounds = lake.with_stats(build)
    except LakeError:  # the log is damaged, which is told elsewhere
        with_bounds = build
    try:
        engine.bind(TABLE, [location.path_of(file.name) for file in build.files], build.columns, file=FILE)
        found = {str(row[0]): row[1:] for row in engine.rows(_query(build))}
    except EngineError as error:
        return [Damage(location.uri, f"cannot be read: {error}", lake.part_of(build), REPAIR)]
    finally:
        engine.drop([TABLE])
    damages = []
    for file in with_bounds.files:
        values = found.get(file.name.rpartition("/")[2])
        problem = "holds no rows" if values is None else next(_problems(build, file, values), None)
        if problem is not None:
            damages.append(Damage(location.path_of(file.name), problem, lake.part_of(build), REPAIR))
    return damages


def _query(build: Build) -> str:
    """Per file: the number of rows, and of each column with bounds its smallest and largest value and its nulls."""
    facts = ["count(*)"]
    for column in build.columns:
        name = identifier(column.name)
        if column.type.kind in PARSERS:
            facts += [f"min({name})", f"max({name})", f"count(*) - count({name})"]
        else:
            facts.append(f"count({name})")  # read all the same
    return f"SELECT {identifier(FILE)}, {', '.join(facts)} FROM {identifier(TABLE)} GROUP BY {identifier(FILE)}"


def _problems(build: Build, file: TableFile, values: tuple[object, ...]) -> Iterator[str]:
    rows, *others = values
    if rows != file.rows:
        yield f"holds {rows:,} rows instead of {file.rows:,}"
    place = 0
    for column in build.columns:
        parse = PARSERS.get(column.type.kind)
        if parse is None:
            place += 1
            continue
        low, high, nulls = others[place : place + 3]
        place += 3
        stats = file.stats.get(column.name)
        if stats is not None and not _holds(stats, parse, low, high, nulls):
            yield f"has values of {column.name} outside the bounds that its table records"


def _holds(stats: ColumnStats, parse: Callable[[str], object], low: object, high: object, nulls: object) -> bool:
    """Whether the recorded bounds include the values that were found."""
    lowest = None if stats.low is None else parse(stats.low)
    highest = None if stats.high is None else parse(stats.high)
    is_below = lowest is not None and low is not None and low < lowest  # type: ignore[operator]
    is_above = highest is not None and high is not None and high > highest  # type: ignore[operator]
    return nulls == stats.nulls and not is_below and not is_above
