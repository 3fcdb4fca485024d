"""What every store must do, whatever is behind it: the same tests for MongoDB and SQLite."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filon.errors import LoadGone, StoreBusy, StoreUnavailable
from filon.project import INTEGER, TEXT, Column, ColumnType, Kind
from filon.project.serving import Operator
from filon.serving.protocol import Store
from filon.serving.query import Condition, Query, Row, Value, one_of
from filon.serving.state import LoadId, PageIndex, ServedState, TableState
from filon.serving.stores import open_store
from filon.serving.tables import Order, StoredTable
from tests.integration.replacing import stored_at

NOW = dt.datetime(2026, 1, 1, 12, 30, tzinfo=dt.UTC)
MONEY = ColumnType(Kind.DECIMAL, 12, 2)
SALES = StoredTable(
    "sales",
    (
        Column("id", INTEGER, required=True),
        Column("product", TEXT),
        Column("amount", MONEY),
        Column("day", ColumnType(Kind.DATE)),
        Column("at", ColumnType(Kind.TIMESTAMP)),
        Column("paid", ColumnType(Kind.BOOLEAN)),
        Column("25%", ColumnType(Kind.DOUBLE)),
    ),
    ("id",),
    (Order("day", descending=True),),
    ("product", "amount"),
)
PAIRS = StoredTable("pairs", (Column("a", TEXT), Column("b", INTEGER), Column("n", INTEGER)), ("a", "b"))
Sale = tuple[int, str | None, Decimal | None, dt.date | None, dt.datetime | None, bool | None, float | None]


@pytest.fixture
def store(store_uri: str) -> Iterator[Store]:
    found = open_store(store_uri)
    yield found
    ask(found.shut_readers())
    found.shut()


LOOP = asyncio.Runner()


def ask(answer: Any) -> Any:
    """Await outside a server; connections of readers belong to one event loop."""
    return LOOP.run(answer)


def encoded(store: Store, table: StoredTable, rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Rows as the engine would hand them over for this store."""
    return [tuple(_encoded(store, c, v) for c, v in zip(table.columns, row, strict=True)) for row in rows]


def _encoded(store: Store, column: Column, value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value.scaleb(column.type.scale))
    if isinstance(value, dt.datetime):
        return (value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    if isinstance(value, dt.date) and store.name == "mongodb":
        return dt.datetime(value.year, value.month, value.day)
    return (value - dt.date(1970, 1, 1)).days if isinstance(value, dt.date) else value


def state(load: LoadId, *tables: StoredTable, release: int = 1) -> ServedState:
    """A state in which every table has a name and little else."""
    found = {
        table.name: TableState(
            table=table.name,
            fingerprint="m",
            storage_hash="s",
            recipe="r",
            rows=0,
            versions=0,
            builds=(),
            as_of=NOW.date(),
            gold_at=NOW,
            synced_at=NOW + dt.timedelta(seconds=2),
            duration_s=0.1,
        )
        for table in tables
    }
    return ServedState(
        id=load,
        release=release,
        project="p",
        as_of=NOW.date(),
        published_at=NOW,
        loaded_at=NOW,
        tables=found,
    )


def load(
    store: Store,
    rows: Iterable[Sequence[Any]] = (),
    gone: Iterable[Sequence[Any]] | None = (),
    table: StoredTable = SALES,
    keep: int = 2,
    page_index: PageIndex | None = None,
) -> LoadId:
    """One load that closes and inserts rows; returns its id."""
    with store.loading() as session:
        session.sweep(keep)
        session.prepare(table)
        session.close(table, None if gone is None else [list(gone)])
        session.insert(table, [encoded(store, table, rows)])
        session.flip(state(session.id, table), {table.name: page_index})
        return session.id


def find(store: Store, identity: LoadId, table: StoredTable = SALES, **query: Any) -> list[tuple[Value, ...]]:
    sort = table.total_order(query.pop("sort", ()))
    found: list[Row] = ask(store.find(identity, table, Query(sort=sort, **{"limit": 1000, **query})))
    return [tuple(row.values()) for row in found]


A: Sale = (1, "Souris", Decimal("12.50"), dt.date(2025, 1, 31), NOW, True, 0.1)
B: Sale = (2, "Clavier", Decimal("-0.05"), dt.date(1, 1, 1), NOW.replace(year=1950), False, -1e300)
C: Sale = (3, None, None, None, None, None, None)
D: Sale = (2**53, "é\U0001f600' \"x", Decimal("9999999999.99"), dt.date(9999, 12, 31), NOW, True, 5e-324)


def test_an_empty_store_has_no_state(store: Store) -> None:
    assert store.state() is None
    assert ask(store.states()) == []
    assert not store.holds(SALES, 0)


def test_values_come_back_as_they_were(store: Store) -> None:
    number = load(store, [D, C, B, A])
    assert find(store, number) == [A, B, C, D]
    assert [str(row[2]) for row in find(store, number)] == ["12.50", "-0.05", "None", "9999999999.99"]
    assert store.holds(SALES, 4)
    assert not store.holds(SALES, 5)


def test_only_the_wanted_fields_come_back(store: Store) -> None:
    number = load(store, [A])
    [row] = ask(store.find(number, SALES, Query(SALES.total_order(()), fields=("25%", "id"))))
    assert row == {"id": 1, "25%": 0.1}


def test_each_load_shows_its_own_rows(store: Store) -> None:
    changed = (1, "Souris", Decimal("13.00"), *A[3:])
    first = load(store, [A, B, C])
    second = load(store, [changed, D], [(1,), (3,)])
    third = load(store, [A], [(1,), (2,)])
    assert find(store, first) == [A, B, C]
    assert find(store, second) == [changed, B, D]
    assert find(store, third) == [A, D]
    assert [found.id for found in ask(store.states())] == [third, second, first]
    found = store.state()
    assert found is not None
    assert found.id == third


def test_a_load_that_fails_leaves_nothing(store: Store) -> None:
    first = load(store, [A, B])

    def begin_and_fail() -> None:
        with store.loading() as session:
            session.prepare(SALES)
            session.close(SALES, [[(1,)]])
            session.insert(SALES, [encoded(store, SALES, [C])])
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        begin_and_fail()
    assert find(store, first) == [A, B]
    second = load(store, [D])
    assert find(store, second) == [A, B, D]
    assert find(store, first) == [A, B]
    assert store.holds(SALES, 3)


def test_all_rows_can_be_closed_at_once(store: Store) -> None:
    first = load(store, [A, B])
    second = load(store, [C], None)
    assert find(store, first) == [A, B]
    assert find(store, second) == [C]


def test_closing_what_is_not_there_changes_nothing(store: Store) -> None:
    load(store, [A])
    assert find(store, load(store, [], [(7,)])) == [A]


def test_a_sweep_deletes_what_no_kept_load_shows(store: Store) -> None:
    first = load(store, [A, B])
    second = load(store, [], [(1,)])
    third = load(store, [C], keep=1)
    assert [found.id for found in ask(store.states())] == [third, second]
    with pytest.raises(LoadGone, match="no longer keeps load 1"):
        find(store, first)
    assert find(store, second) == [B]
    assert find(store, third) == [B, C]
    assert store.holds(SALES, 2)


def test_a_load_is_gone_once_the_store_holds_another_of_its_number(store: Store, store_uri: str) -> None:
    first = load(store, [A, B], page_index=PageIndex(step=100, keys=(("2025-01-31", 1),)))
    stored_at(store_uri).drop()
    assert ask(store.states()) == []
    again = load(store, [C])
    assert (again.number, find(store, again)) == (first.number, [C])
    assert again.store != first.store
    for question in (store.find(first, SALES, Query(SALES.total_order(()))), store.count(first, SALES, ())):
        with pytest.raises(LoadGone, match=f"no longer keeps load 1 of the store {first.store}"):
            ask(question)
    with pytest.raises(LoadGone):
        ask(store.page_index(first, SALES))


def test_a_store_that_was_put_back_gives_its_loads_other_tokens(store: Store, store_uri: str) -> None:
    first = load(store, [A])
    stored_at(store_uri).save()
    lost = load(store, [B])
    stored_at(store_uri).put_back()
    assert find(store, first) == [A]
    second = load(store, [C])
    assert (second.store, second.number) == (lost.store, lost.number)
    assert find(store, second) == [A, C]
    with pytest.raises(LoadGone):
        find(store, lost)


def test_rows_and_marks_whose_loads_are_gone_are_shown_by_no_other(store: Store, store_uri: str) -> None:
    page_index = PageIndex(step=100, keys=(("2025-01-31", 1),))
    first = load(store, [A, B], page_index=page_index)
    load(store, [D], page_index=page_index)
    stored_at(store_uri).forget_loads()
    again = load(store, [C])
    assert (again.number, find(store, again)) == (first.number, [C])
    third = load(store, [], table=PAIRS)
    assert ask(store.page_index(third, SALES)) is None


def test_a_file_that_goes_while_it_is_loaded_is_told(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'serving.db'}")
    load(store, [A])

    def load_into_a_deleted_file() -> None:
        with store.loading() as session:
            stored_at(store.uri).drop()
            session.flip(state(session.id), {})

    with pytest.raises(StoreUnavailable, match=r"deleted or replaced while it was loaded\. Run again"):
        load_into_a_deleted_file()
    assert store.kept() == []
    store.shut()


@pytest.mark.parametrize(
    "write",
    [
        "DELETE FROM _rows_sales WHERE id = 1",
        "UPDATE _rows_sales SET amount = 0 WHERE id = 1",
        "UPDATE _rows_sales SET _to = 1",
        'INSERT INTO _rows_sales SELECT 9, product, amount, day, at, paid, "25%", _from, _to FROM _rows_sales LIMIT 1',
        "DELETE FROM _rows_sales; INSERT INTO _rows_sales SELECT * FROM copy",
        "DELETE FROM _rows_sales",
        "DROP TABLE _rows_sales",
        "DROP TABLE _rows_sales; ALTER TABLE copy RENAME TO _rows_sales; DELETE FROM _rows_sales WHERE id = 1",
        "REPLACE INTO _rows_sales SELECT * FROM copy",
    ],
)
def test_what_another_program_writes_is_told(tmp_path: Path, write: str) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'serving.db'}")
    load(store, [A, B])
    load(store, [], table=PAIRS)
    assert store.holds(SALES, 2)
    with closing(sqlite3.connect(tmp_path / "serving.db")) as connection:
        connection.executescript(f"CREATE TABLE copy AS SELECT * FROM _rows_sales; {write}")
    assert not store.holds(SALES, 2)
    with store.loading() as session:
        assert not session.holds(SALES, 2)
        assert session.holds(PAIRS, 0)
    load(store, [C], None)
    [versions] = versions_of(tmp_path / "serving.db")
    assert store.holds(SALES, versions)
    store.shut()


def versions_of(file: Path) -> list[int]:
    """How many rows of all loads there are."""
    with closing(sqlite3.connect(file)) as connection:
        return [count for (count,) in connection.execute("SELECT count(*) FROM _rows_sales")]


def test_rows_of_a_store_of_an_older_version_are_counted(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'serving.db'}")
    load(store, [A, B])
    with closing(sqlite3.connect(tmp_path / "serving.db")) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        connection.executescript("DROP TABLE _row_counts;" + "".join(f'DROP TRIGGER "{name}";' for (name,) in names))
    assert store.holds(SALES, 2)
    assert not store.holds(SALES, 3)
    load(store, [C], [(1,)])
    assert store.holds(SALES, 3)
    load(store, [], keep=1)
    load(store, [], keep=1)
    assert store.holds(SALES, 2), "rows that a sweep deletes count no more"
    store.shut()


def test_one_process_loads_at_a_time(store: Store, store_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filon.serving.sqlite.store.PATIENCE_S", 0.1)
    other = open_store(store_uri)
    with store.loading() as session:
        session.prepare(SALES)
        with pytest.raises(StoreBusy, match="another process is loading it"), other.loading():
            pass
    load(other, [A])
    other.shut()


def test_conditions_compare_values(store: Store) -> None:
    number = load(store, [A, B, C, D])

    def ids(column: str, operator: str, value: Any) -> list[Value]:
        condition = Condition(column, Operator(operator), value)
        found = find(store, number, conditions=(condition,))
        assert ask(store.count(number, SALES, [condition])) == len(found)
        return [row[0] for row in found]

    assert ids("id", "=", 2) == [2]
    assert ids("id", ">=", 2) == [2, 3, 2**53]
    assert ids("id", "<=", 2) == [1, 2]
    assert ids("product", "=", "Souris") == [1]
    assert ids("product", "=", D[1]) == [2**53]
    assert ids("product", "=", "souris") == []
    assert ids("amount", "=", Decimal("12.5")) == [1]
    assert ids("amount", "=", Decimal("12.501")) == []
    assert ids("amount", ">=", Decimal("12.499")) == [1, 2**53]
    assert ids("amount", "<=", Decimal("12.501")) == [1, 2]
    assert ids("day", "=", dt.date(2025, 1, 31)) == [1]
    assert ids("day", "<=", dt.date(2025, 1, 31)) == [1, 2]
    assert ids("at", ">=", NOW) == [1, 2**53]
    assert ids("paid", "=", False) == [2]
    assert ids("25%", "<=", 0.1) == [1, 2, 2**53]
    assert ids("id", "in", (1, 3, 7)) == [1, 3]
    assert ids("product", "in", ("Souris", "souris", D[1])) == [1, 2**53]
    assert ids("amount", "in", (Decimal("12.5"), Decimal("12.501"))) == [1]
    assert ids("day", "in", (dt.date(2025, 1, 31), dt.date(1999, 1, 1))) == [1]


def test_conditions_on_a_key_of_two_columns(store: Store) -> None:
    rows = [(a, b, b * 10) for a in ("x", "xy", "y") for b in (1, 2, 3)]
    number = load(store, rows, table=PAIRS)
    number = load(store, [("x", 2, 99)], [("x", 2), ("y", 3)], table=PAIRS)

    def found(*conditions: Condition) -> list[tuple[Value, ...]]:
        return find(store, number, PAIRS, conditions=conditions)

    at_least, at_most, equal = Operator.AT_LEAST, Operator.AT_MOST, Operator.EQUAL
    assert found(Condition("a", equal, "x")) == [("x", 1, 10), ("x", 2, 99), ("x", 3, 30)]
    assert found(Condition("a", equal, "x"), Condition("b", equal, 2)) == [("x", 2, 99)]
    assert found(Condition("a", equal, "x"), Condition("b", at_least, 2)) == [("x", 2, 99), ("x", 3, 30)]
    assert found(Condition("a", equal, "x"), Condition("b", at_most, 2)) == [("x", 1, 10), ("x", 2, 99)]
    assert found(Condition("b", equal, 3)) == [("x", 3, 30), ("xy", 3, 30)]
    several = one_of("a", ["xy", "x"])
    assert found(several, Condition("b", at_most, 1)) == [("x", 1, 10), ("xy", 1, 10)]
    assert found(Condition("a", equal, "x"), one_of("b", [3, 1, 9])) == [("x", 1, 10), ("x", 3, 30)]
    assert found(several, one_of("b", [3, 2])) == [("x", 2, 99), ("x", 3, 30), ("xy", 2, 20), ("xy", 3, 30)]


def test_marks_are_those_of_the_load(store: Store) -> None:
    first = load(store, [A], page_index=PageIndex(step=100, keys=(("2025-01-31", 1),)))
    second = load(store, [B])
    page_index = ask(store.page_index(first, SALES))
    assert page_index.place(0, SALES) == (dt.date(2025, 1, 31), 1)
    assert ask(store.page_index(second, SALES)) is None


ORDERS = [
    tuple(Order(name, descending) for name, descending in zip(names, flags, strict=True))
    for names in [("id",), ("product",), ("amount",), ("day",), ("product", "amount"), ("paid", "id")]
    for flags in itertools.product((False, True), repeat=len(names))
]
sales = st.lists(
    st.tuples(
        st.integers(-3, 30),
        st.sampled_from([None, "", "a", "B", "é", "a" * 5]),
        st.sampled_from([None, Decimal("-1.00"), Decimal("0.00"), Decimal("2.50")]),
        st.sampled_from([None, dt.date(2024, 2, 29), dt.date(2025, 1, 1)]),
        st.none(),
        st.sampled_from([None, False, True]),
        st.none(),
    ),
    unique_by=lambda row: row[0],
    max_size=25,
)


def oracle(rows: Iterable[Sequence[Any]], sort: Sequence[Order]) -> list[tuple[Any, ...]]:
    """Rows in order; nulls come first, or last where it descends."""
    found = [tuple(row) for row in rows]
    for step in reversed(sort):
        index = SALES.column_names.index(step.column)

        def place(row: tuple[Any, ...], index: int = index) -> tuple[bool, Any]:
            value = row[index]
            spelled = value.encode() if isinstance(value, str) else value
            return (value is not None, 0 if value is None else spelled)

        found.sort(key=place, reverse=step.descending)
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=sales, sort=st.sampled_from(ORDERS), page=st.integers(1, 7), fresh=st.integers(1, 10**9))
def test_every_page_of_every_order_by_skip_and_by_place(
    store: Store, rows: list[Sale], sort: tuple[Order, ...], page: int, fresh: int
) -> None:
    number = load(store, rows, None)
    whole = SALES.total_order(sort)
    expected = oracle(rows, whole)
    assert find(store, number, sort=sort) == expected
    skipped = [find(store, number, sort=sort, skip=start, limit=page) for start in range(0, len(rows), page)]
    assert [row for part in skipped for row in part] == expected
    seen: list[tuple[Any, ...]] = []
    place: tuple[Any, ...] | None = None
    while part := find(store, number, sort=sort, after=place, limit=page):
        seen += part
        place = _place(part[-1], whole)
    assert seen == expected
    for index, row in enumerate(expected):
        assert find(store, number, sort=sort, at=_place(row, whole), limit=2) == expected[index : index + 2]


def _place(row: Sequence[Any], sort: Sequence[Order]) -> tuple[Any, ...]:
    return tuple(row[SALES.column_names.index(step.column)] for step in sort)
