"""Group files into datasets, and derive the file pattern of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from filon.errors import ConfigError
from filon.project.places import PACKED
from filon.scaffold.names import ESCAPED, distinct, table_name
from filon.scaffold.sample import Layout, Sample
from filon.stages.bronze.listing import matcher_of

ENDING = re.compile(r"(\.(csv|tsv|txt|jsonl|ndjson|parquet|xlsx|xlsm|ods))*$", re.IGNORECASE)
NUMBERS = re.compile(r"(?P<encoding>(?i:utf-?[0-9]+))|[0-9]([0-9_-]*[0-9])?")
"""Dates and numbers in names, those of encodings apart."""


@dataclass(frozen=True)
class Source:
    """A dataset to describe: its name, file pattern and samples, which share header, delimiter and encoding."""

    name: str
    pattern: str
    samples: tuple[Sample, ...]

    @property
    def encoding(self) -> str:
        """The encoding of every file."""
        return self.samples[0].encoding

    @property
    def delimiter(self) -> str:
        """The delimiter of every file."""
        return self.samples[0].delimiter

    @property
    def layout(self) -> Layout:
        """Where the header of every file is, if they have one."""
        return self.samples[0].layout

    @property
    def may_grow(self) -> bool:
        """Whether its pattern leaves room for files of other names, such as next month's."""
        return "*" in self.pattern.removeprefix("**/")

    @property
    def columns(self) -> dict[str, list[str]]:
        """The values of all files by header; without columns that have no name, which the pipeline cannot find."""
        names = [name for name in self.samples[0].header if name]
        return {name: [value for sample in self.samples for value in sample.values(name)] for name in names}

    @property
    def is_whole(self) -> bool:
        """Whether the samples hold every row of its files."""
        return all(sample.is_whole for sample in self.samples)


def arrange(samples: Sequence[Sample]) -> list[Source]:
    """Group samples into datasets: files whose names differ in numbers only, and which have one form.

    A pattern replaces the numbers of a name by ``*``, unless it would then match a file of another dataset.
    ConfigError when no pattern can tell a file from the others.
    """
    groups: list[tuple[str, list[Sample]]] = []
    for pattern, bundle in _bundles(samples, _open_pattern):
        paths = {sample.path for sample in bundle}
        if any(_matches(pattern, other) for other in samples if other.path not in paths):
            groups += _bundles(bundle, _exact_pattern)
        else:
            groups.append((pattern, bundle))
    _require_one_owner(samples, [pattern for pattern, _ in groups])
    names = distinct(table_name(ENDING.sub("", pattern)) for pattern, _ in groups)
    return [Source(name, f"**/{pattern}", tuple(bundle)) for name, (pattern, bundle) in zip(names, groups, strict=True)]


def _bundles(samples: Sequence[Sample], pattern_of: Callable[[str], str]) -> list[tuple[str, list[Sample]]]:
    """Group samples by pattern, header, delimiter, encoding and layout."""
    bundles: dict[tuple[object, ...], tuple[str, list[Sample]]] = {}
    for sample in samples:
        pattern = pattern_of(sample.file_name)
        form = (pattern, sample.header, sample.delimiter, sample.encoding, sample.layout)
        bundles.setdefault(form, (pattern, []))[1].append(sample)
    return list(bundles.values())


def _exact_pattern(file_name: str) -> str:
    return PACKED.sub("", file_name)


def _open_pattern(file_name: str) -> str:
    """The file's name with ``*`` in place of dates and numbers, if letters remain."""
    exact = _exact_pattern(file_name)
    if re.search(ESCAPED, exact):  # digits of an escape are no number
        return exact
    stem = ENDING.sub("", exact)
    pattern = NUMBERS.sub(lambda number: number["encoding"] or "*", stem)
    return pattern + exact.removeprefix(stem) if re.search(r"[^\W\d_]", pattern) else exact


def _matches(pattern: str, sample: Sample) -> bool:
    matcher = matcher_of(pattern)
    return any(matcher.fullmatch(name) for name in (sample.file_name, _exact_pattern(sample.file_name)))


def _require_one_owner(samples: Sequence[Sample], patterns: Sequence[str]) -> None:
    for sample in samples:
        if sample.file_name.startswith("."):
            raise ConfigError(f"{sample.path}: files whose name starts with a dot are not looked at; rename it")
        if sum(_matches(pattern, sample) for pattern in patterns) > 1:
            raise ConfigError(
                f"{sample.path}: no filePattern tells it from the other files, for it sees names only, and * and ? in "
                "a name stand for anything; rename it"
            )
