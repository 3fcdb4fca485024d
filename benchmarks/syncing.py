"""Measure what it costs to bring a run to the disk: ``python -m benchmarks.syncing --purchases 8250 1000000``.

The same run, from nothing to a served release, with and without ``fsync``, in turn, in one session, as processes of
their own. SQLite syncs its own file in both.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from pathlib import Path

from benchmarks.bench import AS_OF, measure, prepare

WITHOUT = "import os; os.fsync = lambda handle: None; import filon.cli; filon.cli.main()"
COUNTED = """
import os, sys
really, count = os.fsync, []
os.fsync = lambda handle: (count.append(handle), really(handle))[1]
import filon.cli
try:
    filon.cli.main()
finally:
    open(os.environ["COUNT"], "w").write(str(len(count)))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--purchases", type=int, nargs="+", default=[8_250, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(".filon/bench"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print("| purchases | with sync | without | more | calls of `fsync` |\n|---|---|---|---|---|")
    for purchases in options.purchases:
        sources = prepare(options.folder, purchases, 0.01)
        times: dict[str, list[float]] = {COUNTED: [], WITHOUT: []}
        for _ in range(options.rounds):
            for program, seconds in times.items():
                seconds.append(once(program, options.folder, sources))
        synced, unsynced = (statistics.median(seconds) for seconds in times.values())
        count = (options.folder / "count").read_text()
        print(
            f"| {purchases:,} | {synced:.2f} s | {unsynced:.2f} s | {synced - unsynced:+.2f} s | {count} |", flush=True
        )


def once(program: str, folder: Path, sources: Path) -> float:
    """Seconds of a run from nothing."""
    work = folder / "syncing"
    shutil.rmtree(work, ignore_errors=True)
    command = [sys.executable, "-c", program, "run", "--as-of", AS_OF, "--sources", str(sources)]
    places = ["--lake", str(work / "lake"), "--serving", f"sqlite:///{work}/serving.db"]
    return measure([*command, *places], COUNT=str(folder / "count")).seconds


if __name__ == "__main__":
    main()
