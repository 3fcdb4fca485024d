"""Arrow's arrays as NumPy's and back. pyarrow's own conversions import pandas, which takes a second of a process."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from filon.serving.columns.sums import Array


def numbers(array: pa.Array, null: int = 0) -> Array:
    """The numbers of an array, of the same type, with ``null`` where it has none; a view if it has all."""
    kind = np.dtype(array.type.to_pandas_dtype())
    if not len(array):
        return np.empty(0, kind)
    found = np.frombuffer(array.buffers()[1], kind, len(array), array.offset * kind.itemsize)
    return np.where(flags(array.is_valid()), found, kind.type(null)) if array.null_count else found


def flags(array: pa.Array) -> Array:
    """The booleans of an array without nulls."""
    return numbers(array.cast(pa.uint8())).view(bool)


def arrow(array: Array) -> pa.Array:
    """Numbers as an array of Arrow, of the same type."""
    kind = pa.from_numpy_dtype(array.dtype)
    return pa.Array.from_buffers(kind, len(array), [None, pa.py_buffer(np.ascontiguousarray(array))])


def arrow_texts(texts: Sequence[str]) -> pa.Array:
    """Texts as an array of Arrow."""
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(encoded), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))])
