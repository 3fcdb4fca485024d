"""Measure how long commands take that have nothing to do: ``python -m benchmarks.starts``, beside ``import duckdb``."""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
from pathlib import Path

from benchmarks.bench import filon, fresh, measure

REFERENCE = "python -c 'import duckdb'"
COMMANDS = ("--help", "status", "releases", "run", "plan", "show dim_produits", "check")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", type=Path, default=Path(".filon/bench"))
    options = parser.parse_args()
    folder = fresh(options.folder.absolute() / "starts")
    folder.mkdir(parents=True)
    commands = {REFERENCE: [sys.executable, "-c", "import duckdb"]}
    commands |= {f"filon {command}": filon(*command.split()) for command in COMMANDS}
    with contextlib.chdir(folder):
        measure(filon("demo", "--no-serve"))
        for command in commands.values():  # once before: files of modules are read from the disk, projects are kept
            measure(command)
        rounds = [{name: measure(command) for name, command in commands.items()} for _ in range(options.rounds)]
    spent = {name: statistics.median(one[name].processor_s for one in rounds) for name in commands}
    print("| | processor s | times the first |\n|---|---|---|")
    for name, processor_s in spent.items():
        print(f"| `{name}` | {processor_s:.3f} | {processor_s / spent[REFERENCE]:.1f} |")


if __name__ == "__main__":
    main()
