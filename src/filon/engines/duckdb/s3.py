"""What DuckDB must be told before it reads and writes objects of S3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from filon.errors import ConfigError
from filon.lake import S3, Keys, open_s3
from filon.sql import literal

SCHEME = "s3://"
RETRIES, FIRST_WAIT_MS, BACKOFF = 7, 200, 2
"""All waits together are 25 s."""
TIMEOUT_S = 60


class S3Access:
    """Brings a DuckDB connection to S3: once the extension and its settings, and the credentials whenever they change.

    The extension comes from a package, so nothing is downloaded.
    """

    def __init__(self, execute: Callable[[str], object]) -> None:
        self._execute = execute
        self._s3: S3 | None = None
        self._keys: Keys | None = None

    def open(self) -> None:
        """Load the extension and say how to use it; both must happen before the connection is locked."""
        self._s3 = open_s3()
        for statement in _settings(self._s3):
            self._execute(statement)
        self.renew()

    def renew(self) -> None:
        """Hand on the credentials if they are other ones than before."""
        if self._s3 is not None and (keys := self._s3.keys()) != self._keys:
            self._execute(_secret(self._s3, keys))
            self._keys = keys


def _settings(s3: S3) -> Iterator[str]:
    yield f"LOAD {literal(str(_extension()))}"
    yield f"SET http_retries = {RETRIES}; SET http_retry_wait_ms = {FIRST_WAIT_MS}; SET http_retry_backoff = {BACKOFF}"
    yield f"SET http_timeout = {TIMEOUT_S}; SET http_keep_alive = true"
    # no object of a lake is ever written twice, so what is known of one stays true
    yield "SET enable_http_metadata_cache = true; SET parquet_metadata_cache = true"
    if s3.ca_file is not None:
        yield f"SET ca_cert_file = {literal(str(s3.ca_file))}; SET enable_server_cert_verification = true"


def _secret(s3: S3, keys: Keys) -> str:
    given = {"KEY_ID": keys.key_id, "SECRET": keys.secret, "SESSION_TOKEN": keys.token, "REGION": s3.region}
    given["URL_STYLE"] = "path" if s3.path_style else "vhost"
    given["ENDPOINT"] = urlsplit(s3.endpoint).netloc if s3.endpoint else None
    options = [f"{name} {literal(value)}" for name, value in given.items() if value]
    return f"CREATE OR REPLACE SECRET filon (TYPE s3, {', '.join(options)}, USE_SSL {str(not s3.is_plain).lower()})"


def _extension() -> Path:
    import duckdb_extension_httpfs as package  # type: ignore[import-untyped]

    found = next(Path(package.__path__[0]).rglob("httpfs.duckdb_extension"), None)
    if found is None:
        raise ConfigError("DuckDB's extension for S3 is not in the package duckdb-extension-httpfs; install it again")
    return found
