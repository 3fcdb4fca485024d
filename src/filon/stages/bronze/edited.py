"""A decoded text of which a part is left out before it is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from filon.stages.bronze.receive import DecodedFile, TextFacts


def rewritten(decoded: DecodedFile, chunks: Iterable[bytes], quote: str) -> DecodedFile:
    """The file with another text, in the place of its former one; a link is replaced, not what it leads to.

    Args:
        decoded: the file; ``chunks`` may be read from its text, which is replaced at the end
        chunks: the text in UTF-8
        quote: the quote character; empty when there is none

    """
    target = decoded.path.with_suffix(".body.csv")
    facts = TextFacts()
    with target.open("wb") as out:
        for chunk in chunks:
            facts.add(chunk, quote.encode())
            out.write(chunk)
    target.replace(decoded.path)
    return replace(decoded, facts=facts)
