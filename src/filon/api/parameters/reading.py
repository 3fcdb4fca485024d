"""How parameters are read, how OpenAPI describes them, and those that all endpoints share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request

from filon.api.parameters.values import Several, whole_number
from filon.api.problems import LONGEST_SHOWN, HttpProblem, Mistake, mistaken, shown
from filon.suggestions import suggestion

LARGEST_SKIP = 2**53 - 1
LARGEST_RELEASE = 2**31 - 1


class Parameters:
    """The parameters of one endpoint: how they are read, and how OpenAPI describes them."""

    def __init__(self, model: type[BaseModel], path: Iterable[Mapping[str, Any]] = ()) -> None:
        self._model = model
        self._names = [field.alias or name for name, field in model.model_fields.items()]
        several = (name for name, field in model.model_fields.items() if Several in field.metadata)
        self._several = {model.model_fields[name].alias or name for name in several}
        self._help = {field.alias or name: field.description or "" for name, field in model.model_fields.items()}
        self.openapi = {"parameters": [*path, *described(model)]}

    def read(self, request: Request) -> BaseModel:
        """The values given; HttpProblem with every mistake."""
        text = request.scope["query_string"].decode("latin-1")
        pairs = parse_qsl(text, keep_blank_values=True, errors="replace") if text else []
        given: dict[str, Any] = {}
        for name, value in pairs:
            if name in self._several:
                given.setdefault(name, []).append(value)
            else:
                given[name] = value
        if repeated := [name for name in _repeated(pairs) if name not in self._several]:
            mistakes = (Mistake(shown(name), "given more than once", "give it once") for name in repeated)
            raise mistaken(mistakes, len(repeated))
        try:
            return self._model.model_validate(given)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            raise mistaken(map(self._mistake, details), len(details)) from None

    def _mistake(self, item: ErrorDetails) -> Mistake:
        name = str(item["loc"][0])
        if item["type"] == "extra_forbidden":
            return Mistake(shown(name), "no such parameter", nearest(name, self._names))
        return Mistake(name, item["msg"], item.get("ctx", {}).get("fix") or self._help[name])


def nearest(name: str, known: Iterable[str]) -> str:
    """The fix for an unknown name; only the first ``LONGEST_SHOWN`` characters of it are compared."""
    return suggestion(name[:LONGEST_SHOWN], known).replace("`", "")


def refused(name: str, detail: str, fix: str) -> HttpProblem:
    """The refusal of one parameter."""
    return mistaken([Mistake(name, detail, fix)], 1)


def _repeated(pairs: list[tuple[str, str]]) -> list[str]:
    return sorted(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)


def described(model: type[BaseModel]) -> Iterable[dict[str, Any]]:
    """The parameters of a model, as OpenAPI has them."""
    schema = model.model_json_schema()
    for name, shape in schema.get("properties", {}).items():
        about = {key: value for key, value in shape.items() if key not in ("title", "description")}
        if about.get("default", ...) is None:
            del about["default"]
        if "$ref" in about:
            about = dict(schema["$defs"][about.pop("$ref").rpartition("/")[2]]) | about
            about.pop("description", None)
            about.pop("title", None)
        required = name in schema.get("required", [])
        yield {
            "name": name,
            "in": "query",
            "required": required,
            "description": shape.get("description", ""),
            "schema": about,
        }


STRICT = ConfigDict(extra="forbid", frozen=True)
Release = Annotated[int, Field(ge=1, le=LARGEST_RELEASE), BeforeValidator(whole_number)]
RELEASE: tuple[Any, Any] = (Release, Field(default=None, description="Answer from this release, if it is still kept"))

WHOLE_NUMBER = BeforeValidator(whole_number)
Skip = Annotated[int, Field(ge=0, le=LARGEST_SKIP), WHOLE_NUMBER]


class ReleaseOnly(BaseModel):
    """The parameters of endpoints that only take a release."""

    model_config = STRICT

    release: Release | None = Field(default=None, description="Answer from this release, if it is still kept")


class Nothing(BaseModel):
    """The parameters of endpoints that take none."""

    model_config = STRICT


def attribute(index: int) -> str:
    """The attribute of a model for a filter: names of columns may be no names of attributes."""
    return f"filter_{index}"


def list_of(names: Iterable[str], sign: str) -> dict[str, Any]:
    """The JSON schema of a list of these names with commas between; ``sign`` is a pattern before each name."""
    one = f"{sign}({'|'.join(re.escape(name) for name in names)})"
    return {"pattern": f"^{one}(,{one})*$"}
