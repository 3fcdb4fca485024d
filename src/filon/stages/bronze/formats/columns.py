"""Columns of Arrow as texts: what ``cells.Spelling`` does for one value, for many at once."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from filon.project import Kind
from filon.project.vocabulary import Negative
from filon.stages.bronze.formats.cells import Number, Spelling, Value
from filon.stages.bronze.refusals import FileRejected

MIDNIGHT = " 00:00:00.000000"
DAY_LETTERS = 10


def texts_of(array: Any, spell: Spelling) -> Any:
    """The texts of a column's values, null where these are.

    FileRejected when a text holds a NUL, which no table keeps; the errors of pyarrow when a text is no UTF-8.

    Args:
        array: an array of Arrow, of any type
        spell: how the column is spelled

    """
    array = _plain(array)
    kind = array.type
    if pa.types.is_string(kind):
        array.validate(full=True)  # the library reads bytes that are no UTF-8 as texts
    if pa.types.is_boolean(kind):
        return pc.if_else(array, spell.boolean(True), spell.boolean(False))
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        return _numbers(array, spell)
    if pa.types.is_timestamp(kind):
        return _moments(array, spell)
    if pa.types.is_date(kind):
        days = array.cast(pa.date32()).cast(pa.string())
        return pc.binary_join_element_wise(days, MIDNIGHT, "") if spell.kind is Kind.TIMESTAMP else days
    if pa.types.is_string(kind):
        return _without_nul(array)
    if pa.types.is_time(kind):
        return pc.replace_substring_regex(array.cast(pa.string()), r"\.0+$", "")
    return _without_nul(
        pa.array([None if value is None else spell(_value(value)) for value in array.to_pylist()], pa.string())
    )


def _plain(array: Any) -> Any:
    """The same values without a dictionary or an extension; bytes that are UTF-8 as texts."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_null(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return array.cast(pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        try:
            return array.cast(pa.string())
        except pa.ArrowInvalid:
            return array
    return array


def _without_nul(texts: Any) -> Any:
    if pc.any(pc.match_substring(texts, "\0")).as_py():
        raise FileRejected("not_text", "a text in it holds a NUL character; write it without")
    return texts


def _numbers(array: Any, spell: Spelling) -> Any:
    if pa.types.is_float16(array.type):
        array = array.cast(pa.float32())
    texts = array.cast(pa.string())
    if spell.kind not in (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE):
        return texts
    signed = spell.dialect.negative != (Negative.MINUS,)
    if pc.any(pc.match_substring_regex(texts, "[eE]|^-" if signed else "[eE]")).as_py():
        return pa.array([None if text is None else spell.number(text) for text in texts.to_pylist()], pa.string())
    if spell.kind is Kind.INTEGER:
        texts = pc.replace_substring_regex(texts, r"\.0*$", "")
    return pc.replace_substring(texts, ".", spell.dialect.decimal) if spell.dialect.decimal != "." else texts


def _moments(array: Any, spell: Spelling) -> Any:
    zone = array.type.tz
    if zone is not None and spell.kind is Kind.DATE:
        local = array.cast(pa.timestamp(array.type.unit, spell.dialect.timezone))
        array, zone = pc.local_timestamp(local), None
    texts = _moment_texts(array.cast(pa.timestamp(array.type.unit)))
    if zone is not None:
        texts = pc.binary_join_element_wise(texts, "Z", "")
    if spell.kind is Kind.TIMESTAMP:
        return texts
    if spell.kind is Kind.DATE:
        is_day = pc.ends_with(texts, MIDNIGHT)
        return pc.if_else(is_day, pc.utf8_slice_codeunits(texts, 0, -len(MIDNIGHT)), texts)
    return pc.replace_substring_regex(texts, r"\.000000(Z?)$", r"\1")


def _moment_texts(moments: Any) -> Any:
    """Texts with microseconds; with nanoseconds where microseconds would cut something off."""
    if moments.type.unit != "ns":
        try:
            return moments.cast(pa.timestamp("us")).cast(pa.string())
        except pa.ArrowInvalid:  # a moment beyond what microseconds count
            return moments.cast(pa.string())
    short = moments.cast(pa.timestamp("us"), safe=False)
    is_exact = pc.equal(short.cast(pa.timestamp("ns")), moments)
    return pc.if_else(is_exact, short.cast(pa.string()), moments.cast(pa.string()))


def _value(value: object) -> Value:
    """A value of Python, as pyarrow gives it, for ``cells``."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, Decimal)):
        return Number(value)
    if isinstance(value, float):
        return Number(repr(value)) if math.isfinite(value) else None
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, str):
        return value
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value
    if isinstance(value, Mapping):
        return {str(name): _value(item) for name, item in value.items()}
    if isinstance(value, Sequence):
        is_map = bool(value) and all(isinstance(item, tuple) and len(item) == 2 for item in value)
        return {str(name): _value(item) for name, item in value} if is_map else [_value(item) for item in value]
    return str(value)


def _text(value: bytes) -> str:
    """Bytes as text, in hexadecimal digits where they are none."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()
