"""Arrays of Arrow and NumPy, made of each other."""

from __future__ import annotations

import datetime as dt
import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from filon.serving.columns.analysing import Question
from filon.serving.columns.arrays import arrow, arrow_texts, flags, numbers
from tests.unit.serving.test_analysing import ANALYSIS, stored

ANSWERED = """
import sys
sys.modules["pandas"] = None
import pickle
from filon.serving.columns.analysing import Question, analyse
from filon.serving.columns.memory import Coded
analysis, chunks, questions = pickle.load(sys.stdin.buffer)
columns = Coded.empty(analysis).with_chunks(chunks).columns([chunk.digest for chunk in chunks])
print([analyse(analysis, columns, question).total for question in questions])
"""
"""A process that reads chunks and answers; it cannot import pandas."""


def test_numbers_are_a_view_of_the_same_type() -> None:
    array = pa.array([1, 2, 3, 4], pa.int16())
    found = numbers(array[1:3])
    assert found.tolist() == [2, 3]
    assert found.dtype == np.int16
    assert not found.flags.owndata
    assert numbers(pa.array([], pa.int64())).tolist() == []


def test_nulls_are_the_number_that_is_asked_for() -> None:
    array = pa.array([1, None, 3, None], pa.int8())
    assert numbers(array).tolist() == [1, 0, 3, 0]
    assert numbers(array[1:], -1).tolist() == [-1, 3, -1]


def test_flags_texts_and_numbers_are_made_of_each_other() -> None:
    assert flags(pa.array([True, False, True])[1:]).tolist() == [False, True]
    assert arrow_texts(["Été", "", "x"]).to_pylist() == ["Été", "", "x"]
    assert arrow_texts([]).to_pylist() == []
    assert arrow(np.arange(6, dtype=np.int32)[::2]).to_pylist() == [0, 2, 4]


def test_reading_chunks_and_answering_needs_no_pandas() -> None:
    """It takes a second to import, which the first analysis of a process would wait for."""
    day = dt.date(2025, 1, 5)
    chunks = stored([(day, "France", True, 7, 100), (day, None, None, None, None), (None, "Italie", False, 2**60, 3)])
    chosen = (("country", ("France", "Italie")), ("client", (7, 2**60)))
    questions = [
        Question(by, wanted, None, None, "value", descending=False, limit=9, stats="revenue")
        for by in ((), ("country",), ("client", "jour"))
        for wanted in ((), chosen)
    ]
    given = pickle.dumps((ANALYSIS, chunks, questions))
    done = subprocess.run([sys.executable, "-c", ANSWERED], input=given, capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"[1, 1, 3, 2, 3, 2]\n", b"")
