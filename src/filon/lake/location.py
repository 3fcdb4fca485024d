"""Where things are kept: one folder or bucket per layer, local or on an object store."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore

from filon import durable as disk
from filon.durable import Effect, durable
from filon.errors import ConfigError, LakeError, LakeRefused, LakeUnavailable
from filon.lake.s3 import bucket_and_prefix, open_s3

CHUNK = 1 << 20
DELETED_AT_ONCE = 1_000
NO_BUCKET = "<Code>NoSuchBucket</Code>"
COLOURS = re.compile(r"\x1b\[[\d;]*m|↳")
STATUS = re.compile(r"non-2xx status code: (\d+[\w ]*)")
UNANSWERED = re.compile(r"^.*(?:Generic S3 error).* - (?=HTTP error)")
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
REFUSALS = re.compile(
    r"AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|credential provider"
)


class Layer(StrEnum):
    """The parts of a lake."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"
    QUARANTINE = "quarantine"
    METADATA = "metadata"


class Entry(NamedTuple):
    """An object as it is listed. ``etag`` is the object store's word for its content, and empty on a disk."""

    name: str
    modified: dt.datetime
    size: int
    etag: str


@dataclass(frozen=True)
class Location:
    """A place that holds objects: ``file:///folder`` or ``s3://bucket/prefix``."""

    uri: str

    @property
    def folder(self) -> Path | None:
        """The local folder, or None when the place is an object store."""
        parts = urlsplit(self.uri)
        return _path(parts.path) if parts.scheme == "file" else None

    def __truediv__(self, name: str) -> Location:
        return Location(f"{self.uri.rstrip('/')}/{name}")

    def path_of(self, name: str) -> str:
        """The spelling of an object's address that engines read and write: a plain path, or an object store's URI."""
        return str(self.folder / name) if self.folder is not None else f"{self.uri.rstrip('/')}/{name}"

    @cached_property
    def store(self) -> ObjectStore:
        """The object store behind the place."""
        if self.folder is not None:
            return LocalStore(self.folder)
        return open_s3().store(self.uri)

    @property
    def bucket(self) -> str | None:
        """The bucket, or None when the place is a local folder."""
        return bucket_and_prefix(self.uri)[0] if self.folder is None else None

    def trusted(self) -> AbstractContextManager[None]:
        """Deltalake trusts the authority of the place meanwhile."""
        return open_s3().trusted() if self.folder is None else contextlib.nullcontext()

    def delta_options(self) -> dict[str, str] | None:
        """What deltalake must be told to reach the place."""
        return open_s3().delta_options() if self.folder is None else None

    def read(self, name: str) -> bytes:
        """The content of an object; FileNotFoundError when there is none."""
        with self.usable():
            if self.folder is not None:
                return (self.folder / name).read_bytes()
            return bytes(obstore.get(self.store, name).bytes())

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of an object, about a mebibyte at a time; FileNotFoundError when there is none."""
        with self.usable():
            if self.folder is not None:
                with (self.folder / name).open("rb") as stream:
                    while chunk := stream.read(CHUNK):
                        yield chunk
                return
            for part in obstore.get(self.store, name).stream(min_chunk_size=CHUNK):
                yield bytes(part)

    def ending(self, name: str, length: int) -> tuple[bytes, int]:
        """The last bytes of an object (all, when it has fewer), and its size; FileNotFoundError when there is none."""
        with self.usable():
            found = obstore.get(self.store, name, options={"range": {"suffix": length}})
            return bytes(found.bytes()), found.meta["size"]

    def create(self, name: str, content: bytes) -> bool:
        """Write an object that must not exist yet; False when it does. Atomic: nobody sees half of it.

        It is on the disk when this returns. A request whose answer was lost is sent again and then finds its own
        object: the same content counts as created.
        """
        with self.usable(), durable(Effect.CREATE, self.path_of(name)):
            if self.folder is not None:
                return disk.create(self.folder / name, content)
            try:
                obstore.put(self.store, name, content, mode="create")
            except AlreadyExistsError:
                return self.read(name) == content
            return True

    def write(self, name: str, content: bytes | Iterator[bytes], *, sync: bool = True) -> None:
        """Write an object, over an older one if there is one. ``sync``: it is on the disk when this returns."""
        with self.usable(), durable(Effect.WRITE, self.path_of(name)):
            if self.folder is None:
                obstore.put(self.store, name, content)
            else:
                disk.write(self.folder / name, [content] if isinstance(content, bytes) else content, sync=sync)

    def delete(self, names: Sequence[str], *, sync: bool = True) -> None:
        """Delete objects; those already gone are no error. Unless ``sync`` is False, no power cut brings them back."""
        if not names:
            return
        with self.usable(), durable(Effect.DELETE, self.path_of(names[0])):
            if self.folder is not None:
                disk.delete([self.folder / name for name in names], sync=sync)
                return
            for start in range(0, len(names), DELETED_AT_ONCE):
                with contextlib.suppress(FileNotFoundError):
                    obstore.delete(self.store, [*names[start : start + DELETED_AT_ONCE]])

    def names(self, prefix: str = "") -> list[str]:
        """Names of the objects under a prefix (a folder), sorted."""
        return sorted(entry.name for entry in self.listing(prefix))

    def listing(self, prefix: str = "") -> Iterator[Entry]:
        """The objects under a prefix (a folder), in no order."""
        if self.folder is not None and not (self.folder / prefix).is_dir():
            return
        with contextlib.suppress(FileNotFoundError), self.usable():  # a bucket that nobody made yet
            for chunk in obstore.list(self.store, prefix or None):
                for meta in chunk:
                    etag = str(meta["e_tag"] or "") if self.bucket else ""
                    yield Entry(meta["path"], meta["last_modified"], meta["size"], etag)

    def drop_uploads(self, before: dt.datetime) -> None:
        """Forget objects whose writers were killed before then."""
        if self.folder is None:
            open_s3().drop_uploads(self.uri, before)
            return
        with self.usable():
            left = [path for path in disk.left_staged(self.folder) if _modified(path) < before]
            disk.delete(left, sync=False)

    def make_folder(self, *, sync: bool = False) -> None:
        """Create the local folder; object stores have none. ``sync``: it is on the disk when this returns."""
        if self.folder is not None:
            with self.usable():
                if sync:
                    disk.make_folder(self.folder)
                else:
                    self.folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def usable(self) -> Iterator[None]:
        """What an object that is there or not there says goes through; all else means that the place cannot be used."""
        try:
            yield
        except (AlreadyExistsError, FileNotFoundError):
            raise
        except (BaseError, OSError) as error:
            if NO_BUCKET in str(error):
                raise FileNotFoundError(self.uri) from error
            raise unusable(self.uri, error) from error


def sync_objects(objects: Mapping[Location, Collection[str]]) -> None:
    """Bring objects that others wrote to the disk: by their place, they and every folder between it and them.

    All at once, since a disk takes many files in little more time than one. An object store keeps what it answered for.
    FileNotFoundError when an object is gone, LakeUnavailable when the disk does not take it.
    """
    places = {place: place.folder for place, names in objects.items() if names and place.folder is not None}
    if not places:
        return
    first = next(iter(places))
    with first.usable(), durable(Effect.SYNC, first.uri):
        paths = [folder / name for place, folder in places.items() for name in objects[place]]
        disk.sync(paths, places.values())


def _modified(path: Path) -> dt.datetime:
    try:
        return dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
    except FileNotFoundError:  # its writer ended meanwhile
        return dt.datetime.max.replace(tzinfo=dt.UTC)


def unusable(uri: str, error: Exception) -> LakeError:
    """The error for a place that does not take or give what it should."""
    if REFUSALS.search(str(error)):
        return LakeRefused(f"{uri}: {told(error)}. Check the credentials and what they may do.")
    return LakeUnavailable(f"{uri}: {told(error)}. Check space, permissions and address; then run again.")


def told(error: Exception) -> str:
    """What an object store answered, in one line: its own code and message, or why there was no answer."""
    text = str(error)
    answer = [found[1] for tag in ("Code", "Message") if (found := re.search(f"<{tag}>([^<]+)</{tag}>", text))]
    if answer:
        return "the object store answers " + ": ".join(answer).rstrip(".")
    plain = " ".join(COLOURS.sub("", text.split("\n\n")[0]).split())
    if status := STATUS.search(plain):
        return f"the object store answers {status[1]}"
    return UNANSWERED.sub("no answer: ", plain).rstrip(".") or type(error).__name__


def locate(text: str) -> Location:
    """Read a path or URI that a person wrote; ConfigError when it names no place that can be used."""
    parts = urlsplit(text)
    if parts.scheme in ("s3", "s3a"):
        return _on_s3(text)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise ConfigError(f"{text}: write three slashes, as in file:///data/lake")
        if parts.query or parts.fragment:
            raise ConfigError(f"{text}: write ? as %3F and # as %23, or give a plain path")
        return Location(_path(parts.path).absolute().as_uri())
    if "://" in text:
        raise ConfigError(f"{text}: places start with file:/// or s3://, or are plain paths")
    return Location(Path(text).expanduser().absolute().as_uri())


def _path(quoted: str) -> Path:
    """The path that a URI quotes, to the byte: a folder's name need not be UTF-8."""
    return Path(os.fsdecode(unquote_to_bytes(quoted)))


def _on_s3(text: str) -> Location:
    bucket, *folders = text.partition("://")[2].rstrip("/").split("/")
    if not BUCKET.fullmatch(bucket) or {"", ".", ".."} & set(folders):
        raise ConfigError(f"{text}: write a bucket and, if you like, folders in it, as in s3://bucket/some/folder")
    return Location("/".join(("s3:/", bucket, *folders)))
