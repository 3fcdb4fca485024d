"""Retract a file, or undo that: its entry in the ledger changes its state; the next run follows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from filon.errors import NotFound, WriteConflict
from filon.lake.documents import FileState, FileVersion, Ledger
from filon.lake.store import Lake

ATTEMPTS = 5
SHOWN = 20
"""Names that a message lists."""


def live_versions(ledger: Ledger, path: str) -> list[FileVersion]:
    """The live versions of a file: one of each dataset that reads it; NotFound when there is none."""
    live = [version for version in ledger.versions if version.state is FileState.LIVE]
    found = [version for version in live if version.path == path]
    if not found:
        paths = sorted({version.path for version in live})
        raise NotFound(f"no live file {path}; live are: {', '.join(paths[:SHOWN]) or 'none'}")
    return found


def retract_file(lake: Lake, path: str) -> int:
    """Mark the live version of a file as retracted.

    Args:
        lake: the lake
        path: the file, relative to the sources

    Returns:
        The number of records that it had.

    Raises:
        NotFound: there is no live version
        WriteConflict: other runs added to the ledger first, several times

    """
    return _change_state(lake, lambda ledger: live_versions(ledger, path), FileState.RETRACTED)


def retracted_versions(ledger: Ledger, path: str) -> list[FileVersion]:
    """What ``restore_file`` would let count again: of each dataset, the version of a file that was retracted last.

    NotFound when there is none, or when the file or these bytes count by now.
    """
    found: dict[str, FileVersion] = {}
    for version in ledger.versions:
        if version.path == path and version.state is FileState.RETRACTED:
            found[version.dataset] = version
    if not found:
        paths = sorted({version.path for version in ledger.versions if version.state is FileState.RETRACTED})
        raise NotFound(f"no file {path} was retracted; retracted are: {', '.join(paths[:SHOWN]) or 'none'}")
    for version in ledger.versions:
        is_same = any(version.sha256 == other.sha256 for other in found.values() if other.dataset == version.dataset)
        if version.state is FileState.LIVE and version.dataset in found and (version.path == path or is_same):
            raise NotFound(
                f"{version.path} counts already, with {'these' if is_same else 'other'} bytes; what was retracted of "
                f"{path} cannot count beside it"
            )
    return list(found.values())


def restore_file(lake: Lake, path: str) -> int:
    """Let a file that was retracted count again, as its records were read then.

    Args:
        lake: the lake
        path: the file, relative to the sources

    Returns:
        The number of records that it has.

    Raises:
        NotFound: it was not retracted, or what took its place counts
        WriteConflict: other runs added to the ledger first, several times

    """
    return _change_state(lake, lambda ledger: retracted_versions(ledger, path), FileState.LIVE)


def _change_state(lake: Lake, choose: Callable[[Ledger], Sequence[FileVersion]], state: FileState) -> int:
    """Give versions another state; returns the number of their records."""
    for _ in range(ATTEMPTS):
        ledger = lake.ledger()
        chosen = choose(ledger)
        numbers = {version.number for version in chosen}
        versions = tuple(
            version.model_copy(update={"state": state}) if version.number in numbers else version
            for version in ledger.versions
        )
        if lake.ledgers.add(ledger, ledger.model_copy(update={"versions": versions})):
            return sum(version.rows for version in chosen)
    raise WriteConflict("other runs kept adding to the ledger; try again when they are done")
