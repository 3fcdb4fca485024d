"""From bytes to UTF-8 text: unpacked, decoded, hashed and counted, or refused with a reason."""

from __future__ import annotations

import encodings
import gzip
import hashlib
import pkgutil
import random
from collections.abc import Iterable
from pathlib import Path

import pytest
import zstandard
from pydantic import ValidationError

from filon.lake import Sources
from filon.project.vocabulary import Dialect
from filon.stages.bronze.receive import DecodedFile, TextFacts, fingerprint, receive

TEXT = "id,name\n1,Zoé\n2,Çelik €\n"
UTF_8 = Dialect()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sources").mkdir()
    return tmp_path


def received(folder: Path, content: bytes, dialect: Dialect = UTF_8) -> DecodedFile:
    """Receive a file of these bytes; its text then lies in ``path``."""
    (folder / "sources/file.csv").write_bytes(content)
    sources = Sources(str(folder / "sources"))
    [file] = sources.files()
    return receive(sources, file, dialect, folder / "text.csv")


def reason(result: DecodedFile) -> str | None:
    return result.refused.reason if result.refused else None


def in_chunks_of(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filon.lake.sources.CHUNK", size)


def facts_of(chunks: Iterable[bytes], quote: bytes = b'"') -> TextFacts:
    facts = TextFacts()
    for chunk in chunks:
        facts.add(chunk, quote)
    return facts


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


def test_a_plain_utf_8_file_is_used_where_it_lies(folder: Path) -> None:
    result = received(folder, TEXT.encode())
    assert result.refused is None
    assert result.path.is_symlink()
    assert result.path.read_text(encoding="utf-8") == TEXT


def test_the_hash_is_that_of_the_bytes_as_they_arrived(folder: Path) -> None:
    content = gzip.compress(TEXT.encode(), mtime=0)
    result = received(folder, content)
    sources = Sources(str(folder / "sources"))
    assert result.sha256 == hashlib.sha256(content).hexdigest()
    assert result.sha256 == fingerprint(sources, result.source)


@pytest.mark.parametrize(
    "content",
    [b"id\n" + b"\0" + b"x" * 50, b"id\n\xff" + b"x" * 50, gzip.compress(TEXT.encode(), mtime=0)[:-9] + b"y" * 50],
)
def test_the_hash_covers_the_whole_file_even_if_it_is_refused_early(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    in_chunks_of(4, monkeypatch)
    result = received(folder, content)
    assert result.refused is not None
    assert result.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", TEXT),
        ("cp1252", TEXT),
        ("latin-1", TEXT.replace("€", "¤")),
        ("utf-16", TEXT),
        ("utf-16-le", TEXT),
        ("utf-32", TEXT),
    ],
)
def test_a_text_of_any_encoding_becomes_utf_8(
    folder: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, text: str, chunk: int
) -> None:
    in_chunks_of(chunk, monkeypatch)
    result = received(folder, text.encode(encoding), Dialect(encoding=encoding))
    assert result.refused is None
    assert result.path.read_bytes().decode() == text
    assert (result.facts.size, result.facts.lines) == (len(text.encode()), 3)


def test_a_byte_order_mark_is_kept_for_the_reader_to_skip(folder: Path) -> None:
    result = received(folder, b"\xef\xbb\xbf" + TEXT.encode())
    assert result.refused is None
    assert result.path.read_text(encoding="utf-8-sig") == TEXT


@pytest.mark.parametrize("chunk", [5, 16, 1 << 20])
@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(TEXT.encode(), mtime=0),
        gzip.compress(TEXT[:9].encode(), mtime=0) + gzip.compress(TEXT[9:].encode(), mtime=0),
        gzip.compress(TEXT.encode(), mtime=0) + gzip.compress(b"", mtime=0) + b"\0" * 20,
        zstandard.compress(TEXT.encode()),
        zstandard.compress(TEXT[:9].encode()) + zstandard.compress(TEXT[9:].encode()),
    ],
    ids=["gzip", "gzip of two members", "padded gzip", "zstd", "zstd of two frames"],
)
def test_a_packed_file_is_unpacked_by_what_it_is_not_by_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, packed: bytes, chunk: int
) -> None:
    in_chunks_of(chunk, monkeypatch)
    result = received(folder, packed)
    assert result.refused is None
    assert result.path.read_text(encoding="utf-8") == TEXT
    assert (result.facts.size, result.facts.lines) == (len(TEXT.encode()), 3)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_second_part_that_begins_with_a_chunk_is_unpacked_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch, pack: type[bytes]
) -> None:
    first, second = pack(TEXT[:9].encode()), pack(TEXT[9:].encode())
    in_chunks_of(len(first), monkeypatch)
    result = received(folder, first + second)
    assert result.refused is None
    assert result.path.read_text(encoding="utf-8") == TEXT


def test_a_packed_file_may_hold_another_encoding(folder: Path) -> None:
    result = received(folder, gzip.compress(TEXT.encode("cp1252"), mtime=0), Dialect(encoding="cp1252"))
    assert result.path.read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(TEXT.encode(), mtime=0)[:-1],
        gzip.compress(TEXT.encode(), mtime=0)[:-12],
        gzip.compress(TEXT.encode(), mtime=0)[:2],
        gzip.compress(TEXT.encode(), mtime=0) + gzip.compress(TEXT.encode(), mtime=0)[:15],
        gzip.compress(TEXT.encode(), mtime=0)[:-8] + b"\0" * 8,
        gzip.compress(TEXT.encode(), mtime=0) + b"and more",
        zstandard.compress(TEXT.encode())[:-1],
        zstandard.compress(TEXT.encode())[:4],
        zstandard.compress(TEXT.encode()) + b"and more",
    ],
    ids=[
        "gzip without its last byte",
        "gzip cut inside",
        "gzip of a signature alone",
        "gzip cut in its second member",
        "gzip with a wrong checksum",
        "gzip and something else",
        "zstd without its last byte",
        "zstd of a signature alone",
        "zstd and something else",
    ],
)
def test_a_damaged_archive_is_refused(folder: Path, content: bytes) -> None:
    result = received(folder, content)
    assert reason(result) == "corrupt_archive"
    assert "damaged or cut short" in str(result.refused)


@pytest.mark.parametrize("chunk", [1, 4, 1 << 20])
def test_a_nul_byte_makes_a_file_no_text_and_is_pointed_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    in_chunks_of(chunk, monkeypatch)
    result = received(folder, b"id,name\n1,\0\n")
    assert reason(result) == "not_text"
    assert "byte 10 is NUL" in str(result.refused)


def test_utf_16_under_a_contract_of_utf_8_is_refused(folder: Path) -> None:
    assert reason(received(folder, "id\n1\n".encode("utf-16-le"))) == "not_text"


@pytest.mark.parametrize("chunk", [2, 1 << 20])
@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"id\n1\xff2\n", "byte 4 (0xff)"),
        ("id\né".encode() + b"\xe9\n", "byte 5 (0xe9)"),
        (b"id\n1\xe2\x82x\n", "byte 4 (0xe2)"),
        (b"id\n1\xe2\x82", "byte 4 (0xe2)"),
        (b"id\n1\xc3", "byte 4 (0xc3)"),
    ],
)
def test_a_byte_that_is_not_utf_8_is_pointed_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, where: str, chunk: int
) -> None:
    in_chunks_of(chunk, monkeypatch)
    result = received(folder, content)
    assert reason(result) == "undecodable"
    assert where in str(result.refused)
    assert "`dialect: {encoding: …}`" in str(result.refused)


def test_a_byte_that_its_encoding_does_not_know_is_pointed_at(folder: Path) -> None:
    result = received(folder, b"id\n1\x81\n", Dialect(encoding="cp1252"))
    assert reason(result) == "undecodable"
    assert "byte 4 (0x81) is not cp1252" in str(result.refused)


def test_half_a_character_of_utf_16_is_refused(folder: Path) -> None:
    assert reason(received(folder, "id\n1".encode("utf-16") + b"x", Dialect(encoding="utf-16"))) == "undecodable"


def accepted_encodings() -> list[str]:
    """Every encoding that a contract may name, by the name that it is known under."""
    found = set()
    for module in pkgutil.iter_modules(encodings.__path__):
        try:
            found.add(Dialect(encoding=module.name).encoding)
        except ValidationError:
            continue
    return sorted(found)


def wrong_bytes(generator: random.Random) -> bytes:
    """Letters, bytes of any value, and the escapes by which some encodings change their alphabet."""
    parts = [b"id;nom\n", b"\x1b$B", b"\x1b(J", b"\x1b$)C", b"\x0e", b"~{", b"+-", b"\xff", b"\xd8\x00"]
    return b"".join(
        generator.choice([*parts, generator.randbytes(1), generator.randbytes(2)])
        for _ in range(generator.randrange(12))
    )


@pytest.mark.parametrize("encoding", accepted_encodings())
def test_wrong_bytes_are_a_text_or_refused_in_every_encoding(encoding: str, folder: Path) -> None:
    generator = random.Random(encoding)  # noqa: S311 - no secret
    dialect = Dialect(encoding=encoding)
    for content in [b"id;nom\n1;a\n", "id;nom\n1;é\n".encode(), *(wrong_bytes(generator) for _ in range(40))]:
        result = received(folder, content, dialect)
        if result.refused is None:
            result.path.read_text(encoding="utf-8")
            result.path.unlink()
        assert reason(result) in (None, "undecodable", "not_text", "empty")


@pytest.mark.parametrize("content", [b"id;nom\n1;a\n", "id;nom\n1;é\n".encode(), "id\n1\n".encode("utf-16-le")])
def test_utf_16_without_its_mark_is_refused(folder: Path, content: bytes) -> None:
    result = received(folder, content, Dialect(encoding="utf-16"))
    assert reason(result) == "undecodable"
    assert "from byte 0 on it is not utf-16" in str(result.refused)
    assert "If it is utf-8, or utf-16-le" in str(result.refused)


@pytest.mark.parametrize("chunk", [1, 3, 1 << 20])
def test_a_shift_of_alphabet_that_never_ends_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    in_chunks_of(chunk, monkeypatch)
    result = received(folder, b"id\n\x1b(;{1\xb78o;2a\xabm\xd8\n", Dialect(encoding="iso2022_jp"))
    assert reason(result) == "undecodable"


@pytest.mark.parametrize("chunk", [1, 2, 1 << 20])
def test_a_character_that_its_decoder_holds_back_until_the_end_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    text = "id\nか"  # it may be the first half of another character, so the decoder waits for what follows
    in_chunks_of(chunk, monkeypatch)
    result = received(folder, text.encode("euc_jis_2004"), Dialect(encoding="euc_jis_2004"))
    assert result.path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("content", "dialect"),
    [
        (b"", UTF_8),
        (b"\xef\xbb\xbf", UTF_8),
        (b"\n\n", UTF_8),
        (gzip.compress(b"", mtime=0), UTF_8),
        (zstandard.compress(b""), UTF_8),
        (b"\xff\xfe", Dialect(encoding="utf-16")),
    ],
)
def test_a_file_without_a_text_is_refused_as_empty(folder: Path, content: bytes, dialect: Dialect) -> None:
    result = received(folder, content, dialect)
    assert reason(result) == "empty"
    assert "send it again, with at least a header" in str(result.refused)


def test_a_header_of_one_letter_is_a_text(folder: Path) -> None:
    assert received(folder, b"a").refused is None


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 100])
@pytest.mark.parametrize(
    ("content", "newline", "lines"),
    [
        (b"a\nb\nc\n", "\n", 3),
        (b"a\nb\nc", "\n", 3),
        (b"a\r\nb\r\nc\r\n", "\r\n", 3),
        (b"a\r\nb\r\nc", "\r\n", 3),
        (b"a\rb\rc\r", "\r", 3),
        (b"a\rb\rc", "\r", 3),
        (b"a", "\n", 1),
        (b"\r\n\r\n", "\r\n", 2),
    ],
)
def test_lines_and_their_ending_are_told_however_the_text_is_cut(
    content: bytes, newline: str, lines: int, size: int
) -> None:
    facts = facts_of(cut(content, size))
    assert (facts.newline, facts.lines, facts.size) == (newline, lines, len(content))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
@pytest.mark.parametrize("content", [b"a\r\nb\nc\r\n", b"a\nb\rc\n", b"a\r\rb\r\n", b"a\n\rb\n\r"])
def test_mixed_line_endings_are_no_one_ending(content: bytes, size: int) -> None:
    assert facts_of(cut(content, size)).newline is None


def test_a_text_of_nothing_has_no_lines() -> None:
    assert facts_of([]).lines == 0
    assert facts_of([b""]).lines == 0


@pytest.mark.parametrize(
    ("chunks", "newline", "lines"),
    [([b"a\r", b"", b"\nb\r\n"], "\r\n", 2), ([b"a\nb\n", b""], "\n", 2), ([b"a\nb", b""], "\n", 2)],
)
def test_chunks_without_a_byte_change_nothing(chunks: list[bytes], newline: str, lines: int) -> None:
    facts = facts_of(chunks)
    assert (facts.newline, facts.lines) == (newline, lines)


def test_a_quote_is_noticed_in_any_chunk() -> None:
    assert facts_of([b"a,b\n", b'1,"x"\n', b"2,y\n"]).has_quote
    assert not facts_of([b"a,b\n", b"1,'x'\n"]).has_quote
    assert facts_of([b"1,'x'\n"], b"'").has_quote


@pytest.mark.parametrize(
    ("chunks", "found"),
    [
        ([b"a,b\n\n1,2\n"], True),
        ([b"a,b\r\n\r\n1,2\r\n"], True),
        ([b"a,b\n1,2\n"], False),
        ([b"a,b\r\n1,2\r\n"], False),
        ([b"a,b\n1,2\n", b"\n\n3,4\n"], False),
    ],
)
def test_empty_lines_are_seen_at_the_beginning(chunks: list[bytes], found: bool) -> None:
    assert facts_of(chunks).has_empty_line is found
