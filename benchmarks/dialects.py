"""Measure bronze on files of the same rows that are written in different ways: ``python -m benchmarks.dialects``.

Each kind of file is read by a process of its own, in turn with the plain one, in one session; what counts is the ratio
of their times per byte, the start of a process left out.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.bench import AS_OF, filon, fresh, measure

HEADER = ("id_achat", "id_client", "date_achat", "montant", "produit")
CLIENTS = "id_client,nom,email,date_inscription,pays\n1,Zoé,zoe@exemple.fr,2024-01-01,France\n"
PRODUCTS = ("Ordinateur Portable", "Téléphone", "Écran", "Casque Audio", "Souris", "Clavier")
RARE = 1_000
"""One of so many records is irregular, in kinds of files that have such records."""

Row = tuple[str, str, str, str, str]
Kind = Callable[[int, Row], str]


def plain(_: int, row: Row) -> str:
    """Nothing is quoted."""
    return ",".join(row) + "\n"


def quoted(_: int, row: Row) -> str:
    """Every text is quoted, as writers with QUOTE_NONNUMERIC do."""
    number, client, date, amount, product = row
    return f'{number},{client},"{date}",{amount},"{product}"\n'


def rarely(usual: Kind, other: Kind) -> Kind:
    """One of ``RARE`` records is written in another way."""
    return lambda index, row: (other if index % RARE == RARE - 1 else usual)(index, row)


def _with(field: Callable[[str], str]) -> Kind:
    """The product is spelled in a way of its own."""
    return lambda index, row: quoted(index, row).replace(f'"{row[4]}"', field(row[4]))


KINDS: dict[str, Kind] = {
    "plain": plain,
    "plain, one record in 1,000 too short": rarely(plain, lambda _, row: ",".join(row[:4]) + "\n"),
    "quoted": quoted,
    "quoted, one record in 1,000 too short": rarely(quoted, lambda _, row: ",".join(row[:4]) + "\n"),
    "quoted, one in 1,000 with an open quote": rarely(quoted, _with(lambda text: f'"{text}')),
    "quoted, one in 1,000 with a stray quote": rarely(quoted, _with(lambda text: f'"{text}"x')),
    "quoted, one in 1,000 padded outside the quotes": rarely(quoted, _with(lambda text: f' "{text}" ')),
    "quoted, all padded outside the quotes": _with(lambda text: f' "{text}" '),
    "quoted, one in 1,000 with a blank inside": rarely(quoted, _with(lambda text: f'" {text} "')),
    "quoted, all with a blank inside": _with(lambda text: f'" {text} "'),
    "quoted, all with doubled quotes": _with(lambda text: f'"{text} ""x"""'),
    "quoted, all with a line end inside": _with(lambda text: f'"{text}\nx"'),
    "quoted, all with an empty line inside": _with(lambda text: f'"{text}\n\nx"'),
    "quoted, all with a line end inside, and one in 1,000 too short": rarely(
        _with(lambda text: f'"{text}\nx"'), lambda _, row: ",".join(row[:4]) + "\n"
    ),
    "plain, one in 1,000 with a quote inside": rarely(
        plain, lambda index, row: plain(index, (*row[:4], f'{row[4]} 5" x'))
    ),
    "plain, line ends mixed": rarely(plain, lambda index, row: plain(index, row).replace("\n", "\r\n")),
    "quoted, line ends mixed": rarely(quoted, lambda index, row: quoted(index, row).replace("\n", "\r\n")),
    "quoted, line ends in pairs": lambda index, row: quoted(index, row).replace("\n", "\r\n"),
    "quoted, one blank line in 10": lambda index, row: quoted(index, row) + "\n" * (index % 10 == 0),
    "quoted, every other line blank": lambda index, row: quoted(index, row) + "\n",
    "plain, every other line blank": lambda index, row: plain(index, row) + "\n",
}


def rows(count: int) -> Iterator[Row]:
    """The same rows for each kind."""
    for number in range(1, count + 1):
        scattered = number * 7_919 % 100_003
        date = f"{2022 + scattered % 4}-{1 + scattered % 12:02}-{1 + scattered % 28:02}"
        yield str(number), "1", date, f"{1 + scattered / 100:.2f}", PRODUCTS[scattered % len(PRODUCTS)]


def write(folder: Path, kind: Kind, count: int) -> int:
    """Write the sources of one kind; the bytes of its file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "clients.csv").write_text(CLIENTS, encoding="utf-8")
    with (folder / "achats.csv").open("w", encoding="utf-8", newline="") as stream:
        stream.write(",".join(HEADER) + "\n")
        stream.writelines(kind(index, row) for index, row in enumerate(rows(count)))
    return (folder / "achats.csv").stat().st_size


def seconds(folder: Path, sources: Path) -> float:
    """How long bronze takes, the start of the process included."""
    command = filon("run", "--until", "bronze", "--sources", str(sources), "--lake", str(fresh(folder / "lake")))
    return measure([*command, "--as-of", AS_OF]).seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="kinds whose name contains this")
    options = parser.parse_args()
    print("| file | bytes | bronze | plain, same turns | ratio per byte |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty = folder / "empty"
        write(empty, plain, 1)
        base = folder / "plain"
        base_size = write(base, plain, options.records)
        for kind, spelled in KINDS.items():
            if options.only not in kind:
                continue
            sources = folder / "kind"
            size = write(sources, spelled, options.records)
            turns = [[seconds(folder, each) for each in (empty, base, sources)] for _ in range(options.rounds)]
            start, known, found = (statistics.median(times) for times in zip(*turns, strict=True))
            ratio = (found - start) / size / ((known - start) / base_size)
            print(f"| {kind} | {size:,} | {found - start:.2f} s | {known - start:.2f} s | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
