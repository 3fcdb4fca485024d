"""What all words have in common: how they are spelled in YAML, and what a text of theirs may be."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel


class Spec(BaseModel):
    """A mapping of words: in camel case, each known, not to be changed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True, defer_build=True
    )


def normal(words: tuple[str, ...]) -> tuple[str, ...]:
    """Texts in composed letters."""
    return tuple(unicodedata.normalize("NFC", word) for word in words)


def listed(value: object) -> object:
    """A list, of which one text may be written without the brackets."""
    return [value] if isinstance(value, str) else value


Listed = BeforeValidator(listed, json_schema_input_type=str | list[str])
"""Of a list of texts: one may be written without the brackets."""
Word = Annotated[str, AfterValidator(lambda word: unicodedata.normalize("NFC", word).strip())]
