"""Functions of JSON that are exact on Spark: they make it, and take texts out of it."""

from __future__ import annotations

import re

from filon.engines.spark.expressions import Call, Spelling
from filon.engines.spark.terms import Term, Unspellable, quoted, require
from filon.engines.spark.types import TEXT

PLAIN_PATH = re.compile(r"\$\.([A-Za-z_][A-Za-z0-9_]*)")


def _key(path: str) -> str:
    """The name that a path of one step names; DuckDB reads JSON pointers, and simple paths."""
    if plain := PLAIN_PATH.fullmatch(path):
        return plain[1]
    if path.startswith("/") and "/" not in path[1:]:
        return path[1:].replace("~1", "/").replace("~0", "~")
    raise Unspellable(f"the path {path!r} has several steps, which are not read alike on Spark")


def _text(call: Call) -> Term:
    call.take(2)
    value = require(call.terms[0], "a text", fits=call.terms[0].type == TEXT)
    key = quoted(_key(call.literal(1, "the path")))
    return Term(f"try_element_at(from_json({value.sql}, 'MAP<STRING, STRING>'), {key})", TEXT, tried=value.tried)


def _object(call: Call) -> Term:
    """Each value as JSON, so that nulls stay."""
    if len(call.terms) % 2:
        raise Unspellable("json_object takes pairs of a name and a value")
    parts = []
    for key, value in zip(call.terms[::2], call.terms[1::2], strict=True):
        parts.append(f"concat({_written(key)}, ':', {_written(value)})")
    return Term(f"concat('{{', concat_ws(',', {', '.join(parts)}), '}}')", TEXT)


def _array(call: Call) -> Term:
    return Term(f"concat('[', concat_ws(',', {', '.join(map(_written, call.terms))}), ']')", TEXT)


def _written(term: Term) -> str:
    if term.type == TEXT:
        one = f"to_json(array({term.sql}))"
        return f"coalesce(if({term.sql} IS NULL, NULL, substr({one}, 2, length({one}) - 2)), 'null')"
    if term.type.is_whole or term.type.name in ("BOOLEAN", "NULL"):
        return f"coalesce(CAST({term.sql} AS STRING), 'null')"
    raise Unspellable(f"a {term.type} is not written as JSON alike on Spark; write a CAST to VARCHAR")


JSON: dict[str, Spelling] = {
    "json_array": _array,
    "json_extract_string": _text,
    "json_object": _object,
}
