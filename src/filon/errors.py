"""Every error that Filon raises on purpose.

FilonError
├── ConfigError              a setting or an option cannot be used as given
├── ProjectInvalid           a project folder holds mistakes; carries every Problem found
├── SourcesMissing           nothing to read where the sources should be
├── SourcesUnavailable       the object store of the sources does not answer (retryable)
│   └── SourceUnreadable     one file of the sources cannot be read (retryable)
│       └── SourceGone       one file left the sources after it was listed (retryable)
├── SourcesAmbiguous         two files of the sources have one name
├── WorkspaceUnavailable     the folder for temporary files cannot be written (retryable)
├── SystemFailed             the operating system refused a file that no other part of the tree stands for
├── LakeError
│   ├── ReleaseConflict      another run published first (retryable)
│   ├── ReleaseMissing       no such release
│   ├── LakeUnavailable      the place of the lake cannot be read or written (retryable)
│   ├── LakeRefused          the object store refuses the credentials
│   ├── LakeUnsafe           the object store overwrites what it was told only to create
│   ├── WriteConflict        other writers kept winning the same object (retryable)
│   ├── LakeDamaged          objects of the lake are not as they were written; carries each Damage
│   └── LakeForeign          a version of Filon with another format of documents wrote the lake
├── StoreError
│   ├── StoreUnavailable     the operational store does not answer (retryable)
│   ├── StoreBusy            another process is loading the store (retryable)
│   ├── StoreForeign         the store holds something that Filon did not write
│   ├── LoadGone             the store no longer keeps the load that was asked for (retryable)
│   └── StoreUnfit           the store cannot keep a value as it is
├── ApiError                 the API gave the dashboard no usable answer
│   ├── ApiUnreachable       it does not answer, or its store does not (retryable)
│   ├── ApiEmpty             it has nothing to show yet (retryable)
│   ├── ApiRefused           it wants another API key, or one with another scope
│   ├── ApiMissing           what was asked for is not there, or no longer (retryable)
│   └── ApiBusy              it was asked too often (retryable)
├── EngineError              the engine refused or failed a statement
│   └── EngineExhausted      it ran out of memory or temporary disk
├── ConservationBroken       read is not accepted + superseded + rejected
├── FileUnaccounted          a file would be counted twice, or not at all
├── ChecksFailed             blocking checks failed; nothing was published
├── TablesFailed             some tables could not be built; the others were
├── TableSkipped             a table was not built, since one that it needs could not be
├── FlowsUnavailable         Prefect's server does not answer, or refuses (retryable)
├── ServerFailed             a server that a command started ended by itself, or did not get ready
└── NotFound                 a file, table or row that was asked for is not there

Each says what was wrong, where, and what to do next; the facts are also fields.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


class FilonError(Exception):
    """Root of the tree. A command ends with ``exit_code``; ``retryable``: the same call may succeed later."""

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False


class ConfigError(FilonError):
    """A setting or an option cannot be used as given."""

    exit_code = 2


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a project: where it stands, what it is, and how to mend it."""

    file: Path
    line: int
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}\n    fix: {self.fix}"


class ProjectInvalid(FilonError):
    """A project folder holds mistakes: all that were found, in order of file and line."""

    exit_code = 2

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SourcesMissing(FilonError):
    """Nothing to read where the sources should be."""

    exit_code = 2


class SourcesUnavailable(FilonError):
    """The object store of the sources does not answer, or refuses."""

    retryable = True


class SourceUnreadable(SourcesUnavailable):
    """One file of the sources cannot be read; the message says why, without its name."""


class SourceGone(SourceUnreadable):
    """One file left the sources after it was listed."""


class SourcesAmbiguous(FilonError):
    """Two files of the sources have one name, so that one would be taken for the other."""


class WorkspaceUnavailable(FilonError):
    """The folder for temporary files cannot be written: no space, no permission."""

    retryable = True

    def __init__(self, folder: Path, error: OSError) -> None:
        self.folder = folder
        super().__init__(
            f"the workspace {folder} cannot be written: {error.strerror or error}. "
            "Make room there, or point FILON_WORKSPACE at a folder on a larger disk; then run again."
        )


class SystemFailed(FilonError):
    """The operating system refused a file or a folder that no other part of the tree stands for."""

    def __init__(self, error: Exception, place: Path | str) -> None:
        reason = error.strerror if isinstance(error, OSError) else None
        super().__init__(f"{place}: {reason or error}. Check that the folder exists, its permissions and its disk.")


class LakeError(FilonError):
    """The lake cannot do what was asked."""


class ReleaseConflict(LakeError):
    """Another run published a release while this one was building."""

    retryable = True

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(
            f"ReleaseConflict: release {number} was published by another run while this one was building. "
            "Nothing is lost: run again, and the tables already built are reused."
        )


class ReleaseMissing(LakeError):
    """There is no release of that number."""

    def __init__(self, number: int, existing: list[int]) -> None:
        self.number = number
        known = f"releases {existing[0]} to {existing[-1]} exist" if existing else "nothing was published yet"
        super().__init__(f"there is no release {number}: {known}. `filon releases` lists them.")


class LakeUnavailable(LakeError):
    """The place of the lake cannot be read or written: no space, no permission, no answer."""

    retryable = True


class LakeRefused(LakeError):
    """The object store refuses the credentials, or what they ask for."""


class LakeUnsafe(LakeError):
    """The object store overwrites what it was told only to create, so that two runs could lose each other's work."""


class WriteConflict(LakeError):
    """Other writers kept winning the same object."""

    retryable = True


@dataclass(frozen=True, order=True)
class Damage:
    """An object of the lake that is not as it was written: its address, what is wrong, whose it is, and the repair."""

    object: str
    what: str
    part: str
    repair: str

    def __str__(self) -> str:
        return f"damaged: {self.object} {self.what} ({self.part}). Repair: {self.repair}"


class LakeDamaged(LakeError):
    """Objects of the lake are gone, or are not as they were written."""

    def __init__(self, damages: Iterable[Damage]) -> None:
        self.damages = tuple(sorted(set(damages)))
        super().__init__("\n".join(str(damage) for damage in self.damages))


class LakeForeign(LakeError):
    """A version of Filon with another format of documents wrote the lake; ``found`` and ``own`` are the formats."""

    def __init__(self, address: str, found: int, own: int) -> None:
        self.address = address
        self.found = found
        self.own = own
        age = "an older" if found < own else "a newer" if found > own else "another"
        super().__init__(
            f"{address} was written by {age} version of Filon (format {found}; this one reads and writes {own}). "
            "Nothing was changed. Go on with that version, or give a new folder (--lake, or FILON_LAKE) and run: "
            "all files of the sources are read again."
        )


class StoreError(FilonError):
    """The operational store cannot do what was asked."""


class StoreUnavailable(StoreError):
    """The operational store does not answer, or refuses."""

    retryable = True


class StoreBusy(StoreError):
    """Another process is loading the store."""

    retryable = True


class StoreForeign(StoreError):
    """The store holds something under a name of ours that Filon did not write."""


class LoadGone(StoreError):
    """The store no longer keeps the load that was asked for: later loads swept it away, or the store was replaced."""

    retryable = True


class StoreUnfit(StoreError):
    """The store cannot keep a value as it is, so it was not loaded; ``key`` tells the row."""

    def __init__(self, uri: str, table: str, column: str, key: str, value: str, what: str, fix: str) -> None:
        self.table = table
        self.column = column
        self.key = key
        self.value = value
        super().__init__(
            f"{uri} cannot keep {column} = {value} of {table} ({key}): {what}. "
            f"Nothing was loaded; {fix}, and run again."
        )


class ApiError(FilonError):
    """The API gave the dashboard no usable answer; ``status`` is that of HTTP, if there was one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


class ApiUnreachable(ApiError):
    """The API does not answer, or the store behind it does not."""

    retryable = True


class ApiEmpty(ApiError):
    """Nothing was loaded yet."""

    retryable = True


class ApiRefused(ApiError):
    """No valid API key, or one without the scope."""


class ApiMissing(ApiError):
    """A row, table, release or page that is not there, or no longer."""

    retryable = True


class ApiBusy(ApiError):
    """Too many requests."""

    retryable = True


class EngineError(FilonError):
    """The engine refused or failed a statement."""


class EngineExhausted(EngineError):
    """The engine ran out of memory or temporary disk; ``reason`` is its own word for it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the engine ran out of memory or temporary disk: {reason}. "
            "Raise FILON_MEMORY_LIMIT, or point FILON_WORKSPACE at a larger disk."
        )


class ConservationBroken(FilonError):
    """Rows were lost or made up: read is not accepted + superseded + rejected."""

    def __init__(self, dataset: str, broken: list[tuple[str, int, int, int, int]]) -> None:
        self.dataset = dataset
        self.broken = broken
        lines = [
            f"  {path}: {read} read, but {accepted} accepted + {superseded} superseded + {rejected} rejected"
            for path, read, accepted, superseded, rejected in broken
        ]
        super().__init__(
            "\n".join([f"rows of {dataset} do not add up; nothing was published:", *lines])
            + "\n  This is a defect of the engine, not of the data: please report it with the file."
        )


class FileUnaccounted(FilonError):
    """A file of the sources would be counted twice, or not at all."""

    def __init__(self, wrong: list[str]) -> None:
        self.wrong = tuple(wrong)
        lines = [f"  {line}" for line in wrong]
        super().__init__(
            "\n".join(["the files do not add up; nothing was written:", *lines])
            + "\n  The ledger of the lake is damaged, or this is a defect of Filon: please report it with the names."
        )


class ChecksFailed(FilonError):
    """Blocking checks failed, so the published release stayed as it was."""

    def __init__(self, failed: list[tuple[str, str, int]]) -> None:
        self.failed = failed
        lines = [f"  {table}: {check} ({rows} failed)" for table, check, rows in failed]
        super().__init__(
            "\n".join(["blocking checks failed; the published release stays as it was:", *lines])
            + "\n  Mend the data or the model, or give the check `severity: warning` in its contract."
        )


class TablesFailed(FilonError):
    """Some tables could not be built; every other table was."""

    def __init__(self, failures: dict[str, str]) -> None:
        self.failures = failures
        lines = [f"  {table}: {message}" for table, message in failures.items()]
        super().__init__("\n".join(["these tables could not be built; nothing was published:", *lines]))


class TableSkipped(FilonError):
    """A table was not built, since tables that it needs could not be."""

    def __init__(self, lost: list[str]) -> None:
        self.lost = lost
        super().__init__(f"it needs {', '.join(lost)}, which could not be built")


class FlowsUnavailable(FilonError):
    """Prefect's server does not answer, or refuses."""

    retryable = True


class ServerFailed(FilonError):
    """A server that a command started ended by itself, or did not get ready."""


class NotFound(FilonError):
    """A file, table or row that was asked for is not there."""
