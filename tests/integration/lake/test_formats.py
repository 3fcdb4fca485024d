"""A lake that another version of Filon wrote: every command says so, and none writes into it."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from filon.errors import Damage, LakeDamaged, LakeForeign
from filon.lake.documents import CheckResult, RunDocument
from filon.lake.sealed import FORMAT, seal, unseal
from filon.project import CheckStatus
from tests.integration.conftest import ACHATS, CLIENTS, Shop

COMMANDS = [
    ("run",),
    ("run", "--force"),
    ("status",),
    ("releases",),
    ("rollback", "1"),
    ("retract", "--yes", "achats.csv"),
    ("sweep", "--hours", "0"),
    ("quarantine", "list"),
    ("quarantine", "replay"),
    ("explain", "fact_ventes", "10"),
]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with a release, which nobody changes."""
    shop = Shop(tmp_path_factory.mktemp("known"))
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", ACHATS)
    shop.run()
    return shop


@pytest.fixture
def copied(known: Shop, tmp_path: Path) -> Shop:
    """A copy of it."""
    return known.copied(tmp_path / "shop")


def documents(shop: Shop) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every sealed document of a lake, without the keys of the seal."""
    for path in sorted((shop.lake / "metadata").rglob("*.json*")):
        raw = path.read_bytes()
        content = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
        yield path, {key: value for key, value in content.items() if key not in ("sha256", "format", "previous")}


def write(path: Path, behind: dict[str, Any], content: dict[str, Any]) -> None:
    """A document as another version might write it: its seal, these keys, and the content."""
    text = json.dumps({**behind, **content}, separators=(",", ":")).removeprefix("{").encode()
    raw = b'{"sha256":"' + hashlib.sha256(text).hexdigest().encode() + b'",' + text
    path.write_bytes(gzip.compress(raw, mtime=0) if path.suffix == ".gz" else raw)


def contents(shop: Shop) -> dict[str, bytes]:
    """Every file of a lake."""
    return {str(path): path.read_bytes() for path in sorted(shop.lake.rglob("*")) if path.is_file()}


def require_refused(shop: Shop, command: tuple[str, ...], said: str) -> None:
    before = contents(shop)
    text = " ".join(shop.filon(*command, exit_code=1).split())
    assert said in text
    assert "give a new folder (--lake, or FILON_LAKE) and run" in text
    assert "damaged" not in text
    assert contents(shop) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_lake_of_an_older_version_is_left_alone(copied: Shop, command: tuple[str, ...]) -> None:
    for path, content in documents(copied):  # before formats were numbered, and with other words
        write(path, {"previous": ""}, {**content, "layout": "0123456789abcdef"})
    require_refused(
        copied, command, f"written by an older version of Filon (format 1; this one reads and writes {FORMAT})"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_lake_of_a_newer_version_is_left_alone(copied: Shop, command: tuple[str, ...]) -> None:
    for path, content in documents(copied):
        write(path, {"format": 99, "previous": "", "era": "later"}, content)
    require_refused(
        copied, command, f"written by a newer version of Filon (format 99; this one reads and writes {FORMAT})"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_lake_whose_documents_have_no_seal_is_left_alone(copied: Shop, command: tuple[str, ...]) -> None:
    shutil.rmtree(copied.lake / "metadata" / "heads")
    for path, content in documents(copied):
        raw = json.dumps(content).encode()
        path.write_bytes(gzip.compress(raw, mtime=0) if path.suffix == ".gz" else raw)
    require_refused(copied, command, "written by an older version of Filon (format 1;")


def test_a_lake_in_which_nothing_was_published_is_left_alone_as_well(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.put("clients.csv", CLIENTS)
    shop.run("--until", "bronze")
    for path, content in documents(shop):
        write(path, {"previous": ""}, content)
    require_refused(shop, ("run",), "written by an older version of Filon")


RESULT = CheckResult(table="t", check="c", status=CheckStatus.PASSED, failed_rows=0, value=None, fingerprint="f")


def test_a_document_tells_its_format() -> None:
    raw = seal(RESULT, "0" * 64)
    assert json.loads(raw)["format"] == FORMAT
    found = unseal(raw, CheckResult, "place", "part", "repair")
    assert (found.content, found.previous, found.seal) == (RESULT, "0" * 64, json.loads(raw)["sha256"])


def test_words_that_are_not_known_are_those_of_another_version() -> None:
    raw = seal(RESULT)
    with pytest.raises(LakeForeign, match="place was written by another version"):
        unseal(raw, RunDocument, "place", "part", "repair")


@pytest.mark.parametrize("bit", range(8))
def test_a_changed_bit_is_damage_wherever_it_is(bit: int) -> None:
    raw = seal(RESULT, "0" * 64)
    for index in range(len(raw)):
        changed = bytearray(raw)
        changed[index] ^= 1 << bit
        with pytest.raises(LakeDamaged) as caught:
            unseal(bytes(changed), CheckResult, "place", "part", "repair")
        assert caught.value.damages == (Damage("place", "holds other bytes than were written", "part", "repair"),)
