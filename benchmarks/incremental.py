"""Measure what a change costs, beside a rebuild: ``python -m benchmarks.incremental --purchases 10000000``.

The purchases lie in 500 files, one after the other in time. For each change, the lake and the store of the state before
are copied, and the run that takes the change in is measured, to the release and to the served page (SQLite). The
reference of the first is a rebuild with ``--force`` of the state after the change, that of the second a first run and
load. All in one session, in turn; medians. What is compared first: both come to the same tables.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from benchmarks.bench import AS_OF, Measure, filon, fresh, measure, prepare

FILES = 500
HEADER = ("id_achat", "id_client", "date_achat", "montant", "produit")


@dataclass
class Place:
    """Sources, lake and store of a state, in one folder; ``project`` is that of the sales if none is given."""

    folder: Path
    project: Path | None = None

    @property
    def sources(self) -> Path:
        """The folder of the CSV files."""
        return self.folder / "sources"

    def run(self, *arguments: str, served: bool = False) -> Measure:
        """A run, to the release or to the store."""
        serving = ["--serving", f"sqlite:///{self.folder}/serving.db"] if served else ["--until", "release"]
        return measure(filon("run", "--as-of", AS_OF, *self._places, *serving, *arguments))

    def retract(self, path: str) -> None:
        """Retract a file version."""
        measure(filon("retract", path, "--yes", *self._lake))

    def sweep(self) -> None:
        """Delete all releases but the newest, and what only they need."""
        measure(filon("sweep", "--keep", "1", "--hours", "0", *self._lake))

    def compact(self) -> None:
        """Join small files."""
        measure(filon("compact", *self._lake))

    @property
    def _places(self) -> list[str]:
        return ["--sources", str(self.sources), *self._lake]

    @property
    def _lake(self) -> list[str]:
        project = ["--project", str(self.project)] if self.project else []
        return [*project, "--lake", str(self.folder / "lake")]

    def copy(self, folder: Path) -> Place:
        """A copy. Files of sources and lake are never written again, so they are linked; the store is copied."""
        fresh(folder).mkdir(parents=True)
        for name in ("sources", "lake"):
            subprocess.run(["cp", "-al", self.folder / name, folder / name], check=True)
        for store in self.folder.glob("serving.db*"):
            shutil.copy2(store, folder)
        return Place(folder, self.project)

    def tables(self) -> dict[str, str]:
        """The fingerprint of every gold table of the newest release."""
        newest = max((self.folder / "lake" / "metadata" / "releases").glob("*.json"))
        return {name: build["fingerprint"] for name, build in json.loads(newest.read_text())["tables"].items()}


@dataclass(frozen=True)
class Change:
    """A change of the sources of a place, and its name."""

    name: str
    make: Callable[[Place], None]


@dataclass
class Times:
    """Seconds of the runs of one kind."""

    change: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)

    def row(self) -> str:
        """Medians and their ratio."""
        ours, theirs = statistics.median(self.change), statistics.median(self.reference)
        return f"{ours:.1f} s | {theirs:.1f} s | {ours / theirs:.0%}"


def split(source: Path, folder: Path) -> None:
    """Split purchases by their date into ``FILES`` files; what is no date goes to the first."""
    folder.mkdir(parents=True)
    names = [folder / f"achats_{number:03d}.csv" for number in range(FILES)]
    files = [name.open("w", encoding="utf-8") for name in names]
    with source.open(encoding="utf-8") as lines:
        header = next(lines)
        for file in files:
            file.write(header)
        for line in lines:
            files[_part(line.split(",", 3)[2])].write(line)
    for file in files:
        file.close()


def _part(day: str) -> int:
    year, month, of_month = (*day.split("-"), "", "")[:3]
    if year not in {"2024", "2025"} or not (month + of_month).isdigit():
        return 0
    number = (int(year) - 2024) * 372 + (int(month) - 1) * 31 + int(of_month) - 1
    return min(FILES - 1, number * FILES // 744)


def changes(purchases: int) -> list[Change]:
    """The changes that are measured."""

    def new(place: Place) -> None:
        rows = (
            (purchases * 10 + n, 1 + n * 7 % (purchases // 10), f"2025-12-{1 + n % 31:02d}", "19.90", "Souris")
            for n in range(purchases // 100)
        )
        _write(place.sources / "achats_new.csv", rows)

    def corrected(place: Place) -> None:
        _write(place.sources / "achats_corrected.csv", _corrections(place, purchases // 1000))

    def moved(place: Place) -> None:
        with (place.sources / "clients.csv").open(encoding="utf-8") as lines:
            header, client = next(lines), next(lines).rstrip("\n").split(",")
        (place.sources / "clients_moved.csv").write_text(header + ",".join([*client[:-1], "Suisse"]) + "\n")

    def retracted(place: Place) -> None:
        place.retract("achats_250.csv")

    return [
        Change("1% new purchases, latest month", new),
        Change("0.1% corrected, all months", corrected),
        Change("one client moves country", moved),
        Change(f"one of {FILES} files retracted", retracted),
    ]


def _corrections(place: Place, wanted: int) -> Iterator[Sequence[object]]:
    """Purchases of every file, with another amount."""
    for number in range(FILES):
        with (place.sources / f"achats_{number:03d}.csv").open(encoding="utf-8") as lines:
            next(lines)
            for line in islice(lines, wanted // FILES):
                yield [*line.rstrip("\n").split(",")[:3], "77.77", "Webcam"]


def _write(path: Path, rows: Iterator[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--purchases", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--released", action="store_true", help="leave the store out")
    parser.add_argument("--only", type=int, nargs="*", help="numbers of changes, from 0")
    parser.add_argument("--folder", type=Path, default=Path(".filon/bench"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    base = prepare_base(options.folder.absolute(), options.purchases, served=not options.released)
    print(
        "| change | run | rebuild | ratio | run and load | first run and load | ratio |\n|---|---|---|---|---|---|---|"
    )
    for number, change in enumerate(changes(options.purchases)):
        if options.only is None or number in options.only:
            print(
                f"| {change.name} | {' | '.join(compare(base, change, options.rounds, served=not options.released))} |",
                flush=True,
            )


def prepare_base(folder: Path, purchases: int, *, served: bool) -> Place:
    """The state before, made once."""
    place = Place(folder / f"incremental-{purchases}")
    if not place.sources.exists():
        whole, unfinished = prepare(folder, purchases, 0.01), fresh(folder / "unfinished")
        split(whole / "achats.csv", unfinished)
        shutil.copy2(whole / "clients.csv", unfinished)
        place.folder.mkdir(exist_ok=True)
        unfinished.rename(place.sources)
    shutil.rmtree(place.folder / "lake", ignore_errors=True)
    for store in place.folder.glob("serving.db*"):
        store.unlink()
    print(f"first run: {place.run(served=served).seconds:.1f} s", file=sys.stderr)
    return place


def compare(base: Place, change: Change, rounds: int, *, served: bool) -> list[str]:
    """Both figures of a change."""
    released, loaded = Times(), Times()
    work = base.folder.parent / "incremental-work"
    for _ in range(rounds):
        place = base.copy(work)
        change.make(place)
        released.change.append(place.run().seconds)
        after = place.tables()
        released.reference.append(place.run("--force").seconds)
        if place.tables() != after:
            raise RuntimeError(f"{change.name}: the tables differ, the comparison means nothing")
        if served:
            place = base.copy(work)
            change.make(place)
            loaded.change.append(place.run(served=True).seconds)
            for part in (work / "lake", *work.glob("serving.db*")):
                shutil.rmtree(part) if part.is_dir() else part.unlink()
            loaded.reference.append(place.run(served=True).seconds)
    return [times.row() for times in (released, loaded) if times.change]


if __name__ == "__main__":
    main()
