"""The history of a dataset: a table with every state of each key, and the time in which it was valid."""

from __future__ import annotations

from dataclasses import replace

from filon.project.columns import IS_CURRENT, VALID_FROM, VALID_TO, Column
from filon.project.contract import Contract
from filon.project.document import Document
from filon.project.implied import contract_checks
from filon.project.source_words import value_place
from filon.project.types import ColumnType, Kind
from filon.project.vocabulary import History

SUFFIX = "_history"
INTERVAL = (VALID_FROM, VALID_TO, IS_CURRENT)
MOMENTS = (Kind.DATE, Kind.TIMESTAMP)


def history_of(
    document: Document, contract: Contract, newest: str | None, wanted: History | None, *, is_dated: bool
) -> Contract | None:
    """The contract of the history of a dataset; None when none is wanted, or for a mistake, which is reported.

    Args:
        document: the contract's file
        contract: the contract of the dataset
        newest: the column that decides between records of one key, and says since when each is valid
        wanted: the word ``history``
        is_dated: whether the contract names such a column, even if it is no column

    """
    if wanted is None:
        return None
    place = value_place(document, "history")
    taken = [name for name in contract.column_names if name.casefold() in INTERVAL]
    for name in taken:
        what = f"the history of `{contract.name}` has a column `{name.casefold()}` of its own"
        fix = f"give the column another `name`, and `physicalName: {contract.column(name).header}`"
        document.report(contract.place_of(name), what, fix)
    if not contract.key:
        what = f"a history has the states of each key, and `{contract.name}` has no key"
        document.report(place, what, "mark its columns with `primaryKey: true`, or remove `history`")
        return None
    moment = ColumnType(Kind.TIMESTAMP) if newest is None else contract.column(newest).type
    if moment.kind not in MOMENTS:
        what = f"a state is valid since a date or a moment, and `newest` compares `{newest}`, a {moment}"
        document.report(place, what, "let `newest` compare a date or a timestamp, or remove one of the two")
        return None
    if taken or (is_dated and newest is None):
        return None
    return _history_contract(contract, moment)


def _history_contract(contract: Contract, moment: ColumnType) -> Contract:
    # what values must be is judged once, for the records that the states come from
    states = [replace(column, unique=False, reference=None, rules=()) for column in contract.columns]
    interval = (
        Column(VALID_FROM, moment, required=True, description="Since when the row was valid"),
        Column(VALID_TO, moment, description="Until when the row was valid, without that moment; null: it still is"),
        Column(IS_CURRENT, ColumnType(Kind.BOOLEAN), required=True, description="Whether the row is valid still"),
    )
    history = replace(
        contract,
        name=f"{contract.name}{SUFFIX}",
        columns=(*states, *interval),
        key=(*contract.key, VALID_FROM),
        partition=None,
        checks=(),
    )
    return replace(history, checks=tuple(contract_checks(history)))
