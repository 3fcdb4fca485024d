"""Rows that a SELECT puts together, in groups and windows: all of one key, or the key cannot be followed."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from filon.stages.incremental.keys import Keys
from filon.stages.incremental.reading import UNSPELLABLE, own_nodes
from filon.stages.incremental.reasons import NotLocal, Reason
from filon.stages.incremental.trees import aggregates, is_composed_of, outputs, with_columns


def require_in_windows(select: exp.Select, keys: Keys) -> None:
    """The key must be the same in all rows that a window, or DISTINCT ON, sees together; NotLocal when it is not."""
    defined = {window.name: window for window in select.args.get("windows") or ()}
    for window in own_nodes(select, exp.Window):
        if window.parent is select:  # only defined
            continue
        parts = _partition(window, defined)
        if not parts:
            raise NotLocal(Reason.WINDOW_WITHOUT_PARTITION, window)
        if not all(is_composed_of(key, parts) for key in keys):
            raise NotLocal(Reason.WINDOW_ACROSS_KEYS, window)
    distinct = select.args.get("distinct")
    on = distinct.args.get("on") if distinct is not None else None
    if on is not None:
        found = outputs(select)
        parts = [with_columns(part, lambda c: c if c.table else found.get(c.name, c)) for part in on.expressions]
        if not all(is_composed_of(key, parts) for key in keys):
            raise NotLocal(Reason.WINDOW_ACROSS_KEYS, select)


def _partition(window: exp.Expr, defined: Mapping[str, exp.Expr]) -> list[exp.Expr]:
    """What a window is partitioned by, where it or the window that it names says so."""
    parts = window.args.get("partition_by")
    if parts:
        return list(parts)
    base = window.args.get("alias")
    name = base.name if isinstance(base, exp.Expr) else ""
    if name in defined and defined[name] is not window:
        return _partition(defined[name], defined)
    return []


def require_in_group(select: exp.Select, keys: Keys) -> None:
    """The key must be a function of what rows are grouped by; NotLocal when it is not."""
    group = select.args.get("group")
    if group is None:
        clauses = [*select.selects, *([select.args["qualify"]] if select.args.get("qualify") else ())]
        if select.args.get("having") or select.meta.get(UNSPELLABLE) or any(map(aggregates, clauses)):
            raise NotLocal(Reason.AGGREGATE_WITHOUT_GROUP, select)
        return
    if any(group.args.get(word) for word in ("grouping_sets", "cube", "rollup", "totals")):
        raise NotLocal(Reason.GROUPING_SETS, group)
    if any(isinstance(part, (exp.Rollup, exp.Cube, exp.GroupingSets)) for part in group.expressions):
        raise NotLocal(Reason.GROUPING_SETS, group)
    if group.args.get("all"):
        parts = [part.unalias() for part in select.selects if not aggregates(part)]
    else:
        parts = list(group.expressions)
    if any(isinstance(part, (exp.Literal, exp.Tuple)) or part.find(exp.UDTF) for part in parts):
        raise NotLocal(Reason.NOT_UNDERSTOOD, group)
    if not all(is_composed_of(key, parts) for key in keys):
        raise NotLocal(Reason.KEY_NOT_FROM_INPUT, group)


def without_table_functions(key: exp.Expr) -> exp.Expr:
    """A key in which a function that makes rows gives way to its first argument."""

    def change(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.UDTF):
            return node
        inner: exp.Expr = node.expressions[0] if node.expressions else node.this
        return inner.copy()

    changed: exp.Expr = key.transform(change)
    return changed
