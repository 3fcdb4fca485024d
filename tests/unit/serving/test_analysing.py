"""Questions about a few facts, compared with what a loop over them gives."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filon.project import INTEGER, TEXT, Column, ColumnType, Kind
from filon.project.serving import Dimension
from filon.project.vocabulary import ApiSpec
from filon.serving.analysis import Analysis, Measure, Operation
from filon.serving.columns import analysing, groups, memory, sums
from filon.serving.columns.analysing import Question, analyse
from filon.serving.columns.chunks import Chunk, by_month, chunks_of, read_chunk
from filon.serving.columns.memory import Coded, Columns
from filon.serving.columns.stored import (
    DAY,
    MONTH,
    USUAL_SIZE,
    ChunkSize,
    group_column,
    month_name,
    month_number,
    sum_column,
)

MONEY = ColumnType(Kind.DECIMAL, 18, 2)
CLIENT = Column("client", INTEGER)
ANALYSIS = Analysis(
    "facts",
    "analysis",
    Column("day", ColumnType(Kind.DATE)),
    {
        "country": Dimension("facts", Column("country", TEXT), None, None),
        "gift": Dimension("facts", Column("gift", ColumnType(Kind.BOOLEAN)), None, None),
    },
    {
        "revenue": Measure(Operation.SUM, Column("amount", MONEY)),
        "orders": Measure(Operation.COUNT),
        "clients": Measure(Operation.DISTINCT, CLIENT),
    },
    ApiSpec(day="jour", month="mois", year="annee"),
)
Fact = tuple[dt.date | None, str | None, bool | None, int | None, int | None]
"""Day, country, gift, client, cents."""

FACTS = st.lists(
    st.tuples(
        st.none() | st.dates(dt.date(2024, 12, 1), dt.date(2025, 2, 28)),
        st.sampled_from([None, "France", "Italie", "Été", ""]),
        st.sampled_from([None, True, False]),
        st.sampled_from([None, 1, 2, -3, 2**62]),
        st.sampled_from([None, 0, 1, -250, 1999, 10**17]),
    ),
    max_size=30,
)
QUESTIONS = st.builds(
    Question,
    by=st.lists(st.sampled_from(["jour", "mois", "annee", "country", "gift", "client"]), max_size=2, unique=True).map(
        tuple
    ),
    wanted=st.sampled_from(
        [(), (("country", ("France",)),), (("country", ("", "Italie", "x")), ("gift", ("true",))), (("gift", ()),)]
    ),
    first=st.none() | st.dates(dt.date(2024, 12, 1), dt.date(2025, 3, 1)),
    last=st.none() | st.dates(dt.date(2024, 12, 1), dt.date(2025, 3, 1)),
    sort=st.sampled_from(["revenue", "orders", "clients", "value"]),
    descending=st.booleans(),
    limit=st.sampled_from([1, 2, 3, 1000]),
    stats=st.sampled_from([None, "revenue"]),
)


def stored(facts: Iterable[Fact], size: ChunkSize = USUAL_SIZE) -> list[Chunk]:
    """Facts as a store has them."""
    by_month: dict[str, list[Fact]] = {}
    for fact in facts:
        by_month.setdefault(fact[0].isoformat()[:7] if fact[0] else "", []).append(fact)
    return [chunk for month in sorted(by_month) for chunk in chunks_of(month, table(by_month[month]), size)]


def table(facts: Sequence[Fact]) -> pa.Table:
    rows = sorted(facts, key=lambda fact: fact[0].day if fact[0] else 0)
    gifts = [None if row[2] is None else str(row[2]).lower() for row in rows]
    return pa.table(
        {
            DAY: pa.array([row[0].day if row[0] else 0 for row in rows], pa.int16()),
            group_column("country"): pa.array([row[1] for row in rows], pa.string()),
            group_column("gift"): pa.array(gifts, pa.string()),
            group_column("client"): pa.array([row[3] for row in rows], pa.int64()),
            sum_column("amount"): pa.array([row[4] for row in rows], pa.int64()),
        }
    )


def columns(facts: Iterable[Fact], at_once: int = 100, size: ChunkSize = USUAL_SIZE) -> Columns:
    """Facts in memory, decoded some chunks at a time."""
    coded, kept = Coded.empty(ANALYSIS), stored(facts, size)
    for start in range(0, len(kept), at_once):
        coded = coded.with_chunks(kept[start : start + at_once])
    return coded.columns([chunk.digest for chunk in kept])


def answered(facts: Sequence[Fact], question: Question) -> tuple[int, list[dict[str, Any]]]:
    """The answer as a loop finds it."""
    chosen = [fact for fact in facts if is_chosen(fact, question)]
    found: dict[tuple[Any, ...], list[Fact]] = {} if question.by else {(): chosen}
    for fact in chosen:
        found.setdefault(tuple(value(fact, name) for name in question.by), [])
    for key, members in found.items():
        members[:] = [fact for fact in chosen if tuple(value(fact, name) for name in question.by) == key]
    keys = sorted(found, key=lambda key: [(part is not None, part) for part in key])
    if question.sort == "value" and question.by:
        first = {key: (key[0] is not None, key[0]) for key in keys}
        keys.sort(key=lambda key: first[key], reverse=question.descending)
    elif question.by:
        keys.sort(key=lambda key: measured(found[key])[question.sort], reverse=question.descending)
    rows = []
    for key in keys[: question.limit]:
        row = dict(zip(question.by, key, strict=True)) | measured(found[key])
        if question.stats:
            row["stats"] = sum(fact[4] is not None for fact in found[key]) if found[key] else None
        rows.append(row)
    return len(found), rows


def is_chosen(fact: Fact, question: Question) -> bool:
    wanted = dict(question.wanted)
    day = fact[0]
    if (question.first or question.last) and day is None:
        return False
    return (
        ("country" not in wanted or fact[1] in wanted["country"])
        and ("gift" not in wanted or str(fact[2]).lower() in wanted["gift"])
        and (question.first is None or day is None or day >= question.first)
        and (question.last is None or day is None or day <= question.last)
    )


def value(fact: Fact, name: str) -> Any:
    day = fact[0].isoformat() if fact[0] else None
    lengths = {"jour": 10, "mois": 7, "annee": 4}
    if name in lengths:
        return day[: lengths[name]] if day else None
    return {"country": fact[1], "gift": fact[2], "client": fact[3]}[name]


def measured(facts: Sequence[Fact]) -> dict[str, Any]:
    cents = sum(fact[4] or 0 for fact in facts)
    clients = {fact[3] for fact in facts} - {None}
    return {"revenue": Decimal(cents).scaleb(-2), "orders": len(facts), "clients": len(clients)}


@settings(deadline=None)
@given(FACTS, QUESTIONS, st.sampled_from([1, 100]), st.booleans())
def test_any_question_is_answered_as_by_a_loop(
    facts: list[Fact], question: Question, at_once: int, is_large: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if is_large:  # as if there were too many groups and values to lay side by side
            patch.setattr(groups, "MOST_GROUPS", 1)
            patch.setattr(analysing, "FEW_GROUPS", 0)
            patch.setattr(sums, "MOST_FLAGS", 0)
            patch.setattr(memory, "SPARSEST", 0)
        size = ChunkSize(most_rows=3) if is_large else USUAL_SIZE
        found = analyse(ANALYSIS, columns(facts, at_once, size), question)
    for row in found.rows:
        if row.get("stats"):
            row["stats"] = row["stats"]["count"]
    assert (found.total, found.rows) == answered(facts, question)


def test_single_values_are_described_to_the_cent() -> None:
    day = dt.date(2025, 1, 5)
    facts: list[Fact] = [(day, "France", True, 1, cents) for cents in (100, 250, 375, 1000, None)]
    question = Question(("country",), (), None, None, "revenue", descending=True, limit=10, stats="revenue")
    [row] = analyse(ANALYSIS, columns(facts), question).rows
    assert row["stats"] == {
        "count": 4,
        "mean": Decimal("4.31"),
        "std": Decimal("3.95"),
        "min": Decimal("1.00"),
        "25%": Decimal("2.13"),
        "50%": Decimal("3.13"),
        "75%": Decimal("5.31"),
        "max": Decimal("10.00"),
    }


def test_a_long_month_is_cut_into_chunks_that_a_document_can_hold() -> None:
    size = ChunkSize(most_rows=100, most_text=2_000, fewest_rows=10)
    facts: list[Fact] = [(dt.date(2025, 1, 1 + n % 28), f"country {n}", None, n, n) for n in range(250)]
    found = stored(facts, size)
    assert [chunk.part for chunk in found] == list(range(len(found)))
    assert 3 < len(found) <= size.most_parts(250)
    assert sum(chunk.rows for chunk in found) == 250
    assert all(10 <= chunk.rows <= 100 for chunk in found)
    question = Question((), (), None, None, "revenue", descending=True, limit=1, stats=None)
    [row] = analyse(ANALYSIS, columns(facts, size=size), question).rows
    assert row == {"revenue": Decimal("311.25"), "orders": 250, "clients": 250}


def test_chunks_with_one_digest_hold_the_same() -> None:
    january, february = dt.date(2025, 1, 1), dt.date(2025, 2, 1)
    first, second = stored([(january, "France", None, 1, 1), (february, "France", None, 1, 1)])
    assert first.digest != second.digest
    assert stored([(january, "France", None, 1, 1)]) == [first]


def test_codes_stay_when_values_are_added() -> None:
    day = dt.date(2025, 1, 1)
    [first] = stored([(day, "Italie", None, 7, 1)])
    [second] = stored([(day, "France", None, 3, 1), (day, "Italie", None, 7, 1)])
    before = Coded.empty(ANALYSIS).with_chunks([first])
    after = before.with_chunks([second])
    assert after.values["country"].to_pylist() == [None, "Italie", "France"]
    assert sorted(after.parts[second.digest].codes["client"]) == [1, 2]
    assert after.parts[first.digest] is before.parts[first.digest]
    assert before.parts[first.digest].codes["country"].dtype == np.uint8
    assert before.parts[first.digest].size < 20


def test_chunks_that_are_kept_stay_beside_the_values_of_their_codes() -> None:
    """Two lines of loads grow apart from one beginning, and one of them loses all its chunks and begins anew."""
    day, question = dt.date(2025, 1, 1), Question(("country",), (), None, None, "value", False, 9, None)
    [italy], [france], [spain] = (stored([(day, name, None, 1, 1)]) for name in ("Italie", "France", "Espagne"))
    first = Coded.empty(ANALYSIS).with_chunks([italy])
    left, right = first.with_chunks([france]), first.with_chunks([spain])
    anew = left.only([spain.digest]).with_chunks([spain, france])
    for coded, chunk, name in [
        (left, italy, "Italie"), (left, france, "France"), (right, italy, "Italie"), (right, spain, "Espagne"),
        (anew, spain, "Espagne"), (anew, france, "France"), (left.only([france.digest]), france, "France"),
    ]:  # fmt: skip
        [row] = analyse(ANALYSIS, coded.columns([chunk.digest]), question).rows
        assert row["country"] == name
    assert set(left.only([france.digest]).parts) == {france.digest}
    assert anew.values["country"].to_pylist() == [None, "Espagne", "France"], "values that nobody needs are dropped"


def test_large_numbers_that_occur_often_are_stored_once() -> None:
    day, key = dt.date(2025, 1, 1), 2**52
    [few] = stored([(day, None, None, key + n % 10, 1) for n in range(1_000)])
    [many] = stored([(day, None, None, key + n, 1) for n in range(1_000)])
    assert pa.types.is_dictionary(read_chunk(few.data).schema.field("by client").type)
    assert read_chunk(many.data).schema.field("by client").type == pa.int64()
    coded = Coded.empty(ANALYSIS).with_chunks([few, many])
    question = Question((), (), None, None, "revenue", descending=True, limit=1, stats=None)
    assert analyse(ANALYSIS, coded.columns([few.digest, many.digest]), question).rows[0]["clients"] == 1_000


def test_chunks_of_older_versions_are_read_beside_new_ones() -> None:
    """Places of texts took four bytes each, and all numbers stood as they are."""
    day, key = dt.date(2025, 1, 1), 2**52
    facts: list[Fact] = [(day, name, None, key + n, 5) for n, name in enumerate(["France", None, "Italie"])]
    [new] = stored([(day, "Italie", True, key + 2, 1)] * 3)
    sink = pa.BufferOutputStream()
    old_table = table(facts).set_column(
        1, "by country", table(facts)["by country"].combine_chunks().dictionary_encode()
    )
    old_table = old_table.set_column(0, DAY, old_table[DAY].cast(pa.int8()))
    with pa.ipc.new_stream(sink, old_table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(old_table)
    old = Chunk("2025-01", 1, 3, "old", base64.b64encode(sink.getvalue()).decode())
    found = Coded.empty(ANALYSIS).with_chunks([new]).with_chunks([old]).columns([new.digest, "old"])
    question = Question(("country",), (), None, None, "value", descending=False, limit=9, stats=None)
    rows = [tuple(row.values()) for row in analyse(ANALYSIS, found, question).rows]
    assert rows == [(None, Decimal("0.05"), 1, 1), ("France", Decimal("0.05"), 1, 1), ("Italie", Decimal("0.08"), 4, 1)]


@given(st.none() | st.dates())
def test_months_are_numbered_as_sql_does(day: dt.date | None) -> None:
    name = day.isoformat()[:7] if day else ""
    assert month_name(month_number(name)) == name
    if day:
        assert month_number(name) == day.year * 12 + day.month - 1


def test_rows_of_several_months_come_month_by_month_in_the_order_of_days() -> None:
    places = pa.array([1, None, 0, 1], pa.int32())
    facts = pa.table({MONTH: pa.array([24301, 24300, 24301, -1], pa.int32()), DAY: [2, 9, 1, 0], "by country": places})
    found = by_month(facts, {"by country": pa.chunked_array([["France", "Italie"]])})
    assert [(month, rows.to_pydict()) for month, rows in found] == [
        (-1, {DAY: [0], "by country": ["Italie"]}),
        (24300, {DAY: [9], "by country": [None]}),
        (24301, {DAY: [1, 2], "by country": ["France", "Italie"]}),
    ]
