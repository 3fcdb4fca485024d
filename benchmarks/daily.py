"""Measure many small runs: ``python -m benchmarks.daily``, and a run that finds nothing new among many files.

A file of the purchases of a day arrives, and a run takes it in, 300 times: how long the last runs take beside the
first, and how large the lake becomes beside one that is built at once. Then a lake of 10,000 files, none of them new.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from pathlib import Path

from benchmarks.bench import fresh
from benchmarks.incremental import HEADER, Place

CLIENTS = 2_000
EARLY, LATE = slice(7, 12), slice(-5, None)
"""The runs around the tenth, and the last ones."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=300)
    parser.add_argument("--purchases", type=int, default=1_000, help="of a day")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=Path(".filon/bench"))
    options = parser.parse_args()
    folder = options.folder.absolute()
    show_days(fresh(folder / "daily"), options.days, options.purchases)
    show_nothing_new(fresh(folder / "many"), options.files)


def show_days(folder: Path, days: int, purchases: int) -> None:
    """A run for each day."""
    place = _with_clients(folder / "one-by-one")
    seconds = []
    for day in range(days):
        _put_day(place, day, purchases)
        seconds.append(place.run().seconds)
    early, late = (statistics.median(seconds[part]) for part in (EARLY, LATE))
    whole = Place(folder / "at-once")
    whole.folder.mkdir()
    shutil.copytree(place.sources, whole.sources)
    at_once = whole.run().seconds
    sizes = [_size(one.folder / "lake") for one in (place, whole)]
    print(
        f"{days} runs: the tenth {early:.2f} s, the last {late:.2f} s ({late / early:.2f}); all at once {at_once:.1f} s"
    )
    print(f"lake {sizes[0] / 1e6:.0f} MB, built at once {sizes[1] / 1e6:.0f} MB ({sizes[0] / sizes[1]:.1f} times)")
    for joined in (False, True):
        if joined:
            place.compact()
        place.sweep()
        left = _size(place.folder / "lake")
        files = len(list((place.folder / "lake").rglob("*.parquet")))
        commands = "`filon compact` and `filon sweep`" if joined else "`filon sweep`"
        print(f"after {commands}: {left / 1e6:.1f} MB ({left / sizes[1]:.1f} times), {files:,} Parquet files")


def show_nothing_new(folder: Path, files: int) -> None:
    """A run that finds nothing new."""
    place = _with_clients(folder)
    for number in range(files):
        _put_day(place, number, 1)
    first = place.run().seconds
    again = [place.run() for _ in range(5)]
    wall, spent = (
        statistics.median(run) for run in zip(*((one.seconds, one.processor_s) for one in again), strict=True)
    )
    print(f"{files:,} files: first run {first:.1f} s, nothing new {wall:.2f} s, {spent:.2f} s of processors")


def _with_clients(folder: Path) -> Place:
    place = Place(folder)
    place.sources.mkdir(parents=True)
    rows = (f"{n},Ada Lovelace,c{n}@exemple.fr,2023-01-01,France" for n in range(1, CLIENTS + 1))
    (place.sources / "clients.csv").write_text("\n".join(["id_client,nom,email,date_inscription,pays", *rows]))
    return place


def _put_day(place: Place, day: int, purchases: int) -> None:
    date = f"{2024 + day // 336 % 2}-{day // 28 % 12 + 1:02d}-{day % 28 + 1:02d}"
    first = day * purchases
    rows = (f"{n},{n * 7 % CLIENTS + 1},{date},{n % 900 + 1}.50,Souris" for n in range(first, first + purchases))
    (place.sources / f"achats_{day:05d}.csv").write_text("\n".join([",".join(HEADER), *rows]) + "\n")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
