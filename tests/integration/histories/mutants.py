"""Faults in the code that decides what is computed again: each makes a lake differ from one without a past."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from filon.engines.changes import ChangeLog, Changes
from filon.lake import FileState, FileVersion, Ledger, Quality, Release
from filon.serving.mongo.session import MongoSession
from filon.serving.sqlite.session import SQLiteSession
from filon.stages import checks, extending, publish
from filon.stages.context import Context
from filon.stages.gold import build as gold
from filon.stages.gold import extend as gold_extend
from filon.stages.incremental import Local
from filon.stages.silver import build as silver
from filon.stages.silver import history as silver_history
from filon.stages.silver.extend import Extension
from filon.stages.silver.recount import Recount
from tests.integration.histories.scripts import (
    Script,
    after_a_rollback,
    client_and_purchases,
    day_of_a_model,
    late_client,
    later_day,
    laxer_rule,
    lost_client,
    more_purchases,
    newer_purchases,
    nothing_follows,
    other_select,
    purchases_retracted,
    returns_replaced,
    served_purchases_retracted,
)

Damage = Callable[[Any], Any]
"""Makes of a function the one that takes its place."""


@dataclass(frozen=True)
class Mutant:
    """A function that is replaced: that of a module or class, by its name there; and a history that shows it."""

    name: str
    owner: object
    function: str
    damage: Damage
    history: Script

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The fault is in the code while the block runs."""
        sound = getattr(self.owner, self.function)
        setattr(self.owner, self.function, self.damage(sound))
        try:
            yield
        finally:
            setattr(self.owner, self.function, sound)


def without(fact: str) -> Damage:
    """Fingerprints do not depend on a fact."""

    def damage(fingerprint_of: Callable[[Mapping[str, object]], str]) -> Callable[[Mapping[str, object]], str]:
        return lambda facts: fingerprint_of({name: value for name, value in facts.items() if name != fact})

    return damage


def _also_retracted(ledger: Ledger, dataset: str) -> tuple[FileVersion, ...]:
    states = (FileState.LIVE, FileState.RETRACTED)
    return tuple(v for v in ledger.versions if v.state in states and v.dataset == dataset)


def _reasons_of_first_files(quality: Callable[[Any], Quality]) -> Callable[[Any], Quality]:
    def damaged(judgement: Any) -> Quality:
        found = quality(judgement)
        return found.model_copy(update={"reasons": {n: r for n, r in found.reasons.items() if n < 4}})

    return damaged


def _also_after_rollbacks(is_known: Callable[..., bool]) -> Callable[..., bool]:
    def damaged(context: Context, release: Release, published: Release | None) -> bool:
        rolled_back = published is not None and published.rolled_back_from is not None
        return rolled_back or is_known(context, release, published)

    return damaged


def _nothing(*_: object) -> list[str]:
    return []


def _first_place_only(places: Callable[..., Iterator[str]]) -> Callable[..., Iterator[str]]:
    return lambda extension, layer: islice(places(extension, layer), 1)


def _new_rows_only(changed: Callable[..., str]) -> Callable[..., str]:
    return lambda extension, build, changes: changed(extension, build, changes).split(" UNION ALL ")[1]


def _one_input_only(affected: Callable[..., str]) -> Callable[..., str]:
    return lambda strategy, changed: affected(strategy, sorted(changed)[:1])


def _came_only(missing: Callable[..., str]) -> Callable[..., str]:
    return lambda table, column, target, parent, own, _: missing(table, column, target, parent, own, Changes())


def _nothing_gone(found: Callable[..., Any]) -> Callable[..., Any]:
    def damaged(work: Any, base: Any, referenced: Any) -> Any:
        extension = found(work, base, referenced)
        return replace(extension, gone=frozenset()) if isinstance(extension, Extension) else extension

    return damaged


def _none_of_them(query: Callable[..., str]) -> Callable[..., str]:
    return lambda *facts: f"{query(*facts)} AND FALSE"


def _no_partition(*_: object) -> str:
    """A query for the partition of rows without a date."""
    return "SELECT CAST(NULL AS VARCHAR)"


NOTHING_CLOSED = "rows of the store are not closed"
MUTANTS = (
    Mutant("a retracted file keeps its rows", Ledger, "live", lambda _: _also_retracted, purchases_retracted),
    Mutant("files that came or went are not looked at", silver, "fingerprint_of", without("files"), more_purchases),
    Mutant(
        "a change of a referenced table is not looked at", silver, "fingerprint_of", without("referenced"), late_client
    ),
    Mutant("a change of a source contract is not looked at", silver, "fingerprint_of", without("dataset"), laxer_rule),
    Mutant("the date of a judgement is not looked at", Quality, "holds_at", lambda _: lambda *_: True, later_day),
    Mutant(
        "reasons of later files are not counted", silver._Work, "_quality", _reasons_of_first_files, nothing_follows
    ),
    Mutant("a change of a model's input is not looked at", gold, "fingerprint_of", without("inputs"), more_purchases),
    Mutant("a change of a model's SELECT is not looked at", gold, "fingerprint_of", without("model"), other_select),
    Mutant("the date that a model reads is not looked at", gold, "fingerprint_of", without("settings"), day_of_a_model),
    Mutant("what follows a rollback is not published", publish, "_is_known", _also_after_rollbacks, after_a_rollback),
    Mutant(
        "rows of the store are not closed",
        SQLiteSession,
        "close",
        lambda _: lambda *_: 0,
        served_purchases_retracted,
    ),
    Mutant("old rows of a partition are not read", Local, "own_partitions", lambda _: _no_partition, newer_purchases),
    Mutant("an outranked row is kept", Extension, "_leaving_places", _first_place_only, newer_purchases),
    Mutant("an orphan is not judged again", Extension, "_of_references", lambda _: _nothing, late_client),
    Mutant("a date that was passed is not looked at", Extension, "_of_date", lambda _: _nothing, later_day),
    Mutant("a count is kept", Recount, "_moved", lambda _: lambda *_: {}, newer_purchases),
    Mutant(
        "reasons are kept",
        Recount,
        "_reasons",
        lambda _: lambda recount, _: recount.base.reasons,
        late_client,
    ),
    Mutant("versions that went are not looked at", silver._Work, "_changed_files", _nothing_gone, purchases_retracted),
    Mutant(
        "of an input, only rows that came count",
        gold_extend.Extension,
        "_changed_rows",
        _new_rows_only,
        purchases_retracted,
    ),
    Mutant("of two inputs that changed, one counts", Local, "affected", _one_input_only, client_and_purchases),
    Mutant(
        "the changes of a table are not known to the next",
        ChangeLog,
        "since",
        lambda _: lambda *_: Changes(),
        more_purchases,
    ),
    Mutant(
        "rows of affected keys are kept",
        Local,
        "kept",
        lambda _: lambda _, table: f"SELECT * FROM {table}",
        purchases_retracted,
    ),
    Mutant("references to what went are not counted", checks, "_missing", _came_only, lost_client),
    Mutant("records of former contents are forgotten", silver_history, "former_query", _none_of_them, returns_replaced),
    Mutant("a row that leaves stays in its file", extending, "_last", lambda _: lambda _: "", purchases_retracted),
)
IN_MONGODB = Mutant(NOTHING_CLOSED, MongoSession, "close", lambda _: lambda *_: 0, served_purchases_retracted)
