"""Histories that are fixed: short sequences of the rules of the machine, each of which shows some faults.

Chance finds a fault sooner or later; these find it at once, and again in each run of the tests.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.integration.histories.beginnings import KNOWN
from tests.integration.histories.machine import Histories

Script = Callable[[Histories], None]
ONE_CLIENT, SALES, RANKED, WAITING = KNOWN


def carry_out(script: Script, machine: type[Histories] = Histories) -> None:
    """Let a fixed history happen, and judge its end."""
    history = machine()
    try:
        script(history)
    finally:
        history.teardown()


def nothing_follows(history: Histories) -> None:
    """Only the first run, of records with many reasons."""
    history.begin(WAITING, serves=False, extends=True)


def more_purchases(history: Histories) -> None:
    history.begin(SALES, serves=False, extends=True)
    history.purchases_arrive(("purchases-c.csv", ("5,1,2025-01-05,5.00,,",)), run=True)


def purchases_retracted(history: Histories) -> None:
    """Rows leave every table, and one that was outranked takes the place of another."""
    history.begin(SALES, serves=False, extends=True)
    history.is_retracted(2, run=True)


def served_purchases_retracted(history: Histories) -> None:
    history.begin(SALES, serves=True, extends=True)
    history.is_retracted(2, run=True)


def newer_purchases(history: Histories) -> None:
    """Of two keys, a row comes that outranks the one that was there."""
    history.begin(SALES, serves=False, extends=True)
    newer = ("1,1,2025-01-05,7.50,,2025-02-02", "2,2,2025-01-31,5.00,,2025-02-02")
    history.purchases_arrive(("purchases-c.csv", newer), run=True)


def late_client(history: Histories) -> None:
    """A client arrives after a purchase."""
    history.begin(WAITING, serves=False, extends=True)
    history.clients_arrive(("clients-b.csv", ("2,uk,",)), run=True)


def lost_client(history: Histories) -> None:
    """A client goes whose purchases stay, because orphans only warn."""
    history.begin(RANKED, serves=False, extends=True)
    history.clients_arrive(("clients-b.csv", ("3,uk,",)), run=False)
    history.project_becomes("orphans only warn", run=True)
    history.clients_arrive(("clients-a.csv", ("1,fr,2025-01-01",)), run=True)


def returns_replaced(history: Histories) -> None:
    """A file without dates is replaced twice: what it held first is history that the last run does not read again."""
    history.begin(SALES, serves=False, extends=True)
    history.others_arrive(("returns-a.csv", ("1,late", "3,late")), run=True)
    history.others_arrive(("returns-a.csv", ("1,broken", "3,late")), run=True)


def client_and_purchases(history: Histories) -> None:
    """In one run a client changes, and another one's purchase arrives."""
    history.begin(SALES, serves=False, extends=True)
    history.clients_arrive(("clients-b.csv", ("2,fr,2025-02-02",)), run=False)
    history.purchases_arrive(("purchases-c.csv", ("5,3,2025-01-05,5.00,,",)), run=True)


def forgotten_client(history: Histories) -> None:
    """A client is erased, then purchases of that client arrive, and rows that outranked others are gone."""
    history.begin(SALES, serves=False, extends=True)
    history.is_forgotten("1", recompute=False)
    history.purchases_arrive(
        ("purchases-c.csv", ("1,1,2025-01-05,7.50,,2025-02-02", "5,2,2025-01-05,5.00,,")), run=True
    )


def laxer_rule(history: Histories) -> None:
    history.begin(WAITING, serves=False, extends=True)
    history.project_becomes("a laxer rule", run=True)


def other_select(history: Histories) -> None:
    history.begin(SALES, serves=False, extends=True)
    history.project_becomes("months of other rows", run=True)


def later_day(history: Histories) -> None:
    """Dates that lay in the future do so no more."""
    history.begin(WAITING, serves=False, extends=True)
    history.day_becomes("2025-03-01", run=True)


def day_of_a_model(history: Histories) -> None:
    """The as-of date changes what a model selects, and no verdict."""
    history.begin((*ONE_CLIENT, ("purchases-a.csv", ("1,1,2025-01-05,5.00,,",))), serves=False, extends=True)
    history.day_becomes("2025-01-31", run=True)


def after_a_rollback(history: Histories) -> None:
    """Two releases, the first of which is published again, and then something new."""
    more_purchases(history)
    history.roll_back(1)
    history.purchases_arrive(("purchases-a.csv", ("2,1,2025-01-31,7.50,,",)), run=True)


def replaced_after_it_was_read_again(history: Histories) -> None:
    """Of two files that share a bronze file, one is gone, and the other is read again and then replaced."""
    history.begin(SALES, serves=False, extends=True)
    history.project_becomes("fewer faults allowed", run=False)
    history.disappears(2, run=True)
    history.purchases_arrive(("purchases-a.csv", ("1,1,2025-01-05,5.00,,",)), run=True)


def forgotten_after_a_rollback(history: Histories) -> None:
    """A run leaves the rollback in place, whose tables the project of today does not compute so."""
    history.begin((("clients-a.csv", ("1,fr,",)),), serves=False, extends=True)
    history.project_becomes("sales without returns", run=True)
    history.roll_back(back=1)
    history.is_forgotten("1", recompute=False)
    assert history.seen["forgotten after a rollback"]


FOUND = (replaced_after_it_was_read_again, forgotten_after_a_rollback)
"""Histories in which a difference was found once; each was the shortest that showed it."""
