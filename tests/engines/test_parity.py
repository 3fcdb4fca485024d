"""The same project on both engines: the same tables, and a project that changes its engine between two runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from filon.engines import Engine
from filon.lake import Lake, Sources
from filon.pipeline.forgetting.erase import Forgetting, Request
from filon.project import INTEGER, PLACE, TEXT, ColumnType, Kind, TypedColumn
from filon.project.loader import load_project
from filon.projects import retail
from filon.projects.retail.generate import generate
from filon.serving.stores import open_store
from filon.settings import Settings
from tests.engines.parity import STARTED, assert_same_tables, run
from tests.engines.test_composed_sql import judging, of_every_type, telling_states

CORRECTED = """\
id_achat,id_client,date_achat,montant,produit
900001,1,2025-12-31,0.01,souris É
900002,2,1969-12-31,10.005,écran
900003,4,2024-12-30,9999.99,écran  plat
900004,4,2026-02-01,5,futur
900005,999999,2025-01-01,5,שלום 🙂
900006,888888,2025-01-01,5,orphelin
900001,2,2025-11-30,12,deux fois
5,2,2025-11-30,12,corrigé
"""


def test_both_engines_make_the_same_tables_and_a_project_may_change_between_them(
    tmp_path: Path, spark_remote: str
) -> None:
    duck, spark = Settings(threads=2), Settings(engine="spark", spark_remote=spark_remote)
    generate(tmp_path / "sources", 3_000, seed=1, dirty=0.05)
    run(tmp_path, "duckdb", 0, duck)
    run(tmp_path, "spark", 0, spark)
    assert_same_tables(tmp_path, "duckdb", "spark")

    change(tmp_path / "sources")
    run(tmp_path, "duckdb", 1, spark)
    run(tmp_path, "spark", 1, duck)
    assert_same_tables(tmp_path, "duckdb", "spark")


MOVED = (
    "id_client,nom,email,date_inscription,pays\n7,Ada,ada@exemple.fr,2024-01-01,Wakanda\n9,Bob,b@exemple.fr,,Italie\n"
)


def test_a_person_is_forgotten_without_a_cluster_and_stays_so_on_every_engine(
    tmp_path: Path, spark_remote: str
) -> None:
    duck, spark = Settings(threads=2), Settings(engine="spark", spark_remote=spark_remote)
    generate(tmp_path / "sources", 600, seed=1, dirty=0.05)
    run(tmp_path, "duckdb", 0, duck)
    lake, sources = Lake(str(tmp_path / "duckdb")), Sources(str(tmp_path / "sources"))
    store = open_store(f"sqlite:///{tmp_path / 'duckdb'}.db")
    nobody = Settings(engine="spark", spark_remote="sc://127.0.0.1:1")
    work = Forgetting(nobody, load_project(retail.FOLDER), lake, sources, store)
    assert work.forget(Request("clients", (("9",),), "asked to", "a test"), STARTED).people == 1
    shutil.copytree(tmp_path / "duckdb", tmp_path / "spark")
    shutil.copy(tmp_path / "duckdb.db", tmp_path / "spark.db")

    (tmp_path / "sources" / "clients-2.csv").write_text(MOVED)
    run(tmp_path, "duckdb", 1, duck)
    report = run(tmp_path, "spark", 1, spark)
    assert_same_tables(tmp_path, "duckdb", "spark")
    assert report.datasets[0].reasons["forgotten"] == 2
    assert report.serving is not None
    assert report.serving.inserted > 0


def change(sources: Path) -> None:
    """A few records change, come and go, so that tables are extended."""
    clients = (sources / "clients.csv").read_text(encoding="utf-8").splitlines()
    moved = clients[2].rpartition(",")[0] + ",Suisse"
    arrived = ["999999,Orphelin,o@exemple.fr,2020-02-30,France", "999999,Orphelin,o@exemple.fr,2020-02-29, belgique "]
    (sources / "clients.csv").write_text("\n".join([*clients[:2], moved, *clients[4:], *arrived]), encoding="utf-8")
    (sources / "achats-2.csv").write_text(CORRECTED, encoding="utf-8")


@pytest.mark.parametrize("number", range(3))
def test_records_of_every_type_and_form_are_judged_by_every_engine(engine: Engine, number: int) -> None:
    query = list(judging())[number]
    names = {column.name for column in of_every_type()} if number < 2 else {"date", "timestamp"}
    texts = [TypedColumn(name, TEXT) for name in sorted({*names, "_malformed", "_raw", "_extra"})]
    engine.bind("bronze records", [], [TypedColumn("_file", INTEGER), TypedColumn("_record", INTEGER), *texts])
    assert [column.name for column in engine.describe(query)][:2] == ["_file", "_record"]
    assert engine.rows(query) == []
    engine.drop(["bronze records"])


@pytest.mark.parametrize("number", range(3))
def test_states_of_columns_of_every_type_are_told_by_every_engine(engine: Engine, number: int) -> None:
    moment = ColumnType(Kind.TIMESTAMP)
    columns = [TypedColumn(column.name, column.type) for column in of_every_type()]
    engine.bind("judged records", [], [*columns, *PLACE, TypedColumn("_reasons", TEXT)])
    spans = [TypedColumn("file number", INTEGER), *(TypedColumn(f"valid {end}", moment) for end in ("since", "until"))]
    engine.bind("times of files", [], spans)
    query = list(telling_states())[number]
    names = [column.name for column in engine.describe(query)]
    assert names == [*(column.name for column in columns), "valid_from", "valid_to", "is_current", "_file", "_record"]
    assert engine.rows(query) == []
    engine.drop(["judged records", "times of files"])


def test_a_check_for_spark_refuses_what_spark_lacks_with_file_line_and_a_way_out(
    tmp_path: Path, spark_remote: str
) -> None:
    shutil.copytree(retail.FOLDER, tmp_path / "project", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    model = tmp_path / "project" / "gold" / "kpi_top_clients.sql"
    lines = model.read_text(encoding="utf-8").splitlines()
    lines.insert(next(n for n, line in enumerate(lines) if "FROM" in line), "    , levenshtein(nom, nom) AS distance")

    def check(engine: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "filon", "check", "--project", "project", "--engine", engine]
        plain = {name: value for name, value in os.environ.items() if not name.startswith("FILON_")}
        environment = {**plain, "FILON_SPARK_REMOTE": spark_remote}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    done = check("spark")
    assert done.returncode == 0, done.stderr
    model.write_text("\n".join(lines), encoding="utf-8")
    done = check("spark")
    assert done.returncode != 0
    line = next(n for n, text in enumerate(lines, start=1) if "levenshtein" in text)
    assert f"kpi_top_clients.sql:{line}" in done.stderr, done.stderr
    assert "levenshtein" in done.stderr
