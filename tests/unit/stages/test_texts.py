"""How much of what arrives lies in the workspace at once."""

from __future__ import annotations

import gzip
from hashlib import sha256
from pathlib import Path

from filon.lake import Sources
from filon.stages.bronze.texts import Incoming, receive_texts
from filon.stages.limits import Limits
from tests.unit.stages.test_arrivals import SALES

CONTENT = b"id,name\n" + b"1,one\n" * 1_000


def incoming(folder: Path, count: int) -> tuple[Sources, list[Incoming]]:
    """So many small archives that wait."""
    (folder / "sources").mkdir()
    for number in range(count):
        (folder / "sources" / f"{number:02}.csv.gz").write_bytes(gzip.compress(CONTENT, mtime=0))
    sources = Sources(str(folder / "sources"))
    digest = sha256(gzip.compress(CONTENT, mtime=0)).hexdigest()
    return sources, [Incoming(number, SALES, file, digest) for number, file in enumerate(sources.files(), start=1)]


def test_archives_are_unpacked_some_at_a_time_by_what_they_unpack_to(tmp_path: Path) -> None:
    sources, window = incoming(tmp_path, 30)
    target = tmp_path / "received"
    target.mkdir()
    most = 10 * len(CONTENT)
    numbers: list[int] = []
    for texts, refused in receive_texts(sources, window, target, Limits(), most):
        assert not refused
        assert sum(path.stat().st_size for path in target.iterdir()) <= most + 4 * len(CONTENT)
        numbers += [text.incoming.number for text in texts]
        for text in texts:
            text.received.path.unlink()
    assert numbers == [item.number for item in window], "in order, and none is left out"


def test_what_is_refused_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    sources, window = incoming(tmp_path, 3)
    target = tmp_path / "received"
    target.mkdir()
    [(texts, refused)] = receive_texts(sources, window, target, Limits(unpacked=1_000))
    assert texts == []
    assert [result.refused.reason for result in refused if result.refused] == ["too_large"] * 3
    assert list(target.iterdir()) == []
