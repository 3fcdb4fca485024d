"""API keys: who may ask, and for what.

A key is 32 random bytes, so nobody can guess it or find it from its hash by trial: a plain SHA-256 is enough, and a
slow password hash would only make every request slow. Hashes are compared in constant time. The file holds no key.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from filon.api.problems import Refusal
from filon.errors import ConfigError, NotFound

KEY_PREFIX = "filon_"
KEY_BYTES = 32
ID_BYTES = 4
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="filon"'}


class Scope(StrEnum):
    """What a key opens: tables and their state, or also metrics and administration."""

    READ = "read"
    ADMIN = "admin"


class ApiKey(BaseModel):
    """A key as the file keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    scope: Scope
    sha256: str
    created: dt.datetime
    expires: dt.datetime | None = None
    revoked: dt.datetime | None = None

    def is_valid(self, at: dt.datetime) -> bool:
        """Whether the key is accepted at a time."""
        return self.revoked is None and (self.expires is None or at < self.expires)


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: tuple[ApiKey, ...] = ()


class KeyFile:
    """The file of keys: read when it changed, written whole, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._keys: tuple[ApiKey, ...] = ()

    def known(self) -> tuple[ApiKey, ...]:
        """Every key, revoked ones too; ConfigError when the file cannot be read."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._seen, self._keys = None, ()
            return ()
        except OSError as error:
            raise ConfigError(f"{self.path}: {error.strerror}; it holds the API keys") from None
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp != self._seen:
            self._keys, self._seen = self._read(), stamp
        return self._keys

    def create(
        self, name: str, scope: Scope, now: dt.datetime, expires: dt.datetime | None = None
    ) -> tuple[ApiKey, str]:
        """A new key, and the secret that is shown once."""
        keys = self.known()
        if any(key.name == name and key.revoked is None for key in keys):
            raise ConfigError(f"a key named {name} exists; revoke it first, or choose another name")
        secret = KEY_PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode().rstrip("=")
        key = ApiKey(
            id=secrets.token_hex(ID_BYTES),
            name=name,
            scope=scope,
            sha256=hash_of(secret),
            created=now,
            expires=expires,
        )
        self._write((*keys, key))
        return key, secret

    def revoke(self, wanted: str, now: dt.datetime) -> ApiKey:
        """Refuse a key from now on, named by its id or its name. It stays in the file, so that keys stay required."""
        keys = self.known()
        for key in keys:
            if wanted in (key.id, key.name) and key.revoked is None:
                revoked = key.model_copy(update={"revoked": now})
                self._write(tuple(revoked if other is key else other for other in keys))
                return revoked
        raise NotFound(f"no key {wanted} is in force. `filon apikey list` shows them.")

    def _read(self) -> tuple[ApiKey, ...]:
        try:
            return _KeyFile.model_validate_json(self.path.read_bytes()).keys
        except ValidationError:
            raise ConfigError(f"{self.path} is no file of API keys; restore it, or move it away") from None
        except OSError as error:
            raise ConfigError(f"{self.path}: {error.strerror}; it holds the API keys") from None

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        text = _KeyFile(keys=keys).model_dump_json(indent=2)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}-")  # made with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._seen = None


def hash_of(secret: str) -> str:
    """SHA-256 of a key, in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


class Guard:
    """Lets requests through or refuses them. Once keys were seen they stay required, whatever happens to the file."""

    def __init__(self, keys: KeyFile, *, required: bool) -> None:
        self._file = keys
        self._required = required

    def is_closed(self) -> bool:
        """Whether a key is needed."""
        self._known()
        return self._required

    def admit(self, headers: Mapping[str, str], scope: Scope, now: dt.datetime) -> ApiKey | None:
        """The key of a request (None: none is needed); Refusal when it may not ask this."""
        keys = self._known()
        if not self._required:
            return None
        secret = _presented(headers)
        if secret is None:
            detail = "Give an API key: Authorization: Bearer KEY, or X-API-Key: KEY."
            raise Refusal(401, "key-missing", detail, headers=CHALLENGE)
        digest = hash_of(secret)
        matching = [key for key in keys if hmac.compare_digest(key.sha256, digest)]
        if not matching or not matching[0].is_valid(now):
            detail = "The API key is unknown, expired or revoked. `filon apikey create` makes one."
            raise Refusal(401, "key-refused", detail, headers=CHALLENGE)
        if scope is Scope.ADMIN and matching[0].scope is not Scope.ADMIN:
            raise Refusal(403, "scope-missing", "This needs an API key with the scope admin.")
        return matching[0]

    def _known(self) -> tuple[ApiKey, ...]:
        keys = self._file.known()
        self._required = self._required or bool(keys)
        return keys


def _presented(headers: Mapping[str, str]) -> str | None:
    kind, _, secret = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and secret.strip():
        return secret.strip()
    return headers.get("x-api-key") or None
