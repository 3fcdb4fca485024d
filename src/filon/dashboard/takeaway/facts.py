"""What a file says that its numbers are of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from filon.dashboard.context import Context


def facts_of(context: Context, tables: Sequence[str], now: dt.datetime) -> list[tuple[str, str]]:
    """Project, release, checks, age and filters, by what people call them."""
    return list(_facts(context, tables, now))


def _facts(context: Context, tables: Sequence[str], now: dt.datetime) -> Iterator[tuple[str, str]]:
    language, filters = context.language, context.filters
    yield language.text("takeaway.project"), str(context.project["title"])
    yield language.text("takeaway.release"), str(context.release)
    yield language.text("takeaway.quality"), language.text(f"quality.{context.quality(tables)}")
    yield language.text("takeaway.computed"), language.ago(context.age_s(tables))
    if filters.period is None:
        yield language.text("filters.period"), language.text("span.all")
    else:
        first, last = language.date(filters.period.first), language.date(filters.period.last)
        yield language.text("filters.period"), language.text("chips.days", first=first, last=last)
    for name, values in filters.choices.items():
        yield language.name(name), ", ".join(values)
    yield language.text("takeaway.made"), language.moment(now)
