"""A YAML file whose every node still knows the line on which it stands."""

from __future__ import annotations

import re
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from filon.errors import Problem, ProjectInvalid
from filon.suggestions import suggestion

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML built without libyaml: same result, slower
    from yaml import SafeLoader  # type: ignore[assignment]

Model = TypeVar("Model", bound=BaseModel)
TEXT_TAG = "tag:yaml.org,2002:str"
IN_PARENT = ("missing", "extra_forbidden")
Place = tuple[str | int, ...]
DEEPEST, MOST_NODES = 50, 100_000
LARGEST_FILE, MOST_FILES = 1_000_000, 2_000
"""Bytes of one file, files in one folder of a project."""
LONGEST_NUMBER = 100
"""Characters of a number, a date or a word such as true: Python's own conversions take the square of their length."""
BROKEN_VALUE = (ValueError, ArithmeticError, LookupError, AttributeError, yaml.YAMLError)
"""What PyYAML raises for a scalar whose text does not fit its tag."""
SHOWN = 60


class UnreadableText(ValueError):
    """A file of a project cannot be read as text: why, and what to do."""

    def __init__(self, what: str, fix: str) -> None:
        self.what, self.fix = what, fix
        super().__init__(what)


@dataclass
class Document:
    """The data of one YAML file, the line of each node, and the problems found in it so far."""

    path: Path
    data: Any
    lines: dict[Place, int]
    problems: list[Problem] = field(default_factory=list)

    def line(self, place: Place = ()) -> int:
        """Line of a node, or of its nearest ancestor that stands in the file."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def report(self, place: Place, what: str, fix: str) -> None:
        """Note a problem at a node."""
        self.problems.append(Problem(self.path, self.line(place), what, fix))


class WrittenFloat(float):
    """A number with a fraction that still knows how it was written: what is exact on paper stays exact."""

    def __new__(cls, value: float, text: str) -> WrittenFloat:
        """The float, and its text if that is a plain decimal number."""
        number = super().__new__(cls, value)
        number.text = text if re.fullmatch(r"[+-]?[0-9]*\.?[0-9]*([eE][+-]?[0-9]+)?", text) else float.__repr__(number)
        return number

    text: str

    def __reduce__(self) -> tuple[type[WrittenFloat], tuple[float, str]]:
        return WrittenFloat, (float(self), self.text)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []
        self.constructor = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, place: Place) -> Any:
        self.lines[place] = node.start_mark.line + 1
        if len(place) > DEEPEST or len(self.lines) > MOST_NODES:
            raise ProjectInvalid(
                [Problem(self.path, self.lines[place], "aliases that grow without end", "remove them")]
            )
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*place, index)) for index, item in enumerate(node.value)]
        if node.tag != TEXT_TAG and len(node.value) > LONGEST_NUMBER:
            self.refuse(node)
            return None
        try:
            value = self.constructor.construct_object(node)
            return WrittenFloat(value, node.value) if type(value) is float else value
        except BROKEN_VALUE:
            self.refuse(node)
            return None

    def refuse(self, node: yaml.Node) -> None:
        """Note a scalar that is no value."""
        what = f"`{str(node.value)[:SHOWN]}` is not a valid value here"
        fix = "put it in quotes if it is a text"
        self.problems.append(Problem(self.path, node.start_mark.line + 1, what, fix))

    def mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(Problem(self.path, line, "a list or a mapping is no key", "write a name"))
                continue
            key = str(key_node.value)
            if key in result:
                self.problems.append(
                    Problem(self.path, line, f"the key `{key[:SHOWN]}` stands twice", "keep one of the two")
                )
            result[key] = self.value(value_node, (*place, key))
            self.lines[(*place, key)] = line
        return result


def read_text(path: Path) -> str:
    """The text of a file of a project. FileNotFoundError, or UnreadableText when it is no text of a usable size."""
    try:
        if path.exists() and not path.is_file():
            raise UnreadableText("not a file", "put a text file in its place")
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableText(f"the file cannot be read: {error.strerror}", "check its permissions") from None
    if len(content) > LARGEST_FILE:
        raise UnreadableText(f"the file has more than {LARGEST_FILE:,} bytes", "divide it, or make it smaller")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableText(f"not UTF-8 text: {error.reason}", "save the file as UTF-8") from None


def read_document(path: Path) -> Document:
    """Read a YAML file; ProjectInvalid names the line where it is not YAML."""
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise ProjectInvalid([Problem(path, 1, "the file is missing", f"create {path.name}")]) from None
    except UnreadableText as error:
        raise ProjectInvalid([Problem(path, 1, error.what, error.fix)]) from None
    try:
        _require_shallow(path, text)
        node = yaml.compose(text, Loader=SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = f"not valid YAML: {error.problem or error.context}"
        raise ProjectInvalid([Problem(path, line, what, "mend the indentation or quoting at that line")]) from None
    except yaml.YAMLError as error:
        raise ProjectInvalid([Problem(path, 1, f"not valid YAML: {error}", "remove the character")]) from None
    reader = _Reader(path)
    data = reader.value(node, ()) if node is not None else {}
    return Document(path, data, reader.lines, reader.problems)


def _require_shallow(path: Path, text: str) -> None:
    """ProjectInvalid when lists and mappings stand too deep in each other, or are too many.

    Events come one after the other. What makes a tree of them calls itself for each level, in C, until the stack ends.
    """
    depth = 0
    for nodes, event in enumerate(yaml.parse(text, Loader=SafeLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST or nodes > MOST_NODES:
            what = f"more than {DEEPEST} lists and mappings in each other" if depth > DEEPEST else "too many values"
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ProjectInvalid([Problem(path, line, what, "make it simpler, or divide the file")])


def validated(model: type[Model], document: Document, place: Place = (), data: Any = None) -> Model | None:
    """Validate a part of a document with a pydantic model; each mistake becomes a Problem at its line."""
    value = document.data if data is None and not place else data
    if not isinstance(value, dict):
        document.report(place, "a mapping of keys to values is expected here", "write `key: value` lines")
        return None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        for location, mistake in _distinct(document, place, error).items():
            document.report((*place, *mistake["loc"]), *_explain(model, location, mistake))
        return None


def _distinct(document: Document, place: Place, error: ValidationError) -> dict[Place, ErrorDetails]:
    """The mistakes of a validation, one per node: a value outside a union fails once for each of its members."""
    mistakes: dict[Place, ErrorDetails] = {}
    for mistake in error.errors(include_url=False):
        location = mistake["loc"]
        while location and (*place, *location) not in document.lines and mistake["type"] not in IN_PARENT:
            location = location[:-1]
        mistakes.setdefault(location, mistake)
    return mistakes


def keys_at(model: type[BaseModel], location: Place) -> list[str]:
    """The keys that are known where the last part of a location stands, following models inside models."""
    for part in location[:-1]:
        fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
        inner = fields.get(str(part))
        for kind in (inner, *typing.get_args(inner)):  # a part that may be absent is a union with None
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                model = kind
    return [info.alias or name for name, info in model.model_fields.items()]


def _explain(model: type[BaseModel], location: Place, mistake: ErrorDetails) -> tuple[str, str]:
    name = ".".join(str(part) for part in location)
    if mistake["type"] == "extra_forbidden":
        return f"unknown key `{name}`", suggestion(str(location[-1]), keys_at(model, location))
    if mistake["type"] == "missing":
        return f"`{name}` is missing", f"add `{location[-1]}: …`"
    if mistake["type"] == "value_error" and isinstance(
        mistake["input"], dict
    ):  # a sentence of our own, about several keys at once
        said = str(mistake["ctx"]["error"])
        is_named = bool(location) and isinstance(location[-1], str)
        fix = f"change the value of `{location[-1]}`" if is_named else "change the values there"
        return f"`{name}`: {said}" if name else said, fix
    message = mistake["msg"]
    shown = repr(mistake["input"])[:60]
    fix = f"change the value of `{location[-1] if location else name}`"
    return f"`{name}` is {shown}: {message[0].lower()}{message[1:]}", fix
