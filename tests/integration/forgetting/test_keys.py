"""Keys of several columns, of hostile texts, and references that lead over other references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.changes.shop import contract
from tests.integration.conftest import Shop
from tests.integration.forgetting.scan import found

HOSTILE = """Zo'é;"%_\\ 🜂"""
QUOTED = '"' + HOSTILE.replace('"', '""') + '"'
MEMBERS = f"club,number,badge,name\nParis,1,badge-1,Ada\nParis,2,badge-2,Quatorzelle\n{QUOTED},2,badge-3,Trezelle\n"
VISITS = "visit,badge,day\n1,badge-1,2025-01-01\n2,badge-2,2025-01-02\n3,badge-3,2025-01-03\n4,badge-2,2025-01-03\n"


def text(name: str, **words: Any) -> dict[str, Any]:
    """A column of text."""
    return {"name": name, "logicalType": "string", **words}


def whole(name: str, **words: Any) -> dict[str, Any]:
    """A column of whole numbers."""
    return {"name": name, "logicalType": "integer", **words}


@pytest.fixture
def club(tmp_path: Path) -> Shop:
    """A club whose members have a key of two columns, and a badge that visits name."""
    project = tmp_path / "project"
    (project / "sources").mkdir(parents=True)
    (project / "gold").mkdir()
    (project / "filon.yaml").write_text(yaml.safe_dump({"name": "club", "title": "A club"}))
    badge = [{"to": "members.badge"}]
    documents = {
        "members": contract(
            "members",
            {"filePattern": "members*.csv"},
            text("club", primaryKey=True, primaryKeyPosition=1),
            whole("number", primaryKey=True, primaryKeyPosition=2),
            text("badge", unique=True, required=True),
            text("name"),
        ),
        "visits": contract(
            "visits",
            {"filePattern": "visits*.csv"},
            whole("visit", primaryKey=True),
            text("badge", relationships=badge),
            {"name": "day", "logicalType": "date"},
        ),
    }
    for name, document in documents.items():
        (project / "sources" / f"{name}.yaml").write_text(yaml.safe_dump(document))
    (project / "gold" / "days.sql").write_text(
        "SELECT day, count(*) AS visits, max(name) AS last FROM visits JOIN members USING (badge) GROUP BY day"
    )
    model = contract(
        "days", {}, {"name": "day", "logicalType": "date", "primaryKey": True}, whole("visits"), text("last")
    )
    (project / "gold" / "days.yaml").write_text(yaml.safe_dump(model))
    shop = Shop(tmp_path, project, extra={"FILON_SERVING": "sqlite:///serving.db"})
    shop.put("members.csv", MEMBERS)
    shop.put("visits.csv", VISITS)
    shop.run()
    return shop


def forget(shop: Shop, *keys: str) -> dict[str, Any]:
    """Forget members by their keys, each a line of CSV."""
    options = [part for key in keys for part in ("--key", key)]
    report: dict[str, Any] = shop.json("forget", "members", *options, "--reason", "asked", "--yes")
    return report


def test_a_key_of_two_columns_is_one_person(club: Shop) -> None:
    report = forget(club, "Paris,2")
    assert report["records"] == {"members": 1, "visits": 2}
    assert found(club.lake, ["Quatorzelle", "badge-2"]) == []
    assert [row[:2] for row in club.rows("members", layer="silver")] == [("Paris", 1), (HOSTILE, 2)]
    assert [row[0] for row in club.rows("visits", layer="silver")] == [1, 3]
    club.run()
    assert found(club.lake, ["Quatorzelle", "badge-2"]) == []


def test_what_is_more_than_a_count_is_computed_again(club: Shop) -> None:
    forget(club, "Paris,2")
    assert [(str(day), visits, last) for day, visits, last in club.rows("days")] == [
        ("2025-01-01", 1, "Ada"),
        ("2025-01-03", 2, "Trezelle"),
    ]
    assert club.json("status")["release"]["counts_forgotten"] == {"days": 1}


def test_a_hostile_key_names_one_person(club: Shop) -> None:
    forget(club, f"{QUOTED},2")
    assert found(club.folder / "lake", ["Trezelle", "badge-3", HOSTILE]) == []
    assert [row[:2] for row in club.rows("members", layer="silver")] == [("Paris", 1), ("Paris", 2)]


def test_a_key_with_too_few_parts_is_refused(club: Shop) -> None:
    said = club.filon("forget", "members", "--key", "Paris", "--plan", exit_code=2)
    assert "Paris has 1 parts; the key of members (club, number) has 2" in said


def test_several_keys_at_once(club: Shop) -> None:
    assert forget(club, "Paris,2", "Paris,1")["people"] == 2
    assert [row[2] for row in club.rows("members", layer="silver")] == ["badge-3"]
