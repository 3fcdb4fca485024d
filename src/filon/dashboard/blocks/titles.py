"""What blocks are called that do not say it themselves."""

from __future__ import annotations

from filon.dashboard.blocks.asking import by_of
from filon.dashboard.context import Context
from filon.pages import Chart, Table


def title_of_block(context: Context, block: Chart | Table) -> str:
    """The title of a chart or table: its own, else its measures and what they are by."""
    language = context.language
    if block.title is not None:
        return language.said(block.title)
    by = [language.name(name) for name in by_of(context, block)] if block.by else []
    measures = ", ".join(map(language.name, block.measure))
    if not measures:
        return str(context.tables[str(block.of)]["description"] or block.of)
    return language.text("chart.by", measure=measures, by=", ".join(map(inside, by))) if by else measures


def inside(name: str) -> str:
    """A name inside a sentence; one with capitals of its own stays."""
    return name if any(letter.isupper() for letter in name[1:]) else name.lower()
