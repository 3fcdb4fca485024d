"""What may arrive: few keys, few values and few names of files, so that rows and files meet each other all the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

Lines = Sequence[str]
Arrival = tuple[str, Lines]
"""A path, and the lines behind the header of the file that arrives there."""

HEADERS: Mapping[str, str] = {
    "clients": "client,country,changed",
    "purchases": "id,client,day,amount,note,changed",
    "returns": "purchase,reason",
    "visits": "client,day",
}
PATHS: Mapping[str, Sequence[str]] = {
    "clients": ("clients-a.csv", "clients-b.csv"),
    "purchases": ("purchases-a.csv", "purchases-b.csv", "purchases-c.csv"),
    "returns": ("returns-a.csv", "returns-b.csv"),
    "visits": ("visits-north.csv", "visits-south.csv"),
}
EVERY_PATH = tuple(path for paths in PATHS.values() for path in paths)
CLIENTS, PURCHASES = ("1", "2", "3"), ("1", "2", "3", "4", "5")
DAYS = ("2025-01-05", "2025-01-31", "2025-02-01", "2025-02-20", "2025-03-02")
AS_OF = ("2025-02-10", "2025-01-31", "2025-03-01", "2026-01-01")
CHANGED = ("", "2025-01-01", "2025-02-02")


def dataset_of(path: str) -> str:
    """The dataset whose pattern a path matches."""
    return path.partition("-")[0]


def content_of(path: str, lines: Lines) -> bytes:
    """A file of a dataset."""
    return "".join(f"{line}\n" for line in (HEADERS[dataset_of(path)], *lines)).encode()


def _lines(*cells: Sequence[str], faults: Sequence[str]) -> st.SearchStrategy[Lines]:
    """Lines of a file: good ones, and now and then one at fault. Cells that stand first in a list are simpler."""
    good = st.tuples(*map(st.sampled_from, cells)).map(",".join)
    return st.lists(st.one_of(*[good] * 7, st.sampled_from(faults)), max_size=12)


LINES: Mapping[str, st.SearchStrategy[Lines]] = {
    "clients": _lines(CLIENTS, ("fr", "uk", ""), CHANGED, faults=(",fr,", "x,fr,", "1,fr,yesterday", "2,fr")),
    "purchases": _lines(
        PURCHASES,
        ("1", "1", *CLIENTS),
        DAYS,
        ("5.00", "7.50", "5.00", "150.00"),
        ("", "x"),
        CHANGED,
        faults=(
            ",1,2025-01-05,5.00,,",
            "1,,2025-01-05,5.00,,",
            "1,1,,5.00,,",
            "1,1,2025-01-05,0,,",
            "1,1,x,y,,",
            "1,1",
        ),
    ),
    "returns": _lines(PURCHASES, ("broken", "late", ""), faults=(",broken", "x,broken", "1", "1,a,b")),
    "visits": _lines(("", *CLIENTS), ("", *DAYS), faults=("x,", "1,2,3")),
}
BROKEN = (b"", b"nothing,of\nthis,kind\n", b"\xff\xfe\x00\x01")
"""Files that are refused whole, whatever their name."""


def arrivals(*datasets: str) -> st.SearchStrategy[Arrival]:
    """A file of one of some datasets."""
    return st.one_of(*(st.tuples(st.sampled_from(PATHS[name]), LINES[name]) for name in datasets))


@dataclass
class Shelf:
    """The files of the sources, and per path what stood there before."""

    files: dict[str, bytes]
    earlier: dict[str, bytes]

    def put(self, path: str, content: bytes | None) -> None:
        """Write or delete a file."""
        before = self.files.pop(path, None)
        if before is not None and before != content:
            self.earlier[path] = before
        if content is not None:
            self.files[path] = content
