"""What a file may ask for: archives, lines and headers beyond the limits are quarantined, and the others go on."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.integration.conftest import ACHATS, Shop

HEADER = ACHATS.splitlines()[0].encode()
MIB = 1 << 20
ROW = b"100,1,2025-01-05,7.00,souris\n"


@pytest.fixture
def plain(shop: Shop) -> Shop:
    """A shop without a store, which these tests do not need."""
    return replace(shop, extra={"FILON_SERVING": "none"})


def refused(shop: Shop, name: str, **variables: str) -> dict[str, Any]:
    """What a run says of a file that it refuses, while the others are read; nothing is left in the workspace."""
    workspace = shop.folder / "workspace"
    workspace.mkdir(exist_ok=True)
    given = {**shop.extra, "FILON_WORKSPACE": str(workspace), **variables}
    files = {file["file"]: file for file in replace(shop, extra=given).run("--until", "bronze")["files"]}
    assert files["achats.csv"]["rows_read"] == 6
    assert files[name]["status"] == "quarantined"
    assert list(workspace.iterdir()) == []
    found: dict[str, Any] = files[name]
    return found


def zipped(pieces: Iterable[bytes]) -> bytes:
    packer = zstandard.ZstdCompressor().compressobj()
    return b"".join(packer.compress(piece) for piece in pieces) + packer.flush()


def bomb(size: int, piece: bytes = b"\n" * MIB) -> Iterator[bytes]:
    yield HEADER + b"\n"
    for _ in range(size // len(piece)):
        yield piece


@pytest.mark.parametrize("packing", ["zst", "gz"])
def test_an_archive_that_unpacks_to_far_more_than_its_size_is_refused(plain: Shop, packing: str) -> None:
    pieces = bomb(300 * MIB, b"1,2,3,4,5\n" * (MIB // 10))
    plain.put(f"achats-2.csv.{packing}", zipped(pieces) if packing == "zst" else gzip.compress(b"".join(pieces), 9))
    found = refused(plain, f"achats-2.csv.{packing}")
    assert found["reason"] == "too_large"
    assert "unpack to more than 268,435,456, 200 times as much" in found["detail"]
    assert "FILON_MAX_RATIO" in found["detail"]


def test_a_ratio_that_is_allowed_is_unpacked(plain: Shop) -> None:
    plain.put("achats-2.csv.zst", zipped(bomb(300 * MIB, ROW * 30_000)))
    report = replace(plain, extra={**plain.extra, "FILON_MAX_RATIO": "100000"}).run("--until", "bronze")
    [found] = [file for file in report["files"] if file["file"] == "achats-2.csv.zst"]
    assert (found["status"], found["rows_read"]) == ("ingested", 300 * MIB // len(ROW * 30_000) * 30_000)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_an_archive_may_not_unpack_to_more_than_the_limit(plain: Shop, pack: type[bytes]) -> None:
    content = HEADER + b"\n" + b"".join(b"%d,1,2025-01-05,7.00,souris\n" % number for number in range(60_000))
    plain.put("achats-2.csv", pack(content))
    found = refused(plain, "achats-2.csv", FILON_MAX_UNPACKED_SIZE="1.5MB")
    assert (found["reason"], "more than 1,500,000 bytes" in found["detail"]) == ("too_large", True)
    assert "FILON_MAX_UNPACKED_SIZE" in found["detail"]
    allowed = replace(plain, extra={**plain.extra, "FILON_MAX_UNPACKED_SIZE": "2GB"})
    allowed.filon("quarantine", "replay", "--as-of", "2026-01-01")
    assert plain.json("quarantine", "list")["files"] == []


def test_the_parts_of_an_archive_count_together(plain: Shop) -> None:
    part = gzip.compress(ROW * 20_000)
    plain.put("achats-2.csv", gzip.compress(HEADER + b"\n") + part * 4)
    assert refused(plain, "achats-2.csv", FILON_MAX_UNPACKED_SIZE="2MB")["reason"] == "too_large"


def test_an_archive_inside_an_archive_is_no_text(plain: Shop) -> None:
    plain.put("achats-2.csv", gzip.compress(gzip.compress(HEADER + b"\n" + ROW)))
    assert refused(plain, "achats-2.csv")["reason"] in ("not_text", "undecodable")


def test_an_archive_that_refers_far_back_is_refused(plain: Shop) -> None:
    form = zstandard.ZstdCompressionParameters.from_level(3, window_log=30, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=form).compressobj()
    plain.put("achats-2.csv", packer.compress(HEADER + b"\n" + ROW) + packer.flush())
    found = refused(plain, "achats-2.csv")
    assert (found["reason"], "128 MiB" in found["detail"]) == ("too_large", True)


@pytest.mark.parametrize("quoted", [b"", b'"10",1,2025-01-05,7.00,souris\n'])
def test_a_text_of_empty_lines_is_refused(plain: Shop, quoted: bytes) -> None:
    plain.put("achats-2.csv", HEADER + b"\n" + quoted + b"\n" * 11_000_000)
    found = refused(plain, "achats-2.csv")
    assert found["reason"] == "too_large"
    assert "of its 11,000,00" in found["detail"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"," * 5_000 + b"\n", "too_large"),
        (b"x" * (9 * MIB), "too_large"),
        (b",".join(b"%d" % number for number in range(100_000)) + b"\n", "too_large"),
        (b" \n" * MIB + HEADER + b"\n", "malformed_header"),
        (b'"' + b"x\n" * MIB, "malformed_header"),
    ],
    ids=["many fields", "no line ending", "long", "far down", "open quote"],
)
def test_a_header_beyond_the_limits_is_refused(plain: Shop, content: bytes, reason: str) -> None:
    plain.put("achats-2.csv", content)
    found = refused(plain, "achats-2.csv")
    assert found["reason"] == reason
    assert len(found["detail"]) < 1_100


def test_a_widest_header_is_read(plain: Shop) -> None:
    names = HEADER + b"".join(b",extra_%d" % number for number in range(4_000))
    plain.put("achats-2.csv", names + b"\n" + ROW.rstrip() + b"," * 4_000 + b"\n")
    report = plain.run("--until", "bronze")
    assert {file["file"]: file["rows_read"] for file in report["files"]}["achats-2.csv"] == 1


def test_a_line_of_delimiters_is_one_malformed_record(plain: Shop) -> None:
    good = ROW * 40
    plain.put("achats-2.csv", HEADER + b"\n" + good + b"," * 30_000 + b"x\n" + b"," * (2 * MIB) + b"x\n" + good)
    report = plain.run()
    [found] = [file for file in report["files"] if file["file"] == "achats-2.csv"]
    assert (found["rows_read"], found["rows_rejected"]) == (82, 2)
    reasons = {dataset["dataset"]: dataset["reasons"] for dataset in report["datasets"]}["achats"]
    assert reasons["record:too_many_fields"] == 2


def test_a_record_that_never_ends_takes_no_other_with_it(plain: Shop) -> None:
    plain.put("achats-2.csv", HEADER + b"\n" + ROW * 40 + b'1,"' + b"x" * 100 + b"\n" + ROW * 400_000)
    report = plain.run("--until", "bronze")
    [found] = [file for file in report["files"] if file["file"] == "achats-2.csv"]
    assert (found["status"], found["rows_read"]) == ("ingested", 400_041)


def test_what_the_engine_cannot_hold_is_refused_alone(plain: Shop) -> None:
    workspace = plain.folder / "workspace"
    workspace.mkdir()
    text = b"".join(
        b"%d,1,2025-01-05,7.00,%s\n" % (number, os.urandom(30_000).hex().encode()) for number in range(2_500)
    )
    plain.put("achats-2.csv", HEADER + b"\n" + text)
    found = refused(plain, "achats-2.csv", FILON_MEMORY_LIMIT="70MB", FILON_THREADS="1")
    assert found["reason"] == "too_large"
    assert "FILON_MEMORY_LIMIT" in found["detail"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells how much memory a program took")
def test_a_bomb_is_refused_in_little_memory(plain: Shop) -> None:
    plain.put("achats-2.csv.zst", zipped(bomb(3_000 * MIB)))
    program = (
        "import sys; from filon.cli import main; sys.argv = ['filon', 'run', '--until', 'bronze']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print([line for line in open('/proc/self/status') if line.startswith('VmHWM')][0].split()[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=plain.environment(), capture_output=True, text=True, check=True
    )
    assert int(done.stdout.splitlines()[-1]) < 1_000_000, "KiB"
    [found] = plain.json("quarantine", "list")["files"]
    assert found["reason"] == "too_large"
