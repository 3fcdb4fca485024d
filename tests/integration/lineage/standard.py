"""What the standard demands of events.

The facets and datasets are held to the classes of the official client, which its authors generate from the published
JSON schemas: each facet says in ``_schemaURL`` which one it is, and must have that class's fields, with their types,
and no others. What these classes leave out is written here as a schema of JSON: the frame of an event, and the formats
of times, ids and addresses.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

import attr
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openlineage.client import facet_v2
from openlineage.client.generated import base

URI = {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$"}
TEXT = {"type": "string", "minLength": 1}
FACETS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["_producer", "_schemaURL"],
        "properties": {
            "_producer": URI,
            "_schemaURL": {"type": "string", "pattern": r"^https://openlineage\.io/spec/"},
        },
    },
}
NAMED = {"type": "object", "required": ["namespace", "name"], "properties": {"namespace": TEXT, "name": TEXT}}
UUID = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
EVENT = {
    "type": "object",
    "required": ["eventType", "eventTime", "run", "job", "producer", "schemaURL"],
    "additionalProperties": False,
    "properties": {
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "eventTime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"},
        "producer": URI,
        "schemaURL": {"type": "string", "pattern": r"OpenLineage\.json#/\$defs/RunEvent$"},
        "run": {"type": "object", "required": ["runId"], "properties": {"runId": UUID, "facets": FACETS}},
        "job": {**NAMED, "properties": {**NAMED["properties"], "facets": FACETS}},  # type: ignore[dict-item]
        "inputs": {"type": "array", "items": NAMED},
        "outputs": {"type": "array", "items": NAMED},
    },
}
HOLDERS = {
    "run": base.RunFacet,
    "job": base.JobFacet,
    "facets": base.DatasetFacet,
    "inputFacets": base.InputDatasetFacet,
    "outputFacets": base.OutputDatasetFacet,
}
"""What kind of facets stand where."""


@cache
def facet_classes() -> Mapping[str, type]:
    """The classes of the client by the address of their schema."""
    modules = [getattr(facet_v2, name) for name in facet_v2.__all__]
    found = [item for module in modules if inspect.ismodule(module) for item in vars(module).values()]
    return {item._get_schema(): item for item in found if inspect.isclass(item) and issubclass(item, base.BaseFacet)}


def faults(event: Mapping[str, Any]) -> list[str]:
    """What of an event is not as the standard wants it."""
    found = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(EVENT).iter_errors(event)]
    found += list(_facet_faults(event["run"].get("facets", {}), "run"))
    found += list(_facet_faults(event["job"].get("facets", {}), "job"))
    for dataset in [*event.get("inputs", []), *event.get("outputs", [])]:
        for holder in ("facets", "inputFacets", "outputFacets"):
            found += list(_facet_faults(dataset.get(holder, {}), holder))
    return found


def _facet_faults(facets: Mapping[str, Any], holder: str) -> Iterator[str]:
    for name, facet in facets.items():
        known = facet_classes().get(facet["_schemaURL"])
        if known is None:
            yield f"{name}: no facet of the standard has the schema {facet['_schemaURL']}"
        elif not issubclass(known, HOLDERS[holder]):
            yield f"{name}: {known.__name__} does not belong to {holder}"
        else:
            yield from _value_faults(facet, known, name)


def _value_faults(value: Any, wanted: Any, place: str) -> Iterator[str]:
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        if all(list(_value_faults(value, choice, place)) for choice in arguments):
            yield f"{place}: {value!r} is none of {wanted}"
    elif origin in (list, dict):
        if not isinstance(value, origin):
            yield f"{place}: {value!r} is no {origin}"
            return
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _value_faults(item, arguments[-1], f"{place}.{key}")
    elif attr.has(wanted):
        yield from _object_faults(value, wanted, place)
    elif not _fits(value, wanted):
        yield f"{place}: {value!r} is no {wanted}"


def _fits(value: Any, wanted: Any) -> bool:
    if wanted is Any:
        return True
    if inspect.isclass(wanted) and issubclass(wanted, Enum):
        return value in [item.value for item in wanted]
    return isinstance(value, wanted) and isinstance(value, bool) == (wanted is bool)


def _object_faults(value: Any, wanted: type, place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place}: {value!r} is no object"
        return
    hints = typing.get_type_hints(wanted)
    fields = {field.name: field for field in attr.fields(wanted)}
    for name in value.keys() - fields.keys():
        yield f"{place}.{name}: {wanted.__name__} has no such field"
    for name, field in fields.items():
        if name in value:
            yield from _value_faults(value[name], hints[name], f"{place}.{name}")
        elif field.default is attr.NOTHING:
            yield f"{place}.{name}: {wanted.__name__} must have it"
