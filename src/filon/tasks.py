"""What a machine of a cluster does: it calls a function of Filon for each item that it is given.

It imports nothing else of Filon before it is asked to, so that it can say which packages a machine lacks.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

PLACE, ITEM, RESULT = "place", "item", "result"


@dataclass(frozen=True)
class Task:
    """A function over batches of items; ``function`` is pickled, once for all tasks."""

    function: bytes

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The results of items, each as soon as it is there."""
        import pyarrow as pa

        function = unpack_task(self.function)
        for batch in batches:
            for place, item in zip(batch[PLACE].to_pylist(), batch[ITEM].to_pylist(), strict=True):
                result = pack(function(unpack_task(item)))
                columns = [pa.array([place], pa.int32()), pa.array([result], pa.binary())]
                yield pa.RecordBatch.from_arrays(columns, names=[PLACE, RESULT])


def pack(value: object) -> bytes:
    """A function of a module, or a value of Filon's classes, as bytes."""
    return pickle.dumps(value)


def unpack_task(content: bytes) -> Any:
    """What a client packed, on the machine that works for it."""
    return pickle.loads(content)  # noqa: S301 (an executor runs what its client sends; that is its purpose)


def installed(names: Sequence[str]) -> dict[str, str | None]:
    """The versions of packages that are installed in this Python; None for those that are not."""
    return {name: _version(name) for name in names}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
