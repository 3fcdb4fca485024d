"""Rate limits per API key or client address, counted in a file that all workers of a machine share.

When the file cannot be written, each process counts in its own memory: a client may ask more often, but not for ever.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, Storage
from limits.strategies import FixedWindowRateLimiter

from filon.api.logs import LOGGER
from filon.errors import ConfigError

UNLIMITED = "none"
DEFAULT_WITH_KEYS = "1200/minute"
PATIENCE_S = 1.0
FILE_AGAIN_S = 5.0
SWEEP_EVERY = 1_000
MOST_CLIENTS = 50_000


class SharedCounters(Storage):
    """Counters in one SQLite file, which is never synced: after a crash counting may start again from 0.

    Args:
        path: the file; its folder is created
        most_clients: counters that stay when windows are long; those of clients that asked least go first
        sweep_every: calls between two deletions of counters that are over, or too many

    """

    STORAGE_SCHEME = ["filon+sqlite"]  # noqa: RUF012 (the base class declares it so)

    def __init__(self, path: Path, *, most_clients: int = MOST_CLIENTS, sweep_every: int = SWEEP_EVERY) -> None:
        super().__init__()
        self._most_clients = most_clients
        self._sweep_every = sweep_every
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_S, check_same_thread=False)
        self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, hits INTEGER, ends REAL) WITHOUT ROWID"
        )
        self._calls = 0

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a broken file raises."""
        return sqlite3.Error

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and give the new count of the window."""
        return self.count(key, expiry, amount)[0]

    def count(self, key: str, expiry: float, amount: int = 1) -> tuple[int, float]:
        """The new count of the window, and when it ends (seconds since 1970)."""
        now = time.time()
        hits, ends = self._connection.execute(
            "INSERT INTO counters VALUES (?1, ?2, ?3 + ?4) ON CONFLICT (name) DO UPDATE SET "
            # a window that ends later than one that begins now was counted before the clock was set back
            "hits = CASE WHEN ends <= ?3 OR ends > ?3 + ?4 THEN ?2 ELSE hits + ?2 END, "
            "ends = CASE WHEN ends <= ?3 OR ends > ?3 + ?4 THEN ?3 + ?4 ELSE ends END "
            "RETURNING hits, ends",
            [key, amount, now, expiry],
        ).fetchone()
        self._calls += 1
        if self._calls % self._sweep_every == 0:
            self._connection.execute("DELETE FROM counters WHERE ends <= ?", [now])
            self._connection.execute(
                "DELETE FROM counters WHERE name IN (SELECT name FROM counters ORDER BY hits DESC LIMIT -1 OFFSET ?)",
                [self._most_clients],
            )
        return int(hits), float(ends)

    def get(self, key: str) -> int:
        """The count of the window."""
        sql = "SELECT hits FROM counters WHERE name = ? AND ends > ?"
        row = self._connection.execute(sql, [key, time.time()]).fetchone()
        return int(row[0]) if row else 0

    def get_expiry(self, key: str) -> float:
        """When the window ends, in seconds since 1970."""
        row = self._connection.execute("SELECT ends FROM counters WHERE name = ?", [key]).fetchone()
        return float(row[0]) if row else time.time()

    def check(self) -> bool:
        """Whether the file answers."""
        return bool(self._connection.execute("SELECT 1").fetchone())

    def reset(self) -> int | None:
        """Forget everything."""
        return self._connection.execute("DELETE FROM counters").rowcount

    def clear(self, key: str) -> None:
        """Forget one counter."""
        self._connection.execute("DELETE FROM counters WHERE name = ?", [key])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


@dataclass(frozen=True)
class Allowance:
    """What a client may still ask: ``remaining`` requests of ``limit`` in the next ``reset_s`` seconds."""

    limit: int
    remaining: int
    reset_s: int
    is_exceeded: bool

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The RateLimit headers of an answer."""
        return (
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.reset_s),
        )


class Rates:
    """How often each client may ask.

    Args:
        text: the limit, as ``1200/minute``, or ``none``; None limits only clients with keys
        path: the file of counters that all workers share
        file_again_s: seconds for which this process counts alone before it tries a file again that cannot be written

    """

    def __init__(self, text: str | None, path: Path, *, file_again_s: float = FILE_AGAIN_S) -> None:
        self._file_again_s = file_again_s
        self._always = text is not None
        limit = text or DEFAULT_WITH_KEYS
        self._item = None if limit == UNLIMITED else _parsed(limit)
        self._path = path
        self._counters: SharedCounters | None = None
        self._alone = MemoryStorage()
        self._file_again = float("-inf")

    def hit(self, client: str, *, has_key: bool) -> Allowance | None:
        """Count a request of a client; None when nothing limits it."""
        if self._item is None or not (self._always or has_key):
            return None
        if time.monotonic() >= self._file_again:
            try:
                return self._count(self._shared(), self._item, client)
            except (OSError, sqlite3.Error) as error:
                LOGGER.error("%s: %s; each process counts requests alone until it can be written", self._path, error)
                self._file_again = time.monotonic() + self._file_again_s
                self.shut()
        return self._count(self._alone, self._item, client)

    def shut(self) -> None:
        """Close the file."""
        if self._counters is not None:
            self._counters.close()
            self._counters = None

    def _shared(self) -> SharedCounters:
        if self._counters is None:
            self._counters = SharedCounters(self._path)
        return self._counters

    @staticmethod
    def _count(counters: Storage, item: RateLimitItem, client: str) -> Allowance:
        limiter = FixedWindowRateLimiter(counters)
        is_allowed = limiter.hit(item, client)
        window = limiter.get_window_stats(item, client)
        reset = max(1, round(window.reset_time - time.time()))
        return Allowance(item.amount, window.remaining, reset, not is_allowed)


def _parsed(text: str) -> RateLimitItem:
    try:
        return parse(text)
    except ValueError:
        raise ConfigError(f"FILON_API_RATE_LIMIT is {text!r}; write it as 100/minute, or {UNLIMITED}") from None
