"""The list of stores, by the scheme of their address."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from filon.errors import ConfigError
from filon.serving.protocol import Store

NONE = "none"


def open_store(uri: str) -> Store:
    """The store at ``sqlite:///FILE`` or ``mongodb://HOST/DATABASE``; ConfigError for anything else."""
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        from filon.serving.sqlite import SQLiteStore

        # sqlite:///a is the relative path a, sqlite:////a the absolute one, as other tools have it
        path = unquote(parts.path.removeprefix("/"))
        if parts.netloc or not path:
            raise ConfigError(f"{uri}: write sqlite:///FILE, or sqlite:////FOLDER/FILE for an absolute path")
        return SQLiteStore(Path(path))
    if parts.scheme in ("mongodb", "mongodb+srv"):
        from filon.serving.mongo import MongoStore

        return MongoStore(uri)
    raise ConfigError(f"{masked(uri)}: a store is sqlite:///FILE or mongodb://HOST/DATABASE")


def masked(uri: str) -> str:
    """An address without its password, for messages."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.split(':', 1)[0]}:***@{host}").geturl()
