"""Exact arithmetic over groups of rows.

The rows of a table come in parts: ``codes`` and ``numbers`` are sequences of one-dimensional arrays, part by part of
equal length. A code is an unsigned or signed integer from 0 to ``size`` - 1, the number of the row's group. Numbers are
integers of at most 64 bits. Binary floats are used only for sums that they provably hold exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
FLOAT_BITS = 53
"""Whole numbers of so many bits are exact as binary floats, and so is any sum that stays among them."""
WORD_BITS = 63
LIMB_BITS = 21
"""Numbers are cut into limbs of so many bits when their sum would be too large for a float."""
NULL = 0
"""The code of null."""
BLOCK = 1 << 18
MOST_FLAGS = 16
"""Pairs of group and value that are marked in memory, a byte each, for every row; if more can be, rows are sorted."""


def blocks(*columns: Sequence[Array], size: int) -> Iterator[tuple[Array, ...]]:
    """Columns of several parts, joined to blocks.

    A block has at least twice as many rows as there are groups, the last one apart: what is done once for each group
    and block then costs little. Yields a tuple with one array for each column.
    """
    most = max(BLOCK, 2 * size)
    waiting: list[tuple[Array, ...]] = []
    rows = 0
    for arrays in zip(*columns, strict=True):
        waiting.append(arrays)
        rows += len(arrays[0])
        if rows >= most:
            yield _joined(waiting)
            waiting, rows = [], 0
    if waiting:
        yield _joined(waiting)


def group_counts(codes: Sequence[Array], size: int) -> Array:
    """Number of rows of each group: int64, of length ``size``."""
    counts = np.zeros(size, np.int64)
    for (block,) in blocks(codes, size=size):
        counts += np.bincount(block, minlength=size)
    return counts


def group_sums(codes: Sequence[Array], numbers: Sequence[Array], size: int) -> Array:
    """Sums of whole numbers of each group.

    Args:
        codes: the groups of rows, part by part
        numbers: the numbers of the same rows; nulls are 0
        size: number of groups

    Returns:
        An array of length ``size``: int64 if no sum can overflow, else object (Python's own integers).

    """
    rows = sum(len(array) for array in codes)
    largest = max((_bits(array) for array in numbers), default=0)
    width = FLOAT_BITS - rows.bit_length()
    if largest <= width:
        return _float_sums(codes, numbers, size)
    total = np.zeros(size, np.int64 if largest + rows.bit_length() <= WORD_BITS else object)
    width, wide = min(width, LIMB_BITS), [array.astype(np.int64) for array in numbers]
    for shift in range(0, largest + 1, width):
        is_last = shift + width > largest
        limbs = [(array >> shift) if is_last else (array >> shift) & ((1 << width) - 1) for array in wide]
        total = total + _float_sums(codes, limbs, size).astype(total.dtype) * (1 << shift)
    return total


def group_distinct(codes: Array, values: Array, size: int, most: int) -> Array:
    """Number of different values of each group.

    Args:
        codes: the groups of rows, one array
        values: the values of the same rows as codes from 0 to ``most`` - 1; 0 is null, and not counted
        size: number of groups
        most: number of codes of values

    Returns:
        int64, of length ``size``.

    """
    if size * most <= MOST_FLAGS * len(codes):
        seen = np.zeros(size * most, bool)
        for start in range(0, len(codes), BLOCK):
            block = slice(start, start + BLOCK)
            seen[codes[block].astype(np.int64) * most + values[block]] = True
        by_group = seen.reshape(size, most)
        by_group[:, 0] = False
        return np.asarray(np.count_nonzero(by_group, axis=1))
    pairs = np.sort(codes.astype(np.int64) * most + values)
    is_first = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
    return np.bincount(pairs[is_first & (pairs % most != NULL)] // most, minlength=size)


@dataclass(frozen=True)
class Distribution:
    """How the values of a group are spread, in units of the last decimal; None where it is not defined.

    ``std`` is the standard deviation of a sample, ``quarters`` are the quartiles, interpolated between the two nearest
    values. Mean, deviation and quartiles are rounded half away from zero.
    """

    count: int
    mean: int | None = None
    std: int | None = None
    low: int | None = None
    quarters: tuple[int | None, int | None, int | None] = (None, None, None)
    high: int | None = None


def distributions(codes: Sequence[Array], numbers: Sequence[Array], size: int) -> list[Distribution]:
    """The distribution of each group, ``size`` of them; rows whose number is null must have been left out."""
    ends = np.cumsum(group_counts(codes, size))
    ordered = concat(numbers)
    if size > 1:
        ordered = ordered[np.argsort(concat(codes), kind="stable")]
    return [_distribution(np.sort(values)) for values in np.split(ordered, ends[:-1])]


def _distribution(values: Array) -> Distribution:
    """Of sorted values."""
    count = len(values)
    if count == 0:
        return Distribution(0)
    total, squares = total_and_squares(values)
    std = None
    if count > 1:
        # the root, rounded half up, of a quotient of whole numbers: all of it whole
        spread = 4 * (count * squares - total * total) // (count * (count - 1))
        std = (math.isqrt(spread) + 1) // 2
    first, second, third = (_quantile(values, quarter) for quarter in (1, 2, 3))
    return Distribution(count, rounded(total, count), std, int(values[0]), (first, second, third), int(values[-1]))


def _quantile(values: Array, quarter: int) -> int:
    """A quartile (``quarter`` 1 to 3) of sorted values, interpolated in quarters: exact before it is rounded."""
    place, rest = divmod((len(values) - 1) * quarter, 4)
    low = int(values[place])
    high = int(values[place + 1]) if rest else low
    return rounded(4 * low + rest * (high - low), 4)


def total_and_squares(numbers: Array) -> tuple[int, int]:
    """The sum of integers and the sum of their squares, exact.

    The numbers are cut into limbs so short that no sum of products of limbs overflows 64 bits.
    """
    width = (WORD_BITS - len(numbers).bit_length()) // 2
    largest = _bits(numbers)
    limbs = []
    for shift in range(0, largest + 1, width):
        limb = numbers.astype(np.int64) >> shift
        limbs.append(limb if shift + width > largest else limb & ((1 << width) - 1))
    total = sum(int(limb.sum()) << width * place for place, limb in enumerate(limbs))
    squares = sum(
        int(np.dot(one, other)) << width * (low + high)
        for low, one in enumerate(limbs)
        for high, other in enumerate(limbs)
    )
    return total, squares


def rounded(numerator: int, denominator: int) -> int:
    """A quotient with a positive denominator, rounded half away from zero."""
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return size if numerator >= 0 else -size


def _float_sums(codes: Sequence[Array], numbers: Sequence[Array], size: int) -> Array:
    total = np.zeros(size, np.float64)
    for block, weights in blocks(codes, numbers, size=size):
        total += np.bincount(block, weights=weights, minlength=size)
    return total.astype(np.int64)


def _joined(parts: Sequence[tuple[Array, ...]]) -> tuple[Array, ...]:
    return parts[0] if len(parts) == 1 else tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def _bits(numbers: Array) -> int:
    """Bits of the largest number, its sign apart."""
    return max(abs(int(numbers.min())), abs(int(numbers.max()))).bit_length() if len(numbers) else 0


def concat(arrays: Iterable[Array]) -> Array:
    """Arrays as one."""
    parts = list(arrays)
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
