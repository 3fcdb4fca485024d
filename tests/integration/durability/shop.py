"""A small project with a history: two datasets, one model, and the commands that a person gives one after another."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet  # type: ignore[import-untyped]

from filon.projects import retail
from tests.integration.conftest import ACHATS, AS_OF, CLIENTS

MODEL = "dim_clients"
RUN = ("run", "--json", "--as-of", AS_OF)
LOOK, SWEEP = ("look",), ("sweep-at-once",)
"""Commands of these tests: say what readers see, and sweep without waiting for runs that are known to be dead."""
RANDOM = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}|[0-9a-f]{8}-[0-9a-f-]{27}|(?<=_history/)[0-9a-f]{64}")
"""In names: ids of runs and of files, and the fingerprints of histories, which say when files arrived."""
CHANGED = ACHATS.replace("200.50", "300.25")
HEADER = ACHATS.splitlines()[0]
MANY_CLIENTS = CLIENTS + "".join(f"{n},Nom,nom{n}@exemple.fr,2024-03-01,France\n" for n in range(4, 10))
MANY = HEADER + "".join(f"\n{n},{n % 6 + 4},2025-03-{n % 28 + 1:02d},10.00,souris" for n in range(100, 140))
"""Beside what changes, so much stays that tables are extended."""
NEW = f"{HEADER}\n10,1,2025-01-05,75.00,souris\n200,2,2025-04-01,20.00,clavier\n"
"""A row that outranks another, and one with a new key."""


@dataclass(frozen=True)
class Step:
    """A command of the history, and what arrives in the sources before it."""

    name: str
    command: Sequence[str]
    arrives: Mapping[str, str] = field(default_factory=dict)


HISTORY = (
    Step("first run", RUN, {"achats.csv": ACHATS}),
    Step("new and changed files", RUN, {"achats.csv": CHANGED, "achats-2.csv": NEW}),
    Step("retraction", ("retract", "--yes", "achats.csv")),
    Step("run after the retraction", RUN),
    Step("rollback", ("rollback", "1")),
    Step("sweep", SWEEP),
)
EXTENDING = ("new and changed files", "run after the retraction")
"""Steps in which tables are extended by what changed."""


def lay_out(folder: Path) -> dict[str, str]:
    """Make a folder with the project and its first files; returns what commands in it are told."""
    shipped = Path(retail.__file__).parent
    shutil.copytree(shipped, folder / "project", ignore=shutil.ignore_patterns("*.py", "__pycache__", "tests", "gold"))
    (folder / "project" / "gold").mkdir()
    for suffix in ("sql", "yaml"):
        shutil.copy(shipped / "gold" / f"{MODEL}.{suffix}", folder / "project" / "gold")
    (folder / "sources").mkdir()
    (folder / "sources" / "clients.csv").write_text(MANY_CLIENTS)
    (folder / "sources" / "achats-0.csv").write_text(MANY)
    (folder / "workspace").mkdir()
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("FILON_")},
        "FILON_PROJECT": "project",
        "FILON_SOURCES": "sources",
        "FILON_LAKE": "lake",
        "FILON_SERVING": "sqlite:///serving.db",
        "FILON_WORKSPACE": "workspace",
        "FILON_THREADS": "1",
    }


def run_command(command: Sequence[str]) -> int:
    """Carry out a command in this process; its exit code."""
    if command == list(LOOK):
        print(json.dumps(_seen()))  # noqa: T201
        return 0
    if command == list(SWEEP):
        return _sweep()
    from filon.cli import main

    sys.argv = ["filon", *command]
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _sweep() -> int:
    from filon.errors import FilonError
    from filon.lake import Lake
    from filon.lake.sweep import sweep_lake

    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    try:
        sweep_lake(Lake("lake"), keep=1, before=tomorrow, patience_s=0)
    except FilonError as error:  # told as the command line does
        print(error)  # noqa: T201
        return 1
    return 0


def _seen() -> dict[str, Any]:
    """What readers see: the published release, its rows, and those that the store serves. Every file is read whole."""
    from filon.lake import Lake

    lake = Lake("lake")
    release = lake.release()
    if release is None:
        return {"release": 0, "tables": {}, "served": _served()}
    lake.require_sound(release)
    tables = {}
    for build in release.tables.values():
        parts = [pyarrow.parquet.read_table(path, partitioning=None).to_pylist() for path in lake.paths(build)]
        tables[build.id] = sorted(repr(tuple(row.values())) for part in parts for row in part)
    return {"release": release.number, "tables": tables, "served": _served()}


def _served() -> list[str]:
    if not Path("serving.db").exists():
        return []
    with closing(sqlite3.connect("serving.db")) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [MODEL]).fetchone():
            return []
        return sorted(map(repr, connection.execute(f"SELECT * FROM {MODEL}")))


def state_of(folder: Path) -> tuple[str, ...]:
    """A lake and a store in short, without what differs from run to run: two that agree are mended in the same way."""
    found = []
    for path in sorted([*(folder / "lake").rglob("*"), *folder.glob("serving.db*")]):
        name = RANDOM.sub("*", str(path.relative_to(folder)))
        if path.parent.name == "heads":
            found.append(f"{name} {path.read_text().partition('number')[2]}"[:60])
        elif path.suffix == ".parquet" or path.name.startswith("serving.db"):
            found.append(f"{name} {path.stat().st_size}")
        else:
            found.append(f"{name} {path.is_dir() or path.stat().st_size > 0}")
    return tuple(sorted(found))


def objects(folder: Path) -> list[str]:
    """What a lake holds, without the names that differ from run to run: what no kept release needs must not pile up.

    Logs of tables, ledgers, releases and reports of runs are left out: they are the history. A run that was killed
    leaves no report, nor does the one after it if nothing was left to do.
    """
    kinds = []
    for path in (folder / "lake").rglob("*"):
        name = path.relative_to(folder / "lake")
        if path.is_file() and not {"_delta_log", "ledger", "releases", "runs", "runs.json"} & set(name.parts):
            kind = name.parent / path.name.partition("-")[0] if path.suffix == ".parquet" else name
            kinds.append(RANDOM.sub("*", str(kind)))
    return sorted(kinds)
