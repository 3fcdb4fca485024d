"""Write a first project from CSV files: what their values look like becomes a contract to read and correct."""

from __future__ import annotations

import codecs
import csv as csv_module
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from filon.errors import ConfigError
from filon.stages.bronze.inference import LOOKS, SHARE

SAMPLE_BYTES = 4 << 20
SAMPLE_ROWS = 10_000


@dataclass(frozen=True)
class _Guess:
    """What a file looks like."""

    path: Path
    name: str
    encoding: str
    delimiter: str
    header: list[str]
    looks: list[str]
    key: str | None
    scales: list[int]
    required: list[bool]
    timestamp_format: str
    words: list[set[str]]

    def is_true_or_false(self, index: int) -> bool:
        """Whether a column uses the words that a contract takes for true and false when nothing else is said."""
        return self.words[index] <= {"true", "false", ""}


def write_project(folder: Path, files: Sequence[Path], name: str) -> list[Path]:
    """Write ``filon.yaml``, a contract per file and a first model; ConfigError rather than overwrite anything."""
    if (folder / "filon.yaml").exists():
        raise ConfigError(f"{folder} already holds a project; choose another folder")
    guesses = [_guess(path) for path in files]
    slug = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_") or "project"
    slug = slug if slug[0].isalpha() else f"p-{slug}"
    contents = {
        folder / "filon.yaml": _dump(
            {"name": slug, "title": name, "locale": "en", "currency": "EUR", "timezone": "UTC"}
        )
    }
    for guess in guesses:
        contents[folder / "sources" / f"{guess.name}.yaml"] = _dump(_contract(slug, guess))
    first = guesses[0]
    model = f"{first.name}_count"
    contents[folder / "gold" / f"{model}.sql"] = f"SELECT 1 AS id, count(*) AS nb_rows\nFROM {first.name}\n"
    contents[folder / "gold" / f"{model}.yaml"] = _dump(_model_contract(slug, model, first.name))
    for path, text in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(contents)


def _guess(path: Path) -> _Guess:
    try:
        with path.open("rb") as stream:
            sample = stream.read(SAMPLE_BYTES)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    encoding = _encoding(sample)
    text = sample.decode(encoding, errors="ignore").removeprefix("\ufeff")
    lines = text.splitlines()
    if not lines:
        raise ConfigError(f"{path} is empty; give a file with a header and some rows")
    delimiter = max(",;\t|", key=lines[0].count)
    rows = list(csv_module.reader(text.splitlines(keepends=True), delimiter=delimiter))[: SAMPLE_ROWS + 1]
    if len(sample) == SAMPLE_BYTES:
        rows = rows[:-1]
    header = [cell.strip() for cell in rows[0]]
    columns = [[row[index].strip() for row in rows[1:] if len(row) == len(header)] for index in range(len(header))]
    looks = [_look(values) for values in columns]
    moments = [value for look, values in zip(looks, columns, strict=True) if look == "timestamp" for value in values]
    return _Guess(
        path=path,
        name=_name(re.sub(r"(\.csv|\.txt|\.gz|\.zst)+$", "", path.name, flags=re.IGNORECASE)),
        encoding=encoding,
        delimiter=delimiter,
        header=header,
        looks=looks,
        key=_key(header, columns),
        scales=[
            max((len(re.split("[.,]", value)[-1]) for value in values if re.search("[.,]", value)), default=0)
            for values in columns
        ],
        required=[bool(values) and all(values) for values in columns],
        words=[{value.lower() for value in values} for values in columns],
        timestamp_format=_timestamp_format(moments),
    )


def _encoding(sample: bytes) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(sample)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _look(values: list[str]) -> str:
    filled = [value for value in values if value]
    for name, pattern in LOOKS.items():
        expression = re.compile(pattern)
        if filled and sum(expression.fullmatch(value) is not None for value in filled) >= SHARE * len(filled):
            return name
    both = re.compile(f"(?:{LOOKS['integer']})|(?:{LOOKS['decimal']})")
    if filled and sum(both.fullmatch(value) is not None for value in filled) >= SHARE * len(filled):
        return "decimal"
    return "text"


def _timestamp_format(values: list[str]) -> str:
    """The one form that all timestamps have, if it is not the usual one."""
    forms = {
        r"\d{4}-\d\d-\d\dT\d\d:\d\d": "yyyy-MM-dd'T'HH:mm",
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d": "yyyy-MM-dd'T'HH:mm:ss",
        r"\d{4}-\d\d-\d\d \d\d:\d\d": "yyyy-MM-dd HH:mm",
    }
    for pattern, form in forms.items():
        if values and all(re.fullmatch(pattern, value) for value in values if value):
            return form
    return ""


def _key(header: list[str], columns: list[list[str]]) -> str | None:
    """The first column whose values are all there and all different."""
    for name, values in zip(header, columns, strict=True):
        if values and all(values) and len(set(values)) == len(values):
            return name
    return None


def _name(text: str) -> str:
    name = re.sub(r"\W+", "_", text).strip("_") or "column"
    return name if name[0].isalpha() else f"c_{name}"


def _contract(project: str, guess: _Guess) -> dict[str, object]:
    dialect: dict[str, str] = {}
    if guess.delimiter != ",":
        dialect["delimiter"] = guess.delimiter
    if guess.encoding != "utf-8":
        dialect["encoding"] = guess.encoding
    if "decimal comma" in guess.looks:
        dialect["decimal"] = ","
    if "date dd/MM/yyyy" in guess.looks:
        dialect["dateFormat"] = "dd/MM/yyyy"
    if guess.timestamp_format:
        dialect["timestampFormat"] = guess.timestamp_format
    words: list[dict[str, object]] = [{"property": "filePattern", "value": f"**/{_pattern(guess.path.name)}"}]
    if dialect:
        words.append({"property": "dialect", "value": dialect})
    properties = [_column(guess, index) for index in range(len(guess.header))]
    schema = {
        "name": guess.name,
        "physicalType": "table",
        "customProperties": words,
        "properties": properties,
    }
    return {**_head(project, guess.name), "schema": [schema]}


def _pattern(name: str) -> str:
    """The file's name, with what looks like a date or number of it left open."""
    plain = re.sub(r"\.(gz|zst)$", "", name, flags=re.IGNORECASE)
    return re.sub(r"[-_]?\d[\d_-]*", "*", plain)


def _column(guess: _Guess, index: int) -> dict[str, object]:
    look, header = guess.looks[index], guess.header[index]
    column: dict[str, object] = {"name": _name(header)}
    if column["name"] != header:
        column["physicalName"] = header
    kinds = {
        "integer": "integer",
        "decimal": "number",
        "decimal comma": "number",
        "boolean": "boolean",
        "timestamp": "timestamp",
    }
    if look == "boolean" and not guess.is_true_or_false(index):
        look = "text"
    column["logicalType"] = "date" if look.startswith("date") else kinds.get(look, "string")
    if column["logicalType"] == "number":
        column["physicalType"] = f"DECIMAL(18,{max(2, guess.scales[index])})"
    if header == guess.key:
        column["primaryKey"] = True
    if guess.required[index]:
        column["required"] = True
    return column


def _model_contract(project: str, model: str, source: str) -> dict[str, object]:
    columns = [
        {"name": "id", "logicalType": "integer", "primaryKey": True, "required": True},
        {
            "name": "nb_rows",
            "logicalType": "integer",
            "required": True,
            "description": f"Accepted rows of {source}",
        },
    ]
    schema = {
        "name": model,
        "physicalType": "table",
        "dataGranularityDescription": "One row in all: replace it by a model of yours",
        "properties": columns,
    }
    return {**_head(project, model), "schema": [schema]}


def _head(project: str, name: str) -> dict[str, object]:
    identity = {"id": f"{project}-{name}", "name": name, "version": "1.0.0", "status": "active"}
    return {"apiVersion": "v3.1.0", "kind": "DataContract", **identity}


def _dump(data: object) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
