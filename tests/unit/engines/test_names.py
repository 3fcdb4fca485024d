"""Where the source names an engine: among the engines, and in the few places that choose it."""

from __future__ import annotations

from pathlib import Path

import filon

SOURCE = Path(filon.__file__).parent
CHOOSES = {"pipeline/engine.py": "puts the parts together"}
OFFERS = {"settings.py": "a value of FILON_ENGINE", "cli/options.py": "the same value, on the command line"}
READS = {"sql.py": "sqlglot calls the dialect of Filon's SQL so"}
HANDS_OVER = {"access/rows.py": "rows as a relation, for people who use it in their notebooks"}
GENERATES = {"projects/retail/generate.py": "makes sample data, and no table"}


def test_nothing_else_names_duckdb() -> None:
    naming = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.*")
        if path.suffix in (".py", ".sql", ".yaml") and "duckdb" in path.read_text(encoding="utf-8").casefold()
    }
    assert {name for name in naming if not name.startswith("engines/")} == {
        *CHOOSES,
        *OFFERS,
        *READS,
        *HANDS_OVER,
        *GENERATES,
    }


def test_the_dialect_is_named_once() -> None:
    text = (SOURCE / "sql.py").read_text(encoding="utf-8")
    assert text.casefold().count("duckdb") == 1
