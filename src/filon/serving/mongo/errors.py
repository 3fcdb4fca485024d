"""What MongoDB says when it cannot do what was asked, in words of Filon."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import InvalidDocument
from pymongo.errors import ConfigurationError, ConnectionFailure, ExecutionTimeout, OperationFailure

from filon.errors import ConfigError, StoreError, StoreUnavailable

FORBIDDEN = 13
LONGEST = 1_000
"""Characters of what the server says; it may repeat a whole document."""


@contextmanager
def readable_address(uri: str) -> Iterator[None]:
    """ConfigError when the client cannot read the address."""
    try:
        yield
    except (ConfigurationError, ValueError) as error:  # a bad port or escape is a plain ValueError there
        raise ConfigError(f"{uri} is no address of MongoDB: {error}") from None


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """StoreUnavailable when the server does not answer, or refuses."""
    try:
        yield
    except (ConnectionFailure, ExecutionTimeout) as error:
        reason = str(error).split(",", 1)[0].split(" (", 1)[0]
        raise StoreUnavailable(f"{uri}: {reason}. Start it, or check FILON_SERVING; then run again.") from error
    except OperationFailure as error:
        what = "the user may not do that; see docs/api.md for the roles" if error.code == FORBIDDEN else error.details
        raise StoreUnavailable(f"{uri}: {str(what or error)[:LONGEST]}") from error
    except InvalidDocument as error:
        raise StoreError(f"{uri}: a document is larger than MongoDB takes, or not of its types: {error}") from error
