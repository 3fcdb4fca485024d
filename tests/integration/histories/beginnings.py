"""How histories begin. Many begin alike, and then the first run, which builds every table, need not be repeated."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from tests.integration.histories.files import LINES, PATHS, Arrival, arrivals
from tests.integration.histories.place import Place

Beginning = tuple[Arrival, ...]
KNOWN: tuple[Beginning, ...] = (
    (("clients-a.csv", ("1,fr,",)),),
    (
        ("clients-a.csv", ("1,fr,", "2,uk,", "3,,2025-01-01")),
        ("purchases-a.csv", ("1,1,2025-01-05,5.00,,", "2,1,2025-01-31,7.50,,", "3,2,2025-02-01,5.00,x,2025-01-01")),
        ("purchases-b.csv", ("3,1,2025-02-20,7.50,,", "4,3,2025-01-05,5.00,,")),
        ("returns-a.csv", ("1,broken", "3,late")),
    ),
    (  # of each key, a row that wins and one that does not
        ("clients-a.csv", ("1,fr,2025-01-01", "2,uk,2025-02-02")),
        ("clients-b.csv", ("1,uk,", "2,fr,")),
        ("purchases-a.csv", ("1,1,2025-01-05,5.00,,", "1,2,2025-02-01,7.50,,", "2,2,2025-01-31,5.00,,2025-02-02")),
        ("purchases-b.csv", ("2,1,2025-01-31,7.50,,2025-01-01", "1,1,2025-01-05,7.50,,")),
        ("visits-north.csv", ("1,2025-01-05", "1,2025-01-05", ",2025-01-31")),
    ),
    (  # rows that wait for a client, a purchase or a day, and others at fault
        ("clients-a.csv", ("1,fr,", "x,fr,")),
        ("purchases-a.csv", ("1,1,2025-02-20,5.00,,", "2,2,2025-01-05,7.50,,", ",1,2025-01-05,5.00,,")),
        ("purchases-b.csv", ("1,1,2025-01-05,7.50,,", "3,1,2025-01-31,150.00,,", "4,1,2025-03-02,5.00,,")),
        ("returns-a.csv", ("1,broken", "2,late", "5,late", "3,")),
        ("visits-south.csv", ("1,2025-03-02", "2,2025-01-05", "x,")),
    ),
)
"""Beginnings that most histories share; the first is the simplest."""
FIRST_CLIENTS = LINES["clients"].map(lambda lines: (PATHS["clients"][0], ["1,fr,", *lines]))
"""With one client at least: without any, all that follows would be orphans."""
OTHER = st.tuples(FIRST_CLIENTS, arrivals("purchases"), arrivals("purchases"), arrivals("returns", "visits"))
FIRST_FILES: st.SearchStrategy[Beginning] = st.integers(0, 9).flatmap(
    lambda number: OTHER if number == 9 else st.just(KNOWN[number % len(KNOWN)])
)


@dataclass(frozen=True)
class Beginnings:
    """Lakes and stores after their first run, kept in ``folder``; each is copied for the histories that begin so."""

    folder: Path

    def begin(self, place: Place, what: Hashable, first_run: Callable[[], object]) -> None:
        """Let the first run of a place happen, or copy what became of another place that began with the same."""
        kept = self.folder / hashlib.sha256(repr(what).encode()).hexdigest()
        if kept.exists():
            shutil.copytree(kept, place.folder)
        else:
            first_run()
            shutil.copytree(place.folder, kept)
