"""Measure a run from CSV to release, beside the same work written by hand: ``make bench ARGS="--purchases 10000000"``.

Both run as processes of their own, in turn, in one session; what counts is the ratio of their wall times. Filon runs
twice each time: the retail project as it is, and without its history of clients, which the script does not make.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from filon.projects import retail

AS_OF = "2026-01-01"
HISTORICAL = ("int_ventes_par_client_pays", "kpi_ca_par_pays_historique")
HISTORY = "      - property: history\n        value: scd2\n"
CHECKSUM = "SELECT count(*), sum(montant), sum(id_achat % 1000003 * (montant * 100 % 997)) FROM read_parquet({files})"


@dataclass(frozen=True)
class Measure:
    """A process: wall time and processor time in seconds, peak resident memory in MB."""

    seconds: float
    processor_s: float
    peak_mb: float


def measure(command: Sequence[str], **environment: str) -> Measure:
    """Run a command to its end; RuntimeError when it fails."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **environment})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{output.read().decode()[-4000:]}")
    return Measure(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def filon(*arguments: str) -> list[str]:
    """The command line of Filon."""
    return [sys.executable, "-m", "filon", *arguments]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--purchases", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dirty", type=float, default=0.01)
    parser.add_argument("--folder", type=Path, default=Path(".filon/bench"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print("| purchases | Filon | by hand | ratio | same tables only | ratio | Filon peak | by hand peak |")
    print("|---|---|---|---|---|---|---|---|")
    times = {}
    for purchases in options.purchases:
        sources = prepare(options.folder, purchases, options.dirty)
        ours, same, theirs = compare(options.folder, sources, options.rounds)
        times[purchases] = median(ours)
        print(row(purchases, ours, same, theirs), flush=True)
    sizes = sorted(times)
    if len(sizes) > 1:
        growth = times[sizes[-1]] / times[sizes[0]]
        print(f"\nFrom {sizes[0]:,} to {sizes[-1]:,} purchases, the time grows {growth:.1f} times.")
    show_small_memory(options.folder, prepare(options.folder, sizes[-1], options.dirty), sizes[-1])
    show_small(options.folder, options.rounds)


def prepare(folder: Path, purchases: int, dirty: float) -> Path:
    """Generate the CSV files once: a tenth as many clients as purchases, duplicates and bad rows."""
    sources = folder / f"sources-{purchases}-{dirty}"
    if not sources.exists():
        unfinished = fresh(folder / "unfinished")
        clients = str(max(1, purchases // 10))
        arguments = ["--purchases", str(purchases), "--clients", clients, "--dirty", str(dirty)]
        measure(filon("generate", str(unfinished), *arguments))
        unfinished.rename(sources)
    return sources


def without_history(folder: Path) -> Path:
    """The retail project with the tables of the script alone."""
    others = [f"{name}*" for name in (*HISTORICAL, "tests", "pages", "__pycache__")]
    shutil.copytree(retail.FOLDER, fresh(folder), ignore=shutil.ignore_patterns("*.py", *others))
    clients = folder / "sources" / "clients.yaml"
    text = clients.read_text(encoding="utf-8")
    if HISTORY not in text:
        raise RuntimeError("clients have no history: the comparison means nothing")
    clients.write_text(text.replace(HISTORY, ""), encoding="utf-8")
    return folder


def compare(folder: Path, sources: Path, rounds: int) -> tuple[list[Measure], list[Measure], list[Measure]]:
    """Run all in turn, from nothing each time, and see that they come to the same fact table."""
    project = without_history(folder / "same-tables")
    ours, same, theirs = [], [], []
    for _ in range(rounds):
        lake, out = fresh(folder / "lake"), fresh(folder / "by-hand")
        same.append(measure([*run_command(str(sources), str(fresh(lake))), "--project", str(project)]))
        ours.append(measure(run_command(str(sources), str(fresh(lake)))))
        by_hand = [sys.executable, "-m", "benchmarks.by_hand", str(sources), str(out), AS_OF]
        theirs.append(measure(by_hand))
        if fact_of_lake(lake) != checksum([str(out / "fact_ventes.parquet")]):
            raise RuntimeError("the two fact tables differ: the comparison means nothing")
    return ours, same, theirs


def run_command(sources: str, lake: str) -> list[str]:
    """A whole run, from CSV to release."""
    return filon("run", "--until", "release", "--sources", sources, "--lake", lake, "--as-of", AS_OF)


def fresh(folder: Path) -> Path:
    """A folder that does not exist yet."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def fact_of_lake(lake: Path) -> tuple[object, ...]:
    """Checksum of the published fact table."""
    newest = max((lake / "metadata" / "releases").glob("*.json"))
    build: Mapping[str, list[dict[str, str]]] = json.loads(newest.read_text())["tables"]["gold/fact_ventes"]
    return checksum([str(lake / "gold" / "fact_ventes" / file["name"]) for file in build["files"]])


def checksum(files: list[str]) -> tuple[object, ...]:
    """Rows, total and a mixture of both columns of a fact table."""
    return duckdb.sql(CHECKSUM.format(files=files)).fetchall()[0]


def median(measured: Sequence[Measure]) -> float:
    """Median wall time."""
    return statistics.median(item.seconds for item in measured)


def row(purchases: int, ours: Sequence[Measure], same: Sequence[Measure], theirs: Sequence[Measure]) -> str:
    """One line of the table of results."""
    hand = median(theirs)
    peaks = [max(item.peak_mb for item in group) for group in (ours, theirs)]
    times = f"{median(ours):.1f} s | {hand:.1f} s | {median(ours) / hand:.2f}"
    times += f" | {median(same):.1f} s | {median(same) / hand:.2f}"
    return f"| {purchases:,} | {times} | {peaks[0]:,.0f} MB | {peaks[1]:,.0f} MB |"


def show_small_memory(folder: Path, sources: Path, purchases: int) -> None:
    """The same run with 1 GB for the engine."""
    command = run_command(str(sources), str(fresh(folder / "lake")))
    found = measure(command, FILON_MEMORY_LIMIT="1GB", FILON_WORKSPACE=str(folder))
    took = f"{found.seconds:.1f} s, peak {found.peak_mb:,.0f} MB"
    print(f"\nWith FILON_MEMORY_LIMIT=1GB, {purchases:,} purchases: {took}.")


def show_small(folder: Path, rounds: int) -> None:
    """The demo's size: a first run, and one that finds nothing new."""
    sources = prepare(folder, 8250, 0.01)
    first, again = [], []
    for _ in range(max(rounds, 5)):
        command = run_command(str(sources), str(fresh(folder / "lake")))
        first.append(measure(command))
        again.append(measure(command))
    print(f"\n1,500 clients: first run {median(first):.2f} s, nothing new {median(again):.2f} s.")


if __name__ == "__main__":
    main()
