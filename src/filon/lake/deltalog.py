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


def log_size(entries: Iterable[Entry], version: int) -> int:
    """Size in bytes of the commits up to a version; -1 when one of them is missing."""
    sizes = {int(match[1]): entry.size for entry in entries if (match := COMMIT.fullmatch(entry.name))}
    if not set(range(version + 1)) <= sizes.keys():
        return -1
    return sum(size for number, size in sizes.items() if number <= version)


def entries_after(entries: Iterable[Entry], version: int) -> list[str]:
    """Names of the commits and checkpoints after a version, and of the file that names the last checkpoint."""
    names = []
    for entry in entries:
        name = entry.name.rpartition("/")[2]
        number = name[:DIGITS]
        if name == LAST_CHECKPOINT or (number.isdigit() and len(number) == DIGITS and int(number) > version):
            names.append(entry.name)
    return names


def is_log_readable(location: Location) -> bool:
    """Whether every commit of a table's log exists and consists of lines of JSON."""
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
