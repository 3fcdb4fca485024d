"""JSON Lines: an object a line. Numbers keep their digits, and a line that is no object is a malformed record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TextIO

from filon.project import Dataset
from filon.project.vocabulary import Drift
from filon.stages.bronze.formats.cells import Number, Spelling, Value, json_text, spellings_of
from filon.stages.bronze.formats.conversion import Converted
from filon.stages.bronze.formats.paths import Path, PathFinder, Places, header_names
from filon.stages.bronze.formats.tidying import TidyWriter, tidy_file
from filon.stages.bronze.headers import Header, match_header
from filon.stages.bronze.records import LONGEST_RECORD
from filon.stages.bronze.refusals import FileRejected
from filon.stages.limits import LONGEST_HEADER, MOST_FIELDS, Limits

MOST_DEPTH = 100
"""Lists and objects inside each other."""
MOST_SHAPES = 1_000
"""Combinations of names for which it is remembered where the columns are; names have 8 MiB at most."""
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
BLANK = " \t\r\n"

Fields = Mapping[str, Value]


class RecordFault(Exception):
    """A line is no record; the argument is the code of what is wrong."""


def convert_json_lines(path: FilePath, target: FilePath, dataset: Dataset, packed: int, limits: Limits) -> Converted:
    """Write the records of a text into a tidy file: the declared columns, then all undeclared values as an object.

    Args:
        path: the text, in UTF-8
        target: the file to write
        dataset: its columns
        packed: bytes of the file as it was received
        limits: what may be written

    Raises:
        FileRejected: the names of all objects do not fit the contract, or are too many

    """
    width = len(dataset.read_columns)
    found = _Found()
    reader = _Records(dataset, found)
    with (
        path.open(encoding="utf-8-sig", newline="\n") as stream,
        tidy_file(target, width + 1, packed, limits) as writer,
    ):
        for line in lines_of(stream):
            _add(writer, reader, line)
        tidied = writer.tidied
    if not tidied.records:
        raise FileRejected("empty", "the file holds no record; send it again, with an object a line")
    if tidied.records == tidied.malformed:
        return Converted(Header((), (), (), width), tidied)
    matched = match_header(header_names(dataset.read_columns, found.columns, found.extras), dataset)
    places = {column.name: index for index, column in enumerate(dataset.read_columns)}
    columns = tuple((name, places[name]) for name, _ in matched.columns)
    extras = tuple((name, width) for name, _ in matched.extras)
    return Converted(Header(matched.names, columns, extras, width), tidied)


def _add(writer: TidyWriter, reader: _Records, line: str) -> None:
    if len(line) > LONGEST_RECORD:
        writer.add_malformed("line_too_long", line)
        return
    try:
        writer.add(reader.fields(parse_object(line)))
    except RecordFault as fault:
        writer.add_malformed(str(fault), line)


def lines_of(stream: TextIO) -> Iterator[str]:
    """The lines that hold more than blanks, without their ends; of one that is too long only the beginning."""
    while line := stream.readline(LONGEST_RECORD + 2):
        text, rest = line, line
        while not rest.endswith("\n") and (rest := stream.readline(LONGEST_RECORD + 2)):
            pass
        text = text.strip(BLANK)
        if text:
            yield text


def parse_object(line: str) -> Fields:
    """The object that a line holds; RecordFault when it holds none that a record can be made of."""
    try:
        value = _DECODER.decode(line)
    except RecursionError:
        raise RecordFault("too_deep") from None
    except ValueError:
        raise RecordFault("not_json") from None
    if not isinstance(value, dict):
        raise RecordFault("not_an_object")
    if line.count("{") + line.count("[") > MOST_DEPTH and _depth(value) > MOST_DEPTH:
        raise RecordFault("too_deep")
    if "\\u" in line and any(UNSTORABLE.search(text) for text in _texts(value)):
        raise RecordFault("unstorable_text")
    return value


def _depth(value: Value) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        current, depth = waiting.pop()
        if isinstance(current, (dict, list)):
            deepest = max(deepest, depth)
            inside = current.values() if isinstance(current, dict) else current
            waiting += [(item, depth + 1) for item in inside]
    return deepest


def _texts(value: Value) -> Iterator[str]:
    """All texts in a value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value
    if isinstance(value, (Mapping, list)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)


def _object(pairs: list[tuple[str, Value]]) -> Fields:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise RecordFault("duplicate_key")
    return result


def _no_number(_text: str) -> None:
    raise RecordFault("not_json")


_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_no_number, object_pairs_hook=_object)


@dataclass
class _Found:
    """What objects of a file have had: columns, and undeclared names; ``size`` counts the characters of these."""

    columns: set[str] = field(default_factory=set)
    extras: dict[str, None] = field(default_factory=dict)
    size: int = 0

    def add(self, places: Places) -> None:
        """Note the names of an object; FileRejected when they are too many."""
        self.columns.update(name for name, _ in places.columns)
        for name in places.extras:
            if name not in self.extras:
                self.extras[name] = None
                self.size += len(name)
        if self.size > LONGEST_HEADER or len(self.extras) > MOST_FIELDS:
            raise FileRejected(
                "too_large",
                f"its objects have more than {MOST_FIELDS:,} different names, or names of more than "
                f"{LONGEST_HEADER:,} characters in all, that the contract does not declare; nest what changes",
            )


@dataclass(frozen=True)
class _Plan:
    """Where objects of one shape have the fields of a record, and the names that are undeclared in them."""

    fields: tuple[tuple[int, Path, Spelling], ...]
    extras: tuple[str, ...]


class _Records:
    """Objects as the fields of a tidy record."""

    def __init__(self, dataset: Dataset, found: _Found) -> None:
        self._finder = PathFinder(dataset.read_columns)
        self._spellings = spellings_of(dataset)
        self._positions = {column.name: index for index, column in enumerate(dataset.read_columns)}
        self._keeps_extras = dataset.drift is not Drift.DISCARD
        self._found = found
        self._flat: dict[tuple[str, ...], _Plan] = {}
        self._shapes: dict[tuple[Path, ...], _Plan] = {}

    def fields(self, record: Fields) -> list[str]:
        """The texts of the declared columns, and of an object with all that is undeclared."""
        plan = self._flat.get(tuple(record)) or self._plan_of(record)
        fields = [""] * (len(self._positions) + 1)
        for position, path, spell in plan.fields:
            value = record[path[0]]
            fields[position] = spell(value if len(path) == 1 else _inside(value, path[1:]))
        if plan.extras and self._keeps_extras:
            fields[-1] = json_text({name: record[name] for name in plan.extras})
        return fields

    def _plan_of(self, record: Fields) -> _Plan:
        """The plan for an object; one into which nothing is looked has the shape of its own names."""
        if any(self._finder.looks_into((name,)) for name in record):
            return self._remembered(tuple(self._paths(record, ())))
        plan = self._remembered(tuple((name,) for name in record))
        if len(self._flat) < MOST_SHAPES:
            self._flat[tuple(record)] = plan
        return plan

    def _remembered(self, shape: tuple[Path, ...]) -> _Plan:
        plan = self._shapes.get(shape)
        if plan is None:
            plan = self._planned(self._finder.places(shape))
            if len(self._shapes) < MOST_SHAPES:
                self._shapes[shape] = plan
        return plan

    def _planned(self, places: Places) -> _Plan:
        if places.ambiguous:
            raise RecordFault("duplicate_key")
        self._found.add(places)
        fields = tuple((self._positions[name], path, self._spellings[name]) for name, path in places.columns)
        return _Plan(fields, places.extras)

    def _paths(self, record: Fields, above: Path) -> Iterator[Path]:
        for name, value in record.items():
            path = (*above, name)
            if (value is None or isinstance(value, dict)) and self._finder.looks_into(path):
                yield from self._paths(value or {}, path)
            else:
                yield path


def _inside(value: Value, path: Path) -> Value:
    """What a path leads to inside a value; None when it leads nowhere."""
    for name in path:
        value = value[name] if isinstance(value, Mapping) else None
    return value
