"""The script that Streamlit runs on every change of a user: language, sign-in, filters, then one page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from filon.dashboard import access, chips, sidebar, states
from filon.dashboard.blocks import draw_page, lacking
from filon.dashboard.client import ApiClient, Row
from filon.dashboard.context import Context
from filon.dashboard.language import Language
from filon.dashboard.markup import language_script
from filon.dashboard.views import VIEWS, View
from filon.errors import ApiError
from filon.pages import HOME, Page, read_page
from filon.settings import Settings, read_settings

LOOK_EVERY = dt.timedelta(seconds=10)
ICON = Path(__file__).with_name("icon.svg")


@st.cache_resource
def settings_of_server() -> Settings:
    """The settings, read once per process."""
    return read_settings()


@st.cache_resource(on_release=ApiClient.close)
def client_of_server() -> ApiClient:
    """The API client that all users share."""
    settings = settings_of_server()
    key = settings.api_key.get_secret_value() if settings.api_key else None
    return ApiClient(settings.api_url, key)


def main() -> None:
    """Draw the page of the address."""
    st.set_page_config(page_title="Filon", page_icon=str(ICON), layout="wide")
    language = Language(sidebar.choose_language())
    # screen readers use the language of the document, which Streamlit sets to English
    st.html(f"<script>{language_script(language.code)}</script>", unsafe_allow_javascript=True)
    if not access.admit(language, settings_of_server()):
        return
    client = client_of_server()
    try:
        project, pages = client.get("project").data, client.get("pages").data
        language = Language(
            language.code, project["currency"], project["timezone"], project["labels"], project["locale"]
        )
        context = Context(client, language, project, client.release())
        shown: list[Entry] = [*(_entry_of(item) for item in pages["data"]), *VIEWS]
    except ApiError as error:
        _navigate(language, list(VIEWS), urlsplit(st.context.url or "").path.strip("/"))
        states.show_error(language, error)
        _refresh_on_change(client, None)
        return
    entry = _navigate(language, shown)
    follows_runs = isinstance(entry, View) and entry.follows_runs
    _refresh_on_change(client, context.release, client.newest_run() if follows_runs else None)
    for problem in pages["problems"]:
        states.show_problem(language, problem)
    _draw(context, entry)


@dataclass(frozen=True)
class ProjectPage:
    """A page of the project in the menu."""

    page: Page
    path: str
    icon: str


Entry = View | ProjectPage


def _entry_of(item: Row) -> ProjectPage:
    page = read_page(item["page"])
    return ProjectPage(page, page.path or item["name"], f":material/{page.icon}:")


def _title(language: Language, entry: Entry) -> str:
    return language.said(entry.page.title) if isinstance(entry, ProjectPage) else language.text(f"{entry.name}.page")


def _navigate(language: Language, entries: Sequence[Entry], asked: str = "") -> Entry:
    """Draw the menu; returns the chosen page.

    ``asked``: the path of the address, where nobody knows which pages the project has.
    """
    chosen: list[Entry] = []

    def page(entry: Entry, path: str, *, default: bool = False, hidden: bool = False) -> StreamlitPage:
        return st.Page(
            lambda: chosen.append(entry),
            title=_title(language, entry),
            icon=entry.icon,
            url_path=path,
            default=default,
            visibility="hidden" if hidden else "visible",
        )

    # Streamlit serves the first page only at the root; links from other projects may use its path
    first, *following = entries
    pages = [page(first, HOME, default=True), *(page(entry, entry.path) for entry in following)]
    others = {first.path, asked} - {"", HOME, *(entry.path for entry in following)}
    pages += [page(first, path, hidden=True) for path in sorted(others)]
    st.navigation(pages).run()
    return chosen[0]


def _draw(context: Context, entry: Entry) -> None:
    """Draw the page, or the reason why it cannot be drawn."""
    language = context.language
    st.title(_title(language, entry), anchor=False)
    try:
        if isinstance(entry, View):
            if entry.filters is not None:
                context = context.with_filters(sidebar.choose_filters(context, entry.filters(context)))
                chips.draw(context)
            entry.show(context)
            return
        if missing := lacking(context, entry.page):
            states.show_lacking(language, missing)
            return
        _warn_if_stale(context, entry.page.tables)
        context = context.with_filters(sidebar.choose_filters(context, entry.page.filters))
        chips.draw(context)
        draw_page(context, entry.page)
    except ApiError as error:
        states.show_error(language, error)


def _warn_if_stale(context: Context, tables: Iterable[str]) -> None:
    stale = [name for name in tables if context.tables[name].get("fresh") is False]
    if stale:
        oldest = min(dt.datetime.fromisoformat(context.tables[name]["checked_at"]) for name in stale)
        ago = context.language.ago((dt.datetime.now(dt.UTC) - oldest).total_seconds())
        states.show_stale(context.language, stale, ago)


@st.fragment(run_every=LOOK_EVERY)
def _refresh_on_change(client: ApiClient, shown: int | None, last_run: str | None = None) -> None:
    """Draw the page again when the served release changes, or a newer run than ``last_run`` has ended.

    ``shown``: the release on the page; None when the page shows an error.
    """
    try:
        now = client.release()
        newest = client.newest_run() if last_run is not None else None
    except ApiError:
        return  # the page stays valid; the next change of the user shows the error
    if (now, newest) != (shown, last_run):
        st.rerun(scope="app")


main()
