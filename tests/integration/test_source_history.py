"""Histories of sources against what a few lines of Python make of the same files."""

from __future__ import annotations

import copy
import datetime as dt
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import pyarrow.parquet as parquet  # type: ignore[import-untyped]
import pytest

from filon.lake import FileState, Layer
from filon.pipeline.report import RunStatus
from filon.project import Project
from filon.project.loader import load_project
from tests.integration.changes.shop import Documents, contract, set_word, write_project
from tests.integration.histories.place import NOW, Place
from tests.integration.histories.project import INTEGER, TEXT, column, key
from tests.integration.histories.quick import always_extending, quick

AS_OF = dt.date(2026, 1, 1)
HEADER = "client,country,since"
PATHS = ("clients-a.csv", "clients-b.csv", "clients-c.csv")
BY_FILE: Documents = {
    "filon": {"name": "small"},
    "clients": contract(
        "clients",
        {"filePattern": "clients-*.csv", "keep": "last", "history": "scd2", "malformedThreshold": 1},
        key("client", INTEGER),
        column("country", TEXT),
        column("since", {"logicalType": "date"}),
    ),
}
BY_DATE = copy.deepcopy(BY_FILE)
set_word(BY_DATE["clients"]["schema"][0], "newest", {"by": "since"})
Cells = tuple[int, str | None, dt.date | None]
State = tuple[str | None, object, object]
"""A country, and since and until when it was that of a client."""
BEGINNING_OF_FILES = dt.datetime(1, 1, 2, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Known:
    """A content that counted: its number, since and until when, and its valid records."""

    number: int
    since: dt.datetime
    until: dt.datetime | None
    cells: Sequence[Cells]

    def counts_at(self, moment: dt.datetime) -> bool:
        return self.since <= moment and (self.until is None or moment < self.until)


def project_of(documents: Documents, folder: Path) -> Project:
    write_project(documents, folder)
    return load_project(folder)


def cells_of(text: str) -> list[Cells]:
    """The valid records of a file: those with a whole number, and a date or none."""
    valid = []
    for line in text.splitlines()[1:]:
        client, country, since = line.split(",")
        if client.isdigit() and since != "x":
            valid.append((int(client), country or None, dt.date.fromisoformat(since) if since else None))
    return valid


def known_of(place: Place, contents: Mapping[int, str]) -> list[Known]:
    """The contents that counted, from the states of the ledger; each version comes a millisecond after the other."""
    versions = place.lake.ledger().versions
    live = {v.path: v.number for v in versions if v.state is FileState.LIVE}
    known = []
    for version in versions:
        is_former = version.state is FileState.REPLACED and version.number < live.get(version.path, 0)
        if version.state is not FileState.LIVE and not is_former:
            continue
        later = [
            other.number
            for other in versions
            if other.path == version.path and other.number > version.number and other.state is not FileState.RETRACTED
        ]
        until = moment_of(min(later)) if later else None
        known.append(Known(version.number, moment_of(version.number), until, cells_of(contents[version.number])))
    return known


Step = TypeVar("Step")


def with_next(steps: Sequence[Step]) -> Iterator[tuple[Step, Step | None]]:
    """Each of them, and the one after it."""
    return zip(steps, [*steps[1:], None], strict=True)


def moment_of(number: int) -> dt.datetime:
    return NOW + dt.timedelta(milliseconds=number - 1)


def by_file(known: Sequence[Known]) -> Iterator[tuple[int, State]]:
    """At each moment at which something changed, the newest content that has a client says where it lives."""
    moments = sorted({moment for item in known for moment in (item.since, item.until) if moment is not None})
    for client in sorted({cells[0] for item in known for cells in item.cells}):
        found = [(moment, _said(known, client, moment)) for moment in moments]
        states = [next(steps)[::-1] for _, steps in groupby(found, key=lambda step: step[1])]
        began = False
        for (said, since), after in with_next(states):
            if said is not None:
                yield client, (said[1], since if began else BEGINNING_OF_FILES, after[1] if after else None)
                began = True


def _said(known: Sequence[Known], client: int, moment: dt.datetime) -> Cells | None:
    for item in sorted(known, key=lambda item: item.number, reverse=True):
        records = [cells for cells in item.cells if cells[0] == client]
        if records and item.counts_at(moment):
            return records[-1]
    return None


def by_date(known: Sequence[Known]) -> Iterator[tuple[int, State]]:
    """Of the records of a client with one date, the last one of the newest file counts, until the next date."""
    said: dict[tuple[int, dt.date], tuple[tuple[bool, int, int], str | None]] = {}
    for item in (item for item in known if item.until is None):
        for record, (client, country, since) in enumerate(item.cells):
            place = (client, since or dt.date.min)
            rank = (since is not None, item.number, record)
            said[place] = max(said.get(place, (rank, country)), (rank, country), key=lambda entry: entry[0])
    for client, steps in groupby(sorted(said), key=lambda place: place[0]):
        dated = [(said[place][1], place[1]) for place in steps]
        states = [next(same) for _, same in groupby(dated, key=lambda step: step[0])]
        for (country, since), after in with_next(states):
            yield client, (country, since, after[1] if after else None)


def found_in(place: Place) -> list[tuple[int, State]]:
    """The rows of the published history."""
    release, lake = place.lake.release(), place.lake
    assert release is not None
    build = release.build(Layer.SILVER, "clients_history")
    assert build is not None
    rows = []
    for path in (place.folder / "lake" / "silver" / "clients_history" / file.name for file in build.files):
        for row in parquet.ParquetFile(path).read().to_pylist():
            assert row["is_current"] == (row["valid_to"] is None)
            rows.append((row["client"], (row["country"], row["valid_from"], row["valid_to"])))
    assert lake.release() == release
    return in_order(rows)


def content(chance: random.Random) -> str:
    lines = [
        ",".join((chance.choice("1123x"), chance.choice(("fr", "fr", "uk", "")), chance.choice(DATES)))
        for _ in range(chance.randint(0, 4))
    ]
    return "\n".join([HEADER, *lines]) + "\n"


DATES = ("", "", "2025-01-01", "2025-01-01", "2025-02-01", "2025-03-01", "x")


def note(place: Place, contents: dict[int, str], texts: Mapping[str, str]) -> None:
    """Remember what the newest versions hold."""
    for version in place.lake.ledger().versions:
        if version.path in texts and version.state is FileState.LIVE:
            contents.setdefault(version.number, texts[version.path])


def in_order(states: Iterable[tuple[int, State]]) -> list[tuple[int, State]]:
    return sorted(states, key=lambda row: (row[0], str(row[1][1])))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("order", ["by file", "by date"])
def test_a_history_is_what_its_files_say(order: str, seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311  histories are no secrets
    project = project_of(BY_FILE if order == "by file" else BY_DATE, tmp_path / "project")
    (tmp_path / "sources").mkdir()
    place, contents, texts = Place(tmp_path, tmp_path / "sources"), dict[int, str](), dict[str, str]()
    with quick(), always_extending():
        for _ in range(7):
            if chance.random() < 0.2 and (live := place.paths(FileState.LIVE)):
                place.retract(chance.choice(live))
            else:
                path = chance.choice(PATHS)
                texts[path] = content(chance)
                place.put(path, texts[path].encode())
            report = place.run(project, AS_OF)
            assert report.status in (RunStatus.PUBLISHED, RunStatus.UNCHANGED), report.error
            note(place, contents, texts)
            known = known_of(place, contents)
            expected = by_file(known) if order == "by file" else by_date(known)
            assert found_in(place) == in_order(expected)


def test_by_a_date_the_order_in_which_files_arrive_does_not_matter(tmp_path: Path) -> None:
    files = {
        "clients-a.csv": f"{HEADER}\n1,fr,2025-01-01\n2,uk,\n",
        "clients-b.csv": f"{HEADER}\n1,uk,2025-03-01\n",
        "clients-c.csv": f"{HEADER}\n1,fr,2025-02-01\n1,be,2025-04-01\n2,fr,2025-02-01\n",
    }
    project, found = project_of(BY_DATE, tmp_path / "project"), []
    with quick():
        for number, order in enumerate([sorted(files), sorted(files, reverse=True), [*files][1:] + [*files][:1]]):
            place = Place(tmp_path / str(number), tmp_path / str(number) / "sources")
            place.sources.mkdir(parents=True)
            for path in order:
                place.put(path, files[path].encode())
                place.run(project, AS_OF)
            found.append(found_in(place))
    day = dt.date
    assert found == 3 * [
        [
            (1, ("fr", day(2025, 1, 1), day(2025, 3, 1))),
            (1, ("uk", day(2025, 3, 1), day(2025, 4, 1))),
            (1, ("be", day(2025, 4, 1), None)),
            (2, ("uk", day(1, 1, 1), day(2025, 2, 1))),
            (2, ("fr", day(2025, 2, 1), None)),
        ]
    ]


def test_a_record_without_a_date_is_older_than_any_that_has_one(tmp_path: Path) -> None:
    documents = copy.deepcopy(BY_DATE)
    documents["clients"]["schema"][0]["properties"][2]["logicalType"] = "timestamp"
    project = project_of(documents, tmp_path / "project")
    place = Place(tmp_path, tmp_path / "sources")
    place.sources.mkdir()
    place.put("clients-a.csv", f"{HEADER}\n1,fr,\n1,uk,0001-01-01 00:00:00\n2,fr,\n2,uk,0001-01-01 00:00:01\n".encode())
    with quick():
        place.run(project, AS_OF)
    beginning = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
    later = beginning + dt.timedelta(seconds=1)
    assert found_in(place) == [
        (1, ("uk", beginning, None)),
        (2, ("fr", beginning, later)),
        (2, ("uk", later, None)),
    ]


def test_files_of_one_run_and_of_several_make_the_same_states(tmp_path: Path) -> None:
    project, countries = project_of(BY_FILE, tmp_path / "project"), []
    with quick():
        for name, runs in (("once", [PATHS]), ("each", [[path] for path in PATHS])):
            place = Place(tmp_path / name, tmp_path / name / "sources")
            place.sources.mkdir(parents=True)
            for paths in runs:
                for path in paths:
                    place.put(path, f"{HEADER}\n1,{path[8]},\n".encode())
                place.run(project, AS_OF)
            countries.append([state for _, (state, _, _) in found_in(place)])
    assert countries == 2 * [["a", "b", "c"]]
