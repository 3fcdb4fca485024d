"""A page as a file without a browser: what is sent to people by the calendar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from filon.dashboard.blocks import lacking
from filon.dashboard.client import ApiClient
from filon.dashboard.context import Context
from filon.dashboard.filters import Filters, Period, Span, period_of, span_names
from filon.dashboard.language import Code, Language
from filon.dashboard.takeaway.pages import report_of
from filon.dashboard.takeaway.pdf import as_pdf
from filon.dashboard.takeaway.xlsx import as_xlsx
from filon.dashboard.timeline import period_from
from filon.errors import ApiError
from filon.pages import Card, Page, read_page

WRITERS = {"pdf": as_pdf, "xlsx": as_xlsx}


@dataclass(frozen=True)
class PageFile:
    """A page as a file; ``query`` leads to the page as it is in the file, and pins the release."""

    title: str
    name: str
    content: bytes
    release: int
    query: str


def page_file(
    client: ApiClient,
    name: str,
    kind: str,
    language: str | None,
    period: str | None,
    choices: Mapping[str, Sequence[str]],
) -> PageFile:
    """A page of the release that is served now.

    Args:
        client: the API
        name: the name of the page's file
        kind: ``pdf`` or ``xlsx``
        language: its code; that of the project if None
        period: as an address has it; all days if None
        choices: the chosen values by dimension or column

    Raises:
        ApiError: the API does not answer, or has no such page, or less than the page shows

    """
    project = client.get("project").data
    code = next((code for code in Code if code == (language or project["locale"][:2])), Code.ENGLISH)
    words = Language(code, project["currency"], project["timezone"], project["labels"], project["locale"])
    pages = {item["name"]: read_page(item["page"]) for item in client.get("pages").data["data"]}
    if name not in pages:
        raise ApiError(f"the API has no page {name} without mistakes; it has {', '.join(pages)}")
    page = pages[name]
    context = Context(client, words, project, client.release())
    if missing := lacking(context, page):
        raise ApiError(f"the page {name} shows what is not loaded: {', '.join(missing)}")
    days = _days(context, period) if period else None
    filters = Filters(days, {key: tuple(values) for key, values in choices.items()})
    granularity = page.granularity or context.words["month"]
    context = context.with_choice(filters=filters, offered=page.filters, granularity=granularity)
    report = report_of(context, page, _limits(page), dt.datetime.now(dt.UTC))
    chosen = [(key, value) for key, values in choices.items() for value in values]
    chosen += [(context.words["period"], period)] if period else []
    query = urlencode([*chosen, ("lang", code.value), ("release", str(context.release))])
    return PageFile(
        f"{project['title']}: {words.said(page.title)}",
        f"{name}-{context.release}.{kind}",
        WRITERS[kind](report),
        context.release,
        f"{page.path or name}?{query}",
    )


def _limits(page: Page) -> list[int | None]:
    return [None if isinstance(block, Card) else block.limit for block in page.blocks]


def _days(context: Context, text: str) -> Period | None:
    words = context.words
    spans = span_names(words["day"], words["month"], words["year"])
    extent = context.days()
    if text in spans and spans[text] is not Span.CUSTOM:
        return period_of(spans[text], extent) if extent is not None else None
    days = period_from(text)
    if days is None:
        raise ApiError(f"{text} is no period; write {', '.join(spans)}, 2025, 2025-03, 2025-03-31, or 2025-01..2025-03")
    return days
