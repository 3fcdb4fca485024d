"""API keys: who may ask, and for what.

A key is 32 random bytes, which cannot be guessed, nor found from its hash by trial: a plain SHA-256 is enough, and a
slow password hash would only make every request slow. Hashes are compared in constant time. The file holds no key.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from filon.api.logs import LOGGER
from filon.api.problems import HttpProblem, unavailable
from filon.api.requirement import Requirement, is_there
from filon.errors import ConfigError, NotFound, StoreError
from filon.private import alone, remove, write_private

KEY_PREFIX = "filon_"
KEY_BYTES = 32
ID_BYTES = 4
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="filon"'}
CALLER = "filon.caller"
"""Where the scope of a request has its ``Caller``."""
ASK_STORE_S = 1.0
"""Seconds after which an API without keys asks the store again whether keys are required."""


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
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    created: AwareDatetime
    expires: AwareDatetime | None = None
    revoked: AwareDatetime | None = None

    def is_valid(self, at: dt.datetime) -> bool:
        """Whether the key is accepted at a time."""
        return self.revoked is None and (self.expires is None or at < self.expires)


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: tuple[ApiKey, ...] = ()


class KeyFile:
    """The file of keys: read when it changed, written whole, by one writer at a time, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.requirement = Requirement(path)
        self._seen: tuple[int, ...] | None = None
        self._keys: tuple[ApiKey, ...] = ()

    def known(self) -> tuple[ApiKey, ...]:
        """Every key, revoked ones too; ConfigError when the file cannot be read."""
        return self.read() or ()

    def read(self) -> tuple[ApiKey, ...] | None:
        """The same; None when there is no file."""
        if not is_there(self.path):
            self._seen = None
            return None
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
            if stamp != self._seen:
                self._keys = _KeyFile.model_validate_json(self.path.read_bytes()).keys
                self._seen = stamp
        except ValidationError:
            raise ConfigError(
                f"{self.path} is no file of API keys: put it back from a backup. To make all keys anew, remove it "
                "and use `filon apikey create`."
            ) from None
        except OSError as error:
            raise ConfigError(f"{self.path}: {error.strerror}; it holds the API keys") from None
        return self._keys

    def are_required(self) -> bool:
        """Whether keys were made here once; ConfigError when that cannot be read."""
        return is_there(self.path) or self.requirement.is_noted()

    def create(
        self, name: str, scope: Scope, now: dt.datetime, expires: dt.datetime | None = None
    ) -> tuple[ApiKey, str]:
        """A new key, and the secret that is shown once."""
        secret = KEY_PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode().rstrip("=")
        key = ApiKey(
            id=secrets.token_hex(ID_BYTES),
            name=name,
            scope=scope,
            sha256=hash_of(secret),
            created=now,
            expires=expires,
        )
        with self._writing() as keys:
            if any(other.name == name and other.revoked is None for other in keys):
                raise ConfigError(f"a key named {name} exists; revoke it first, or choose another name")
            self._write((*keys, key))
            self.note_requirement()
        return key, secret

    def revoke(self, wanted: str, now: dt.datetime) -> ApiKey:
        """Refuse a key from now on, named by its id or its name. It stays in the file, so that keys stay required."""
        with self._writing() as keys:
            for key in keys:
                if wanted in (key.id, key.name) and key.revoked is None:
                    revoked = key.model_copy(update={"revoked": now})
                    self._write(tuple(revoked if other is key else other for other in keys))
                    return revoked
        raise NotFound(f"no key {wanted} is in force. `filon apikey list` shows them.")

    def delete(self) -> None:
        """Delete all keys, and forget that they were required."""
        with self._locked():
            remove(self.path)
            self.requirement.forget()

    def note_requirement(self) -> None:
        """Note beside the file that keys are required; one that was copied here has no such note yet."""
        try:
            if not self.requirement.is_noted():
                self.requirement.note()
        except (OSError, ConfigError) as error:
            LOGGER.warning("%s cannot be written, which keeps API keys required: %s", self.requirement.path, error)

    @contextmanager
    def _writing(self) -> Iterator[tuple[ApiKey, ...]]:
        """The keys, while no other process can write them."""
        with self._locked():
            yield self.known()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with alone(self.path.with_name(f"{self.path.name}.lock")):
                yield
        except OSError as error:
            raise ConfigError(
                f"{self.path}: {error.strerror}; the API keys are as they were. Make room, or give another "
                "FILON_API_KEYS."
            ) from None

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        write_private(self.path, _KeyFile(keys=keys).model_dump_json(indent=2) + "\n")
        self._seen = None


def hash_of(secret: str) -> str:
    """SHA-256 of a key, in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True)
class Caller:
    """Who sent a request that was let in: the client as limits count it, and its key, if one is needed."""

    client: str
    key: ApiKey | None

    @property
    def sees_everything(self) -> bool:
        """Whether raw records, and tables that are not served, may be shown."""
        return self.key is None or self.key.scope is Scope.ADMIN


class Guard:
    """Lets requests through or refuses them. Once keys were made they stay required, whatever happens to their file.

    ``noted`` asks the store whether it knows that keys are required.
    """

    def __init__(self, keys: KeyFile, *, required: bool, noted: Callable[[], Awaitable[bool]]) -> None:
        self._file = keys
        self._required = required
        self._noted = noted
        self._ask_again = float("-inf")
        self._latest = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._is_noted = False
        self._is_gone = False

    async def prepare(self) -> None:
        """Learn from the store what no file here says; HttpProblem while that is not known at all."""
        if self._required or time.monotonic() < self._ask_again:
            return
        is_known = self._ask_again > float("-inf")
        if is_known:
            self._ask_again = time.monotonic() + ASK_STORE_S  # others need not wait for this answer
        try:
            self._required = await self._noted() or self._required
        except StoreError as error:
            if not is_known:
                LOGGER.error("the store does not say whether API keys are required: %s", error)
                raise unavailable("The operational store does not answer. Try again soon.") from None
        self._ask_again = time.monotonic() + ASK_STORE_S

    def admit(self, headers: Mapping[str, str], scope: Scope, now: dt.datetime) -> ApiKey | None:
        """The key of a request (None: none is needed); HttpProblem when it may not ask this.

        ConfigError when the keys cannot be read, or when they are gone and one is presented.
        """
        keys = self._known()
        if not self._required:
            return None
        secret = _presented(headers)
        if secret is None:
            detail = "Give an API key: Authorization: Bearer KEY, or X-API-Key: KEY."
            raise HttpProblem(401, "key-missing", detail, headers=CHALLENGE)
        if self._is_gone:
            raise ConfigError(f"{self._file.path} is gone")
        digest = hash_of(secret)
        matching = [key for key in keys if hmac.compare_digest(key.sha256, digest)]
        self._latest = max(self._latest, now)  # a clock that is set back does not bring back a key that was over
        if not matching or not matching[0].is_valid(self._latest):
            detail = "The API key is unknown, expired or revoked. `filon apikey create` makes one."
            raise HttpProblem(401, "key-refused", detail, headers=CHALLENGE)
        if scope is Scope.ADMIN and matching[0].scope is not Scope.ADMIN:
            raise HttpProblem(403, "scope-missing", "This needs an API key with the scope admin.")
        return matching[0]

    def _known(self) -> tuple[ApiKey, ...]:
        """The keys; notes that they are required as soon as there is a file of them, and logs once when it is gone."""
        keys = self._file.read()
        if keys is not None:
            if not self._is_noted:
                self._file.note_requirement()
            self._required, self._is_noted, self._is_gone = True, True, False
            return keys
        self._is_noted = False
        self._required = self._required or self._file.requirement.is_noted()
        if self._required and not self._is_gone:
            self._is_gone = True
            LOGGER.error(
                "API keys are required, but %s is not there: nobody is let in. Put it back from a backup, or make new "
                "keys with `filon apikey create`. `filon apikey open` lets everybody in again.",
                self._file.path,
            )
        return ()


def _presented(headers: Mapping[str, str]) -> str | None:
    kind, _, secret = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and secret.strip():
        return secret.strip()
    return headers.get("x-api-key") or None
