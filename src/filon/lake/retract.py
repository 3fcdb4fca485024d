"""Retract a file: its entry in the ledger changes its state; the next run leaves its rows out."""

from __future__ import annotations

from filon.errors import NotFound, WriteConflict
from filon.lake.documents import FileState, FileVersion, Ledger
from filon.lake.store import Lake

ATTEMPTS = 5


def live_versions(ledger: Ledger, path: str) -> list[FileVersion]:
    """The live versions of a file: one of each dataset that reads it; NotFound when there is none."""
    live = [version for version in ledger.versions if version.state is FileState.LIVE]
    found = [version for version in live if version.path == path]
    if not found:
        paths = sorted({version.path for version in live})
        raise NotFound(f"no live file {path}; live are: {', '.join(paths[:20]) or 'none'}")
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
    for _ in range(ATTEMPTS):
        ledger = lake.ledger()
        live = live_versions(ledger, path)
        numbers = {version.number for version in live}
        versions = tuple(
            version.model_copy(update={"state": FileState.RETRACTED}) if version.number in numbers else version
            for version in ledger.versions
        )
        if lake.ledgers.add(ledger, ledger.model_copy(update={"versions": versions})):
            return sum(version.rows for version in live)
    raise WriteConflict("other runs kept adding to the ledger; try again when they are done")
