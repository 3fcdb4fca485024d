"""Texts that may say something of people who are forgotten: messages, reports, and copies of refused files."""

from __future__ import annotations

import io
from typing import Any

from filon.lake import Build, FileState, FileVersion, Layer, RunDocument, TableFile, copy_name
from filon.lake.books import AlertBook, ReportBook, read_book, write_book
from filon.lake.ledgers import LedgerChange
from filon.lake.purge import FILES
from filon.lake.runs import NAME as SUMMARIES
from filon.lake.runs import RunSummaries, summaries
from filon.lake.sealed import seal
from filon.pipeline.forgetting.people import People
from filon.pipeline.run_history import WAITING
from filon.stages.bronze.withheld import ERASED, names_anybody
from filon.stages.forgetting import TextSearch, without

GONE = "(erased: it named a person who is forgotten)"


def erase_copies(people: People) -> list[str]:
    """Delete the copies of refused files that may name people; returns their names."""
    due = copies_of(people)
    people.lake.layer(Layer.QUARANTINE).delete(due)
    return due


def copies_of(people: People) -> list[str]:
    """The copies of refused files that may name people: also those of versions that no ledger knows any more."""
    location = people.lake.layer(Layer.QUARANTINE)
    dataset_of = {copy_name(v.number, v.sha256): v.dataset for v in _refused(people)}
    found = []
    for name in location.names(FILES.rstrip("/")):
        dataset = people.project.datasets.get(dataset_of.get(name.removeprefix(FILES), ""))
        search = people.search(dataset) if dataset is not None else None
        if search is None or names_anybody(search, io.BytesIO(location.read(name))):
            found.append(name)
    return found


def _refused(people: People) -> list[FileVersion]:
    documents = people.lake.ledgers.documents
    changes = [documents.get(number) for number in documents.numbers()]
    return [version for change in changes for version in change.versions if version.state is FileState.QUARANTINED]


def erase_messages(people: People) -> None:
    """Write reports of runs, books of messages and waiting records again, without sentences that name people."""
    lake, search = people.lake, people.search()
    runs = {number: lake.runs.get(number) for number in lake.runs.numbers()}
    lake.runs.rewrite({number: _without_people(run, search) for number, run in runs.items()})
    metadata = lake.layer(Layer.METADATA)
    if old := summaries(lake):
        lines = tuple(line.model_copy(update={"error": clean(line.error, search)}) for line in old)
        metadata.write(SUMMARIES, seal(RunSummaries(runs=lines)))
    for book in (read_book(lake, AlertBook), read_book(lake, ReportBook)):
        cleaned = type(book).model_validate(clean(book.model_dump(), search))
        if cleaned != book:
            write_book(lake, cleaned)
    waiting = [name for name in metadata.names(WAITING) if search.finds(metadata.read(name).decode(errors="replace"))]
    metadata.delete(waiting)


def _without_people(run: RunDocument, search: TextSearch) -> RunDocument:
    """The report of a run; its builds are not kept, since they may be of tables that are."""
    return run.model_copy(update={"report": clean(run.report, search), "builds": dict[str, Build]()})


def clean(value: Any, search: TextSearch) -> Any:
    """A text, or the texts in lists and mappings, with another text in the place of those that name people."""
    if isinstance(value, str):
        return GONE if search.finds(value) else value
    if isinstance(value, dict):
        return {name: clean(part, search) for name, part in value.items()}
    return [clean(part, search) for part in value] if isinstance(value, list) else value


def with_erased_records(
    people: People, change: LedgerChange, erased: dict[str, dict[str, tuple[TableFile, ...]]]
) -> LedgerChange:
    """A document of the ledger that names the Parquet files without people, and says nothing of them."""
    versions: list[FileVersion] = []
    for version in change.versions:
        [renamed] = without([version], erased.get(version.dataset, {}))
        dataset = people.project.datasets.get(version.dataset)
        if version.detail and dataset is not None and people.search(dataset).finds(version.detail):
            renamed = renamed.model_copy(update={"detail": ERASED})
        versions.append(renamed)
    return change.model_copy(update={"versions": tuple(versions)})
