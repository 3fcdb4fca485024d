"""Measure a week more of the shipped example: ``python -m benchmarks.weekly``, a run beside a rebuild with ``--force``.

The transactions of completejourney lie in a file for each of its weeks, and the last whole one arrives.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks.bench import fresh
from benchmarks.incremental import Change, Place, compare

EXAMPLE = Path(__file__).parents[1] / "examples" / "completejourney"
ARRIVING = "52"
"""Week 53 is a single day."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(".filon/bench"))
    options = parser.parse_args()
    folder = fresh(options.folder.absolute() / "weekly")
    base = Place(folder / "base", EXAMPLE)
    subprocess.run([sys.executable, EXAMPLE / "prepare.py", base.sources], check=True, capture_output=True)
    weeks = split(base.sources / "transactions.csv", fresh(folder / "weeks"))
    for name in weeks - {ARRIVING, "53"}:
        _file(folder / "weeks", name).rename(_file(base.sources, name))
    base.run()

    def arrive(place: Place) -> None:
        shutil.copy(_file(folder / "weeks", ARRIVING), place.sources)

    print("| change | run | rebuild | ratio |\n|---|---|---|---|")
    [row] = compare(base, Change("one week more", arrive), options.rounds, served=False)
    print(f"| one week more | {row} |")


def split(source: Path, folder: Path) -> set[str]:
    """Divide transactions by week, and delete their file; the weeks."""
    folder.mkdir(parents=True)
    writers: dict[str, csv.DictWriter[str]] = {}
    with source.open(encoding="utf-8", newline="") as lines, ExitStack() as stack:
        rows = csv.DictReader(lines)
        for row in rows:
            week = row["week"]
            if week not in writers:
                stream = stack.enter_context(_file(folder, week).open("w", encoding="utf-8", newline=""))
                writers[week] = csv.DictWriter(stream, list(row))
                writers[week].writeheader()
            writers[week].writerow(row)
    source.unlink()
    return set(writers)


def _file(folder: Path, week: str) -> Path:
    return folder / f"transactions_{week}.csv"


if __name__ == "__main__":
    main()
