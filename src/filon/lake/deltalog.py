"""The files of a Delta log: their names, sizes and whether they can be read. Filon reads tables without the log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from filon.lake.location import Entry, Location

LOG = "_delta_log"
DIGITS = 20
COMMIT = re.compile(rf"(?:.*/)?{LOG}/(\d{{{DIGITS}}})\.json")
LAST_CHECKPOINT = "_last_checkpoint"
CHECKPOINT_INTERVAL = 10
"""After so many versions a checkpoint of the last is written, from which later ones are read. Each commit reads what
follows the newest: a table of many versions would be slow to extend with the 100 that are deltalake's default."""


def log_size(entries: Iterable[Entry], version: int) -> int:
    """Size in bytes of the commits by which a version is read, from the checkpoint before it on.

    -1 when one of them is missing, or the checkpoint while not all commits before it are there.
    """
    names = {entry.name.rpartition("/")[2]: entry.size for entry in entries}
    sizes = {int(match[1]): size for name, size in names.items() if (match := COMMIT.fullmatch(f"{LOG}/{name}"))}
    start = due_checkpoint(version)
    begins = checkpoint_name(start) in names or sizes.keys() >= set(range(start))
    if not begins or not sizes.keys() >= set(range(start, version + 1)):
        return -1
    return sum(sizes[number] for number in range(start, version + 1))


def due_checkpoint(version: int) -> int:
    """The newest version up to this one of which a checkpoint is written; 0 for the beginning of the log."""
    return max(0, (version + 1) // CHECKPOINT_INTERVAL * CHECKPOINT_INTERVAL - 1)


def checkpoint_name(version: int) -> str:
    """The name of the checkpoint of a version, in the folder of the log."""
    return f"{version:0{DIGITS}}.checkpoint.parquet"


def entries_before(entries: Iterable[Entry], version: int) -> list[str]:
    """Names of the commits and checkpoints that no reader of a version, or of a later one, needs.

    There are none when the checkpoint from which the version would be read was not written.
    """
    listed = list(entries)
    start = due_checkpoint(version)
    if checkpoint_name(start) not in {entry.name.rpartition("/")[2] for entry in listed}:
        return []
    return [entry.name for entry in listed if (number := _number(entry)) is not None and number < start]


def entries_after(entries: Iterable[Entry], version: int) -> list[str]:
    """Names of the commits and checkpoints after a version, and of the file that names the last checkpoint."""
    return [
        entry.name
        for entry in entries
        if entry.name.rpartition("/")[2] == LAST_CHECKPOINT
        or ((number := _number(entry)) is not None and number > version)
    ]


def _number(entry: Entry) -> int | None:
    """The version of a commit or checkpoint; None for another object."""
    number = entry.name.rpartition("/")[2][:DIGITS]
    return int(number) if number.isdigit() and len(number) == DIGITS else None


def is_log_readable(location: Location) -> bool:
    """Whether every commit of a table's log, from its beginning, exists and consists of lines of JSON."""
    names = sorted(name for name in location.names(LOG) if COMMIT.fullmatch(name))
    numbers = [int(match[1]) for name in names if (match := COMMIT.fullmatch(name))]
    return numbers == list(range(len(numbers))) and all(_is_json_lines(location.read(name)) for name in names)


def torn_end(location: Location) -> list[str]:
    """Names of the newest commits of a log if only these are not lines of JSON: a power cut left them incomplete."""
    names = sorted(name for name in location.names(LOG) if COMMIT.fullmatch(name))
    readable = [_is_json_lines(location.read(name)) for name in names]
    sound = readable.index(False) if False in readable else len(names)
    return [] if any(readable[sound:]) else names[sound:]


def _is_json_lines(content: bytes) -> bool:
    try:
        return all(isinstance(json.loads(line), dict) for line in content.splitlines()) and bool(content)
    except ValueError:
        return False
