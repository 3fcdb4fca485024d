"""Changes of contracts and SQL since a release: what breaks for whoever reads the tables, and what each reaches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping

from filon.differences.change import GONE, NEW, OF_COLUMNS, SAME, Aspect, ContractChange, Effect, Reached
from filon.differences.reach import Reach
from filon.errors import Problem
from filon.project import Kind, Project, parse_type
from filon.project.surface import UNBOUND, ColumnSurface, EndpointsSurface, Surface, TableSurface
from filon.project.surfacing import surface_of
from filon.project.types import INTEGER, ColumnType
from filon.project.versions import FIRST, Version, parse_version

DIGITS_OF_INTEGER = 19
B, C = Effect.BREAKING, Effect.COMPATIBLE


def contract_changes(before: Surface, after: Surface) -> tuple[ContractChange, ...]:
    """Every change of what readers rely on, by table, those that break something first."""
    reach = {side: Reach(surface) for side, surface in (("before", before), ("after", after))}
    found: list[ContractChange] = []
    for table in dict.fromkeys([*after.tables, *before.tables]):
        old, new = before.tables.get(table), after.tables.get(table)
        for change in _changes(table, old, new):
            columns = _columns_of(change, old or new)
            sides = [reach[side].of(table, columns) for side in ("before", "after")]
            found.append(change.model_copy(update={"reached": _both(*sides)}))
    return tuple(sorted(found, key=lambda change: change.effect is C))


def _both(one: Reached, other: Reached) -> Reached:
    parts = {name: tuple(dict.fromkeys([*getattr(one, name), *getattr(other, name)])) for name in Reached.model_fields}
    return Reached(**parts)


def _columns_of(change: ContractChange, table: TableSurface | None) -> list[str] | None:
    """The columns that a change concerns; None: all."""
    if change.aspect in OF_COLUMNS:
        return [change.name]
    if change.aspect is Aspect.FILTER and table is not None:
        return [name for name in table.columns if change.name in (name, f"{name}_min", f"{name}_max")]
    return None


def _changes(table: str, old: TableSurface | None, new: TableSurface | None) -> Iterator[ContractChange]:
    def change(aspect: Aspect, effect: Effect, before: str | None, after: str | None, name: str = "") -> ContractChange:
        return ContractChange(table=table, aspect=aspect, name=name, before=before, after=after, effect=effect)

    if old is None or new is None:
        yield change(Aspect.TABLE, C if old is None else B, None if old is None else GONE, NEW if old is None else None)
        return
    for name in dict.fromkeys([*old.columns, *new.columns]):
        yield from _column_changes(change, name, old.columns.get(name), new.columns.get(name))
    common = [[name for name in side.columns if name in other.columns] for side, other in ((old, new), (new, old))]
    if common[0] != common[1]:
        yield change(Aspect.ORDER, C, ", ".join(common[0]), ", ".join(common[1]))
    if old.key != new.key:
        yield change(Aspect.KEY, B, ", ".join(old.key) or "none", ", ".join(new.key) or "none")
    if old.rows != new.rows:
        yield change(Aspect.RECORDS if new.sql is None else Aspect.SELECT, C, SAME, "another one")
    if old.files != new.files:
        yield change(Aspect.FILES, C, "as they were", "others, or read otherwise")
    for name in dict.fromkeys([*old.checks, *new.checks]):
        if old.checks.get(name) != new.checks.get(name):
            was, now = (SAME if name in side.checks else None for side in (old, new))
            yield change(Aspect.CHECK, C, was, "another one" if was and now else now, name)
    yield from _endpoint_changes(change, table, old.endpoints, new.endpoints)
    yield from _promise_changes(change, old, new)


Make = Callable[..., ContractChange]


def _column_changes(
    change: Make, name: str, old: ColumnSurface | None, new: ColumnSurface | None
) -> Iterator[ContractChange]:
    if old is None or new is None:
        effect, (before, after) = (C, (None, new.type)) if new is not None else (B, (old.type if old else "", None))
        yield change(Aspect.COLUMN, effect, before, after, name)
        return
    if old.type != new.type:
        yield change(Aspect.TYPE, C if is_wider(new.type, old.type) else B, old.type, new.type, name)
    if old.required != new.required:
        words = {True: "required", False: "may be null"}
        yield change(Aspect.REQUIRED, C if new.required else B, words[old.required], words[new.required], name)
    if old.unique != new.unique:
        words = {True: "unique", False: "may repeat"}
        yield change(Aspect.UNIQUE, C if new.unique else B, words[old.unique], words[new.unique], name)
    if _listed(old.values) != _listed(new.values):
        yield change(Aspect.VALUES, C if old.values is None else B, _listed(old.values), _listed(new.values), name)
    if old.refers != new.refers:
        is_stronger = old.refers in (None, f"{new.refers}{UNBOUND}")
        yield change(Aspect.REFERENCE, C if is_stronger else B, old.refers, new.refers, name)
    if old.accepts != new.accepts and old.type == new.type:
        yield change(Aspect.ACCEPTED, C, "as they were", "others", name)


def _listed(values: Iterable[str] | None) -> str:
    return "any" if values is None else ", ".join(sorted(values))


def is_wider(new: str, old: str) -> bool:
    """Whether a type holds every value of another one, exactly."""
    types = parse_type(new), parse_type(old)
    if not all(kind is not None and kind.is_exact for kind in types):
        return False
    (whole, scale), (had, had_scale) = (_digits(kind) for kind in types if kind is not None)
    return whole >= had and scale >= had_scale and (new != INTEGER.sql or whole > had)


def _digits(kind: ColumnType) -> tuple[int, int]:
    """The most digits before and after the decimal mark; an integer has not all numbers of its most digits."""
    if kind.kind is Kind.DECIMAL:
        return kind.precision - kind.scale, kind.scale
    return DIGITS_OF_INTEGER, 0


def _endpoint_changes(
    change: Make, table: str, old: EndpointsSurface | None, new: EndpointsSurface | None
) -> Iterator[ContractChange]:
    generic = f"tables/{table}"
    before = [] if old is None else [generic, *([old.path] if old.path else [])]
    after = [] if new is None else [generic, *([new.path] if new.path else [])]
    yield from _appearing(change, Aspect.PATH, _names(before), _names(after))
    if old is None or new is None:
        answers, others = (_names(side.answers if side else None) for side in (old, new))
        yield from _appearing(change, Aspect.PATH, answers, others)
        return
    if old.item != new.item and old.path == new.path and new.path is not None:
        row = f"{new.path}/KEY"
        yield change(Aspect.ITEM, C if new.item else B, None if new.item else row, row if new.item else None)
    if old.paged != new.paged:
        words = {True: "in pages", False: "whole"}
        yield change(Aspect.PAGING, B, words[old.paged], words[new.paged])
    if old.maximum_limit != new.maximum_limit:
        effect = C if new.maximum_limit > old.maximum_limit else B
        yield change(Aspect.LIMIT, effect, str(old.maximum_limit), str(new.maximum_limit), "maximum")
    if old.default_limit != new.default_limit:
        yield change(Aspect.LIMIT, C, str(old.default_limit), str(new.default_limit), "default")
    if old.sort != new.sort:
        yield change(Aspect.SORT, B, ", ".join(old.sort) or "the key", ", ".join(new.sort) or "the key")
    if old.window != new.window:
        effect = C if _is_longer(new.window, old.window) else B
        yield change(Aspect.WINDOW, effect, old.window or "all rows", new.window or "all rows")
    yield from _appearing(change, Aspect.FILTER, _names(old.filters), _names(new.filters))
    yield from _sum_changes(change, old, new)


def _is_longer(new: str | None, old: str | None) -> bool:
    """Whether a window surely has every row of another one."""
    if new is None or old is None:
        return new is None
    (length, *unit), (had, *same) = new.split(), old.split()
    return unit == same and int(length) > int(had)


def _sum_changes(change: Make, old: EndpointsSurface, new: EndpointsSurface) -> Iterator[ContractChange]:
    """Changes of aggregations."""
    yield from _appearing(change, Aspect.PATH, _names(old.answers), _names(new.answers))
    for path in (path for path in old.answers if path in new.answers):
        fields, others = dict(_named(old.answers[path])), dict(_named(new.answers[path]))
        yield from _appearing(change, Aspect.ANSWER, fields, others, inside=f"{path}: ")
    yield from _appearing(change, Aspect.MEASURE, old.measures, new.measures)
    yield from _appearing(change, Aspect.DIMENSION, old.dimensions, new.dimensions)
    if old.time and new.time and old.time != new.time:
        yield change(Aspect.MEASURE, B, old.time, new.time, "time")
    if old.answers and new.answers and old.words != new.words:
        for was, now in zip(old.words, new.words, strict=False):
            if was != now:
                name, _, before = was.partition(" = ")
                yield change(Aspect.WORDS, B, before, now.partition(" = ")[2], name)


def _names(names: Iterable[str] | None) -> dict[str, str]:
    return dict.fromkeys(names or (), "")


def _named(fields: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in fields:
        name, _, measure = text.partition(" (")
        yield name, measure.removesuffix(")")


def _appearing(
    change: Make, aspect: Aspect, old: Mapping[str, str], new: Mapping[str, str], inside: str = ""
) -> Iterator[ContractChange]:
    """What is gone breaks, what is new does not, and what has another meaning breaks."""
    for name in dict.fromkeys([*old, *new]):
        if name not in new:
            yield change(aspect, B, old[name] or GONE, None, f"{inside}{name}")
        elif name not in old:
            yield change(aspect, C, None, new[name] or NEW, f"{inside}{name}")
        elif old[name] != new[name]:
            yield change(aspect, B, old[name], new[name], f"{inside}{name}")


def _promise_changes(change: Make, old: TableSurface, new: TableSurface) -> Iterator[ContractChange]:
    if old.latency_s != new.latency_s:
        is_kept = new.latency_s is not None and (old.latency_s is None or new.latency_s < old.latency_s)
        yield change(Aspect.LATENCY, C if is_kept else B, *(_duration(side.latency_s) for side in (old, new)))
    if old.deprecated != new.deprecated:
        yield change(Aspect.DEPRECATION, C, *(_announced(side) for side in (old, new)))


def _duration(seconds: float | None) -> str:
    return "no promise" if seconds is None else str(dt.timedelta(seconds=seconds))


def _announced(table: TableSurface) -> str:
    said = table.deprecated
    if said is None:
        return "not deprecated"
    until = f" until {said.sunset}" if said.sunset else ""
    return f"since {said.since}{until}"


# what versions have to say of it


def version_problems(
    project: Project, before: Surface, changes: Iterable[ContractChange], today: dt.date
) -> tuple[list[Problem], list[Problem]]:
    """Breaking changes without a new major version, and compatible ones without a new minor one.

    A table may go when the release deprecated it, and its last day is over.
    """
    refused: list[Problem] = []
    warned: list[Problem] = []
    by_table: dict[str, list[ContractChange]] = {}
    for item in changes:
        by_table.setdefault(item.table, []).append(item)
    for table, found in by_table.items():
        old, contract = before.tables.get(table), project.contracts.get(table)
        if old is None:
            continue
        if contract is None:
            refused += _of_gone(project, table, old, today)
            continue
        was, now = parse_version(old.version) or FIRST, contract.version
        path, line = contract.document.path, contract.document.line(("version",))
        breaking = [item for item in found if item.effect is B]
        if breaking and now.major <= was.major:
            named = "; ".join(item.what for item in breaking[:3]) + (" …" if len(breaking) > 3 else "")
            what = f"`{table}` breaks what its readers rely on, and its version is {now}, after {was}: {named}"
            refused.append(Problem(path, line, what, f"take it back, or write `version: {Version(was.major + 1)}`"))
        elif now <= was:
            what = f"`{table}` changed compatibly, and its version is {now}, after {was}: {found[0].what}"
            warned.append(Problem(path, line, what, f"write `version: {Version(was.major, was.minor + 1)}`"))
    return _once(refused), _once(warned)


def _of_gone(project: Project, table: str, old: TableSurface, today: dt.date) -> Iterator[Problem]:
    said = old.deprecated
    if said is not None and (said.sunset is None or said.sunset <= today):
        return
    folder = "sources" if old.layer == "silver" else "gold"
    path = project.folder / folder / f"{table}.yaml"
    if said is None:
        fix = "keep the table, and announce that it goes: `deprecated` in its contract, and a run"
        yield Problem(path, 1, f"`{table}` is gone, and was not deprecated", fix)
    else:
        yield Problem(path, 1, f"`{table}` is gone, and was promised until {said.sunset}", "keep the table until then")


def _once(problems: list[Problem]) -> list[Problem]:
    """One problem per line: a history stands in the contract of its dataset."""
    first: dict[tuple[str, int], Problem] = {}
    for problem in problems:
        first.setdefault((str(problem.file), problem.line), problem)
    return list(first.values())


def changes_since(before: Surface, project: Project) -> tuple[ContractChange, ...]:
    """What changed in a project since a release."""
    return contract_changes(before, surface_of(project))
