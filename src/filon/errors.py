"""Every error that Filon raises on purpose.

FilonError
├── ConfigError              a setting or an option cannot be used as given
├── ProjectInvalid           a project folder holds mistakes; carries every Problem found
├── SourcesMissing           nothing to read where the sources should be
├── SourcesUnavailable       the object store of the sources does not answer (retryable)
│   └── SourceUnreadable     one file of the sources cannot be read (retryable)
│       └── SourceGone       one file left the sources after it was listed (retryable)
├── SourcesAmbiguous         two files of the sources have the same name
├── WorkspaceUnavailable     the folder for temporary files cannot be written (retryable)
├── SystemFailed             the operating system refused a file that no other error covers
├── LakeError
│   ├── ReleaseConflict      another run published first (retryable)
│   ├── ReleaseMissing       no such release
│   ├── LakeUnavailable      the place of the lake cannot be read or written (retryable)
│   ├── LakeRefused          the object store refuses the credentials
│   ├── LakeUnsafe           the object store ignores create-only writes, and overwrites
│   ├── LakeBusy             others use the lake, and must end first (retryable)
│   ├── ErasureUnfinished    a killed erasure of people has to be finished first
│   ├── WriteConflict        other writers created the same object first, repeatedly (retryable)
│   ├── LakeDamaged          objects of the lake are not as they were written; carries each Damage
│   └── LakeForeign          a version of Filon with another format of documents wrote the lake
├── StoreError
│   ├── StoreUnavailable     the operational store does not answer (retryable)
│   ├── StoreBusy            another process is loading the store (retryable)
│   ├── StoreForeign         the store holds something that Filon did not write
│   ├── LoadGone             the store no longer keeps the load that was asked for (retryable)
│   └── StoreUnfit           the store cannot keep a value as it is
├── ApiError                 a request of the dashboard to the API failed
│   ├── ApiUnreachable       it does not answer, or its store does not (retryable)
│   ├── ApiEmpty             no release is loaded yet (retryable)
│   ├── ApiRefused           the API key is missing, invalid, or lacks the scope
│   ├── ApiMissing           the row, table, release or page does not exist, or no longer (retryable)
│   └── ApiBusy              too many requests (retryable)
├── EngineError              the engine refused or failed a statement
│   └── EngineExhausted      it ran out of memory or temporary disk
├── ConservationBroken       read is not accepted + superseded + rejected
├── FileUnaccounted          a file would be counted twice, or not at all
├── ChecksFailed             blocking checks failed; nothing was published
├── GuardBroken              a release would differ more than the project allows; nothing was published
├── TablesFailed             some tables could not be built; the others were
├── TableSkipped             a table was not built, since one that it needs could not be
├── FlowsUnavailable         Prefect's server does not answer, or refuses (retryable)
├── ServerFailed             a server that a command started ended unexpectedly, or did not become ready
└── NotFound                 a requested file, table or row does not exist

Each says what was wrong, where, and what to do next; the facts are also fields.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


class FilonError(Exception):
    """Root of the tree.

    ``exit_code``: that of a command that ends with it. ``retryable``: the same call may succeed later.
    """

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False


class ConfigError(FilonError):
    """A setting or an option has a value that cannot be used."""

    exit_code = 2


@dataclass(frozen=True, order=True)
class Problem:
    """A mistake in a project: file, line, what is wrong, and how to fix it."""

    file: Path
    line: int
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}\n    fix: {self.fix}"


class ProjectInvalid(FilonError):
    """A project folder holds mistakes; ``problems``: all of them, in order of file and line."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SourcesMissing(FilonError):
    """Nothing to read where the sources should be."""

    exit_code = 2


class SourcesUnavailable(FilonError):
    """The object store of the sources does not answer, or refuses."""

    retryable = True


class SourceUnreadable(SourcesUnavailable):
    """A file of the sources cannot be read; the message says why without its name.

    ``reason`` is a code, empty when the system or the store refuses the file.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        self.reason = reason
        super().__init__(message)


class SourceGone(SourceUnreadable):
    """A file was removed from the sources after it was listed."""


class SourcesAmbiguous(FilonError):
    """Two files of the sources have the same name, so that they cannot be told apart."""


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
    """The operating system refused a file or a folder that no other error covers."""

    def __init__(self, error: Exception, place: Path | str) -> None:
        reason = error.strerror if isinstance(error, OSError) else None
        super().__init__(f"{place}: {reason or error}. Check that the folder exists, its permissions and its disk.")


class LakeError(FilonError):
    """An operation on the lake failed."""


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
    """The lake has no release of that number."""

    def __init__(self, number: int, existing: list[int]) -> None:
        self.number = number
        range_text = f"releases {existing[0]} to {existing[-1]} exist" if existing else "nothing was published yet"
        super().__init__(f"there is no release {number}: {range_text}. `filon releases` lists them.")


class LakeUnavailable(LakeError):
    """The storage of the lake cannot be read or written: no space, no permission, no answer."""

    retryable = True


class LakeRefused(LakeError):
    """The object store refuses the credentials, or lacks permissions for them."""


class LakeUnsafe(LakeError):
    """The object store ignores create-only writes, so that two runs could overwrite each other's documents."""


class LakeBusy(LakeError):
    """Runs, or an erasure of people, are in progress; ``run_ids`` names them."""

    retryable = True

    def __init__(self, run_ids: Iterable[str]) -> None:
        self.run_ids = tuple(run_ids)
        super().__init__(f"{', '.join(self.run_ids)} is in progress in this lake. Try again when it has ended.")


class ErasureUnfinished(LakeError):
    """People are to be forgotten, and the process that erased them was killed."""

    def __init__(self) -> None:
        super().__init__(
            "people were being erased from this lake when the process was killed. `filon run` goes on with that, and "
            "so does `filon forget`; until then the lake is not read."
        )


class WriteConflict(LakeError):
    """Other writers created the same object first, on every attempt."""

    retryable = True


@dataclass(frozen=True, order=True)
class Damage:
    """An object of the lake that is not as it was written.

    ``object``: its address. ``what``: what is wrong. ``part``: the table or document that it belongs to. ``repair``:
    what to do.
    """

    object: str
    what: str
    part: str
    repair: str

    def __str__(self) -> str:
        return f"damaged: {self.object} {self.what} ({self.part}). Repair: {self.repair}"


class LakeDamaged(LakeError):
    """Objects of the lake are missing, or are not as they were written."""

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
    """An operation on the operational store failed."""


class StoreUnavailable(StoreError):
    """The operational store does not answer, or refuses."""

    retryable = True


class StoreBusy(StoreError):
    """Another process is loading the store."""

    retryable = True


class StoreForeign(StoreError):
    """The store holds data that Filon did not write under one of its names."""


class LoadGone(StoreError):
    """The store no longer has the requested load: later loads deleted it, or the store was replaced."""

    retryable = True


class StoreUnfit(StoreError):
    """The store cannot represent a value exactly, so nothing was loaded; ``key`` identifies the row."""

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
    """A request of the dashboard to the API failed.

    ``status``: the HTTP status, if there was a response; ``kind``: what its problem document calls the problem.
    """

    def __init__(self, message: str, status: int | None = None, kind: str = "") -> None:
        self.status = status
        self.kind = kind
        super().__init__(message)


class ApiUnreachable(ApiError):
    """The API does not answer, or the store behind it does not."""

    retryable = True


class ApiEmpty(ApiError):
    """The store has no release yet."""

    retryable = True


class ApiRefused(ApiError):
    """The API key is missing, invalid, or lacks the scope."""


class ApiMissing(ApiError):
    """The requested row, table, release or page does not exist, or no longer."""

    retryable = True


class ApiBusy(ApiError):
    """Too many requests."""

    retryable = True


class EngineError(FilonError):
    """The engine refused or failed a statement."""


class EngineExhausted(EngineError):
    """The engine ran out of memory or temporary disk; ``reason``: its message."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the engine ran out of memory or temporary disk: {reason}. "
            "Raise FILON_MEMORY_LIMIT, or point FILON_WORKSPACE at a larger disk."
        )


class ConservationBroken(FilonError):
    """Rows were lost or duplicated: read is not accepted + superseded + rejected."""

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

    def __init__(self, failed: list[tuple[str, str, str]]) -> None:
        self.failed = failed
        lines = [f"  {table}: {check} ({detail})" for table, check, detail in failed]
        super().__init__(
            "\n".join(["blocking checks failed; the published release stays as it was:", *lines])
            + "\n  Mend the data or the model, or give the check `severity: warning` in its contract."
        )


class GuardBroken(FilonError):
    """A release would differ more from the one before than rules allow; ``broken``: a line for each rule."""

    exit_code = 4

    def __init__(self, broken: list[str]) -> None:
        self.broken = broken
        lines = [f"  {line}" for line in broken]
        fix = (
            "Look at it with `filon plan`. If it is right, publish it with `filon run --no-guard`; else take back what "
            "caused it, such as a file with `filon retract`."
        )
        super().__init__("\n".join(["rules of the guard are broken; nothing was published:", *lines, fix]))


class TablesFailed(FilonError):
    """Some tables could not be built; every other table was."""

    def __init__(self, failures: dict[str, str]) -> None:
        self.failures = failures
        lines = [f"  {table}: {message}" for table, message in failures.items()]
        super().__init__("\n".join(["these tables could not be built; nothing was published:", *lines]))


class TableSkipped(FilonError):
    """A table was not built because tables that it needs could not be built."""

    def __init__(self, lost: list[str]) -> None:
        self.lost = lost
        super().__init__(f"it needs {', '.join(lost)}, which could not be built")


class FlowsUnavailable(FilonError):
    """Prefect's server does not answer, or refuses."""

    retryable = True


class ServerFailed(FilonError):
    """A server that a command started ended unexpectedly, or did not become ready."""


class NotFound(FilonError):
    """A requested file, table or row does not exist."""


class QueryInvalid(FilonError):
    """A query or condition that somebody asks is wrong; ``line`` is the line in it, from 1."""

    exit_code = 2

    def __init__(self, line: int, what: str, fix: str) -> None:
        self.line = line
        super().__init__(f"line {line}: {what}; {fix}")
