"""Names of datasets as the standard wants them: a namespace for where they are, and a name in it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from filon.lake.location import Location

MONGODB_PORT = 27017


class Name(NamedTuple):
    """The namespace and the name of a dataset; both together are its address."""

    namespace: str
    name: str


def place_named(location: Location, below: str = "") -> Name:
    """The name of a folder or bucket, or of what lies below it: a path under ``file``, a key under its bucket."""
    if location.folder is not None:
        return Name("file", str(location.folder / below))
    parts = urlsplit(location.uri)
    key = "/".join(filter(None, [unquote(parts.path).strip("/"), below]))
    return Name(f"s3://{parts.netloc}", key or "/")


def stored_named(uri: str, table: str) -> Name:
    """The name of a table or collection of a store; the address of a store may have a user, which is left out."""
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        return Name("sqlite", f"{Path(unquote(parts.path.removeprefix('/'))).absolute()}/{table}")
    from filon.serving.mongo.store import DATABASE  # is there already: the store is one

    hosts = parts.netloc.rpartition("@")[2].split(",")
    with_ports = [host if _has_port(host) or "+srv" in parts.scheme else f"{host}:{MONGODB_PORT}" for host in hosts]
    return Name(f"mongodb://{','.join(with_ports)}", f"{parts.path.strip('/') or DATABASE}.{table}")


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]
