"""Many histories, on demand: ``make prove``, or this module with options.

They are shared between processes in parts. Each part has a seed, and the same seed gives the same histories again.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from tests.integration.histories.machine import Histories
from tests.integration.histories.running import run_histories

PART = 100
"""Histories of a part at most."""
SOUND = "every table of every history equals that of a lake without a past"


@dataclass(frozen=True)
class Part:
    """What became of a part: the histories that ended well, what came about in them, and how one failed."""

    seed: int
    number: int
    seen: Counter[str]
    failure: str = ""


def say(text: str) -> None:
    """Print a line, at once."""
    print(text, flush=True)  # noqa: T201


def prove_part(seed: int, number: int) -> Part:
    """Let the histories of a part happen, in this process."""
    try:
        run_histories(number, seed)
    except BaseException as error:  # noqa: BLE001  whatever it is, it is told with the seed that repeats it
        return Part(seed, number, Histories.seen, "".join(traceback.format_exception(error)))
    return Part(seed, number, Histories.seen)


def parts_of(histories: int, seed: int) -> list[tuple[int, int]]:
    """Seed and number of histories of each part."""
    starts = range(0, histories, PART)
    return [(seed + index, min(PART, histories - start)) for index, start in enumerate(starts)]


def prove(histories: int, seed: int, processes: int) -> int:
    """Let histories happen and print what became of them; the exit code."""
    say(f"{histories:,} histories from seed {seed} in {processes} processes")
    start, seen, failed = time.monotonic(), Counter[str](), list[Part]()
    # a process for each part gives all memory back
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for done in as_completed(pool.submit(prove_part, *part) for part in parts_of(histories, seed)):
            part = done.result()
            seen += part.seen
            minutes = (time.monotonic() - start) / 60
            say(f"{seen['histories']:,} histories and {seen['runs']:,} runs after {minutes:.1f} min")
            if part.failure:
                failed.append(part)
                say(part.failure)
                say(f"To repeat it: make prove ARGS='--seed {part.seed} --histories {part.number}'")
    say("What came about:")
    for what, number in sorted(seen.items()):
        say(f"  {number:>9,}  {what}")
    say(f"{len(failed)} parts failed" if failed else SOUND)
    return 1 if failed else 0


def main() -> int:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="make prove", description=__doc__)
    parser.add_argument("--histories", type=int, default=10_000, help="how many (default: 10,000)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="that of the first part")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="how many at once")
    options = parser.parse_args()
    return prove(options.histories, options.seed, options.processes)


if __name__ == "__main__":
    sys.exit(main())
