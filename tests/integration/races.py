"""Two processes that run on one lake at the same time, again and again, while files arrive."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filon.lake import Lake, Layer
from filon.project.loader import load_project
from tests.integration.changes.shop import write_project
from tests.integration.conftest import AS_OF, surroundings
from tests.integration.durability.template import Done, Order, Template
from tests.integration.histories.content import content_of, differences, rebuilt
from tests.integration.histories.files import HEADERS
from tests.integration.histories.place import Place
from tests.integration.histories.project import BASE

RUN = ("run", "--json", "--as-of", AS_OF)
CLIENTS, PURCHASES = 20, 200
TABLES = ("filon", "clients", "purchases", "sales.sql", "sales", "buyers.sql", "buyers")


@dataclass(frozen=True)
class Race:
    """A project, a lake with many rows, and two processes, each with a folder of its own."""

    folder: Path
    environment: Mapping[str, str]
    templates: tuple[Template, Template]

    @property
    def lake(self) -> Lake:
        """The lake, as another process would open it."""
        return Lake(self.environment["FILON_LAKE"])

    def put(self, name: str, dataset: str, *lines: str) -> None:
        """Let a file arrive, whole: a run that sees half of it would be right to read half of it."""
        arriving = self.folder / name
        arriving.write_text("\n".join((HEADERS[dataset], *lines, "")))
        arriving.rename(self.folder / "sources" / name)

    def run(self, which: int = 0) -> Done:
        """A run in one of the processes."""
        return self.templates[which].carry_out(Order(str(self.folder / f"process-{which}"), self.environment, [RUN]))

    def round(self, number: int) -> int:
        """Both run at once; one file arrives before, one meanwhile. Returns how many lost the race.

        Each file brings a row with a new key, and one that outranks another.
        """
        newer = f"{number % PURCHASES},1,2025-02-01,1.00,round {number},2025-03-{number % 28 + 1:02d}"
        self.put(f"purchases-{number}.csv", "purchases", f"{1000 + number},{number % CLIENTS},2025-01-05,2.00,,", newer)
        with ThreadPoolExecutor(2) as pool:
            both = pool.map(self.run, range(2))
            other = f"{number % CLIENTS},r{number},2025-03-{number % 28 + 1:02d}"
            self.put(f"clients-{number}.csv", "clients", f"{100 + number},new,", other)
            done = list(both)
        lost = [run for run in done if run.codes != [0]]
        assert all("Conflict" in run.output and "Traceback" not in run.output for run in lost), lost
        assert len(lost) < len(done), f"both lost: {lost}"
        return len(lost)

    def require_whole(self, fresh: Path) -> None:
        """After one more run, all is as in a lake without a past, and each record of each file is there once."""
        done = self.run()
        assert done.codes == [0], done.output
        with surroundings(self.environment):
            release, ledger = self.lake.release(), self.lake.ledger()
            assert release is not None
            arrived = {path.name for path in (self.folder / "sources").iterdir()}
            assert sorted(version.path for version in ledger.versions) == sorted(arrived)
            bronze = sum(build.rows for build in release.tables.values() if build.layer is Layer.BRONZE)
            assert bronze == sum(version.rows for version in ledger.versions)
            project = load_project(self.folder / "project")
            place = Place(fresh, self.folder / "sources")
            expected = rebuilt(self.lake, place, project, release.as_of)
            problems = differences(content_of(self.lake, release), expected)
        assert not problems, "\n".join(problems)


@contextmanager
def racing(folder: Path, lake: str, environment: Mapping[str, str]) -> Iterator[Race]:
    """A lake that has its first release, at an address, and what clients of it must be told."""
    write_project({name: BASE[name] for name in TABLES}, folder / "project")
    for name in ("sources", "workspace", "process-0", "process-1"):
        (folder / name).mkdir()
    told = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("FILON_", "AWS_"))},
        **environment,
        "FILON_PROJECT": str(folder / "project"),
        "FILON_SOURCES": str(folder / "sources"),
        "FILON_LAKE": lake,
        "FILON_SERVING": "none",
        "FILON_WORKSPACE": str(folder / "workspace"),
        "FILON_THREADS": "1",
    }
    race = Race(folder, told, (Template(), Template()))
    try:
        race.put("clients-0.csv", "clients", *(f"{n},fr," for n in range(CLIENTS)))
        race.put("purchases-0.csv", "purchases", *(f"{n},{n % CLIENTS},2025-01-31,5.00,," for n in range(PURCHASES)))
        done = race.run()
        assert done.codes == [0], done.output
        yield race
    finally:
        for template in race.templates:
            template.end()
