"""Locations: local folders and object-store prefixes, with the same operations on the objects in them."""

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
DISTRUST = re.compile(r"InvalidCertificate\(\s*(\w+)|invalid peer certificate: (\w+)")
CAUSE = re.compile(r'(?:message|error): "([^"]+)"')
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
REFUSALS = re.compile(
    r"AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|credential provider"
)


class Layer(StrEnum):
    """The parts of a lake. Superseded records stand inside the place of the quarantine."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"
    QUARANTINE = "quarantine"
    SUPERSEDED = "superseded"
    METADATA = "metadata"


class Entry(NamedTuple):
    """An object as it is listed.

    ``name`` is relative to the location, ``modified`` in UTC, ``size`` in bytes; ``etag`` is the tag that an object
    store gives its content, and empty on a disk.
    """

    name: str
    modified: dt.datetime
    size: int
    etag: str


@dataclass(frozen=True)
class Location:
    """A place that holds objects: ``file:///folder`` or ``s3://bucket/prefix``.

    Every operation raises LakeUnavailable, or LakeRefused for wrong credentials, when the place cannot be used.
    """

    uri: str

    @cached_property
    def folder(self) -> Path | None:
        """The local folder, or None when the place is an object store."""
        parts = urlsplit(self.uri)
        return _path(parts.path) if parts.scheme == "file" else None

    def __truediv__(self, name: str) -> Location:
        return Location(f"{self.uri.rstrip('/')}/{name}")

    def path_of(self, name: str) -> str:
        """The address of an object for engines and messages: a plain path, or an object store's URI."""
        return str(self.folder / name) if self.folder is not None else f"{self.uri.rstrip('/')}/{name}"

    @cached_property
    def store(self) -> ObjectStore:
        """The obstore client of the place."""
        if self.folder is not None:
            return LocalStore(self.folder)
        return open_s3().store(self.uri)

    @property
    def bucket(self) -> str | None:
        """The bucket, or None when the place is a local folder."""
        return bucket_and_prefix(self.uri)[0] if self.folder is None else None

    def trusted(self) -> AbstractContextManager[None]:
        """A context in which deltalake trusts the certificate authority of the place."""
        return open_s3().trusted() if self.folder is None else contextlib.nullcontext()

    def delta_options(self) -> dict[str, str] | None:
        """The storage options of deltalake for the place; None for a local folder."""
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
            result = obstore.get(self.store, name, options={"range": {"suffix": length}})
            return bytes(result.bytes()), result.meta["size"]

    def create(self, name: str, content: bytes) -> bool:
        """Write an object that must not exist yet; False when it does.

        It is atomic: no reader sees a part of the object. It is synced to the disk when this returns. The client
        repeats a request whose answer was lost, and the store then answers that the object exists; therefore an
        existing object with the same content counts as created.
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
        """Write an object, replacing an older one atomically.

        Args:
            name: relative to the location
            content: its bytes, whole or in pieces
            sync: sync it to the disk before this returns; an object store does so in any case

        """
        with self.usable(), durable(Effect.WRITE, self.path_of(name)):
            if self.folder is None:
                obstore.put(self.store, name, content)
            else:
                disk.write(self.folder / name, [content] if isinstance(content, bytes) else content, sync=sync)

    def delete(self, names: Sequence[str], *, sync: bool = True) -> None:
        """Delete objects; those already gone are no error. With ``sync`` they stay deleted after a power cut."""
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
        with contextlib.suppress(FileNotFoundError), self.usable():  # the bucket does not exist yet
            for chunk in obstore.list(self.store, prefix or None):
                for meta in chunk:
                    etag = str(meta["e_tag"] or "") if self.bucket else ""
                    yield Entry(meta["path"], meta["last_modified"], meta["size"], etag)

    def drop_uploads(self, before: dt.datetime) -> None:
        """Delete what writers that were killed left of unfinished objects, if it was written before then."""
        if self.folder is None:
            open_s3().drop_uploads(self.uri, before)
            return
        with self.usable():
            unfinished = [path for path in disk.left_staged(self.folder) if _modified(path) < before]
            disk.delete(unfinished, sync=False)

    def make_folder(self, *, sync: bool = False) -> None:
        """Create the local folder, synced with ``sync``; nothing to do on an object store."""
        if self.folder is not None:
            with self.usable():
                if sync:
                    disk.make_folder(self.folder)
                else:
                    self.folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def usable(self) -> Iterator[None]:
        """Raise errors of the system or the store as LakeUnavailable or LakeRefused.

        FileNotFoundError and AlreadyExistsError are answers about a single object, and are raised unchanged.
        """
        try:
            yield
        except (AlreadyExistsError, FileNotFoundError):
            raise
        except (BaseError, OSError) as error:
            if NO_BUCKET in str(error):
                raise FileNotFoundError(self.uri) from error
            raise unusable(self.uri, error) from error


def sync_objects(objects: Mapping[Location, Collection[str]]) -> None:
    """Sync objects that other programs wrote, and all folders between their location and them, to the disk.

    They are synced in one pass, which takes little more time than a single file. Object stores need no sync.

    Args:
        objects: names of objects by their location

    Raises:
        FileNotFoundError: an object is gone
        LakeUnavailable: the disk refuses to store one

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
    """The error for a place that cannot be read or written."""
    if REFUSALS.search(str(error)):
        return LakeRefused(f"{uri}: {answer_of(error)}. Check the credentials and what they may do.")
    return LakeUnavailable(f"{uri}: {answer_of(error)}. Check space, permissions and address; then run again.")


def answer_of(error: Exception) -> str:
    """The answer of an object store in one line: its code and message, or why there was no answer.

    Clients put the innermost cause of a failed connection into the debug text after the first paragraph.
    """
    text = str(error)
    answer = [match[1] for tag in ("Code", "Message") if (match := re.search(f"<{tag}>([^<]+)</{tag}>", text))]
    if answer:
        return "the object store answers " + ": ".join(answer).rstrip(".")
    if distrust := DISTRUST.search(text):
        return (
            f"the certificate of the object store is not trusted ({distrust[1] or distrust[2]}); "
            "AWS_CA_BUNDLE names the file with that of a private authority"
        )
    plain = " ".join(COLOURS.sub("", text.split("\n\n")[0]).split())
    if status := STATUS.search(plain):
        return f"the object store answers {status[1]}"
    cause = CAUSE.findall(text)
    if cause and UNANSWERED.match(plain):
        return f"no answer: {cause[-1]}"
    return UNANSWERED.sub("no answer: ", plain).rstrip(".") or type(error).__name__


def locate(text: str) -> Location:
    """The location that a path or URI in the settings names; ConfigError when it is malformed."""
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
    """The path that a URI quotes, byte for byte: a folder's name need not be UTF-8."""
    return Path(os.fsdecode(unquote_to_bytes(quoted)))


def _on_s3(text: str) -> Location:
    bucket, *folders = text.partition("://")[2].rstrip("/").split("/")
    if not BUCKET.fullmatch(bucket) or {"", ".", ".."} & set(folders):
        raise ConfigError(f"{text}: write a bucket and, if you like, folders in it, as in s3://bucket/some/folder")
    return Location("/".join(("s3:/", bucket, *folders)))
