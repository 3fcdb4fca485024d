"""The guides, followed to the letter: their files are written, their commands run, their output compared."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from filon.lake import Lake, Layer

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"
BLOCK = re.compile(r"(?:^`(?P<path>[^`\n]+)`\n\n)?^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Command:
    """A command of a guide, and the lines that it says come out."""

    line: str
    output: tuple[str, ...]


def follow(guide: Path, folder: Path) -> Path:
    """Do what a guide says, in a folder that looks like the root of the repository; the folder where it ends."""
    (folder / "src").symlink_to(ROOT / "src")
    here = folder
    for block in BLOCK.finditer(guide.read_text(encoding="utf-8")):
        path, language, body = block["path"], block["language"], block["body"]
        if language != "console":
            assert path, f"{guide.name}: no path stands above\n{body}"
            (here / path).parent.mkdir(parents=True, exist_ok=True)
            (here / path).write_text(body, encoding="utf-8")
            continue
        for command in commands(body):
            if command.line.startswith("cd "):
                here = here / command.line.removeprefix("cd ")
            else:
                require_lines(command, execute(command.line, here))
    return here


def commands(body: str) -> Iterator[Command]:
    """The commands of a console block, each with the lines below it."""
    line, output = "", list[str]()
    for text in body.splitlines():
        if text.startswith("$ "):
            if line:
                yield Command(line, tuple(output))
            line, output = text.removeprefix("$ "), []
        else:
            output.append(text)
    yield Command(line, tuple(output))


def execute(line: str, folder: Path) -> str:
    """Run a command as a reader would, with the environment on the path and no settings around."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FILON_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, text=True)  # noqa: S602
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def require_lines(command: Command, output: str) -> None:
    """Each line of the guide comes out, in that order; blanks do not count, and ``…`` stands for anything."""
    actual = iter([" ".join(line.split()) for line in output.splitlines()])
    for line in command.output:
        pattern = ".*".join(re.escape(part) for part in " ".join(line.split()).split("…"))
        found = any(re.fullmatch(pattern, candidate) for candidate in actual)
        assert found, f"`{command.line}` does not print `{line}`:\n{output}"


def rows(project: Path, layer: Layer, table: str, columns: str) -> list[tuple[Any, ...]]:
    """The rows of a published table, by the first of these columns."""
    lake = Lake(str(project / ".filon" / "boutique" / "lake"))
    release = lake.release()
    assert release is not None
    build = release.build(layer, table)
    assert build is not None
    with duckdb.connect() as database:
        query = f"SELECT {columns} FROM read_parquet(?) ORDER BY 1"
        return database.execute(query, [lake.paths(build)]).fetchall()


def test_every_guide_is_followed_here() -> None:
    assert {guide.name for guide in GUIDES.iterdir()} == {"add-a-dataset.md", "add-a-kpi.md"}


def test_the_guide_to_a_dataset_publishes_the_stores(tmp_path: Path) -> None:
    project = follow(GUIDES / "add-a-dataset.md", tmp_path)
    assert rows(project, Layer.SILVER, "magasins", "id_magasin, nom, ville, ouverture, surface") == [
        (1, "Grand Rue", "Lyon", dt.date(2012, 3, 5), Decimal("240.50")),
        (2, "Gare", "Lille", dt.date(2019, 10, 17), Decimal("96.00")),
        (3, "Port", "Marseille", dt.date(2020, 2, 29), Decimal("180.00")),
        (4, "Halles", "Paris", dt.date(2021, 7, 1), Decimal("120.00")),
    ]


def test_the_guide_to_a_kpi_publishes_the_segments(tmp_path: Path) -> None:
    project = follow(GUIDES / "add-a-kpi.md", tmp_path)
    columns = "segment, ca_total, nb_clients, nb_achats, panier_moyen, part_ca"
    assert rows(project, Layer.GOLD, "kpi_ca_par_segment", columns) == [
        ("Bronze", Decimal("0.00"), 1, 0, None, Decimal("0.00")),
        ("Platinum", Decimal("5400.10"), 1, 2, Decimal("2700.05"), Decimal("79.41")),
        ("Silver", Decimal("1400.00"), 2, 3, Decimal("466.67"), Decimal("20.59")),
    ]


def test_a_line_that_does_not_come_out_is_noticed() -> None:
    with pytest.raises(AssertionError, match="does not print"):
        require_lines(Command("filon", ("a … c", "b")), "b\na b c\n")


def test_the_readme_is_followed_from_own_files_to_their_rows(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme[readme.index("## Your own files") : readme.index("## Ask over HTTP")]
    (tmp_path / "data").mkdir()
    for block in BLOCK.finditer(section):
        if block["language"] == "text":
            (tmp_path / "data" / "orders.csv").write_text(block["body"], encoding="utf-8")
            continue
        for command in commands(block["body"]):
            require_lines(command, execute(command.line.removeprefix(".venv/bin/"), tmp_path))
