"""File versions as reading a file makes them, and their bronze files that the lake has lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from filon.errors import Damage, LakeDamaged
from filon.lake import FileState, FileVersion, Layer, Ledger
from filon.stages.bronze.arrivals import UNKNOWN
from filon.stages.bronze.texts import Parsed
from filon.stages.context import Context


def version_of(result: Parsed, context: Context, before: FileVersion | None = None) -> FileVersion:
    """The ledger's entry for a file that was read.

    Args:
        result: what came of reading it
        context: the run, for its id and start
        before: the entry that it replaces, when the file was read again; its arrival is kept

    """
    incoming = result.incoming
    return FileVersion(
        number=incoming.number,
        dataset=incoming.dataset.name,
        path=incoming.file.path,
        sha256=incoming.sha256,
        content=incoming.content,
        size=incoming.file.size,
        state=FileState.QUARANTINED if result.refused else FileState.LIVE,
        arrived_at=before.arrived_at if before else context.inputs.now,
        run_id=before.run_id if before else context.inputs.run_id,
        rows=result.records,
        malformed=result.malformed,
        bronze=tuple(file.with_stats({}) for file in result.data),
        parse_hash=incoming.dataset.parse_hash,
        acceptance_hash=incoming.dataset.acceptance_hash,
        header=result.header_id,
        reason=result.refused.reason if result.refused else None,
        detail=result.refused.detail if result.refused else None,
        rereads=before.rereads + 1 if before else 0,
    )


def with_results(ledger: Ledger, parsed: Sequence[Parsed], context: Context) -> Ledger:
    """The ledger with the entries of these results, and no other change."""
    if not parsed:
        return ledger
    versions = [version_of(result, context) for result in parsed]
    numbers = {version.number for version in versions}
    others = [version for version in ledger.versions if version.number not in numbers]
    return ledger.model_copy(update={"versions": (*others, *versions)})


def is_unread(version: FileVersion) -> bool:
    """Whether an entry stands for a file whose content could not be read."""
    return version.state is FileState.QUARANTINED and version.sha256 == UNKNOWN


def damage_of(context: Context, version: FileVersion) -> tuple[Damage, ...]:
    """The damage of a version's bronze files that the lake has noticed in this process; no file is read."""
    return context.lake.files.known_damage(Layer.BRONZE, version.dataset, version.bronze)


def without_damage(context: Context, version: FileVersion) -> FileVersion:
    """The version; if its rows no longer count, without the bronze files that are damaged."""
    if version.state is FileState.LIVE or not damage_of(context, version):
        return version
    known_damage = context.lake.files.known_damage
    sound = tuple(file for file in version.bronze if not known_damage(Layer.BRONZE, version.dataset, [file]))
    return version.model_copy(update={"bronze": sound})


def require_records(context: Context, ledger: Ledger) -> None:
    """LakeDamaged when bronze files of live versions are still damaged: the source files to read again are gone."""
    damages = [
        replace(damage, part=f"{damage.part}, records of {version.path}")
        for version in ledger.versions
        if version.state is FileState.LIVE
        for damage in damage_of(context, version)
    ]
    if damages:
        raise LakeDamaged(damages)
