"""The custom properties of a contract, read as the words of ``vocabulary``."""

from __future__ import annotations

from typing import Any, TypeVar

from open_data_contract_standard.model import (
    CustomProperty,
)
from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel

from filon.project.dialects import DATE_FIX
from filon.project.document import Document, Place, keys_at
from filon.suggestions import suggestion

Spec = TypeVar("Spec", bound=BaseModel)


def read_words(
    document: Document, place: Place, properties: list[CustomProperty] | None, spec: type[Spec]
) -> Spec | None:
    """The words of a table or column; None when there are mistakes, which are reported.

    Args:
        document: the contract
        place: where the table or the column stands in it
        properties: its custom properties; those of another ``vendor`` are left alone
        spec: the words that it may have

    """
    known = {to_camel(name) for name in spec.model_fields}
    values: dict[str, Any] = {}
    places: dict[str, Place] = {}
    for index, entry in enumerate(properties or []):
        here = (*place, "customProperties", index)
        if entry.vendor not in (None, "filon"):
            continue
        name = entry.property or ""
        if name not in known:
            fix = suggestion(name, known) if known else "remove it, or name its `vendor`"
            document.report((*here, "property"), f"unknown custom property `{name}`", fix)
            continue
        values[name], places[name] = entry.value, (*here, "value")
    try:
        return spec.model_validate(values)
    except ValidationError as error:
        for mistake in error.errors(include_url=False):
            first, *rest = mistake["loc"]
            name = ".".join(str(part) for part in mistake["loc"])
            where = (*places[str(first)], *rest) if first in places else place
            if mistake["type"] == "extra_forbidden":
                document.report(
                    where, f"unknown key `{name}`", suggestion(str(mistake["loc"][-1]), keys_at(spec, mistake["loc"]))
                )
            elif mistake["type"] == "missing" and not rest:
                fix = f"add to its customProperties: `- {{property: {first}, value: …}}`"
                document.report(where, f"custom property `{first}` is missing", fix)
            else:
                fix = DATE_FIX if name.endswith("Format") else "see the vocabulary in docs/contracts.md"
                document.report(where, f"`{name}`: {mistake['msg']}", fix)
        return None
