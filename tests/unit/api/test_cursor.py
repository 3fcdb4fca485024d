from __future__ import annotations

import base64
import datetime as dt
import stat
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from filon.api.cursor import Cursor, kept_secret, read_cursor, sign, write_cursor
from filon.api.problems import HttpProblem
from filon.errors import ConfigError
from filon.project import TEXT, Column, ColumnType, Kind
from filon.project.serving import Operator
from filon.serving.query import Condition, Value, one_of
from filon.serving.state import LoadId
from filon.serving.tables import Order, StoredTable

COLUMNS = (
    Column("id", ColumnType(Kind.INTEGER)),
    Column("money", ColumnType(Kind.DECIMAL, 38, 2)),
    Column("share", ColumnType(Kind.DOUBLE)),
    Column("day", ColumnType(Kind.DATE)),
    Column("at", ColumnType(Kind.TIMESTAMP)),
    Column("flag", ColumnType(Kind.BOOLEAN)),
    Column("name", TEXT),
)
LOOKED_UP = tuple(column.name for column in COLUMNS if column.name != "share")
TABLE = StoredTable("shop", COLUMNS, ("id",), looked_up=LOOKED_UP)
SECRET = b"a secret of the tests"
LOAD = LoadId("store", 1, "token")
THIS = [LOAD.store, LOAD.number, LOAD.token]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("money", Decimal("123456789012345678901234567890123456.78")),
        ("day", dt.date(2025, 1, 31)),
        ("at", dt.datetime(2025, 1, 31, 1, 2, 3, 456789, tzinfo=dt.UTC)),
        ("flag", False),
        ("name", "Cléo\n'\"="),
        ("name", None),
    ],
)
def test_a_place_is_read_as_it_was_written(column: str, value: Value) -> None:
    cursor = Cursor(LOAD, (Order(column, descending=True), Order("id")), (value, 2**53 - 1))
    assert read_cursor(write_cursor(cursor, TABLE, (), SECRET), TABLE, (), SECRET) == cursor


def test_every_changed_character_is_noticed() -> None:
    text = write_cursor(Cursor(LOAD, (Order("id"),), (12,)), TABLE, (), SECRET)
    for index in range(len(text) - 1):  # the last one holds bits that base64 does not use
        changed = text[:index] + ("A" if text[index] != "A" else "B") + text[index + 1 :]
        with pytest.raises(HttpProblem):
            read_cursor(changed, TABLE, (), SECRET)


def forged(content: object, secret: bytes = SECRET, table: StoredTable = TABLE) -> str:
    """A cursor with any content, signed."""
    text = orjson.dumps(content)
    return base64.urlsafe_b64encode(sign(text, table, (), secret) + text).decode().rstrip("=")


@pytest.mark.parametrize(
    "content",
    [
        [THIS, [["nothing", False], ["id", False]], [1, 1]],
        [THIS, [["share", False], ["id", False]], [0.1, 1]],  # a column without an index
        [THIS, [["id", 1]], [1]],
        [THIS, [["id", False]], ["x"]],
        [THIS, [["id", False]], [1, 2]],
        [THIS, [["day", False]], ["2025-01-31"]],
        [THIS, [["day", False], ["id", False]], ["2025-02-31", 1]],
        [THIS, [["money", False], ["id", False]], ["1e999999999", 1]],
        [THIS, [[["id"], False]], [1]],
        [THIS, [], []],
        [1, [["id", False]], [1]],
        [["store", True, "token"], [["id", False]], [1]],
        [["store", "1", "token"], [["id", False]], [1]],
        [["store", 1, None], [["id", False]], [1]],
        [["store", 1], [["id", False]], [1]],
        [THIS, "id", 1],
        {"load": 1},
        None,
    ],
)
def test_what_no_page_ends_with_is_refused_though_it_is_signed(content: object) -> None:
    assert read_cursor(forged([THIS, [["id", False]], [1]]), TABLE, (), SECRET).place == (1,)
    with pytest.raises(HttpProblem):
        read_cursor(forged(content), TABLE, (), SECRET)


def test_nobody_else_signs_cursors() -> None:
    for secret in (b"", b"another secret"):
        with pytest.raises(HttpProblem):
            read_cursor(forged([THIS, [["id", False]], [1]], secret), TABLE, (), SECRET)
    other = StoredTable("others", COLUMNS, ("id",), looked_up=LOOKED_UP)
    with pytest.raises(HttpProblem):
        read_cursor(forged([THIS, [["id", False]], [1]], table=other), TABLE, (), SECRET)


def test_a_cursor_of_any_text_is_refused() -> None:
    for text in ("", "A", "=", "AAAA" * 10, "é", "A" * 5_000, "-_" * 30):
        with pytest.raises(HttpProblem):
            read_cursor(text, TABLE, (), SECRET)


def test_the_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "cursors.secret"
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(kept_secret, [path] * 50))
    assert found == {path.read_bytes()}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    path.write_bytes(b"short")
    with pytest.raises(ConfigError, match="Delete it"):
        kept_secret(path)
    with pytest.raises(ConfigError, match="FILON_API_SECRET"):
        kept_secret(path / "below" / "cursors.secret")


def test_other_filters_are_noticed() -> None:
    condition = Condition("name", Operator.EQUAL, "x")
    text = write_cursor(Cursor(LOAD, (Order("id"),), (12,)), TABLE, (condition,), SECRET)
    assert read_cursor(text, TABLE, (condition,), SECRET).load == LOAD
    with pytest.raises(HttpProblem):
        read_cursor(text, TABLE, (), SECRET)


def test_several_values_are_one_filter_in_any_order() -> None:
    text = write_cursor(Cursor(LOAD, (Order("id"),), (12,)), TABLE, (one_of("name", ["x", "y"]),), SECRET)
    assert read_cursor(text, TABLE, (one_of("name", ["y", "x", "y"]),), SECRET).load == LOAD
    with pytest.raises(HttpProblem):
        read_cursor(text, TABLE, (one_of("name", ["x"]),), SECRET)
    assert one_of("name", ["x", "x"]) == Condition("name", Operator.EQUAL, "x")
