"""The place where a page ended, as an opaque text that the next request hands back, and the secret that signs it."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from decimal import Decimal
from pathlib import Path

import orjson

from filon.api.parameters import refused
from filon.errors import ConfigError
from filon.private import create_private
from filon.project.values import read_value
from filon.serving.query import Condition, Row, Value, as_stored
from filon.serving.state import LoadId
from filon.serving.tables import Order, StoredTable

DIGEST_BYTES = 16
LONGEST = 4_000
SECRET_BYTES = 32


@dataclass(frozen=True)
class Cursor:
    """A place in a load: the values of the sort's columns in the last row of a page."""

    load: LoadId
    sort: tuple[Order, ...]
    place: tuple[Value, ...]


def behind(load: LoadId, sort: tuple[Order, ...], row: Row) -> Cursor:
    """The place behind a row."""
    return Cursor(load, sort, tuple(row[step.column] for step in sort))


def write_cursor(cursor: Cursor, table: StoredTable, conditions: Sequence[Condition], secret: bytes) -> str:
    """A cursor as text. It is signed, so that it is taken back only whole, for the same table and filters."""
    steps = [[step.column, step.descending] for step in cursor.sort]
    content = orjson.dumps([astuple(cursor.load), steps, [_plain(value) for value in cursor.place]])
    return base64.urlsafe_b64encode(sign(content, table, conditions, secret) + content).decode().rstrip("=")


def read_cursor(text: str, table: StoredTable, conditions: Sequence[Condition], secret: bytes) -> Cursor:
    """What ``write_cursor`` wrote; HttpProblem for any other text, and for another table or other filters."""
    wrong = refused("after", "no cursor of this table with these filters", "take it from the Link header, unchanged")
    if len(text) > LONGEST or not text.isascii():
        raise wrong
    try:
        whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        signature, content = whole[:DIGEST_BYTES], whole[DIGEST_BYTES:]
        if not hmac.compare_digest(signature, sign(content, table, conditions, secret)):
            raise wrong
        load, steps, values = orjson.loads(content)
        sort = tuple(_step(table, column, descending) for column, descending in steps)
        load_id = _load(*load)
        place = tuple(_value(table, step.column, value) for step, value in zip(sort, values, strict=True))
    except (ValueError, TypeError, ArithmeticError):
        raise wrong from None
    if sort != table.total_order(sort):
        raise wrong
    return Cursor(load_id, sort, place)


def _load(store: object, number: object, token: object) -> LoadId:
    if not isinstance(store, str) or type(number) is not int or not isinstance(token, str):
        raise ValueError(number)
    return LoadId(store, number, token)


def _step(table: StoredTable, column: object, descending: object) -> Order:
    """A step of a sort; ValueError when the table can no longer be sorted by it, although the signature is right."""
    if not isinstance(column, str) or column not in table.sortable or not isinstance(descending, bool):
        raise ValueError(column)
    return Order(column, descending)


def sign(content: bytes, table: StoredTable, conditions: Sequence[Condition], secret: bytes) -> bytes:
    """What proves that this API gave a cursor's content to a list of this table with these filters."""
    filters = sorted(
        (item.column, item.operator.value, [_plain(value) for value in item.values]) for item in conditions
    )
    about = repr((table.name, table.key, filters)).encode()
    key = hmac.digest(secret, about, "sha256")
    return hmac.digest(key, content, "sha256")[:DIGEST_BYTES]


def _plain(value: Value) -> Value:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else value


def _value(table: StoredTable, column: str, given: object) -> Value:
    kind = table.column(column).type
    if given is None:
        return None
    value = read_value(given, kind)
    if value is None:
        raise ValueError(column)
    return as_stored(value, kind)


def kept_secret(path: Path) -> bytes:
    """The secret that signs cursors: 32 bytes in a file that only its owner reads, made by whoever comes first.

    It is one for all workers, and the same after a restart. ConfigError when the file can neither be read nor made, or
    holds something else.
    """
    try:
        if not path.exists():
            create_private(path, secrets.token_bytes(SECRET_BYTES))
        secret = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}. It holds the secret that signs cursors: let the API write there, "
            "or set FILON_API_SECRET."
        ) from None
    if len(secret) != SECRET_BYTES:
        raise ConfigError(f"{path} is no secret of {SECRET_BYTES} bytes. Delete it: the next start makes another.")
    return secret
