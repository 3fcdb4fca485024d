"""What a dataset's contract should say, guessed from sampled values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from filon.project import ColumnType, Kind
from filon.project.vocabulary import Dialect
from filon.scaffold.names import column_name, distinct
from filon.scaffold.numbers import NumberForm, Values, decimal_mark, words_of
from filon.scaffold.sources import Source
from filon.scaffold.values import ALWAYS_NULL, Inferred, filled_values, infer_types

Words = Mapping[str, object]
FORMATS = {Kind.DATE: "dateFormat", Kind.TIMESTAMP: "timestampFormat"}
DEFAULTS: Words = {
    word: value[0] if word in FORMATS.values() else value
    for word, value in Dialect().model_dump(by_alias=True, mode="json").items()
}
SHORT_CODE = re.compile("[A-Z]{1,2}")
NAMIBIA = "NA"
FEWEST_CODES = 2
EVERYWHERE_NULL = (*ALWAYS_NULL, NAMIBIA)
"""Texts that programs write in columns of every type."""


@dataclass(frozen=True)
class ColumnGuess:
    """A column of a contract: its name and type, and how its values are spelled where they differ from the table's.

    ``references`` is the table and column that its values refer to.
    """

    name: str
    header: str
    type: ColumnType
    format: str = ""
    dialect: Words = field(default_factory=dict)
    required: bool = False
    references: tuple[str, str] | None = None


@dataclass(frozen=True)
class TableGuess:
    """A dataset's contract: its columns, its key, and the words of its dialect that differ from the defaults."""

    source: Source
    columns: tuple[ColumnGuess, ...]
    dialect: Words
    key: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return self.source.name


def guess_table(source: Source, evidence: Mapping[str, Values]) -> TableGuess:
    """Guess the contract of a dataset.

    Args:
        source: the dataset, with samples of its files
        evidence: further values, and how often each stands there, by the header of their column

    """
    values = {
        header: Counter(sampled) + Counter(evidence.get(header, {})) for header, sampled in source.columns.items()
    }
    columns = list(values.values())
    mark = decimal_mark([filled_values(column) for column in columns], source.delimiter)
    types = infer_types(values, mark)
    table = {**_layout(source), **_numbers(types), **_formats(types), **_nulls(types)}
    names = distinct(map(column_name, values))
    guesses = [
        ColumnGuess(
            name, header, inferred.type, _own_format(inferred, table), _own_words(inferred, table, values[header])
        )
        for name, header, inferred in zip(names, values, types, strict=True)
    ]
    changed = {word: value for word, value in table.items() if value != DEFAULTS.get(word)}
    return TableGuess(source, tuple(guesses), changed)


def _layout(source: Source) -> dict[str, object]:
    words: dict[str, object] = {"delimiter": source.delimiter, "encoding": source.encoding}
    if not source.layout.has_header:
        words["header"] = False
    if source.layout.has_preamble:
        words["skipUntil"] = "header"
    if source.layout.sheet:
        words["sheet"] = source.layout.sheet
    return words


def _numbers(types: Iterable[Inferred]) -> dict[str, object]:
    """The marks that most columns of numbers have."""
    forms = [inferred.form for inferred in types if inferred.type.is_number]
    decimal = _most([form.decimal for form in forms if form.decimal])
    grouping = _most([form.grouping for form in forms if form.grouping and form.decimal in ("", decimal)])
    words: dict[str, object] = {"decimal": decimal or "."}
    if grouping and grouping != words["decimal"]:
        words["grouping"] = grouping
    elif grouping == "." and not decimal:  # whole numbers with points between the groups
        words |= {"decimal": ",", "grouping": "."}
    return words


def _formats(types: Iterable[Inferred]) -> dict[str, object]:
    """The formats of dates and timestamps, where all columns have the same."""
    words: dict[str, object] = {}
    for kind, word in FORMATS.items():
        formats = {inferred.format for inferred in types if inferred.type.kind is kind}
        words |= {word: formats.pop()} if len(formats) == 1 else {}
    return words


def _nulls(types: Iterable[Inferred]) -> dict[str, object]:
    """Texts that mean null in every column; others do in some columns, and may be values in the next."""
    nulls = {marker for inferred in types for marker in inferred.nulls if marker in EVERYWHERE_NULL}
    return {"nullValues": sorted(nulls)} if nulls else {}


def _own_format(inferred: Inferred, table: Words) -> str:
    word = FORMATS.get(inferred.type.kind)
    return inferred.format if word and inferred.format != table.get(word, DEFAULTS[word]) else ""


def _own_words(inferred: Inferred, table: Words, values: Values) -> Words:
    """The words of a column's dialect: those that differ from the table's."""
    words: dict[str, object] = {}
    if inferred.type.is_number:
        words |= _own_marks(inferred.form, table)
        words |= words_of(inferred.form)
    if inferred.type.kind is Kind.BOOLEAN and inferred.truth != ("true", "false"):
        words["true"], words["false"] = inferred.truth
    shared = table.get("nullValues")
    nulls = set(shared if isinstance(shared, list) else ())
    own = nulls | set(inferred.nulls)
    if NAMIBIA not in inferred.nulls and _are_short_codes(values):
        own -= {NAMIBIA}
    if own != nulls:
        words["nullValues"] = sorted(own)
    return words


def _own_marks(form: NumberForm, table: Words) -> dict[str, object]:
    words: dict[str, object] = {}
    decimal = form.decimal or table["decimal"]
    grouping = table.get("grouping", "")
    if form.grouping and form.grouping == decimal:
        decimal = {".": ",", ",": "."}[form.grouping]
    if decimal != table["decimal"]:
        words["decimal"] = decimal
    if form.grouping and form.grouping != grouping:
        words["grouping"] = form.grouping
    elif grouping == decimal:
        words["grouping"] = ""
    return words


def _are_short_codes(values: Iterable[str]) -> bool:
    """Whether a column holds codes of one or two letters, among which NA is Namibia, Naples or a grade."""
    different = {value for value in values if value and value != NAMIBIA}
    return len(different) >= FEWEST_CODES and all(map(SHORT_CODE.fullmatch, different))


def _most(items: Sequence[str]) -> str:
    return Counter(items).most_common(1)[0][0] if items else ""
