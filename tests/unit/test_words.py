"""The package knows no word of the demo project: it stands in the project's files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import filon

SOURCE = Path(filon.__file__).parent
OF_THE_DEMO = ("projects", "dashboard")
"""Folders that may know its words: the demo itself, and the pages that are made for it."""
FILES = [path for path in sorted(SOURCE.rglob("*.py")) if path.relative_to(SOURCE).parts[0] not in OF_THE_DEMO]
WORDS = re.compile(
    r"\b(jour|mois|annee|periode|granularite|date_debut|date_fin|pays|achats?|produits?|montant|segment_client"
    r"|fact_ventes|dim_clients|dim_produits|dim_temps|kpi_\w+)\b"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_no_module_has_a_word_of_the_demo(path: Path) -> None:
    assert not WORDS.findall(path.read_text(encoding="utf-8"))
