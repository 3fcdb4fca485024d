"""Write a first project from files, and prove it: a contract for each kind of file, run on the files themselves."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filon.errors import ConfigError
from filon.scaffold.draft import Draft, write_files
from filon.scaffold.guess import TableGuess, guess_table
from filon.scaffold.numbers import Values
from filon.scaffold.proof import Outcome, Proof, Trial, open_trial
from filon.scaffold.relations import TableFacts, relate
from filon.scaffold.sample import SAMPLE_BYTES, read_samples
from filon.scaffold.sources import Source, arrange
from filon.settings import Settings, read_settings
from filon.stages.context import RunListener

__all__ = ["Written", "common_folder", "write_project"]

ROUNDS = 3
"""How often types are guessed anew from values that were rejected."""
Evidence = Mapping[str, Values]
"""By header, values that were not in the sample."""


@dataclass(frozen=True)
class Written:
    """A project that was written.

    ``paths`` are its files, ``proof`` is what a run of it makes of the files in ``sources``; ``knows_sources``
    when ``filon.yaml`` names that folder, which it can only if that lies inside the project.
    """

    paths: tuple[Path, ...]
    proof: Proof
    name: str
    sources: Path
    knows_sources: bool


def write_project(
    folder: Path,
    files: Sequence[Path],
    name: str,
    settings: Settings | None = None,
    *,
    sample_bytes: int = SAMPLE_BYTES,
    listener: RunListener | None = None,
) -> Written:
    """Write ``filon.yaml``, a contract, a model and a page for each kind of file, and a model that counts.

    Types are guessed from the first values of each file, and guessed again with the values that a run rejects; keys and
    references are looked for in all rows.

    Args:
        folder: the folder of the project; created when it is not there
        files: the files to describe
        name: the title of the project, from which its name is derived
        settings: bound the memory, threads and workspace of the runs
        sample_bytes: the most bytes that types are first guessed from, of each file, unpacked
        listener: told about the tables of the runs

    Returns:
        What was written, and what a run of it makes of the files.

    Raises:
        ConfigError: a file cannot be described, or a file to be written exists already

    """
    if (folder / "filon.yaml").exists():
        raise ConfigError(f"{folder} already holds a project; choose another folder")
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} cannot be written to: it is a file; choose another folder")
    paths = list({path.absolute(): path for path in files}.values())
    sources = arrange([sample for path in paths for sample in read_samples(path, sample_bytes)])
    common = common_folder(paths)
    with open_trial(settings or read_settings(), paths, common, listener) as trial:
        project = Draft(name, _inside(folder, common))
        guesses, facts = _guess(trial, project, sources)
        # keys, references and required columns were read off these rows, so that they reject none of them
        contents = project.contents(guesses, facts)
        proof = trial.run(contents).prove(guesses, facts)
    write_files(folder, contents)
    return Written(tuple(folder / path for path in contents), proof, project.slug, common, project.sources is not None)


def _guess(trial: Trial, project: Draft, sources: Sequence[Source]) -> tuple[list[TableGuess], dict[str, TableFacts]]:
    """The contracts of datasets, and what stands in their tables.

    Types come from samples and from values that a run rejects, the rest from all rows.
    """
    guesses = [guess_table(source, {}) for source in sources]
    known: list[Evidence] = [{} for _ in sources]
    outcome = trial.run(project.contents(guesses))
    for _ in range(ROUNDS):
        known = [_with_rejected(evidence, outcome, guess) for evidence, guess in zip(known, guesses, strict=True)]
        better = [guess_table(source, evidence) for source, evidence in zip(sources, known, strict=True)]
        if better == guesses:
            break
        guesses = better
        outcome = trial.run(project.contents(guesses))
    facts = outcome.facts(guesses)
    with outcome.engine() as engine:
        return relate(engine, guesses, facts), facts


def _with_rejected(known: Evidence, outcome: Outcome, guess: TableGuess) -> Evidence:
    """The evidence with values that a run rejected, each as often as in a sample of the same size."""
    if guess.source.is_whole:
        return known
    share = sum(len(sample.rows) for sample in guess.source.samples) / max(outcome.rows_read(guess.name), 1)
    more: dict[str, Counter[str]] = {}
    for header, misread in outcome.misread(guess).items():
        each = share * misread.rows / max(sum(misread.values.values()), 1)  # the values may not be all of them
        more[header] = Counter({value.strip(): max(round(n * each), 1) for value, n in misread.values.items()})
    return {header: Counter(known.get(header, {})) | more.get(header, Counter()) for header in {*known, *more}}


def common_folder(files: Sequence[Path]) -> Path:
    """The deepest folder that holds all files; the folder of a single file as it was written."""
    if len(files) == 1:
        return files[0].parent
    return Path(os.path.commonpath([path.parent.resolve() for path in files]))


def _inside(folder: Path, sources: Path) -> str | None:
    """The folder of the files relative to the project's, if they lie inside it."""
    project, sources = folder.resolve(), sources.resolve()
    return sources.relative_to(project).as_posix() if sources.is_relative_to(project) else None
