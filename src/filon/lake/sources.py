"""The sources: a folder or object-store prefix where raw files arrive. It is never written to."""

from __future__ import annotations

import datetime as dt
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from filon import durable as disk
from filon.durable import Effect, durable
from filon.errors import SourceGone, SourcesAmbiguous, SourcesMissing, SourcesUnavailable, SourceUnreadable
from filon.lake.location import Location, answer_of, locate
from filon.lake.members import ENDING, content_of, members_of
from filon.lake.names import printable_name
from filon.lake.sourcefile import LOOP, UNKNOWN_TIME, SourceFile

CHUNK = 4 << 20
SYSTEM_FOLDER = "lost+found"
"""A folder of the file system, which only root may list."""
MOST_LINKS = 10_000
"""Links to folders that are followed in one listing: links to each other could else be followed without an end."""
_Identity = tuple[int, int]
"""Device and inode of a folder."""
INVALID_KEY = "Encountered object with invalid path"


class Sources:
    """The files under a folder or an object-store prefix."""

    def __init__(self, uri: str, within: Path | None = None) -> None:
        """Links to folders are followed; if they lead out of the folder ``within``, they are not."""
        self._within = within
        self._location: Location = locate(uri)
        self.uri = self._location.uri

    def __reduce__(self) -> tuple[type[Sources], tuple[str, Path | None]]:
        return Sources, (self.uri, self._within)

    @property
    def folder(self) -> Path | None:
        """The local folder, or None when the sources lie on an object store."""
        return self._location.folder

    @property
    def places(self) -> list[Location]:
        """The local folder, if the sources are one: an engine reads files from it directly."""
        return [self._location] if self.folder is not None else []

    def holds(self, path: Path) -> bool:
        """Whether a file is inside the local folder after all links are followed."""
        return self.folder is not None and path.resolve().is_relative_to(self.folder.resolve())

    def files(self) -> list[SourceFile]:
        """List all files, sorted by path; files and folders whose name starts with a dot are left out.

        What stands among the files and is none (a link to nothing, a pipe, a link that leads in a circle) is listed
        with its ``fault``.

        Raises:
            SourcesMissing: there is no such folder
            SourcesUnavailable: a folder inside it cannot be listed, it holds more than ``MOST_LINKS`` links to folders,
                or the object store cannot be used
            SourcesAmbiguous: two files have the same printable path, by which the ledger identifies a file

        """
        folder = self._location.folder
        with self._answering():
            listed = self._local(folder) if folder is not None else self._remote()
            files = sorted(listed, key=lambda file: file.path)
        for file, other in pairwise(files):
            if file.path == other.path:
                raise SourcesAmbiguous(f"{self.uri} holds two files that are both called {file.path}; rename one")
        return files

    @staticmethod
    def may_be_archive(file: SourceFile) -> bool:
        """Whether a file has the name of a zip archive, and can be read."""
        return not file.fault and ENDING.search(file.path) is not None

    def members(self, file: SourceFile) -> list[SourceFile] | None:
        """The members of a zip archive; None for a file that is none, by its name or by its first bytes.

        An archive that cannot be read, or is empty, is listed itself, with its fault.
        """
        if not self.may_be_archive(file):
            return None
        try:
            with self._answering_for(file):
                return members_of(file, partial(self._span, file))
        except SourceUnreadable as error:
            return [replace(file, fault=str(error), reason=error.reason)]

    def again(self, file: SourceFile) -> SourceFile | None:
        """List a file again; None when it is gone. A member has another tag when its archive has."""
        if file.member is not None:
            before, now = file.member.archive, self.again(file.member.archive)
            is_same = now is not None and (now.size, now.tag) == (before.size, before.tag)
            return file if is_same else now and replace(file, tag="")
        if file.local is not None:
            return _listed(file.path, file.local)
        try:
            with self._answering():
                meta = obstore.head(self._location.store, file.path)
        except FileNotFoundError:
            return None
        return SourceFile(file.path, meta["size"], str(meta["e_tag"] or ""), meta["last_modified"])

    def chunks(self, file: SourceFile) -> Iterator[bytes]:
        """The bytes of a file, a few mebibytes at a time.

        SourceGone when it was deleted since it was listed, SourceUnreadable when the system or the store refuses it, or
        its archive is damaged.
        """
        with self._answering_for(file):
            yield from self._read(file)

    def replace(self, file: SourceFile, content: bytes) -> None:
        """Write a file again in one step; SourceUnreadable when the system or the store refuses that."""
        with self._answering_for(file), durable(Effect.WRITE, file.path):
            if file.local is None:
                obstore.put(self._location.store, file.path, content)
                return
            target = file.local.resolve()
            mode = stat.S_IMODE(target.stat().st_mode)
            disk.write(target, [content])
            target.chmod(mode)

    @contextmanager
    def _answering_for(self, file: SourceFile) -> Iterator[None]:
        """Raise errors of one file as SourceUnreadable."""
        try:
            yield
        except FileNotFoundError as error:
            raise SourceGone(
                f"{file.path} was listed, but is no longer in {self.uri}. Run again once nobody moves files there."
            ) from error
        except OSError as error:
            raise unreadable(error) from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise SourceUnreadable(f"{answer_of(error)}; allow reading it") from error

    def _read(self, file: SourceFile) -> Iterator[bytes]:
        if file.fault:
            raise SourceUnreadable(file.fault, file.reason)
        if file.member is not None:
            yield from content_of(file, file.member, partial(self._span, file.member.archive))
        else:
            yield from self._span(file)

    def _span(self, file: SourceFile, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes of a file from an offset to another; to its end if there is none."""
        if file.local is not None:
            with file.local.open("rb") as stream:
                stream.seek(start)
                left = end - start if end is not None else None
                while chunk := stream.read(CHUNK if left is None else min(CHUNK, left)):
                    yield chunk
                    left = left - len(chunk) if left is not None else None
        elif end is None or start < min(end, file.size):
            yield from self._remote_span(file, (start, min(end, file.size)) if end is not None else None)

    def _remote_span(self, file: SourceFile, part: tuple[int, int] | None) -> Iterator[bytes]:
        """The bytes of an object, or a part of them; SourceUnreadable when it has no such part any more."""
        options: obstore.GetOptions = {"range": part} if part else {}
        try:
            with self._answering(allowed=(PermissionDeniedError, UnauthenticatedError)):
                for piece in obstore.get(self._location.store, file.path, options=options).stream(min_chunk_size=CHUNK):
                    yield bytes(piece)
        except SourcesUnavailable as error:
            now = self.again(file) if part else file
            if now is not None and (now.size, now.tag) == (file.size, file.tag):
                raise
            raise SourceUnreadable("it was written to while it was read", "changed_while_reading") from error

    @contextmanager
    def _answering(self, allowed: tuple[type[BaseError], ...] = ()) -> Iterator[None]:
        """Raise errors of the object store as SourcesUnavailable, except those that are ``allowed``."""
        try:
            yield
        except allowed:
            raise
        except BaseError as error:
            if INVALID_KEY in str(error):
                raise SourcesUnavailable(
                    f"{self.uri}: {answer_of(error)}. Rename that object: no name may hold control characters."
                ) from error
            raise SourcesUnavailable(
                f"{self.uri}: {answer_of(error)}. "
                "Check the address, AWS_ENDPOINT_URL and the credentials; then run again."
            ) from error

    def _local(self, folder: Path) -> Iterator[SourceFile]:
        if not folder.is_dir():
            raise SourcesMissing(
                f"there is no folder {folder}. Say where the files are: --sources URI, or FILON_SOURCES. "
                "`filon init` starts a project from files, `filon demo` makes sample files."
            )
        yield from _Walk(folder, self._within).files()

    def _remote(self) -> Iterator[SourceFile]:
        for chunk in obstore.list(self._location.store):
            for meta in chunk:
                if not any(part.startswith(".") for part in meta["path"].split("/")):
                    yield SourceFile(meta["path"], meta["size"], str(meta["e_tag"] or ""), meta["last_modified"])


@dataclass
class _Walk:
    """The files under a folder of the local disk; ``links`` counts the links to folders that were followed."""

    folder: Path
    within: Path | None
    links: int = 0

    @cached_property
    def _prefix(self) -> int:
        """Letters of a path before the part that tells files apart."""
        return len(str(self.folder / "x")) - 1

    def files(self) -> Iterator[SourceFile]:
        """All files, and what is none, in no particular order."""
        waiting = [(self.folder, frozenset[_Identity]())]
        while waiting:
            parent, above = waiting.pop()
            with _listing(parent):
                here = above | {_identity(parent.stat())}
                entries = list(os.scandir(parent))
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting += [] if entry.name == SYSTEM_FOLDER else [(Path(entry.path), here)]
                    continue
                file, is_folder = self._seen(entry, here)
                waiting += [(Path(entry.path), here)] if is_folder else []
                if file is not None:
                    yield file

    def _seen(self, entry: os.DirEntry[str], above: Collection[_Identity]) -> tuple[SourceFile | None, bool]:
        """What is listed that is no folder itself, and whether it is a link to a folder that is followed."""
        name = printable_name(os.fsencode(entry.path[self._prefix :]))
        try:
            status = entry.stat()
        except OSError:
            return _listed(name, Path(entry.path)), False
        if not stat.S_ISDIR(status.st_mode):
            return _described(name, entry.path, status), False
        fault = self._fault_of_link(Path(entry.path), status, above)
        if fault:
            return SourceFile(name, 0, "", UNKNOWN_TIME, entry.path, fault), False
        self.links += 1
        if self.links > MOST_LINKS:
            raise SourcesUnavailable(f"{self.folder} holds more than {MOST_LINKS:,} links to folders; remove some")
        return None, True

    def _fault_of_link(self, path: Path, status: os.stat_result, above: Collection[_Identity]) -> str:
        """Why a link to a folder is not followed; empty when it is."""
        if _identity(status) in above:
            return LOOP
        if self.within is None or path.resolve().is_relative_to(self.within.resolve()):
            return ""
        return (
            "it is a link that leads out of the project, which names its sources itself; "
            "give the sources by --sources or FILON_SOURCES if it is to be followed"
        )


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino


@contextmanager
def _listing(folder: Path) -> Iterator[None]:
    """SourcesUnavailable for a folder that cannot be listed: its files would otherwise be taken for deleted."""
    try:
        yield
    except OSError as error:
        raise SourcesUnavailable(
            f"{folder} cannot be listed: {error.strerror}. Check its permissions and the disk; then run again."
        ) from error


def _listed(path: str, local: Path) -> SourceFile | None:
    """A file as it is now, with a fault when it is none; None when it is gone, or a folder."""
    try:
        status = local.stat()
    except OSError as error:
        is_gone = isinstance(error, (FileNotFoundError, NotADirectoryError))
        if is_gone and not local.is_symlink():
            return None
        fault = f"it is a link to {_target(local)}, where nothing is" if is_gone else str(unreadable(error))
        return SourceFile(path, 0, "", UNKNOWN_TIME, str(local), fault)
    return None if stat.S_ISDIR(status.st_mode) else _described(path, str(local), status)


def _described(path: str, place: str, status: os.stat_result) -> SourceFile:
    """What stands at a place that is no folder, with a fault when it is no file."""
    if not stat.S_ISREG(status.st_mode):
        return SourceFile(path, 0, "", UNKNOWN_TIME, place, f"it is no file but {_kind(status.st_mode)}")
    tag = f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_ctime_ns:x}"
    return SourceFile(path, status.st_size, tag, dt.datetime.fromtimestamp(status.st_mtime, dt.UTC), place)


def _target(link: Path) -> str:
    try:
        return printable_name(os.fsencode(link.readlink()))
    except OSError:  # the link was replaced meanwhile
        return "elsewhere"


def _kind(mode: int) -> str:
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def unreadable(error: OSError) -> SourceUnreadable:
    """The error for a file that the system refuses to read."""
    return SourceUnreadable(f"the system says: {error.strerror or error}; check its permissions and the disk")
