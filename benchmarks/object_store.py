"""Measure a run with sources and lake on S3 beside the same run on the local disk.

The object store is the one that the standard AWS settings name. Local and S3 run in turn, in one session; what counts
is the ratio of their wall times: ``python -m benchmarks.object_store --purchases 10000000``.
"""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path

from benchmarks.bench import Measure, fresh, measure, median, prepare, run_command
from filon.lake import locate, open_s3

CHUNK = 8 << 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--purchases", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dirty", type=float, default=0.01)
    parser.add_argument("--folder", type=Path, default=Path(".filon/bench"))
    parser.add_argument("--bucket", default="filon-bench")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    files = prepare(options.folder, options.purchases, options.dirty)
    place = f"s3://{options.bucket}/{secrets.token_hex(4)}"
    try:
        upload(files, options.bucket, f"{place}/sources")
        local, remote, mixed = [], [], []
        for number in range(options.rounds):
            local.append(measure(run_command(str(files), str(fresh(options.folder / "lake")))))
            remote.append(measure(run_command(f"{place}/sources", f"{place}/lake-{number}")))
            mixed.append(measure(run_command(str(files), f"{place}/mixed-{number}")))
        print("| sources, lake | time | peak | ratio |\n|---|---|---|---|")
        print(row("local, local", local, local))
        print(row("local, S3", mixed, local))
        print(row("S3, S3", remote, local))
    finally:
        remove(place)


def upload(folder: Path, bucket: str, target: str) -> None:
    """Bring the generated files to the object store."""
    open_s3().make_bucket(bucket)
    for path in folder.iterdir():
        with path.open("rb") as stream:
            locate(target).write(path.name, iter(lambda stream=stream: stream.read(CHUNK), b""))  # type: ignore[misc]


def remove(place: str) -> None:
    """Delete what the measurement left."""
    location = locate(place)
    location.delete(location.names())


def row(what: str, measured: list[Measure], reference: list[Measure]) -> str:
    """One line of the table of results."""
    peak = max(item.peak_mb for item in measured)
    return f"| {what} | {median(measured):.1f} s | {peak:,.0f} MB | {median(measured) / median(reference):.2f} |"


if __name__ == "__main__":
    main()
