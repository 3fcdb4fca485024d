"""Forget people: decide whom, note that, and erase them from everything that Filon holds.

The order makes an erasure safe to kill. A document with salted hashes comes first, so that every later run goes on;
then what needs the people's own words to be found (copies, messages); then bronze, where these words stand; then the
tables that come from it; then whatever is named no more; then the store; at the end the document that says so.
"""

from __future__ import annotations

import collections
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from filon.engines import Engine
from filon.errors import ConfigError, ErasureUnfinished, LakeBusy, NotFound, WriteConflict
from filon.lake import Lake, Layer, Release, Sources
from filon.lake.erasures import BlockList, Erasure, Subject, hashed, merged, new_salt
from filon.lake.leases import PATIENCE_S, Lease, end_dead_leases, leases
from filon.lake.purge import purge_unnamed
from filon.lake.store import new_run_id
from filon.pipeline.engine import Backends, open_backends
from filon.pipeline.forgetting.people import People, erased_records
from filon.pipeline.forgetting.releases import ReleaseEraser, ReleasePlan
from filon.pipeline.forgetting.served import load_anew
from filon.pipeline.forgetting.sourcefiles import rewritten_sources
from filon.pipeline.forgetting.texts import copies_of, erase_copies, erase_messages, with_erased_records
from filon.project import Dataset, Project
from filon.serving.protocol import Store
from filon.settings import Settings, on_this_machine
from filon.stages.bronze import require_own_project
from filon.stages.bronze.columns import bronze_columns
from filon.stages.forgetting import TextSearch, identifies, key_hashes, namings, referenced

Key = tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """Who is to be forgotten, why, and who says so; see ``Erasure``. A key has a text for each of its columns."""

    dataset: str
    keys: tuple[Key, ...]
    reason: str
    by: str
    recompute: bool = False
    sources: bool = False


@dataclass(frozen=True)
class Forgotten:
    """What was erased, or would be.

    ``records`` counts records of sources by dataset, ``rows`` the rows of tables, ``counting`` the rows whose figures
    stay and count these people; both of the release that has most. ``dropped`` are releases that could not be kept,
    each with the table whose SQL is another one today. ``sources`` counts files that were written again, ``known``
    people who were forgotten before.
    """

    erasure: int
    people: int
    known: int
    records: Mapping[str, int]
    rows: Mapping[str, int]
    counting: Mapping[str, int]
    copies: int
    sources: int
    releases: int
    dropped: Mapping[int, str]
    recompute: bool


@dataclass
class Forgetting:
    """Erases people from a lake, its store and, where that is wanted, the sources.

    ``patience_s``: seconds without a change after which the lease of a run counts as dead.
    """

    settings: Settings
    project: Project
    lake: Lake
    sources: Sources
    store: Store | None
    patience_s: float = PATIENCE_S

    def plan(self, request: Request, now: dt.datetime) -> Forgotten:
        """What would be erased; nothing is. ErasureUnfinished when a killed erasure has to be finished first."""
        if self.lake.erasures.unfinished():
            raise ErasureUnfinished
        with self._opened() as at:
            erasure, known = self._decided(request, at, now)
            people = self._people(at, [*self.lake.erasures.begun(), erasure], [erasure])
            eraser = ReleaseEraser(
                self.lake, self.project, people, at.release, 0, recompute=request.recompute, writes=False
            )
            plan = eraser.plan({})
            records = {name: people.count(name) for name in people.datasets}
            found = _summary(erasure, known, records, plan, len(copies_of(people)))
            files = sum(1 for _ in rewritten_sources(people, self.sources)) if request.sources else 0
            return replace(found, sources=files)

    def forget(self, request: Request, now: dt.datetime) -> Forgotten:
        """Erase people; what a killed erasure left is erased as well.

        Raises:
            ConfigError: a key is no value of the dataset's key
            NotFound: nothing that Filon holds has one of the keys
            LakeBusy: a run or another erasure is in progress; nothing was erased

        """
        with alone(self.lake, now, self.patience_s), self._opened() as at:
            if self.lake.erasures.unfinished():  # whose documents may not fit each other yet
                self._finish(at, now)
            erasure, known = self._decided(request, at, now)
            if erasure.subjects:
                self._require_possible(at, erasure)
                added = self.lake.erasures.add(erasure)
                if added is None:
                    raise WriteConflict("another erasure began at the same moment; forget again")
                erasure = added
            done = self._finish(at, now)
            return replace(done, known=known, erasure=erasure.number or done.erasure)

    def finish(self, now: dt.datetime) -> Forgotten | None:
        """Finish what killed erasures left; None when there is nothing. LakeBusy when one is in progress."""
        if not self.lake.erasures.unfinished():
            return None
        with alone(self.lake, now, self.patience_s), self._opened() as at:
            return self._finish(at, now)

    @contextmanager
    def _opened(self) -> Iterator[_Engines]:
        # few rows go, and no cluster need be there; every engine gives the same
        with open_backends(on_this_machine(self.settings), [*self.lake.places, *self.sources.places]) as backends:
            engines = _Engines(backends, self.project)
            try:
                yield engines
            finally:
                engines.close()

    def _people(self, at: _Engines, every: Sequence[Erasure], due: Sequence[Erasure]) -> People:
        return People(at.any, self.lake, self.project, merged(every), due)

    def _require_possible(self, at: _Engines, erasure: Erasure) -> None:
        """FilonError when the published release could not be written again: before anything is."""
        people = self._people(at, [*self.lake.erasures.begun(), erasure], [erasure])
        ReleaseEraser(self.lake, self.project, people, at.release, 0, erasure.recompute, writes=False).plan({})
        if erasure.sources:
            collections.deque(rewritten_sources(people, self.sources), maxlen=0)

    # whom

    def _decided(self, request: Request, at: _Engines, now: dt.datetime) -> tuple[Erasure, int]:
        """The erasure of those who are not forgotten yet, and the number of those who are."""
        dataset = self.project.datasets.get(request.dataset)
        if dataset is None or not dataset.contract.key:
            keyed = [name for name, other in self.project.datasets.items() if other.contract.key]
            raise ConfigError(f"{request.dataset} is no dataset with a key; these are: {', '.join(keyed)}")
        require_own_project(self.lake.ledger(), self.project, self.lake.root)
        blocked = self.lake.erasures.block_list()
        salt = blocked.salt or new_salt()
        hashes = self._hashes(at.any, dataset, request.keys, salt)
        before = blocked.hashes(dataset.name, dataset.contract.key)
        new = {text: key for text, key in hashes.items() if text not in before}
        own = Subject(dataset=dataset.name, columns=dataset.contract.key, hashes=tuple(sorted(new)))
        found = self._found(at, salt, own)
        if lost := [key for text, key in new.items() if text not in found]:
            raise NotFound(
                f"nothing that Filon holds has the {_named(dataset)} {', '.join('/'.join(key) for key in lost)}; "
                "nobody was forgotten. Look the key up as `filon show` writes it."
            )
        subjects = (own, *self._others(at, dataset, salt, own)) if new else ()
        erasure = Erasure(
            number=0,
            at=now,
            by=request.by,
            reason=request.reason,
            dataset=dataset.name,
            people=len(new),
            salt=salt,
            subjects=subjects,
            recompute=request.recompute,
            sources=request.sources,
        )
        return erasure, len(hashes) - len(new)

    def _hashes(self, engine: Engine, dataset: Dataset, keys: Sequence[Key], salt: str) -> dict[str, Key]:
        width = len(dataset.contract.key)
        if not keys:
            raise ConfigError("say who is to be forgotten: --key or --keys-from")
        if wrong := [key for key in keys if len(key) != width]:
            raise ConfigError(f"{'/'.join(wrong[0])} has {len(wrong[0])} parts; the {_named(dataset)} has {width}")
        found = key_hashes(engine, dataset, bronze_columns(dataset), keys, salt)
        if wrong := [key for key, text in zip(keys, found, strict=True) if text is None]:
            raise ConfigError(f"{', '.join('/'.join(key) for key in wrong)} is no value of the {_named(dataset)}")
        return {text: key for key, text in zip(keys, found, strict=True) if text is not None}

    def _found(self, at: _Engines, salt: str, own: Subject) -> set[str]:
        """The hashes of those whom any record, or the copy of a refused file, names."""
        only = BlockList(salt, (own,))
        draft = Erasure(number=0, at=dt.datetime.now(dt.UTC), by="", reason="", dataset=own.dataset, people=0)
        people = People(at.any, self.lake, self.project, only, [draft])
        found: set[str] = set()
        for name, dataset in people.datasets.items():
            found |= people.finder(dataset).present(people.versions[name], namings(self.project, dataset, only))
        for text in set(own.hashes) - found:
            alone_ = replace(people, blocked=BlockList(salt, (own.model_copy(update={"hashes": (text,)}),)))
            found |= {text} if copies_of(alone_) else set()
        return found

    def _others(self, at: _Engines, dataset: Dataset, salt: str, own: Subject) -> Iterator[Subject]:
        """The same people by other columns that references of other datasets name."""
        places = {
            place
            for other in self.project.datasets.values()
            for column in other.contract.columns
            for place in referenced(self.project, other.name, column.name)
        }
        only = BlockList(salt, (own,))
        people = People(at.any, self.lake, self.project, only, [])
        for name in sorted(column for table, column in places if table == dataset.name):
            if (name,) != dataset.contract.key and identifies(dataset, name):
                naming = only.naming(dataset.name, own.columns, own.columns)
                values = people.finder(dataset).values(people.versions[dataset.name], naming, name)
                hashes = sorted(hashed(salt, dataset.name, (name,), (value,)) for value in values)
                if hashes:
                    yield Subject(dataset=dataset.name, columns=(name,), hashes=tuple(hashes))

    # what is erased

    def _finish(self, at: _Engines, now: dt.datetime) -> Forgotten:
        """Carry out all erasures that are not finished."""
        due = self.lake.erasures.unfinished()
        number = max((erasure.number for erasure in due), default=0)
        recompute = any(erasure.recompute for erasure in due)
        people = self._people(at, self.lake.erasures.begun(), due)
        if not due:
            return _summary(None, 0, {}, ReleasePlan(), 0)
        records = {name: people.count(name) for name in people.datasets}
        search = people.search()
        files = 0
        if any(erasure.sources for erasure in due) and not self.lake.erasures.replaced().files:
            for rewritten in rewritten_sources(people, self.sources):
                self.sources.replace(rewritten.file, rewritten.content)
                files += 1
        copies = erase_copies(people)
        erase_messages(people)
        erased = erased_records(people)
        documents = self.lake.ledgers.documents
        changes = {each: documents.get(each) for each in documents.numbers()}
        documents.rewrite({each: with_erased_records(people, change, erased) for each, change in changes.items()})
        eraser = ReleaseEraser(self.lake, self.project, people, at.release, number, recompute=recompute)
        plan = eraser.plan(erased)
        eraser.carry_out(plan)
        self.lake.erasures.forget_replaced()
        purge_unnamed(self.lake, now)
        self._serve(at, search)
        for erasure in due:
            self._note_end(erasure, plan, now)
        return replace(_summary(due[-1], 0, records, plan, len(copies)), sources=files)

    def _serve(self, at: _Engines, search: TextSearch) -> None:
        release = self.lake.release()
        if self.store is not None:
            engine = at.release(release) if release is not None else at.any
            load_anew(self.store, self.lake, self.project, engine, search, self.settings.serving_keep)

    def _note_end(self, erasure: Erasure, plan: ReleasePlan, now: dt.datetime) -> None:
        end = erasure.model_copy(
            update={"finishes": erasure.number, "at": now, "subjects": (), "salt": "", "erased": plan.erased}
        )
        if self.lake.erasures.add(end) is None:
            raise WriteConflict("another process noted the end of an erasure at the same moment")


@dataclass
class _Engines:
    """One engine at a time, with the functions of the project at the date of a release."""

    backends: Backends
    project: Project
    _engine: Engine | None = None
    _as_of: dt.date | None = None

    @property
    def any(self) -> Engine:
        """An engine, at whatever date."""
        return self._engine or self._at(dt.date(1970, 1, 1))

    def release(self, release: Release) -> Engine:
        """An engine at the date of a release; tables that were made before are there."""
        return self._at(release.as_of)

    def _at(self, as_of: dt.date) -> Engine:
        if self._engine is None or self._as_of != as_of:
            self._engine, self._as_of = self.backends.make_engine(self.project, as_of), as_of
        return self._engine

    def close(self) -> None:
        """Close it, if one was made."""
        if self._engine is not None:
            self._engine.close()


@contextmanager
def alone(lake: Lake, now: dt.datetime, patience_s: float) -> Iterator[None]:
    """Hold a lease while no run is in progress; LakeBusy when one is."""
    metadata, own = lake.layer(Layer.METADATA), f"erasure {new_run_id(now)}"
    end_dead_leases(metadata, patience_s=patience_s)
    newest = max(lake.releases.numbers(), default=0)
    with Lease(metadata, own, newest):
        if others := [lease.run_id for lease in leases(metadata) if lease.run_id != own]:
            raise LakeBusy(others)
        yield


def _named(dataset: Dataset) -> str:
    return f"key of {dataset.name} ({', '.join(dataset.contract.key)})"


def _summary(
    erasure: Erasure | None, known: int, records: Mapping[str, int], plan: ReleasePlan, copies: int
) -> Forgotten:
    return Forgotten(
        erasure=erasure.number if erasure else 0,
        people=erasure.people if erasure else 0,
        known=known,
        records={name: count for name, count in records.items() if count},
        rows=plan.erased,
        counting=plan.counting,
        copies=copies,
        sources=0,
        releases=len(plan.drafts),
        dropped=plan.dropped,
        recompute=erasure.recompute if erasure else False,
    )
